//! Volumes and networks as steps name them: those of the scenario's stacks, or others by their real names.

use std::collections::BTreeMap;

use super::StackNames;
use super::target::{Unfound, unknown};
use crate::diagnostic::{Diagnostic, Span, did_you_mean};

/// Which of a stack's names.
pub(super) type Names = fn(&StackNames) -> &BTreeMap<String, String>;

/// The real name of a network: `shop/front`, `front` if one stack has it, or what is a real name already.
pub(super) fn network_name(text: &str, stacks: &[StackNames]) -> Result<String, Unfound> {
    real_name("network", text, stacks, |stack| &stack.networks).map(|found| found.unwrap_or_else(|| text.to_owned()))
}

/// The real name of a volume, likewise.
pub(super) fn volume_name(text: &str, stacks: &[StackNames]) -> Result<String, Unfound> {
    real_name("volume", text, stacks, |stack| &stack.volumes).map(|found| found.unwrap_or_else(|| text.to_owned()))
}

/// The real name of what a stack has; none for a name that no stack has.
fn real_name(what: &str, text: &str, stacks: &[StackNames], names: Names) -> Result<Option<String>, Unfound> {
    if let Some((stack, name)) = text.split_once('/') {
        let Some(stack) = stacks.iter().find(|known| known.name == stack) else {
            let known = stacks.iter().map(|known| known.name.as_str());
            return Err(unknown("stack", stack, known));
        };
        let known = names(stack);
        let found = known.get(name).cloned().map(Some);
        return found.ok_or_else(|| unknown(what, name, known.keys().map(String::as_str)));
    }
    let mut found: Vec<(&StackNames, &String)> = stacks
        .iter()
        .filter_map(|stack| Some((stack, names(stack).get(text)?)))
        .collect();
    // Versions of one project share their names.
    found.dedup_by_key(|(stack, _)| stack.id);
    match found.as_slice() {
        [] => Ok(None),
        [(_, name)] => Ok(Some((*name).clone())),
        several => {
            let names: Vec<String> = several
                .iter()
                .map(|(stack, _)| format!("`{}/{text}`", stack.name))
                .collect();
            Err(Unfound {
                message: format!("several stacks have a {what} `{text}`"),
                help: format!("say which: {}", names.join(", ")),
            })
        }
    }
}

/// What is called so, and which of a stack's names it has.
pub(super) type Sort = (&'static str, Names);

/// Networks.
pub(super) const NETWORKS: Sort = ("network", |stack| &stack.networks);
/// Volumes.
pub(super) const VOLUMES: Sort = ("volume", |stack| &stack.volumes);

/// A name that no stack has, and that is nearly one that a stack has: others are real names.
pub(super) fn mistyped(
    (text, real): (&str, &str),
    at: &Span,
    (what, names): Sort,
    stacks: &[StackNames],
) -> Option<Diagnostic> {
    let known: Vec<&str> = stacks
        .iter()
        .flat_map(|stack| names(stack).keys().map(String::as_str))
        .collect();
    if text != real || known.contains(&text) {
        return None;
    }
    let near = did_you_mean(text, &known)?;
    let message = format!("no stack has a {what} `{text}`: it is taken for the real name of another one");
    Some(Diagnostic::warning(at, message).help(format!("did you mean `{near}`?")))
}

/// What a container mounts, and the rest of its text: the destination and options.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Mounted {
    /// A path, as it is written.
    Path(String, String),
    /// A volume that a stack has, by its real name.
    Volume(String, String),
    /// A volume of the scenario's own.
    Own(String, String),
}

/// Reads `source:destination[:options]`.
pub(super) fn mounted(text: &str, stacks: &[StackNames]) -> Result<Mounted, Unfound> {
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
    let found = real_name("volume", source, stacks, |stack| &stack.volumes)?;
    Ok(match found {
        Some(name) => Mounted::Volume(name, rest),
        None => Mounted::Own(source.to_owned(), rest),
    })
}

#[cfg(test)]
mod tests {
    use super::{Mounted, mounted, network_name};
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
                networks: [("back".to_owned(), "b_back".to_owned())].into(),
                volumes: [].into(),
                ..stack("lab", 1, "")
            },
        ]
    }

    fn check_network(text: &str, expected: &str) {
        let found =
            network_name(text, &stacks()).unwrap_or_else(|unfound| format!("{}; {}", unfound.message, unfound.help));
        assert_eq!(found, expected, "{text}");
    }

    #[test]
    fn networks_are_found_by_stack_and_name_or_are_real_ones() {
        check_network("shop/front", "a_front");
        check_network("front", "a_front");
        check_network("back", "b_back");
        check_network("bridge", "bridge");
        check_network("lab/front", "unknown network `front`; there is `back`");
        check_network(
            "ship/front",
            "unknown stack `ship`; there is `shop`, `shop-v2`, `lab`; did you mean `shop`?",
        );
    }

    fn check_mount(text: &str, expected: Option<Mounted>) {
        assert_eq!(mounted(text, &stacks()).ok(), expected, "{text}");
    }

    #[test]
    fn mounts_are_paths_volumes_of_stacks_or_the_scenarios_own() {
        let mount =
            |of: fn(String, String) -> Mounted, source: &str, rest: &str| Some(of(source.to_owned(), rest.to_owned()));
        check_mount("./a:/b:ro", mount(Mounted::Path, "./a", "/b:ro"));
        check_mount("/a:/b", mount(Mounted::Path, "/a", "/b"));
        check_mount("shop/data:/b", mount(Mounted::Volume, "shop_data", "/b"));
        check_mount("own:/b", mount(Mounted::Own, "own", "/b"));
        check_mount("/b", None);
        check_mount("own:b", None);
        check_mount("shop/dta:/b", None);
    }
}
