//! `host-paths`: folders and files of this machine that services, configs, secrets and volumes name.

use super::interpolate::{Environment, escape, fill};
use super::matching::Matching;
use super::unit::Unit;
use super::{tree, view};
use crate::diagnostic::Diagnostic;
use crate::yaml::Node;

/// Whether two paths are the same as written, `./` before and `/` after them aside.
pub(super) fn same_path(one: &str, other: &str) -> bool {
    fn bare(mut path: &str) -> &str {
        while let Some(rest) = path.strip_prefix("./") {
            path = rest.trim_start_matches('/');
        }
        let path = path.trim_end_matches('/');
        if path.is_empty() { "." } else { path }
    }
    // A root is no empty path.
    one == other || (one.starts_with('/') == other.starts_with('/') && bare(one) == bare(other))
}

/// Whether the source of a volume is a path rather than a name.
pub(super) fn is_path(text: &str) -> bool {
    text.starts_with(['.', '/', '~'])
}

/// Replaces host paths wherever files name them.
pub(super) fn replace(units: &mut [Unit], matching: &mut Matching<'_>, problems: &mut Vec<Diagnostic>) {
    view::each(units, "services", |around, _, service| {
        if let Some(volumes) = tree::entry(service, "volumes") {
            for volume in tree::items(volumes) {
                volume_source(volume, &around.environment, matching, problems);
            }
        }
        if let Some(files) = tree::entry(service, "env_file") {
            env_files(files, &mut |file| path(file, &around.environment, matching));
        }
    });
    for section in ["configs", "secrets"] {
        view::each(units, section, |around, _, thing| {
            if let Some(file) = tree::entry(thing, "file") {
                path(file, &around.environment, matching);
            }
        });
    }
    view::each(units, "volumes", |around, _, volume| {
        let device = tree::entry(volume, "driver_opts").and_then(|options| tree::entry(options, "device"));
        if let Some(device) = device.filter(|device| device.scalar().is_some_and(is_path)) {
            path(device, &around.environment, matching);
        }
    });
}

/// Visits each path of an `env_file`: a text, a list of texts, of mappings with `path`.
pub(super) fn env_files(files: &mut Node, visit: &mut dyn FnMut(&mut Node)) {
    match &mut files.content {
        crate::yaml::Content::List(items) => items.iter_mut().for_each(|item| env_files(item, visit)),
        crate::yaml::Content::Map(_) => tree::entry(files, "path").into_iter().for_each(visit),
        crate::yaml::Content::Scalar(_) => visit(files),
    }
}

fn path(node: &mut Node, environment: &Environment, matching: &mut Matching<'_>) {
    if let Some(hit) = node.scalar().and_then(|text| matching.find(text, environment)) {
        tree::set_text(node, escape(hit.to()));
    }
}

fn volume_source(
    volume: &mut Node,
    environment: &Environment,
    matching: &mut Matching<'_>,
    problems: &mut Vec<Diagnostic>,
) {
    if volume.map().is_some() {
        let kind = volume
            .entry("type")
            .and_then(Node::scalar)
            .and_then(|text| fill(text, environment).value);
        if kind.as_deref() == Some("bind")
            && let Some(source) = tree::entry(volume, "source")
        {
            path(source, environment, matching);
        }
        return;
    }
    let Some(text) = volume.scalar() else { return };
    let filled = fill(text, environment);
    let Some(value) = filled.value else {
        return matching.is_late();
    };
    let (written, rest) = split_source(text);
    let Some((source, target)) = value.split_once(':') else {
        return;
    };
    if !is_path(source) && !is_path(written) {
        return;
    }
    let Some(hit) = matching.find_filled(written, Some(source)) else {
        return;
    };
    if hit.to().contains(':') {
        let key = &hit.replacement.from;
        let message = format!(
            "`{}` cannot stand in a volume's short form, since `:` is in it",
            hit.to()
        );
        problems.push(
            Diagnostic::error(&key.span, message)
                .related(&volume.span, "the volume")
                .help("use another folder"),
        );
        return;
    }
    // With the colon inside of a variable the rest is what it filled in.
    let rest = rest.map_or_else(|| escape(target), str::to_owned);
    tree::set_text(volume, format!("{}:{rest}", escape(hit.to())));
}

/// The source of a short volume and the rest, split at the first colon that stands in no `${…}`.
pub(super) fn split_source(text: &str) -> (&str, Option<&str>) {
    let mut depth = 0usize;
    let mut before = ' ';
    for (at, c) in text.char_indices() {
        match c {
            '{' if before == '$' || depth > 0 => depth += 1,
            '}' => depth = depth.saturating_sub(1),
            ':' if depth == 0 => return (&text[..at], Some(&text[at + 1..])),
            _ => {}
        }
        before = c;
    }
    (text, None)
}

#[cfg(test)]
mod tests {
    use super::{same_path, split_source};

    #[test]
    fn paths_match_as_written() {
        for (one, other) in [
            ("./a", "a"),
            ("a/", "./a"),
            (".", "./"),
            ("/a/", "/a"),
            ("././a//", "a"),
            ("~/a", "~/a/"),
        ] {
            assert!(same_path(one, other) && same_path(other, one), "{one} {other}");
        }
        for (one, other) in [("/a", "a"), ("a", "a/b"), ("/", "."), ("../a", "a"), ("./a", "/a")] {
            assert!(!same_path(one, other), "{one} {other}");
        }
    }

    #[test]
    fn a_colon_in_a_variable_splits_nothing() {
        assert_eq!(split_source("${A:-./x}:/y:ro"), ("${A:-./x}", Some("/y:ro")));
        assert_eq!(split_source("${A:-${B:-x}}"), ("${A:-${B:-x}}", None));
        assert_eq!(split_source("./a:/b"), ("./a", Some("/b")));
    }
}
