//! What others call things, and what is to be written here instead: help for keys that a step does not have.

use super::Kind;
use crate::diagnostic::Diagnostic;
use crate::expect::FieldKind;
use crate::yaml::Node;

/// Keys that people write in a kind, and what is meant by them.
const MEANT: &[(&str, &[&str], &str)] = &[
    (
        "http",
        &["url", "uri", "method", "path"],
        "the method is the key: `get: URL`, `post: URL`, …",
    ),
    ("http", &["data", "payload"], "what is sent is `json`, `form` or `body`"),
    ("tcp", &["host", "hostname"], "write `address: HOST:PORT`"),
    ("exec", &["cmd", "run", "args", "script"], "it is `command`"),
    ("run", &["cmd", "args", "script"], "it is `command`"),
    ("shell", &["cmd", "run", "args", "script"], "it is `command`"),
    ("exec", &["dir", "cwd"], "it is `workdir`"),
    ("run", &["dir", "cwd"], "it is `workdir`"),
    ("shell", &["dir", "cwd"], "it is `workdir`"),
    (
        "run",
        &["ports"],
        "other containers reach it without; `expose` publishes a port to this machine",
    ),
    (
        "copy",
        &["mode", "owner"],
        "both are kept as they are: change them by `exec`, with `chmod` or `chown`",
    ),
    ("log-assert", &["text", "includes"], "it is `contains`"),
    ("log-assert", &["regex", "pattern", "regexp"], "it is `matches`"),
    ("log-assert", &["not", "not-contains", "absent"], "write `never: […]`"),
    (
        "log-assert",
        &["count", "lines"],
        "it is a field of the result: `expect: {count: 2}`",
    ),
    ("file-assert", &["file"], "it is `path`"),
    (
        "file-assert",
        &["mode", "owner", "text", "contains", "exists", "size"],
        "it is a field of the result: `expect: {mode: '0644'}`",
    ),
    (
        "state-assert",
        &["state", "health", "healthy", "running", "exists"],
        "it is a field of the result: `expect: {running: 1}`",
    ),
    (
        "up",
        &["wait", "detach"],
        "it always waits until the services are as they should be",
    ),
    ("down", &["remove-volumes", "v"], "it is `volumes: true`"),
];

/// Says of keys that were told as unknown in a kind what is to be written for them.
pub(super) fn tell_meant(kind: &Kind, value: &Node, told: &mut [Diagnostic]) {
    for (key, _) in value.map().unwrap_or_default() {
        let Some(name) = key.scalar() else { continue };
        let mut meant = MEANT
            .iter()
            .filter(|(of, keys, _)| *of == kind.name && keys.contains(&name));
        let problem = told
            .iter_mut()
            .find(|problem| problem.span == key.span && problem.message.starts_with("unknown"));
        if let (Some((_, _, help)), Some(problem)) = (meant.next(), problem) {
            problem.help = Some((*help).to_owned());
        }
    }
}

/// Says of a `save` that is a name alone what is kept under it.
pub(super) fn tell_bare_save(step: &Node, kind: &Kind, told: &mut [Diagnostic]) {
    let bare = step.entry("save").filter(|save| save.scalar().is_some());
    let text = kind.results.iter().find(|field| field.kind == FieldKind::Text);
    let (Some(save), Some(field)) = (bare, text) else {
        return;
    };
    if let Some(problem) = told.iter_mut().find(|problem| problem.span == save.span) {
        problem.help = Some(format!(
            "write a name and an expression over the result: `{{{}: {}}}`",
            save.span.text(),
            field.name
        ));
    }
}
