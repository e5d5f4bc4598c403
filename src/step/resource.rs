//! Volumes and networks as steps name them: the scenario's own, those of its stacks, or others by their real names.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use super::StackNames;
use super::target::{Unfound, unknown};
use crate::diagnostic::{Diagnostic, Span, did_you_mean};

/// The names of what a scenario declares beside its stacks.
#[derive(Debug, Clone, Default)]
pub struct OwnNames {
    /// The secrets, and the files that they are in.
    pub secrets: BTreeMap<String, PathBuf>,
    /// Those of them that are no text: expressions have no such value.
    pub no_texts: BTreeSet<String>,
    /// The networks: name in the scenario → real name.
    pub networks: BTreeMap<String, String>,
    /// The volumes, likewise.
    pub volumes: BTreeMap<String, String>,
}

/// All networks and volumes that a scenario has names for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Resources<'a> {
    pub(super) own: &'a OwnNames,
    pub(super) stacks: &'a [StackNames],
}

/// What is called so, and which of the names it has: the scenario's own, and a stack's.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sort {
    what: &'static str,
    own: fn(&OwnNames) -> &BTreeMap<String, String>,
    of_stack: fn(&StackNames) -> &BTreeMap<String, String>,
}

/// Networks.
pub(super) const NETWORKS: Sort = Sort {
    what: "network",
    own: |own| &own.networks,
    of_stack: |stack| &stack.networks,
};
/// Volumes.
pub(super) const VOLUMES: Sort = Sort {
    what: "volume",
    own: |own| &own.volumes,
    of_stack: |stack| &stack.volumes,
};

impl Resources<'_> {
    /// The real name of a network or volume: `shop/front`, `front` if the scenario or one of its stacks has it, or what is a
    /// real name already.
    pub(super) fn real(self, text: &str, sort: Sort) -> Result<String, Unfound> {
        self.known(text, sort)
            .map(|found| found.unwrap_or_else(|| text.to_owned()))
    }

    /// The real name of what the scenario has; none for a name that it does not.
    fn known(self, text: &str, sort: Sort) -> Result<Option<String>, Unfound> {
        if let Some((stack, name)) = text.split_once('/') {
            let Some(stack) = self.stacks.iter().find(|known| known.name == stack) else {
                let known = self.stacks.iter().map(|known| known.name.as_str());
                return Err(unknown("stack", stack, known));
            };
            let known = (sort.of_stack)(stack);
            let found = known.get(name).cloned().map(Some);
            return found.ok_or_else(|| unknown(sort.what, name, known.keys().map(String::as_str)));
        }
        let mut found: Vec<(&StackNames, &String)> = self
            .stacks
            .iter()
            .filter_map(|stack| Some((stack, (sort.of_stack)(stack).get(text)?)))
            .collect();
        // Versions of one project share their names.
        found.dedup_by_key(|(stack, _)| stack.id);
        let own = (sort.own)(self.own).get(text);
        let mut written: Vec<String> = found
            .iter()
            .map(|(stack, _)| format!("`{}/{text}`", stack.name))
            .collect();
        // Those that a stack has as external may well be the scenario's own, or another stack's: then it is the same one.
        let real: BTreeSet<&String> = own.into_iter().chain(found.iter().map(|(_, real)| *real)).collect();
        match real.len() {
            0 | 1 => Ok(real.first().map(|real| (*real).clone())),
            _ => {
                written.extend(own.map(|_| format!("`${{{{ {}s['{text}'] }}}}`", sort.what)));
                let whose = if own.is_some() {
                    "the scenario and a stack"
                } else {
                    "several stacks"
                };
                Err(Unfound {
                    message: format!("{whose} have a {} `{text}`", sort.what),
                    help: format!("say which: {}", written.join(", ")),
                })
            }
        }
    }

    /// A name that nothing here has, and that is nearly one that something has: others are real names.
    pub(super) fn mistyped(self, (text, real): (&str, &str), at: &Span, sort: Sort) -> Option<Diagnostic> {
        let own = (sort.own)(self.own).keys();
        let of_stacks = self.stacks.iter().flat_map(|stack| (sort.of_stack)(stack).keys());
        let known: Vec<&str> = own.chain(of_stacks).map(String::as_str).collect();
        if text != real || known.contains(&text) {
            return None;
        }
        let near = did_you_mean(text, &known)?;
        let what = sort.what;
        let message = format!("no stack has a {what} `{text}`: it is taken for the real name of another one");
        Some(Diagnostic::warning(at, message).help(format!("did you mean `{near}`?")))
    }

    /// Reads `source:destination[:options]`.
    pub(super) fn mounted(self, text: &str) -> Result<Mounted, Unfound> {
        let split = text
            .split_once(':')
            .filter(|(source, rest)| !source.is_empty() && rest.starts_with('/'));
        let Some((source, rest)) = split else {
            return Err(Unfound {
                message: format!("`{text}` is no mount"),
                help: "write it as `source:/destination`, and `:ro` after it if it is only read".into(),
            });
        };
        let rest = rest.to_owned();
        if source.starts_with(['/', '.']) {
            return Ok(Mounted::Path(source.to_owned(), rest));
        }
        if source.starts_with('~') {
            return Err(Unfound {
                message: format!("`{source}` is no path: no shell reads it that knows whose home is meant"),
                help: "write the path out; yours is `${{ env.HOME }}/…`, with `requires: {env: [HOME]}`".into(),
            });
        }
        // A real name is one that is there already: nothing is made.
        if (VOLUMES.own)(self.own).values().any(|real| real == source) {
            return Ok(Mounted::Volume(source.to_owned(), rest));
        }
        Ok(match self.known(source, VOLUMES)? {
            Some(name) => Mounted::Volume(name, rest),
            None => Mounted::Own(source.to_owned(), rest),
        })
    }
}

/// What a container mounts, and the rest of its text: the destination and options.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Mounted {
    /// A path, as it is written.
    Path(String, String),
    /// A volume that a stack has or the scenario declares, by its real name.
    Volume(String, String),
    /// A volume that is made when it is first mounted.
    Own(String, String),
}

#[cfg(test)]
mod tests {
    use super::{Mounted, NETWORKS, OwnNames, Resources};
    use crate::step::StackNames;

    fn stacks() -> Vec<StackNames> {
        let stack = |name: &str, id, front: &str| StackNames {
            name: name.into(),
            id,
            networks: [("front".to_owned(), front.to_owned())].into(),
            volumes: [("data".to_owned(), format!("{name}_data"))].into(),
            ..StackNames::default()
        };
        vec![
            stack("shop", 0, "a_front"),
            stack("shop-v2", 0, "a_front"),
            StackNames {
                networks: [("back", "b_back"), ("shared", "c_shared")]
                    .map(|(name, real)| (name.to_owned(), real.to_owned()))
                    .into(),
                volumes: [].into(),
                ..stack("lab", 1, "")
            },
        ]
    }

    fn own() -> OwnNames {
        let named = |names: &[&str]| {
            let names = names.iter();
            names.map(|name| ((*name).to_owned(), format!("c_{name}"))).collect()
        };
        OwnNames {
            networks: named(&["edge", "back", "shared"]),
            volumes: named(&["seed", "plain"]),
            ..OwnNames::default()
        }
    }

    fn check_network(text: &str, expected: &str) {
        let (own, stacks) = (own(), stacks());
        let all = Resources {
            own: &own,
            stacks: &stacks,
        };
        let found = all.real(text, NETWORKS);
        let found = found.unwrap_or_else(|unfound| format!("{}; {}", unfound.message, unfound.help));
        assert_eq!(found, expected, "{text}");
    }

    #[test]
    fn networks_are_found_by_stack_and_name_or_are_real_ones() {
        check_network("shop/front", "a_front");
        check_network("front", "a_front");
        check_network("lab/back", "b_back");
        check_network("edge", "c_edge");
        check_network(
            "back",
            "the scenario and a stack have a network `back`; say which: `lab/back`, `${{ networks['back'] }}`",
        );
        check_network("shared", "c_shared");
        check_network("bridge", "bridge");
        check_network("lab/front", "unknown network `front`; there is `back`, `shared`");
        check_network(
            "ship/front",
            "unknown stack `ship`; there is `shop`, `shop-v2`, `lab`; did you mean `shop`?",
        );
    }

    fn check_mount(text: &str, expected: Option<Mounted>) {
        let (own, stacks) = (own(), stacks());
        let all = Resources {
            own: &own,
            stacks: &stacks,
        };
        assert_eq!(all.mounted(text).ok(), expected, "{text}");
    }

    #[test]
    fn mounts_are_paths_volumes_of_stacks_or_the_scenarios_own() {
        let mount =
            |of: fn(String, String) -> Mounted, source: &str, rest: &str| Some(of(source.to_owned(), rest.to_owned()));
        check_mount("./a:/b:ro", mount(Mounted::Path, "./a", "/b:ro"));
        check_mount("/a:/b", mount(Mounted::Path, "/a", "/b"));
        check_mount("shop/data:/b", mount(Mounted::Volume, "shop_data", "/b"));
        check_mount("seed:/b:ro", mount(Mounted::Volume, "c_seed", "/b:ro"));
        check_mount("c_seed:/b", mount(Mounted::Volume, "c_seed", "/b"));
        check_mount("own:/b", mount(Mounted::Own, "own", "/b"));
        check_mount("/b", None);
        check_mount("own:b", None);
        check_mount("shop/dta:/b", None);
    }
}
