//! What a file of a stack may hold, as its tool reads it: which keys there are, and what their values are. The tools tell of
//! one mistake at a time, and without a line; here all are told at once, where they are written, before anything starts.
//!
//! What is allowed stands in tables, a key a line; each line was tried on the real tools. `docker stack` is judged word for
//! word, as its format is closed; a compose tool only where every version of it refuses: newer ones take more.

mod compose;
mod ports;
mod quantity;
mod scalar;
mod swarm;
mod table;
mod together;

use super::interpolate::Environment;
use super::tree;
use super::unit::Unit;
use crate::diagnostic::{Diagnostic, did_you_mean};
use crate::yaml::Node;

use scalar::{Kind, Seen};
use table::{Rule, Table};

pub(super) use swarm::{NEWEST, minor};
pub(super) use together::find as together;

/// Tells what `docker stack` refuses of the files as it gets them.
pub(super) fn of_swarm(units: &[Unit]) -> Vec<Diagnostic> {
    judged(units, &swarm::TABLE)
}

/// Tells what compose tools refuse; what one of them takes is a warning.
pub(super) fn of_compose(units: &[Unit]) -> Vec<Diagnostic> {
    judged(units, &compose::TABLE)
}

fn judged(units: &[Unit], table: &Table) -> Vec<Diagnostic> {
    let mut told = Vec::new();
    for unit in units.iter().filter(|unit| !unit.extended) {
        for document in unit.documents.iter().filter(|document| document.map().is_some()) {
            let written = document.entry("version").and_then(Node::scalar);
            let mut walk = Walk {
                table,
                environment: &unit.environment,
                minor: written.and_then(minor).unwrap_or(NEWEST),
                told: &mut told,
            };
            walk.map("", ("", document), table.root());
        }
    }
    told
}

/// A look at a document, from its root to its leaves.
struct Walk<'w> {
    table: &'w Table,
    environment: &'w Environment,
    /// The second part of the version that the file is of.
    minor: u32,
    told: &'w mut Vec<Diagnostic>,
}

impl Walk<'_> {
    /// A value, by the rule for its path; its key is the one that a message names.
    fn value(&mut self, path: &str, (key, node): (&str, &Node), rule: &Rule) {
        // What is taken back no tool sees.
        if tree::resets(node) {
            return;
        }
        let allows = |kind: &Kind| rule.kinds.contains(kind);
        if allows(&Kind::Any) {
            return;
        }
        match (node.map(), node.list()) {
            (Some(_), _) if allows(&Kind::Map) => self.map(path, (key, node), rule),
            (_, Some(items)) if allows(&Kind::List) => self.list(path, (key, items), rule),
            (None, None) => {
                let seen = Seen::of(node, self.environment);
                self.told.extend(seen.and_then(|seen| seen.judged(key, rule)));
            }
            // A list or mapping where none is.
            _ if self.table.closed => self.told.push(scalar::other(node, key, rule)),
            _ => {}
        }
    }

    fn map(&mut self, path: &str, (key, node): (&str, &Node), rule: &Rule) {
        let table = self.table;
        let entries = node.map().unwrap_or_default().iter();
        for (name, value) in entries.filter(|(_, value)| !tree::resets(value)) {
            let Some(text) = name.scalar() else { continue };
            let own = text.starts_with("x-").then_some("x-");
            let parts = [Some(text), own, Some("*")].into_iter().flatten();
            let paths = parts.map(|part| joined(path, part));
            let mut found = paths.filter_map(|path| Some((table.rule(&path)?, path)));
            match found.next() {
                Some((rule, _)) if rule.since > self.minor => self.told.push(too_new(name, text, (rule, self.minor))),
                Some((rule, path)) => self.value(&path, (text, value), rule),
                None if self.table.closed => self.unknown(path, (key, name), text),
                None => {}
            }
        }
        let missing = rule.needs.iter().filter(|needed| node.entry(needed).is_none());
        let missing = missing.map(|needed| {
            Diagnostic::error(&node.span, format!("`{key}` is without `{needed}`"))
                .help(format!("write it: `{needed}: …`"))
        });
        self.told.extend(missing);
    }

    fn list(&mut self, path: &str, (key, items): (&str, &[Node]), rule: &Rule) {
        self.told.extend(scalar::test(items, (key, self.environment), rule));
        let path = format!("{path}[]");
        let Some(of_items) = self.table.rule(&path) else {
            return;
        };
        for (at, item) in items.iter().enumerate() {
            self.value(&path, (key, item), of_items);
            let twice = item.scalar().is_some() && items[..at].iter().any(|other| other.content == item.content);
            if twice && rule.set {
                let message = format!("`{}` stands twice in `{key}`", item.scalar().unwrap_or_default());
                self.told
                    .push(Diagnostic::error(&item.span, message).help("`docker stack` refuses it; take one out"));
            }
        }
    }

    fn unknown(&mut self, path: &str, (key, name): (&str, &Node), text: &str) {
        let of = |what: &str| format!("`docker stack` refuses {what} with `{text}`");
        if let Some(instead) = self.table.instead(path, text) {
            let what = match path {
                "" => "a file",
                "services.*" => "a service",
                "networks.*" => "a network",
                "secrets.*" => "a secret",
                "configs.*" => "a config",
                _ => &format!("`{key}`"),
            };
            self.told.push(Diagnostic::error(&name.span, of(what)).help(instead));
            return;
        }
        let place = match path {
            "" => "a swarm file".to_owned(),
            "services.*" => "a service".to_owned(),
            _ => match path.strip_suffix("s.*").filter(|section| !section.contains('.')) {
                Some(section) => format!("a {section}"),
                None => format!("`{key}`"),
            },
        };
        let known = self.table.keys(path);
        let own = match self.table.rule(&joined(path, "x-")) {
            Some(_) => "; one of your own begins with `x-`",
            None => "",
        };
        let help = match did_you_mean(text, &known) {
            Some(near) => format!("did you mean `{near}`? `docker stack` refuses a key that it does not know"),
            None => format!("`docker stack` refuses a key that it does not know{own}"),
        };
        self.told
            .push(Diagnostic::error(&name.span, format!("unknown key in {place}, `{text}`")).help(help));
    }
}

fn joined(path: &str, part: &str) -> String {
    match path {
        "" => part.to_owned(),
        path => format!("{path}.{part}"),
    }
}

/// A key that came later than the version that the file is of.
fn too_new(at: &Node, key: &str, (rule, minor): (&Rule, u32)) -> Diagnostic {
    let since = rule.since;
    let key = if key.starts_with("x-") { "x-…" } else { key };
    let message =
        format!("`docker stack` knows `{key}` from version 3.{since} on, and this file is of version 3.{minor}");
    Diagnostic::error(&at.span, message).help(format!("write `version: '3.{}'`", since.max(8)))
}
