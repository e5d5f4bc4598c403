//! Files of this machine that the stack's files name, and that are not there: the compose tool tells of them only when the
//! stack comes up, and the engine makes folders, which root owns, of what it is to mount.

use std::collections::{BTreeMap, BTreeSet};

use super::external;
use super::files::{Looking, join};
use super::gather::is_remote;
use super::input::StackKind;
use super::interpolate::is_false;
use super::labels::text_of;
use super::mounts::{self, Kind, MountItem};
use super::refers;
use super::unit::Unit;
use super::view::{Layers, Said, View, mentions};
use crate::diagnostic::Diagnostic;
use crate::yaml::Node;

/// What some services name that is not there. Paths that a substitution put in are the scenario's own matter.
pub(super) fn find<'s>(
    units: &[Unit],
    services: impl Iterator<Item = &'s Layers>,
    (looking, kind): (&Looking<'_>, StackKind),
) -> Vec<Diagnostic> {
    let search = Search { units, looking, kind };
    let mut used: BTreeMap<&'static str, BTreeSet<String>> = BTreeMap::new();
    let mut absent = Vec::new();
    for layers in services {
        let view = View::service(units, layers);
        for key in ["env_file", "label_file"] {
            let named = view.all(key);
            absent.extend(named.iter().flat_map(|said| search.listed(key, said)));
        }
        absent.extend(search.mounts(&view));
        for section in ["secrets", "configs"] {
            let given = refers::given(&view, section).into_iter();
            used.entry(section).or_default().extend(given.map(|given| given.name));
        }
    }
    for (section, used) in used {
        for (_, layers) in mentions(units, section).iter().filter(|(name, _)| used.contains(*name)) {
            let view = View { units, section, layers };
            let is_external = layers.0.iter().any(|place| external::of(units, section, place));
            let file = view.last("file").filter(|_| !is_external);
            absent.extend(file.and_then(|said| search.file(section, &said, said.node)));
        }
    }
    absent
}

struct Search<'s> {
    units: &'s [Unit],
    looking: &'s Looking<'s>,
    kind: StackKind,
}

impl Search<'_> {
    /// The files of an `env_file`: a text, a list of texts, of mappings with `path`.
    fn listed(&self, key: &str, said: &Said<'_>) -> Vec<Diagnostic> {
        let items = said.node.list().unwrap_or(std::slice::from_ref(said.node));
        let needed = items.iter().filter_map(|item| match item.map() {
            None => Some(item),
            Some(_) => {
                let optional = text_of(item, "required", &said.environment).is_some_and(|text| is_false(&text));
                item.entry("path").filter(|_| !optional)
            }
        });
        needed.filter_map(|path| self.file(key, said, path)).collect()
    }

    /// A file that the compose tool wants to read.
    fn file(&self, key: &str, said: &Said<'_>, path: &Node) -> Option<Diagnostic> {
        let text = said.fill(path).filter(|text| self.is_absent(said, text))?;
        let may_be = match key {
            "env_file" => "; `{path: …, required: false}` if it need not be there",
            _ => "",
        };
        Some(
            Diagnostic::error(&path.span, format!("there is no file `{text}`, which `{key}` names")).help(format!(
                "put one there, or let another one take its place: `substitute: {{host-paths: {{{text}: …}}}}` of the stack{may_be}"
            )),
        )
    }

    /// Folders and files that a service mounts.
    fn mounts(&self, view: &View<'_>) -> Vec<Diagnostic> {
        let mounts = mounts::last(view).into_iter();
        let bound = mounts.filter(|(_, mount)| mount.kind == Kind::Bind);
        bound.filter_map(|(said, mount)| self.bound(&said, &mount)).collect()
    }

    fn bound(&self, said: &Said<'_>, mount: &MountItem<'_>) -> Option<Diagnostic> {
        let refuses = mount
            .item
            .entry("bind")
            .and_then(|bind| text_of(bind, "create_host_path", &said.environment));
        if refuses.is_some_and(|text| is_false(&text)) {
            return self.file("source", said, mount.at);
        }
        let source = mount.source.as_deref().filter(|source| self.is_absent(said, source))?;
        Some(self.made(mount.at, source))
    }

    /// A mount of nothing. An engine takes it, and it is seldom what was meant: a warning, which a run tells, too.
    fn made(&self, at: &Node, source: &str) -> Diagnostic {
        let there_is_none = format!("there is no file or folder `{source}`");
        let other =
            format!("let another one take its place: `substitute: {{host-paths: {{{source}: …}}}}` of the stack");
        match self.kind {
            StackKind::Compose => Diagnostic::warning(
                &at.span,
                format!("{there_is_none}: the engine makes a folder of it, which root owns"),
            )
            .help(format!("if it is to be there, make it; if it is not, {other}")),
            StackKind::Swarm => Diagnostic::error(
                &at.span,
                format!("{there_is_none}: a swarm makes none, and rejects every task of the service"),
            )
            .help(format!("put one there, or {other}")),
        }
    }

    /// True for a relative path at which nothing is.
    fn is_absent(&self, said: &Said<'_>, text: &str) -> bool {
        let relative = !text.is_empty() && !text.starts_with(['/', '~']) && !is_remote(text);
        relative && self.looking.is_there(&join(&self.units[said.place.unit].base, text)) == Some(false)
    }
}
