//! What the files say together: each service as layers, the later one winning. Enough of compose's merging to know what
//! a service will be; the merging itself stays the compose tool's.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use super::interpolate::{Environment, fill};
use super::tree;
use super::unit::Unit;
use crate::yaml::Node;

/// Where something is written: the unit, the document in it, and its name there.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    pub(super) unit: usize,
    pub(super) document: usize,
    pub(super) name: String,
}

/// One thing of the stack, in the order in which it is merged: extended first, the last one wins.
#[derive(Debug, Clone, Default)]
pub(super) struct Layers(pub(super) Vec<Place>);

/// The services of a stack by name.
pub(super) fn services(units: &[Unit]) -> BTreeMap<String, Layers> {
    let mut services = mentions(units, "services");
    for layers in services.values_mut() {
        let mut all = Vec::new();
        for place in &layers.0 {
            extended(units, place, &mut BTreeSet::new(), &mut all);
            all.push(place.clone());
        }
        layers.0 = all;
    }
    services
}

/// The entries of a top-level section, by name, in the stack's own files.
pub(super) fn mentions(units: &[Unit], section: &str) -> BTreeMap<String, Layers> {
    let mut found: BTreeMap<String, Layers> = BTreeMap::new();
    for (unit, file) in units.iter().enumerate().filter(|(_, file)| !file.extended) {
        for (document, root) in file.documents.iter().enumerate() {
            for (key, value) in root.entry(section).and_then(Node::map).unwrap_or_default() {
                let Some(name) = key.scalar() else { continue };
                if tree::resets(value) {
                    found.remove(name);
                    continue;
                }
                let place = Place {
                    unit,
                    document,
                    name: name.to_owned(),
                };
                found.entry(name.to_owned()).or_default().0.push(place);
            }
        }
    }
    found
}

/// Adds the layers that a service extends, the farthest first.
fn extended(units: &[Unit], place: &Place, seen: &mut BTreeSet<Place>, all: &mut Vec<Place>) {
    // Services that extend each other in a ring are the compose tool's to refuse.
    let Some(extends) = node(units, "services", place).and_then(|node| node.entry("extends")) else {
        return;
    };
    let Some(name) = extends
        .scalar()
        .or_else(|| extends.entry("service").and_then(Node::scalar))
    else {
        return;
    };
    let unit = match extends.entry("file").and_then(Node::scalar) {
        Some(file) => {
            let path = units[place.unit].extends.get(file);
            units.iter().position(|unit| unit.extended && Some(&unit.path) == path)
        }
        None => Some(place.unit),
    };
    let Some(unit) = unit else { return };
    for document in 0..units[unit].documents.len() {
        let base = Place {
            unit,
            document,
            name: name.to_owned(),
        };
        if node(units, "services", &base).is_some() && seen.insert(base.clone()) {
            extended(units, &base, seen, all);
            all.push(base);
        }
    }
}

/// The node at a place of a section.
pub(super) fn node<'u>(units: &'u [Unit], section: &str, place: &Place) -> Option<&'u Node> {
    units[place.unit]
        .documents
        .get(place.document)?
        .entry(section)?
        .entry(&place.name)
}

/// The node at a place of a section, to change it.
pub(super) fn node_mut<'u>(units: &'u mut [Unit], section: &str, place: &Place) -> Option<&'u mut Node> {
    let document = units[place.unit].documents.get_mut(place.document)?;
    tree::entry(tree::entry(document, section)?, &place.name)
}

/// A value, and what `${…}` sees where it is written.
#[derive(Debug, Clone)]
pub(super) struct Said<'u> {
    pub(super) node: &'u Node,
    pub(super) environment: Rc<Environment>,
    pub(super) place: Place,
}

impl Said<'_> {
    /// The text after filling in; none if it is no text, or known later.
    pub(super) fn text(&self) -> Option<String> {
        self.fill(self.node)
    }

    /// A part's text after filling in.
    pub(super) fn fill(&self, node: &Node) -> Option<String> {
        if node.is_null() {
            return None;
        }
        fill(node.scalar()?, &self.environment).value
    }
}

/// Something of the stack to look at.
pub(super) struct View<'u> {
    pub(super) units: &'u [Unit],
    pub(super) section: &'static str,
    pub(super) layers: &'u Layers,
}

impl<'u> View<'u> {
    /// A service.
    pub(super) fn service(units: &'u [Unit], layers: &'u Layers) -> Self {
        View {
            units,
            section: "services",
            layers,
        }
    }

    /// What each layer says of a key, earlier ones first, those taken back left out.
    pub(super) fn all(&self, key: &str) -> Vec<Said<'u>> {
        let mut said = Vec::new();
        for place in &self.layers.0 {
            let Some(node) = node(self.units, self.section, place) else {
                continue;
            };
            if tree::overrides(node) {
                said.clear();
            }
            let Some(value) = node.entry(key) else {
                continue;
            };
            if tree::overrides(value) {
                said.clear();
            }
            if !tree::resets(value) {
                let environment = Rc::clone(&self.units[place.unit].environment);
                said.push(Said {
                    node: value,
                    environment,
                    place: place.clone(),
                });
            }
        }
        said
    }

    /// What counts of a key that is replaced as a whole.
    pub(super) fn last(&self, key: &str) -> Option<Said<'u>> {
        self.all(key).into_iter().rfind(|said| !said.node.is_null())
    }

    /// The texts of a key that is one text or a list of them, over all layers.
    pub(super) fn texts(&self, key: &str) -> Vec<String> {
        let mut texts = Vec::new();
        for said in self.all(key) {
            match said.node.list() {
                Some(items) => texts.extend(items.iter().filter_map(|item| said.fill(item))),
                None => texts.extend(said.text()),
            }
        }
        texts
    }
}

impl Layers {
    /// The last place in the stack's own files: what is added there counts.
    pub(super) fn top(&self) -> Option<&Place> {
        self.0.last()
    }
}

/// What surrounds a thing of a section while it is changed.
pub(super) struct Around {
    pub(super) environment: Rc<Environment>,
    pub(super) base: std::path::PathBuf,
    pub(super) extended: bool,
}

/// Visits each thing of a top-level section in every file, with its name.
pub(super) fn each(units: &mut [Unit], section: &str, mut visit: impl FnMut(&Around, &str, &mut Node)) {
    for unit in units {
        let around = Around {
            environment: Rc::clone(&unit.environment),
            base: unit.base.clone(),
            extended: unit.extended,
        };
        for document in &mut unit.documents {
            let Some(things) = tree::entry(document, section) else {
                continue;
            };
            for (key, value) in tree::entries(things) {
                visit(&around, key.scalar().unwrap_or_default(), value);
            }
        }
    }
}
