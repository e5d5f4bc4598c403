//! A scenario with problems: they are told, what has them is left out, and the rest is still planned and checked.

use std::collections::BTreeSet;

use crate::diagnostic::{Diagnostic, did_you_mean};
use crate::yaml::{Content, Node, Scalar, Style};

/// What is wrong with a scenario as written, and which names what was left out may have given.
#[derive(Debug, Clone, Default)]
pub struct Partial {
    /// What is told.
    pub problems: Vec<Diagnostic>,
    /// Names that are not unknown, though nothing that is left has them.
    pub names: BTreeSet<String>,
    /// Stacks among them, by name.
    pub stacks: BTreeSet<String>,
    /// True where a stack is missing: nobody knows its services.
    pub services: bool,
}

impl Partial {
    /// True for a name that what was left out may have given.
    pub fn has(&self, name: &str) -> bool {
        self.names.contains(name)
    }

    /// All that a scenario may have: what is known where none is there.
    pub fn of_nobody() -> Partial {
        let names = [
            "env", "images", "matrix", "networks", "probes", "secrets", "stacks", "volumes",
        ];
        Partial {
            problems: Vec::new(),
            names: names.map(str::to_owned).into(),
            stacks: BTreeSet::new(),
            services: true,
        }
    }

    /// A stack is left out.
    pub fn without_stack(&mut self, name: &str) {
        self.names.insert(name.to_owned());
        self.stacks.insert(name.to_owned());
        self.services = true;
    }

    /// Parts whose own keys are misspelt: what they would have given is not unknown.
    pub(super) fn misspelt(&mut self, node: &Node, keys: &[&str]) {
        for (key, value) in node.map().unwrap_or_default() {
            let name = key.scalar().filter(|name| !keys.contains(name));
            if let Some(meant) = name.and_then(|name| did_you_mean(name, keys)) {
                self.part(meant, value);
            }
        }
    }
}

/// The one part that no scenario is without.
const NAME: &str = "scenario";
/// Parts of which one item can be left out without the others.
const LISTS: [&str; 5] = ["given", "steps", "then", "on-failure", "cleanup"];
/// Parts of which one name can be left out without the others.
const MAPPINGS: [&str; 7] = ["vars", "images", "secrets", "configs", "networks", "volumes", "stacks"];

/// A scenario's tree without what has problems, and what is to be known of the rest.
pub(super) fn without(node: &Node, problems: Vec<Diagnostic>) -> (Node, Partial) {
    let mut partial = Partial {
        problems,
        ..Partial::default()
    };
    let mut kept = Vec::new();
    for (key, value) in node.map().unwrap_or_default() {
        if !partial.touches(key, value) {
            kept.push((key.clone(), value.clone()));
            continue;
        }
        let name = key.scalar().unwrap_or_default();
        let content = match &value.content {
            Content::List(items) if LISTS.contains(&name) => Content::List(partial.items(items)),
            Content::Map(entries) if MAPPINGS.contains(&name) => Content::Map(partial.entries(name, entries)),
            // Without a name nothing else would be read.
            _ if name == NAME => Content::Scalar(Scalar {
                text: Some(value.span.text())
                    .filter(|text| !text.is_empty())
                    .unwrap_or(NAME)
                    .to_owned(),
                style: Style::Double,
            }),
            _ => {
                partial.part(name, value);
                continue;
            }
        };
        let value = Node {
            content,
            ..value.clone()
        };
        kept.push((key.clone(), value));
    }
    let rest = Node {
        content: Content::Map(kept),
        ..node.clone()
    };
    (rest, partial)
}

impl Partial {
    /// True where a problem is in an entry. An alias has its content's place.
    fn touches(&self, first: &Node, last: &Node) -> bool {
        let end = last.span.end.max(first.span.end);
        let within = |at: usize| at >= first.span.start && at <= end;
        self.problems.iter().any(|problem| {
            within(problem.span.start) || last.span.start <= problem.span.start && problem.span.start <= last.span.end
        })
    }

    fn items(&mut self, items: &[Node]) -> Vec<Node> {
        let mut kept = Vec::new();
        for item in items {
            if !self.touches(item, item) {
                kept.push(item.clone());
                continue;
            }
            kept.extend(self.assertions(item));
            self.gives(item);
        }
        kept
    }

    /// A step that only asserts: its other expressions stand by themselves.
    fn assertions(&self, step: &Node) -> Option<Node> {
        let Some([(key, value)]) = step.map() else { return None };
        let items = value.list().filter(|_| key.scalar() == Some("assert"))?;
        let kept: Vec<Node> = items.iter().filter(|item| !self.touches(item, item)).cloned().collect();
        let of = |node: &Node, content| Node {
            content,
            ..node.clone()
        };
        let rest = (key.clone(), of(value, Content::List(kept.clone())));
        (!kept.is_empty()).then(|| of(step, Content::Map(vec![rest])))
    }

    fn entries(&mut self, part: &str, entries: &[(Node, Node)]) -> Vec<(Node, Node)> {
        let mut kept = Vec::new();
        for (key, value) in entries {
            if self.touches(key, value) {
                match key.scalar() {
                    Some(name) if part == "stacks" => self.without_stack(name),
                    name => self.names.extend(name.map(str::to_owned)),
                }
            } else {
                kept.push((key.clone(), value.clone()));
            }
        }
        kept
    }

    /// A whole part is left out: its own name stands for all names in it.
    fn part(&mut self, name: &str, value: &Node) {
        match name {
            "requires" => drop(self.names.insert("env".to_owned())),
            "matrix" | "images" | "stacks" | "secrets" | "networks" | "volumes" => {
                self.names.insert(name.to_owned());
            }
            _ => {}
        }
        self.services |= name == "stacks";
        for (key, _) in value.map().unwrap_or_default() {
            self.names.extend(key.scalar().map(str::to_owned));
        }
        self.gives(value);
    }

    /// The names that steps give: what they save, start in the background, and are called.
    fn gives(&mut self, node: &Node) {
        for item in node.list().unwrap_or_default() {
            self.gives(item);
        }
        for (key, value) in node.map().unwrap_or_default() {
            match (key.scalar(), value.scalar()) {
                (Some("background" | "probe" | "name"), Some(name)) => {
                    self.names.insert(name.to_owned());
                }
                (Some("save"), None) => {
                    let saved = value.map().unwrap_or_default().iter();
                    self.names
                        .extend(saved.filter_map(|(name, _)| name.scalar().map(str::to_owned)));
                }
                _ => self.gives(value),
            }
        }
    }
}
