//! A path in a container: what stands there, and how it is read and written; by the engine where that sees it.

use std::collections::VecDeque;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::StreamExt;

use super::super::volume::{Holder, THERE};
use super::super::{Cx, Done, NodeHandle};
use crate::engine::{Container, PathStat};
use crate::event::Fault;

/// A path in a container.
pub(in crate::step) struct Inside {
    pub(in crate::step) node: NodeHandle,
    /// As it was when the path was looked for.
    pub(in crate::step) container: Container,
    /// What the container is called in messages.
    pub(in crate::step) name: String,
    pub(in crate::step) path: String,
    /// The container, if it is only there to look into a volume.
    pub(in crate::step) holder: Option<Holder>,
}

/// The bit of a folder in a path's mode.
const FOLDER: u32 = 1 << 31;
/// The bit of a link.
const LINK: u32 = 1 << 27;
/// So many links are followed, as the kernel does: then they lead nowhere.
const MAX_LINKS: usize = 40;

/// True for a folder.
pub(in crate::step) fn is_folder(stat: &PathStat) -> bool {
    stat.mode & FOLDER != 0
}

fn is_link(stat: &PathStat) -> bool {
    stat.mode & LINK != 0
}

/// The parts of a path.
fn parts(path: &str) -> impl DoubleEndedIterator<Item = String> {
    let parts = path.split('/').filter(|part| !matches!(*part, "" | "."));
    parts.map(str::to_owned)
}

impl Inside {
    /// A path in it as its author would write it: of a volume, not where that is mounted to be looked into.
    pub(in crate::step) fn told(&self, path: &str) -> String {
        let in_volume = self.holder.as_ref().and_then(|_| path.strip_prefix(THERE));
        match (in_volume, self.name.strip_prefix("volume ")) {
            (Some(""), Some(volume)) => format!("volume:{volume}:/"),
            (Some(rest), Some(volume)) => format!("volume:{volume}:{rest}"),
            _ => path.to_owned(),
        }
    }

    /// Where the path leads, every link on the way followed, and what stands there. What is below a file is told.
    pub(in crate::step) async fn stat(&self, cx: &Cx) -> Done<(String, Option<PathStat>)> {
        let wanted = self.path.trim_end_matches("/.").trim_end_matches('/');
        let wants_folder = wanted.len() < self.path.len();
        let mut rest: VecDeque<String> = parts(wanted).collect();
        let (mut path, mut links, mut last) = (String::new(), 0, None);
        while let Some(part) = rest.pop_front() {
            if part == ".." {
                path.truncate(path.rfind('/').unwrap_or(0));
                last = None;
                continue;
            }
            path = format!("{path}/{part}");
            last = None;
            // What is mounted over a folder is there.
            if !rest.is_empty() && over(&self.container, &path) {
                continue;
            }
            let Some(stat) = self.look(cx, &path).await? else {
                return Ok((rest.iter().fold(path, |path, part| format!("{path}/{part}")), None));
            };
            if is_link(&stat) {
                links += 1;
                // One that leads to itself does not get better by asking on.
                if links > MAX_LINKS || stat.link.is_empty() {
                    return Ok((path, None));
                }
                let from = if stat.link.starts_with('/') {
                    0
                } else {
                    path.rfind('/').unwrap_or(0)
                };
                path.truncate(from);
                parts(&stat.link).rev().for_each(|part| rest.push_front(part));
            } else if !is_folder(&stat) && (wants_folder || !rest.is_empty()) {
                return Err(cx.failure(match self.holder {
                    Some(_) => format!("`{}` is no folder", self.told(&path)),
                    None => format!("`{path}` in `{}` is no folder", self.name),
                }));
            } else {
                last = Some(stat);
            }
        }
        if path.is_empty() {
            path.push('/');
        }
        match last {
            None => Ok((path.clone(), self.look(cx, &path).await?)),
            last => Ok((path, last)),
        }
    }

    /// What stands at a path; a link is not followed.
    pub(super) async fn look(&self, cx: &Cx, path: &str) -> Done<Option<PathStat>> {
        match unseen(&self.container, path) {
            Some(mount) => self.look_in_memory(cx, (path, &mount)).await,
            None => cx.asked(self.node.engine.stat(&self.container.id, path)).await,
        }
    }

    /// A path as a tar, at most so many bytes of it.
    pub(in crate::step) async fn read(&self, cx: &Cx, path: &str, limit: usize) -> Done<Vec<u8>> {
        if let Some(mount) = unseen(&self.container, path) {
            return self.read_memory(cx, (path, &mount), limit).await;
        }
        let mut archive = cx
            .asked(self.node.engine.read_archive(&self.container.id, path))
            .await?;
        let mut tar = Vec::new();
        while let Some(piece) = archive.next().await {
            tar.extend_from_slice(&piece.map_err(|error| vec![cx.engine_fault(&error)])?);
            if tar.len() >= limit {
                break;
            }
        }
        Ok(tar)
    }

    /// Unpacks a tar in a folder, the name being that of its first entry there, if it has one.
    pub(in crate::step) async fn write(&self, cx: &Cx, folder: &str, (name, tar): (Option<&str>, Bytes)) -> Done<()> {
        let first = format!("{}/{}", folder.trim_end_matches('/'), name.unwrap_or_default());
        if let Some(mount) = unseen(&self.container, &first) {
            return self.write_memory(cx, (folder, &mount), tar).await;
        }
        let (engine, container, folder) = (
            Arc::clone(&self.node.engine),
            self.container.id.clone(),
            folder.to_owned(),
        );
        let writing = {
            let folder = folder.clone();
            async move { engine.write_archive(&container, &folder, tar).await }
        };
        match cx.changed(writing).await {
            Err(faults) => Err(self.no_folder(cx, &folder).await?.unwrap_or(faults)),
            written => written,
        }
    }

    /// Why nothing could be written, if the folder is not there. Asked only then: one that is there need not be looked for.
    pub(super) async fn no_folder(&self, cx: &Cx, folder: &str) -> Done<Option<Vec<Fault>>> {
        let (name, there) = (&self.name, self.look(cx, folder).await?);
        Ok(there.is_none().then(|| {
            if self.holder.is_some() {
                let message = format!("there is no folder `{}`", self.told(folder));
                let hint =
                    "it has to be made first: copy a folder there, or let a `run` make it that has the volume mounted";
                return cx.failure_with_hint(message, hint);
            }
            let message = format!("there is no folder `{folder}` in `{name}`");
            let hint = format!("it has to be made first, e.g. by `exec` with `mkdir -p {folder}`");
            cx.failure_with_hint(message, hint)
        }))
    }
}

/// What the engine does not see: it looks at a container's layers and volumes only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Unseen {
    /// Files in memory: a tmpfs.
    Memory(String),
    /// What the kernel makes up as it is read.
    Kernel(String),
}

/// Who sees what is in a mount.
#[derive(Clone, Copy)]
enum Sight {
    Engine,
    Memory,
    Kernel,
}

/// Where something is mounted in a container.
fn mounts(container: &Container) -> impl Iterator<Item = (&str, Sight)> {
    let tmpfs = container
        .raw
        .pointer("/HostConfig/Tmpfs")
        .and_then(serde_json::Value::as_object);
    let mounts = container.mounts.iter().map(|(kind, _, at, _)| match kind.as_str() {
        "tmpfs" => (at.as_str(), Sight::Memory),
        _ => (at.as_str(), Sight::Engine),
    });
    let named = tmpfs.into_iter().flatten().map(|(at, _)| (at.as_str(), Sight::Memory));
    let own = [
        ("/dev", Sight::Memory),
        ("/proc", Sight::Kernel),
        ("/sys", Sight::Kernel),
    ];
    mounts.chain(named).chain(own)
}

/// The mount that hides a path from the engine. Of mounts in one another the innermost one counts.
fn unseen(container: &Container, path: &str) -> Option<Unseen> {
    let around = mounts(container).filter(|(at, _)| Path::new(path).starts_with(at));
    match around.max_by_key(|(at, _)| at.trim_end_matches('/').len())? {
        (_, Sight::Engine) => None,
        (at, Sight::Memory) => Some(Unseen::Memory(at.to_owned())),
        (at, Sight::Kernel) => Some(Unseen::Kernel(at.to_owned())),
    }
}

/// True where something is mounted at a path, or below it.
fn over(container: &Container, path: &str) -> bool {
    unseen(container, path).is_some() && mounts(container).any(|(at, _)| Path::new(at).starts_with(path))
}

/// True for what is neither a folder, a link nor a file: a device, a fifo, a socket.
pub(in crate::step) fn is_special(stat: &PathStat) -> bool {
    stat.mode & (1 << 26 | 1 << 25 | 1 << 24 | 1 << 21 | 1 << 19) != 0
}

#[cfg(test)]
mod tests {
    use super::{Unseen, over, unseen};
    use crate::engine::Container;

    fn container() -> Container {
        let mount = |kind: &str, at: &str| (kind.to_owned(), String::new(), at.to_owned(), true);
        Container {
            mounts: vec![
                mount("tmpfs", "/run/a"),
                mount("volume", "/scratch/data"),
                mount("bind", "/dev/x"),
            ],
            raw: serde_json::json!({"HostConfig": {"Tmpfs": {"/scratch": ""}}}),
            ..Container::default()
        }
    }

    #[test]
    fn what_is_in_memory_is_not_seen() {
        let memory = |at: &str| Some(Unseen::Memory(at.to_owned()));
        let kernel = |at: &str| Some(Unseen::Kernel(at.to_owned()));
        for (path, expected) in [
            ("/scratch/f", memory("/scratch")),
            ("/scratch", memory("/scratch")),
            ("/scratchy", None),
            ("/scratch/data/f", None),
            ("/run/a/b", memory("/run/a")),
            ("/run/b", None),
            ("/dev/shm/x", memory("/dev")),
            ("/dev/x/y", None),
            ("/proc/1/status", kernel("/proc")),
            ("/sys", kernel("/sys")),
            ("/etc/passwd", None),
        ] {
            assert_eq!(unseen(&container(), path), expected, "{path}");
        }
    }

    #[test]
    fn what_leads_to_a_mount_in_memory_is_a_folder() {
        let all = [
            "/scratch",
            "/scratch/data",
            "/scratch/d",
            "/run",
            "/dev",
            "/proc/1",
            "/dev/x",
        ];
        let found: Vec<&str> = all.into_iter().filter(|path| over(&container(), path)).collect();
        assert_eq!(found, ["/scratch", "/dev"]);
    }
}
