//! `ports`: host ports that become free ones. The published part of an entry is dropped, so that the engine picks one;
//! the container's port, the protocol and the host's address stay.

use std::collections::{BTreeMap, BTreeSet};

use super::input::{PortRange, Ports};
use super::interpolate::{Environment, fill};
use super::unit::Unit;
use super::{tree, view};
use crate::diagnostic::{Diagnostic, Spanned, known_names};
use crate::yaml::Node;

/// An entry of `ports` in the short form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Short {
    pub(super) host_ip: Option<String>,
    pub(super) published: Option<PortRange>,
    pub(super) target: PortRange,
    pub(super) protocol: Option<String>,
}

impl Short {
    /// Reads `[[ip:][published]:]target[/protocol]`.
    pub(super) fn parse(text: &str) -> Option<Short> {
        let (text, protocol) = match text.split_once('/') {
            Some((text, protocol)) => (text, Some(protocol.to_owned())),
            None => (text, None),
        };
        let (host, target) = text
            .rsplit_once(':')
            .map_or((None, text), |(host, target)| (Some(host), target));
        let (host_ip, published) = match host.map(|host| host.rsplit_once(':').ok_or(host)) {
            None => (None, ""),
            Some(Err(published)) => (None, published),
            Some(Ok((ip, published))) => (
                Some(ip.trim_start_matches('[').trim_end_matches(']').to_owned()),
                published,
            ),
        };
        let published = if published.is_empty() {
            None
        } else {
            Some(PortRange::parse(published)?)
        };
        Some(Short {
            host_ip,
            published,
            target: PortRange::parse(target)?,
            protocol,
        })
    }
}

impl std::fmt::Display for Short {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.host_ip {
            Some(ip) if ip.contains(':') => write!(f, "[{ip}]:")?,
            Some(ip) => write!(f, "{ip}:")?,
            None => {}
        }
        match self.published {
            Some(published) => write!(f, "{published}:")?,
            // An address without a port still has its colon.
            None if self.host_ip.is_some() => write!(f, ":")?,
            None => {}
        }
        write!(f, "{}", self.target)?;
        match &self.protocol {
            Some(protocol) => write!(f, "/{protocol}"),
            None => Ok(()),
        }
    }
}

/// What `ports` says, while the files are gone through.
#[derive(Debug)]
pub(super) struct Freeing<'i> {
    ports: &'i Ports,
    used: BTreeSet<usize>,
    seen: BTreeSet<PortRange>,
    late: bool,
    /// What stood twice in a service's `ports`, and of which one is left.
    pub(super) twice: Vec<Diagnostic>,
    /// Host ports that were freed: of which service, and the container's port.
    pub(super) gone: BTreeMap<u16, (String, u16)>,
}

impl<'i> Freeing<'i> {
    pub(super) fn new(ports: &'i Ports) -> Self {
        Freeing {
            ports,
            used: BTreeSet::new(),
            seen: BTreeSet::new(),
            late: false,
            twice: Vec::new(),
            gone: BTreeMap::new(),
        }
    }

    /// Frees the ports of all services.
    pub(super) fn free(&mut self, units: &mut [Unit]) {
        view::each(units, "services", |around, name, service| {
            let Some(ports) = tree::entry(service, "ports") else {
                return;
            };
            let crate::yaml::Content::List(items) = &mut ports.content else {
                return;
            };
            let freed = std::mem::take(items).into_iter().map(|item| {
                let freed = self.entry(item.clone(), name, &around.environment);
                (item, freed)
            });
            let freed: Vec<(Node, Vec<Node>)> = freed.collect();
            self.tell_twice(&freed);
            *items = distinct(freed);
        });
    }

    /// Tells what stands twice as it is written: of what is freed only one is left, and nobody would tell.
    fn tell_twice(&mut self, freed: &[(Node, Vec<Node>)]) {
        let again = freed.iter().enumerate().filter(|(at, (item, entries))| {
            let is_freed = !matches!(&entries[..], [entry] if is_same(entry, item));
            is_freed && freed[..*at].iter().any(|(other, _)| is_same(other, item))
        });
        self.twice.extend(again.map(|(_, (item, _))| stands_twice(item)));
    }

    fn entry(&mut self, mut item: Node, service: &str, environment: &Environment) -> Vec<Node> {
        if let Some(published) = item.entry("published") {
            if self.long(published, environment) {
                let range = |node: Option<&Node>| PortRange::parse(&fill(node?.scalar()?, environment).value?);
                if let (Some(published), Some(target)) = (range(Some(published)), range(item.entry("target"))) {
                    self.note(service, published, target);
                }
                tree::remove(&mut item, "published");
            }
            return vec![item];
        }
        let Some(text) = item.scalar() else {
            return vec![item];
        };
        let filled = fill(text, environment);
        if !filled.problems.is_empty() {
            return vec![item];
        }
        let Some(value) = filled.value else {
            self.late = true;
            return vec![item];
        };
        let Some(short) = Short::parse(&value) else {
            return vec![item];
        };
        match self.short(&short) {
            Some(freed) => {
                if let Some(published) = short.published {
                    self.note(service, published, short.target);
                }
                freed
                    .iter()
                    .map(|short| tree::text(short.to_string(), &item.span))
                    .collect()
            }
            None => vec![item],
        }
    }

    /// Remembers which host ports of an entry are freed.
    fn note(&mut self, service: &str, published: PortRange, target: PortRange) {
        let freed = self.freed(published);
        let pairs = (published.first..=published.last).zip(target.first..=target.last);
        let gone = pairs.filter(|(host, _)| freed.contains(host));
        self.gone
            .extend(gone.map(|(host, target)| (host, (service.to_owned(), target))));
    }

    /// Whether a `published` is freed.
    fn long(&mut self, published: &Node, environment: &Environment) -> bool {
        let Some(text) = published.scalar() else {
            return false;
        };
        let filled = fill(text, environment);
        match filled.value.filter(|_| filled.problems.is_empty()) {
            Some(text) => PortRange::parse(&text).is_some_and(|range| range.first > 0 && !self.freed(range).is_empty()),
            None => {
                self.late |= filled.problems.is_empty();
                false
            }
        }
    }

    /// An entry after freeing; none if it stays.
    fn short(&mut self, short: &Short) -> Option<Vec<Short>> {
        let published = short.published?;
        let freed = self.freed(published);
        if freed.is_empty() {
            return None;
        }
        let free = |target| Short {
            published: None,
            target,
            ..short.clone()
        };
        let whole = freed.len() as u32 == published.len();
        if whole || published.len() != short.target.len() {
            return Some(vec![free(short.target)]);
        }
        // Only some ports of the range are listed: each is on its own then, the others stay.
        let pairs = (published.first..=published.last).zip(short.target.first..=short.target.last);
        let each = |(host, target)| {
            let (host, target) = (
                PortRange {
                    first: host,
                    last: host,
                },
                PortRange {
                    first: target,
                    last: target,
                },
            );
            if freed.contains(&host.first) {
                free(target)
            } else {
                Short {
                    published: Some(host),
                    target,
                    ..short.clone()
                }
            }
        };
        Some(pairs.map(each).collect())
    }

    /// The ports of a range that become free ones.
    fn freed(&mut self, range: PortRange) -> BTreeSet<u16> {
        self.seen.insert(range);
        let all = range.first..=range.last;
        match self.ports {
            Ports::All => all.collect(),
            Ports::None => BTreeSet::new(),
            Ports::Listed(listed) => {
                let hit = |key: &Spanned<PortRange>| all.clone().any(|port| key.contains(port));
                self.used.extend(
                    listed
                        .iter()
                        .enumerate()
                        .filter(|(_, key)| hit(key))
                        .map(|(index, _)| index),
                );
                all.clone()
                    .filter(|port| listed.iter().any(|key| key.contains(*port)))
                    .collect()
            }
        }
    }

    /// The listed ports that no service publishes.
    pub(super) fn problems(&self) -> Vec<Diagnostic> {
        let Ports::Listed(listed) = self.ports else {
            return Vec::new();
        };
        if self.late {
            return Vec::new();
        }
        let seen: Vec<String> = self.seen.iter().map(PortRange::to_string).collect();
        let seen: Vec<&str> = seen.iter().map(String::as_str).collect();
        let unmatched = listed
            .iter()
            .enumerate()
            .filter(|(index, _)| !self.used.contains(index));
        let problem = |key: &Spanned<PortRange>| {
            Diagnostic::error(
                &key.span,
                format!("host port `{}` of `ports` is published by no service", key.value),
            )
            .help(known_names(&key.value.to_string(), &seen))
        };
        unmatched.map(|(_, key)| problem(key)).collect()
    }
}

/// The entries of a service without those that are like an earlier one since they were freed: a tool refuses to publish one
/// port of the container twice in the same words, and a service's ports go by the container's.
fn distinct(freed: Vec<(Node, Vec<Node>)>) -> Vec<Node> {
    let mut kept: Vec<(Node, bool)> = Vec::new();
    for (item, entries) in freed {
        for entry in entries {
            let is_freed = !is_same(&entry, &item);
            let other = kept.iter().find(|(other, _)| is_same(other, &entry));
            if !other.is_some_and(|(_, was_freed)| is_freed || *was_freed) {
                kept.push((entry, is_freed));
            }
        }
    }
    kept.into_iter().map(|(entry, _)| entry).collect()
}

/// Whether two entries are written alike, quotes apart.
pub(super) fn is_same(one: &Node, other: &Node) -> bool {
    match (one.scalar(), other.scalar()) {
        (Some(one), Some(other)) => one == other,
        (None, None) => one.value() == other.value(),
        _ => false,
    }
}

/// What is told of an entry that stands twice, which `docker stack` refuses.
pub(super) fn stands_twice(item: &Node) -> Diagnostic {
    let what = item
        .scalar()
        .map_or("the same port".to_owned(), |text| format!("`{text}`"));
    Diagnostic::error(&item.span, format!("{what} stands twice in `ports`"))
        .help("`docker stack` refuses it; take one out")
}

#[cfg(test)]
mod tests {
    use super::Short;

    #[test]
    fn short_forms_are_read_and_written() {
        for text in [
            "80",
            "3000-3005",
            "8080:80",
            "8000-8010:80",
            "9090-9091:8080-8081",
            "49100:22/udp",
            "127.0.0.1:8001:8001",
            "127.0.0.1:5000-5010:5000-5010/tcp",
            "127.0.0.1::80",
            "[::1]:8080:80",
        ] {
            assert_eq!(Short::parse(text).map(|short| short.to_string()).as_deref(), Some(text));
        }
        assert_eq!(
            Short::parse("::1:8080:80").map(|short| short.to_string()).as_deref(),
            Some("[::1]:8080:80")
        );
        for text in ["", "a", "80:a", "80-", "9-3", "70000", "1:2:3:b", "+80"] {
            assert_eq!(Short::parse(text), None, "{text}");
        }
    }
}
