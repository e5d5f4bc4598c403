//! `file-assert`: what stands at a path, here, in a container or in a volume.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use serde_json::{Value, json};

use super::place::{self, Inside, Place};
use super::{About, Act, Binder, Body, Cx, Done, Sort, Written};
use crate::event::Fault;
use crate::expect::{Field, FieldKind, Must, Usual};
use crate::shape::{Text, shape};

/// See the table.
pub(super) const ABOUT: About = About {
    name: "file-assert",
    does: "Checks what stands at a path, here, in a container or in a volume.",
    manual: "`path` is a path here, from the file that it is written in, `service:path`, or `volume:shop/data:/path` with a \
             volume as `state-assert` names it; links are followed. It must be there, unless `exists: false` is expected. What is in a container is told by the engine: nothing runs in it, \
             and it need not run itself. What is only in memory (a tmpfs, `/dev`) the engine does not see: there `tar` is \
             run in the container, which has to run and to have one. `/proc` and `/sys` are an error: ask by `exec`. \
             `mode` has four digits, `owner` is `user:group` in numbers; `entries` of a folder are the names that are right in it, in any \
             order. Of a folder in a container or volume all that is below it is read for that, 64 MiB at most, and sockets are not among \
             the names.",
    example: "- file-assert: 'web:/var/www/index.html'\n  within: 10s\n  expect: {text: {contains: Tea}, mode: '0644', owner: '0:0'}\n\
              - file-assert: 'volume:shop/data:/dump.sql'\n  expect: {size: {gt: 0}}\n\
              - file-assert: 'volume:shop/data:/backups'\n  expect: {entries: [latest, monday.sql]}\n\
              - file-assert: {path: 'db:/var/lock/db.pid'}\n  expect: {exists: false}",
    sort: Sort::Check,
    limit: Duration::from_secs(60),
    results: RESULT,
    defaults: &[Usual {
        field: "exists",
        must: Must::BeTrue,
        unless: &[],
    }],
    locals: &[],
};

const RESULT: &[Field] = &[
    Field {
        name: "exists",
        kind: FieldKind::Boolean,
        doc: "Whether something is there.",
    },
    Field {
        name: "text",
        kind: FieldKind::Text,
        doc: "The text of a file.",
    },
    Field {
        name: "json",
        kind: FieldKind::Json,
        doc: "The text of a file, read as JSON; not there where it is none.",
    },
    Field {
        name: "mode",
        kind: FieldKind::Mode,
        doc: "Its permissions, four digits: `0644`.",
    },
    Field {
        name: "owner",
        kind: FieldKind::Owner,
        doc: "Whose it is, user and group in numbers: `0:0`.",
    },
    Field {
        name: "size",
        kind: FieldKind::COUNT,
        doc: "Its bytes.",
    },
    Field {
        name: "entries",
        kind: FieldKind::Names,
        doc: "The names of what is in a folder; not there where it is none.",
    },
];

/// The longest file of which the text is read.
const MAX_TEXT: u64 = 8 * 1024 * 1024;
/// How much of a folder in a container is read for its names: the engine sends it with all that is below it.
const MAX_FOLDER: usize = 64 * 1024 * 1024;
/// What a tar has beside the bytes of its first file.
const HEADERS: usize = 64 * 1024;

shape! {
    /// A path to look at.
    pub struct FileAssert ("`file-assert`") short path {
        /// The path: one here, `service:path`, or `volume:NAME:/path`.
        path: Text,
    }
}

impl Written for FileAssert {
    fn title(&self) -> String {
        self.path.shown()
    }

    fn bind(&self, binder: &mut Binder<'_>) -> Option<Body> {
        place::check(&self.path, binder);
        Some(Body::Act(Arc::new(self.clone())))
    }
}

/// What stands at a path.
struct Found {
    /// A folder, a device, a fifo: without text.
    folder: bool,
    size: u64,
    mode: u32,
    owner: (u64, u64),
    /// The content of a file that is not too long.
    content: Option<Vec<u8>>,
    /// The names in a folder, where they are asked for.
    entries: Option<BTreeSet<String>>,
}

#[async_trait]
impl Act for FileAssert {
    async fn act(&self, cx: &Cx) -> Done<Value> {
        let place = place::find(cx, &self.path).await?;
        let found = self.look(cx, &place).await;
        let left = place.leave(cx).await;
        // Why it cannot be looked at says more than why what was made for that stays.
        let found = found?;
        left?;
        let expects = |field: &str| cx.expect.as_ref().is_some_and(|expect| expect.expects(field));
        let found = match found {
            Ok(found) => found,
            // It has to be there unless something is said of that.
            Err(_) if expects("exists") => return Ok(json!({"exists": false})),
            Err(absent) => return Err(cx.failure(absent)),
        };
        if found.size > MAX_TEXT && !found.folder && (expects("text") || expects("json")) {
            let message = format!(
                "its text cannot be judged: it has {} bytes, and no more than {MAX_TEXT} are read",
                found.size
            );
            return Err(vec![Fault::error(message).at(cx.span.place())]);
        }
        Ok(value(&found))
    }

    fn asks_inside(&self) -> bool {
        place::is_in_volume(&self.path)
    }
}

impl FileAssert {
    /// What stands at the place, or that nothing does.
    async fn look(&self, cx: &Cx, place: &Place) -> Done<Result<Found, String>> {
        let found = match place {
            Place::Here(path) => here(cx, path).await?,
            Place::In(inside) => within(cx, inside).await?,
            Place::NoVolume(_) => None,
        };
        match found {
            Some(found) => Ok(Ok(found)),
            None => Ok(Err(place::absent(place, &cx.text(&self.path).await?))),
        }
    }
}

fn value(found: &Found) -> Value {
    let (user, group) = found.owner;
    let mut value = json!({
        "exists": true,
        "mode": format!("{:04o}", found.mode & 0o7777),
        "owner": format!("{user}:{group}"),
        "size": found.size,
    });
    if let Some(content) = found.content.as_ref().filter(|_| !found.folder) {
        let text = String::from_utf8_lossy(content);
        if let Ok(json) = serde_json::from_str::<Value>(&text) {
            value["json"] = json;
        }
        value["text"] = text.into();
    }
    if let Some(entries) = &found.entries {
        value["entries"] = json!(entries);
    }
    value
}

async fn here(cx: &Cx, path: &std::path::Path) -> Done<Option<Found>> {
    let told = |why: std::io::Error| cx.error(format!("cannot look at `{}`: {why}", path.display()));
    let Some(stat) = cx.case.host.stat(path).await.map_err(told)? else {
        return Ok(None);
    };
    let content = if stat.folder || stat.size > MAX_TEXT {
        None
    } else {
        Some(cx.case.host.read_bytes(path, MAX_TEXT).await.map_err(told)?)
    };
    let entries = match stat.folder && asks_for_entries(cx) {
        true => Some(cx.case.host.entries(path).await.map_err(told)?),
        false => None,
    };
    Ok(Some(Found {
        folder: stat.folder,
        size: stat.size,
        mode: stat.mode,
        owner: (stat.user.into(), stat.group.into()),
        content,
        entries,
    }))
}

async fn within(cx: &Cx, inside: &Inside) -> Done<Option<Found>> {
    let (path, Some(stat)) = inside.stat(cx).await? else {
        return Ok(None);
    };
    let folder = place::is_folder(&stat) || place::is_special(&stat);
    let wanted = if folder || stat.size > MAX_TEXT { 0 } else { stat.size };
    let lists = place::is_folder(&stat) && asks_for_entries(cx);
    let limit = match lists {
        true => MAX_FOLDER,
        false => HEADERS + usize::try_from(wanted).unwrap_or(0),
    };
    let tar = inside.read(cx, &path, limit).await?;
    let unread = |why| {
        let path = inside.told(&path);
        cx.error(format!(
            "what is sent of `{path}` in `{}` cannot be read: {why}",
            inside.name
        ))
    };
    if lists && tar.len() >= limit {
        return Err(too_much(cx, inside, &path));
    }
    let (user, group, content) = place::first(&tar).map_err(unread)?;
    let entries = match lists {
        true => Some(place::entries(&tar).map_err(unread)?),
        false => None,
    };
    Ok(Some(Found {
        folder,
        size: stat.size,
        mode: permissions(stat.mode),
        owner: (user, group),
        content: (wanted == stat.size).then_some(content),
        entries,
    }))
}

/// Why the names in a folder cannot be told that has too much below it.
fn too_much(cx: &Cx, inside: &Inside, path: &str) -> Vec<Fault> {
    let path = inside.told(path);
    let (folder, hint) = match inside.holder {
        Some(_) => (
            format!("`{path}`"),
            "list it by `run`, with the volume mounted: `ls -A`",
        ),
        None => (format!("`{path}` in `{}`", inside.name), "list it by `exec`: `ls -A`"),
    };
    let message = format!(
        "the entries of {folder} cannot be told: with all that is below it, it has more than {} MiB",
        MAX_FOLDER >> 20
    );
    cx.error_with_hint(message, hint)
}

fn asks_for_entries(cx: &Cx) -> bool {
    cx.needs_whole(&["entries"]).is_some()
}

/// The permissions in Go's mode bits: set-user, set-group and sticky stand elsewhere there.
fn permissions(mode: u32) -> u32 {
    let bit = |bit: u32, becomes: u32| if mode & (1 << bit) != 0 { becomes } else { 0 };
    (mode & 0o777) | bit(23, 0o4000) | bit(22, 0o2000) | bit(20, 0o1000)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{Found, permissions, value};

    fn check(folder: bool, content: Option<&str>, expected: Value) {
        let found = Found {
            folder,
            size: 3,
            mode: 0o100_644,
            owner: (1000, 50),
            content: content.map(|content| content.as_bytes().to_vec()),
            entries: None,
        };
        let found = value(&found);
        assert_eq!(found, expected);
    }

    #[test]
    fn a_file_has_text_and_json_where_it_is_some() {
        let base = json!({"exists": true, "mode": "0644", "owner": "1000:50", "size": 3});
        check(true, Some("x"), base.clone());
        check(false, None, base.clone());
        let mut with_text = base.clone();
        with_text["text"] = "a\n".into();
        check(false, Some("a\n"), with_text);
        let mut with_json = base;
        with_json["text"] = "[1]".into();
        with_json["json"] = json!([1]);
        check(false, Some("[1]"), with_json);
    }

    #[test]
    fn permissions_are_those_of_a_shell() {
        assert_eq!(permissions(0o644), 0o644);
        assert_eq!(permissions(1 << 31 | 1 << 20 | 0o777), 0o1777);
        assert_eq!(permissions(1 << 23 | 0o755), 0o4755);
    }
}
