//! What others call things, and what is to be written here instead: help for keys that a step does not have.

use std::borrow::Cow;

use super::written::{APART, Common, is_common};
use super::{KINDS, Kind, state_assert};
use crate::diagnostic::Diagnostic;
use crate::expect::{Field, FieldKind, MATCHER_TABLE};
use crate::yaml::{Node, key_trap};

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
        &["mode", "owner", "text", "json", "exists", "size"],
        "it is a field of the result: `expect: {mode: '0644'}`",
    ),
    ("use", &["file", "path", "name"], "it is `template`"),
    (
        "use",
        &["parameters", "params", "args", "vars"],
        "parameters stand under `with: {NAME: …}`",
    ),
    (
        "up",
        &["wait", "detach"],
        "it always waits until the services are as they should be",
    ),
    ("down", &["remove-volumes", "v"], "it is `volumes: true`"),
];

/// What is to be written for a field of the result that stands in the kind, and not in what is expected of it.
fn field_meant(kind: &Kind, value: &Node, (name, given): (&str, &Node)) -> Option<String> {
    let is_plain = given.scalar().is_some() && !given.span.text().contains('\n');
    let written = if is_plain { given.span.text() } else { "…" };
    if kind.name == "state-assert" {
        return state_assert::expected(value, name, written);
    }
    let is_field = kind.results.iter().any(|field| field.name == name);
    is_field.then(|| format!("it is a field of the result: `expect: {{{name}: {written}}}`"))
}

/// What is to be written for a matcher that stands where none is: beside a kind, in it, or beside the fields of its result.
fn matcher_meant(kind: &Kind, name: &str) -> Option<String> {
    let is_text = |field: &&Field| field.kind == FieldKind::Text;
    let field = kind.results.iter().find(is_text).or(kind.results.first())?;
    let is_matcher = MATCHER_TABLE.iter().any(|(matcher, _)| *matcher == name);
    is_matcher.then(|| {
        format!(
            "it judges a field of the result: `expect: {{{}: {{{name}: …}}}}`",
            field.name
        )
    })
}

/// Says of keys that were told as unknown in a kind what is to be written for them.
pub(super) fn tell_meant(kind: &Kind, value: &Node, told: &mut [Diagnostic]) {
    for (key, given) in value.map().unwrap_or_default() {
        let Some(name) = key.scalar() else { continue };
        let mut meant = MEANT
            .iter()
            .filter(|(of, keys, _)| *of == kind.name && keys.contains(&name));
        let problem = told
            .iter_mut()
            .find(|problem| problem.span == key.span && problem.message.starts_with("unknown"));
        let help = meant.next().map(|(_, _, help)| (*help).to_owned());
        let help = help.or_else(|| field_meant(kind, value, (name, given)));
        if let (Some(help), Some(problem)) = (help.or_else(|| matcher_meant(kind, name)), problem) {
            problem.help = Some(help);
        }
    }
}

/// Says of an http body that is data under which key that is sent.
pub(super) fn tell_data_body(kind: &Kind, value: &Node, told: &mut [Diagnostic]) {
    let Some(body) = value.entry("body").filter(|_| kind.name == "http") else {
        return;
    };
    let is_data = body.map().is_some() || body.list().is_some();
    if let Some(problem) = told.iter_mut().find(|problem| is_data && problem.span == body.span) {
        problem.help = Some("`body` is text; data goes under `json:`".to_owned());
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

/// What others call waiting.
const WAITING: [&str; 10] = [
    "wait",
    "sleep",
    "delay",
    "wait-for",
    "wait-until",
    "retry",
    "retries",
    "until",
    "attempts",
    "poll",
];

/// What others call a command.
const COMMANDS: [&str; 7] = ["command", "cmd", "script", "bash", "sh", "execute", "docker"];

/// What is to be done for a kind that others have, and that is none here.
pub(crate) fn kind_meant(name: &str) -> Option<String> {
    let whole = match name {
        "retry" | "retries" | "attempts" => "; a whole scenario is tried again by `retries`, beside its `steps`",
        _ => "",
    };
    if WAITING.contains(&name) {
        return Some(format!(
            "nothing sleeps here: a question with `within: 30s` is asked again until what it expects is there, and with \
             `holds-for: 2s` it must stay so{whole}"
        ));
    }
    COMMANDS.contains(&name).then(|| {
        "a command is run on this machine by `shell`, in a service's container by `exec`, and in a container of its own by \
         `run`"
            .to_owned()
    })
}

pub(super) fn unknown_step_key(key: &Node, name: &str, kind: Option<&Kind>) -> Diagnostic {
    let told = |help: String| Diagnostic::error(&key.span, format!("unknown key or step kind `{name}`")).help(help);
    if let Some(kind) = kind.filter(|kind| (kind.keys)().iter().any(|own| own == name)) {
        return told(format!(
            "it belongs in `{0}`, not beside it: `{0}: {{{name}: …}}`",
            kind.name
        ));
    }
    if let Some(meant) = kind.and_then(|kind| matcher_meant(kind, name)) {
        return told(meant);
    }
    let meant = kind_meant(name).filter(|_| kind.is_none() || WAITING.contains(&name));
    if let Some(meant) = meant {
        return told(meant);
    }
    key_trap(key).unwrap_or_else(|| {
        let mut known: Vec<Cow<'static, str>> = KINDS.iter().map(|kind| kind.name.into()).collect();
        known.extend_from_slice(Common::offered());
        known.extend(APART.map(Cow::from));
        let known: Vec<&str> = known.iter().map(AsRef::as_ref).collect();
        let near = crate::diagnostic::did_you_mean(name, &known);
        told(near.map_or_else(kinds_help, |near| format!("did you mean `{near}`?")))
    })
}

/// Says of a step's key that is written in its kind, and was told as unknown there, where it belongs.
pub(super) fn tell_misplaced(kind: &Kind, value: &Node, told: &mut [Diagnostic]) {
    let keys = value.map().unwrap_or_default().iter();
    let own = (kind.keys)();
    let misplaced = keys.filter(|(key, _)| {
        let is_own = |name: &str| own.iter().any(|own| own == name);
        key.scalar().is_some_and(|name| is_common(name) && !is_own(name))
    });
    for (key, _) in misplaced {
        if let Some(problem) = told.iter_mut().find(|problem| problem.span == key.span) {
            problem.help = Some(format!(
                "it belongs beside `{}`, not in it: at the same level",
                kind.name
            ));
        }
    }
}

pub(super) fn kinds_help() -> String {
    let kinds = KINDS
        .iter()
        .map(|kind| format!("`{}`", kind.name))
        .collect::<Vec<_>>()
        .join(", ");
    format!("the kinds are {kinds}; `e2erun steps KIND` tells of one")
}
