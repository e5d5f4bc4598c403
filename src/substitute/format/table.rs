//! Tables of what a file may hold, read from their text.

use std::collections::BTreeMap;

use super::scalar::Kind;

/// What is known of the values at a path.
#[derive(Debug, Clone, Default)]
pub(super) struct Rule {
    /// What a value may be.
    pub(super) kinds: Vec<Kind>,
    /// From which version 3.x on there is one.
    pub(super) since: u32,
    /// Keys that a mapping has to have.
    pub(super) needs: Vec<&'static str>,
    /// True for a list in which nothing stands twice.
    pub(super) set: bool,
    /// True where the tool takes a number in quotes for a text.
    pub(super) strict: bool,
    /// What helps with a wrong one.
    pub(super) help: Option<&'static str>,
}

/// Rules by path; `*` stands for any name, `[]` for the items of a list, `x-` for all keys that begin so.
#[derive(Debug)]
pub(super) struct Table {
    rules: BTreeMap<String, Rule>,
    root: Rule,
    /// What is to be written instead of a key that is none.
    instead: &'static [(&'static str, &'static str, &'static str)],
    /// Whether what is not in it is refused.
    pub(super) closed: bool,
}

impl Table {
    /// Reads lines of `PATH KIND|KIND… [@MINOR] [# HELP]`.
    pub(super) fn read(
        text: &'static str,
        instead: &'static [(&'static str, &'static str, &'static str)],
        closed: bool,
    ) -> Table {
        let mut rules = BTreeMap::new();
        for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
            let (line, help) = match line.split_once(" # ") {
                Some((line, help)) => (line, Some(help.trim())),
                None => (line, None),
            };
            let mut words = line.split_whitespace();
            let (path, kinds) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
            let since = words.next().and_then(|word| word.strip_prefix('@')?.parse().ok());
            let since = since.unwrap_or_default();
            for (path, kinds, set) in spelt_out(path, kinds) {
                let mut rule = Rule {
                    since,
                    set,
                    strict: closed,
                    help,
                    ..Rule::default()
                };
                for word in kinds.split('|') {
                    let (word, needs) = word.split_once(':').unwrap_or((word, ""));
                    rule.needs.extend(needs.split(',').filter(|need| !need.is_empty()));
                    rule.kinds.extend(Kind::read(word));
                }
                rules.insert(path, rule);
            }
        }
        Table {
            rules,
            root: Rule::default(),
            instead,
            closed,
        }
    }

    pub(super) fn root(&self) -> &Rule {
        &self.root
    }

    pub(super) fn rule(&self, path: &str) -> Option<&Rule> {
        self.rules.get(path)
    }

    /// What is to be written instead of a key that `docker stack` does not have.
    pub(super) fn instead(&self, path: &str, key: &str) -> Option<&'static str> {
        let mut all = self.instead.iter();
        all.find(|(at, name, _)| *at == path && *name == key)
            .map(|(_, _, instead)| *instead)
    }

    /// The keys of the mapping at a path.
    pub(super) fn keys(&self, path: &str) -> Vec<&str> {
        let below = self.rules.keys().filter_map(|rule| match path {
            "" => Some(rule.as_str()),
            _ => rule.strip_prefix(path)?.strip_prefix('.'),
        });
        below
            .filter(|rest| !rest.contains(['.', '[']) && !matches!(*rest, "*" | "x-"))
            .collect()
    }
}

/// The lines that one with a kind of several lines stands for.
fn spelt_out(path: &'static str, kinds: &'static str) -> Vec<(String, &'static str, bool)> {
    let own = |kinds, set| (path.to_owned(), kinds, set);
    let items = || (format!("{path}[]"), "text", false);
    match kinds {
        "texts" => vec![own("list", false), items()],
        "set" => vec![own("list", true), items()],
        "text|texts" => vec![own("text|list", false), items()],
        "text|set" => vec![own("text|list", true), items()],
        "set|map" => vec![own("list|map", true), items()],
        "pairs" => vec![
            own("list|map", true),
            items(),
            (format!("{path}.*"), "text|number|null", false),
        ],
        _ => vec![own(kinds, false)],
    }
}
