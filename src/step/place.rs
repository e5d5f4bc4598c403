//! Where a file is: a path here, or `service:path` in a container; and files carried as tar archives.

use std::io::{self, Read};
use std::path::{Path, PathBuf};

use futures_util::StreamExt;

use super::describe;
use super::{Binder, Cx, Done, NodeHandle};
use crate::engine::{Container, PathStat};
use crate::shape::Text;

/// The most bytes that are carried at once.
pub(super) const MAX_BYTES: usize = 1 << 30;

/// A path, and where it is.
pub(super) enum Place {
    /// On this machine.
    Here(PathBuf),
    /// In a container.
    In(Inside),
}

/// A path in a container.
pub(super) struct Inside {
    pub(super) node: NodeHandle,
    pub(super) container: String,
    /// What the container is called in messages.
    pub(super) name: String,
    pub(super) path: String,
}

/// A target and a path, or a path alone. What begins like a path is one.
fn split(text: &str) -> (Option<&str>, &str) {
    if text.starts_with(['/', '.', '~']) {
        return (None, text);
    }
    match text.split_once(':') {
        Some((target, path)) => (Some(target), path),
        None => (None, text),
    }
}

/// True for a path in a container.
pub(super) fn is_inside(text: &Text) -> bool {
    split(&text.shown()).0.is_some()
}

/// Tells a target that is none, as far as it is known before the step; gives a path on this machine.
pub(super) fn check(text: &Text, binder: &mut Binder<'_>) -> Option<String> {
    let constant = binder.constant_text(text);
    let shown = constant.clone().unwrap_or_else(|| text.shown());
    let (Some(target), path) = split(&shown) else {
        return constant;
    };
    if !target.contains("${{") && binder.is_target(target, &text.span) && path.is_empty() {
        binder.error(
            &text.span,
            format!("`{shown}` has no path"),
            format!("write it as `{target}:/path`"),
        );
    }
    None
}

/// Tells a path of `collect` that is none of a container.
pub(super) fn check_collected(text: &Text, binder: &mut Binder<'_>) {
    let here = check(text, binder).filter(|path| !path.contains("${{"));
    if let Some(here) = here {
        binder.error(
            &text.span,
            format!("`{here}` is no path of a container"),
            "write it as `service:/path`",
        );
    }
}

/// Finds the place that a text names.
pub(super) async fn find(cx: &Cx, written: &Text) -> Done<Place> {
    let text = cx.text(written).await?;
    let (target, path) = split(&text);
    let Some(target) = target else {
        return Ok(Place::Here(cx.path(written, path)));
    };
    let found = cx.container(target)?;
    let (node, container) = cx.one(&found)?;
    Ok(Place::In(Inside {
        node,
        container,
        name: describe::shown(&found),
        path: if path.starts_with('/') {
            path.to_owned()
        } else {
            format!("/{path}")
        },
    }))
}

/// The bit of a folder in a path's mode.
const FOLDER: u32 = 1 << 31;
/// The bit of a link.
const LINK: u32 = 1 << 27;

/// True for a folder.
pub(super) fn is_folder(stat: &PathStat) -> bool {
    stat.mode & FOLDER != 0
}

/// What the engine sees at a part of a path.
enum Seen {
    There(PathStat),
    Nothing,
    /// It does not see it, but what is mounted below.
    Over,
}

/// True for what is neither a folder nor a link.
fn is_other(stat: &PathStat) -> bool {
    !is_folder(stat) && stat.mode & LINK == 0
}

impl Inside {
    /// What stands there, links followed, and the path that they lead to.
    pub(super) async fn stat(&self, cx: &Cx) -> Done<Option<(String, PathStat)>> {
        let path = self.resolved(cx).await?;
        let stat = cx.asked(self.node.engine.stat(&self.container, &path)).await?;
        // One that leads to itself does not get better by asking on.
        Ok(stat.filter(|stat| stat.mode & LINK == 0).map(|stat| (path, stat)))
    }

    /// The path with every link on the way followed. What the engine does not see, and what is below a file, is told.
    async fn resolved(&self, cx: &Cx) -> Done<String> {
        let inspected = cx.asked(self.node.engine.inspect(&self.container)).await?;
        let wanted = self.path.trim_end_matches("/.").trim_end_matches('/');
        let is_folder = wanted.len() < self.path.len();
        let parts: Vec<&str> = wanted.split('/').filter(|part| !matches!(*part, "" | ".")).collect();
        let mut path = String::new();
        for (number, part) in parts.iter().enumerate() {
            if *part == ".." {
                path.truncate(path.rfind('/').unwrap_or(0));
                continue;
            }
            path = format!("{path}/{part}");
            let rest: String = parts[number + 1..].iter().map(|part| format!("/{part}")).collect();
            let mut seen = self.look(cx, &inspected, (&path, &rest)).await?;
            if let Seen::There(link) = &seen
                && link.mode & LINK != 0
                && !link.link.is_empty()
            {
                path = link.link.trim_end_matches('/').to_owned();
                // The engine resolves a link wholly; one to the root was trimmed to nothing.
                seen = self.look(cx, &inspected, (&path, &rest)).await?;
            }
            match seen {
                Seen::Nothing => return Ok(path + &rest),
                Seen::There(stat) if is_other(&stat) && (is_folder || !rest.is_empty()) => {
                    return Err(cx.failure(format!("`{path}` in `{}` is no folder", self.name)));
                }
                Seen::There(_) | Seen::Over => {}
            }
        }
        Ok(if path.is_empty() { "/".to_owned() } else { path })
    }

    async fn look(&self, cx: &Cx, inspected: &Container, (path, rest): (&str, &str)) -> Done<Seen> {
        if let Some(mount) = unseen(inspected, &format!("{path}{rest}")) {
            let message = format!(
                "the engine does not see `{}` in `{}`: `{mount}` is in memory, only for what runs in the container",
                self.path, self.name
            );
            return Err(cx.error_with_hint(message, "a command in it sees that: `exec`"));
        }
        if unseen(inspected, path).is_some() {
            return Ok(Seen::Over);
        }
        let path = if path.is_empty() { "/" } else { path };
        let stat = cx.asked(self.node.engine.stat(&self.container, path)).await?;
        Ok(stat.map_or(Seen::Nothing, Seen::There))
    }

    /// A path as a tar, at most so many bytes of it.
    pub(super) async fn tar(&self, cx: &Cx, path: &str, limit: usize) -> Done<Vec<u8>> {
        let mut archive = cx.asked(self.node.engine.read_archive(&self.container, path)).await?;
        let mut tar = Vec::new();
        while let Some(piece) = archive.next().await {
            tar.extend_from_slice(&piece.map_err(|error| vec![cx.engine_fault(&error)])?);
            if tar.len() >= limit {
                break;
            }
        }
        Ok(tar)
    }
}

/// The mount that hides a path from the engine, which looks at a container's layers and volumes only.
fn unseen(container: &Container, path: &str) -> Option<String> {
    let tmpfs = container
        .raw
        .pointer("/HostConfig/Tmpfs")
        .and_then(serde_json::Value::as_object);
    let mounts = container
        .mounts
        .iter()
        .map(|(kind, _, at, _)| (kind.as_str(), at.as_str()));
    let named = tmpfs.into_iter().flatten().map(|(at, _)| ("tmpfs", at.as_str()));
    let own = ["/dev", "/proc", "/sys"].map(|at| ("tmpfs", at));
    let around = mounts
        .chain(named)
        .chain(own)
        .filter(|(_, at)| Path::new(path).starts_with(at));
    // Of mounts in one another the innermost one counts.
    let (kind, at) = around.max_by_key(|(_, at)| at.len())?;
    (kind == "tmpfs").then(|| at.to_owned())
}

/// True for what is neither a folder, a link nor a file: a device, a fifo, a socket.
pub(super) fn is_special(stat: &PathStat) -> bool {
    stat.mode & (1 << 26 | 1 << 25 | 1 << 24 | 1 << 21 | 1 << 19) != 0
}

/// A tar of which everything is below another name: what was its first name is dropped. Without a name, what is in a
/// folder stands at the top.
pub(super) fn renamed(tar: &[u8], name: Option<&str>) -> io::Result<Vec<u8>> {
    let moved = |path: &Path| -> PathBuf {
        let mut parts = path.components();
        parts.next();
        let name = Path::new(name.unwrap_or("."));
        // Joined with nothing it would end with a slash, as if a file were a folder.
        match parts.as_path() {
            rest if rest.as_os_str().is_empty() => name.to_owned(),
            rest => name.join(rest),
        }
    };
    let mut builder = tar::Builder::new(Vec::new());
    for entry in tar::Archive::new(tar).entries()? {
        let mut entry = entry?;
        let path = entry.path()?.into_owned();
        let path: PathBuf = path
            .components()
            .filter(|part| *part != std::path::Component::CurDir)
            .collect();
        if name.is_none() && path.components().count() < 2 {
            continue;
        }
        let path = moved(&path);
        let mut header = entry.header().clone();
        header.set_size(entry.size());
        let kind = header.entry_type();
        match entry.link_name()?.map(std::borrow::Cow::into_owned) {
            Some(to) if kind.is_hard_link() => builder.append_link(&mut header, path, moved(&to))?,
            Some(to) => builder.append_link(&mut header, path, to)?,
            None => builder.append_data(&mut header, path, &mut entry)?,
        }
    }
    builder.into_inner()
}

/// A tar of one file with this content.
pub(super) fn single(name: &str, content: &[u8]) -> io::Result<Vec<u8>> {
    let mut builder = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_gnu();
    header.set_size(content.len() as u64);
    header.set_mode(0o644);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(u64::try_from(jiff::Timestamp::now().as_second()).unwrap_or(0));
    builder.append_data(&mut header, name, content)?;
    builder.into_inner()
}

/// Whose a tar's first entry is, and its content, as far as it is in what was read.
pub(super) fn first(tar: &[u8]) -> io::Result<(u64, u64, Vec<u8>)> {
    let mut archive = tar::Archive::new(tar);
    let Some(entry) = archive.entries()?.next() else {
        return Err(io::ErrorKind::UnexpectedEof.into());
    };
    let mut entry = entry?;
    let (user, group) = (entry.header().uid()?, entry.header().gid()?);
    let mut content = Vec::new();
    // What was not read is not wanted.
    entry.read_to_end(&mut content).ok();
    Ok((user, group, content))
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::{first, renamed, single, split, unseen};
    use crate::engine::Container;

    #[test]
    fn what_is_in_memory_is_not_seen() {
        let mount = |kind: &str, at: &str| (kind.to_owned(), String::new(), at.to_owned(), true);
        let container = Container {
            mounts: vec![
                mount("tmpfs", "/run/a"),
                mount("volume", "/scratch/data"),
                mount("bind", "/dev/x"),
            ],
            raw: serde_json::json!({"HostConfig": {"Tmpfs": {"/scratch": ""}}}),
            ..Container::default()
        };
        for (path, expected) in [
            ("/scratch/f", Some("/scratch")),
            ("/scratch", Some("/scratch")),
            ("/scratchy", None),
            ("/scratch/data/f", None),
            ("/run/a/b", Some("/run/a")),
            ("/run/b", None),
            ("/dev/shm/x", Some("/dev")),
            ("/dev/x/y", None),
            ("/proc/1/status", Some("/proc")),
            ("/etc/passwd", None),
        ] {
            assert_eq!(unseen(&container, path).as_deref(), expected, "{path}");
        }
    }

    #[test]
    fn what_begins_like_a_path_is_one() {
        for (text, expected) in [
            ("web:/a:b", (Some("web"), "/a:b")),
            ("shop/web.2:a", (Some("shop/web.2"), "a")),
            ("./a:b", (None, "./a:b")),
            ("/a:b", (None, "/a:b")),
            ("a/b", (None, "a/b")),
        ] {
            assert_eq!(split(text), expected, "{text}");
        }
    }

    /// The entries of a tar: path, link or content.
    fn entries(tar: &[u8]) -> Vec<String> {
        let mut archive = tar::Archive::new(tar);
        let entries = archive.entries().unwrap().map(|entry| {
            let mut entry = entry.unwrap();
            let path = entry.path().unwrap().display().to_string();
            let link = entry.link_name().unwrap().map(|to| format!(" -> {}", to.display()));
            let mut content = String::new();
            entry.read_to_string(&mut content).unwrap();
            format!("{path}{} {content}", link.unwrap_or_default())
        });
        entries.collect()
    }

    fn tree() -> Vec<u8> {
        let mut builder = tar::Builder::new(Vec::new());
        let header = |kind: tar::EntryType, size: usize| {
            let mut header = tar::Header::new_gnu();
            header.set_entry_type(kind);
            header.set_size(size as u64);
            header.set_mode(0o600);
            header
        };
        let long = format!("top/{}", "x".repeat(150));
        let add = |builder: &mut tar::Builder<Vec<u8>>, path: &str, text: &str| {
            builder
                .append_data(&mut header(tar::EntryType::Regular, text.len()), path, text.as_bytes())
                .unwrap();
        };
        builder
            .append_data(&mut header(tar::EntryType::Directory, 0), "top/", std::io::empty())
            .unwrap();
        add(&mut builder, "top/a", "A");
        add(&mut builder, &long, "L");
        builder
            .append_link(&mut header(tar::EntryType::Symlink, 0), "top/soft", "../b")
            .unwrap();
        builder
            .append_link(&mut header(tar::EntryType::Link, 0), "top/hard", "top/a")
            .unwrap();
        builder.into_inner().unwrap()
    }

    #[test]
    fn a_tar_gets_another_first_name() {
        let long = "x".repeat(150);
        let named = entries(&renamed(&tree(), Some("new")).unwrap());
        assert_eq!(
            named,
            [
                "new ".to_owned(),
                "new/a A".to_owned(),
                format!("new/{long} L"),
                "new/soft -> ../b ".to_owned(),
                "new/hard -> new/a ".to_owned(),
            ]
        );
        let inner = entries(&renamed(&tree(), None).unwrap());
        assert_eq!(inner.len(), 4);
        assert_eq!(inner[0].trim_start_matches("./"), "a A");
    }

    #[test]
    fn a_file_is_told_by_its_first_entry() {
        let tar = single("a", b"text").unwrap();
        assert_eq!(first(&tar).unwrap(), (0, 0, b"text".to_vec()));
        assert_eq!(entries(&renamed(&tar, Some("b")).unwrap()), ["b text"]);
        assert!(first(b"").is_err());
    }
}
