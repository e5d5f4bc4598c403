//! What is in a container's memory alone, a tmpfs: no call of the engine sees it, so `tar` carries it, run in the container.

use std::io;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::StreamExt;

use super::super::{Cx, Done, describe, startable};
use super::inside::{Inside, Unseen};
use crate::engine::{Container, Engine, EngineResult, ExecSpec, PathStat, Stream};
use crate::event::Fault;
use crate::host::Kept;

/// Of a path's first header not more is read: a long name stands before it.
const HEADER: usize = 16 * 1024;
/// What is kept of each end of what `tar` complains of.
const KEEP: usize = 4 * 1024;

/// A path, and the mount that hides it from the engine.
type Hidden<'a> = (&'a str, &'a Unseen);

/// What `tar` did.
struct Ran {
    /// What it wrote.
    tar: Vec<u8>,
    /// What it complained of.
    told: String,
    /// How it ended; none where it was left before its end, since no more was wanted.
    exit: Option<i64>,
}

impl Inside {
    /// What stands at a path; a link is not followed.
    pub(super) async fn look_in_memory(&self, cx: &Cx, hidden: Hidden<'_>) -> Done<Option<PathStat>> {
        let command = packing(hidden.0, &["--no-recursion"]);
        let ran = self.tar(cx, hidden.1, (command, None), HEADER).await?;
        match stat(&ran.tar) {
            Ok(Some(stat)) => Ok(Some(stat)),
            Ok(None) if ran.says_missing() => Ok(None),
            Ok(None) => Err(self.failed(cx, ("look at", hidden.0), &ran.told)),
            Err(why) => Err(self.failed(cx, ("look at", hidden.0), &why.to_string())),
        }
    }

    /// A path as a tar, at most so many bytes of it.
    pub(super) async fn read_memory(&self, cx: &Cx, hidden: Hidden<'_>, limit: usize) -> Done<Vec<u8>> {
        let ran = self.tar(cx, hidden.1, (packing(hidden.0, &[]), None), limit).await?;
        match ran.exit {
            None | Some(0) => Ok(ran.tar),
            Some(_) if ran.is_harmless() => Ok(ran.tar),
            Some(_) => Err(self.failed(cx, ("read", hidden.0), &ran.told)),
        }
    }

    /// Unpacks a tar in a folder.
    pub(super) async fn write_memory(&self, cx: &Cx, (folder, mount): Hidden<'_>, tar: Bytes) -> Done<()> {
        let command = ["tar", "-x", "-p", "-f", "-", "-C", folder].map(str::to_owned).to_vec();
        let ran = self.tar(cx, mount, (command, Some(tar)), usize::MAX).await?;
        if ran.exit == Some(0) {
            return Ok(());
        }
        let missing = self.no_folder(cx, folder).await?;
        Err(missing.unwrap_or_else(|| self.failed(cx, ("write to", folder), &ran.told)))
    }

    /// Runs `tar`; told where it cannot run.
    async fn tar(
        &self,
        cx: &Cx,
        mount: &Unseen,
        (command, stdin): (Vec<String>, Option<Bytes>),
        limit: usize,
    ) -> Done<Ran> {
        let (path, name) = (&self.path, &self.name);
        let mount = match mount {
            Unseen::Memory(mount) => mount,
            Unseen::Kernel(mount) => {
                let message =
                    format!("`{path}` in `{name}` is no file to carry: the kernel makes `{mount}` up as it is read");
                return Err(cx.error_with_hint(message, "a command in it reads that: `exec`"));
            }
        };
        if self.container.state != "running" {
            return Err(self.stopped(cx, &self.container, mount));
        }
        let changes = stdin.is_some();
        let spec = ExecSpec {
            command,
            // Its complaints are read.
            env: vec!["LC_ALL=C".to_owned()],
            workdir: Some("/".to_owned()),
            // As whom the engine reads and writes.
            user: Some("0".to_owned()),
            stdin,
        };
        let ran = ran(Arc::clone(&self.node.engine), self.container.id.clone(), spec, limit);
        let ran = match changes {
            true => cx.changed(ran).await,
            false => cx.asked(ran).await,
        };
        let ran = match ran {
            Ok(ran) => ran,
            // It may have ended since it was looked at.
            Err(faults) => match self.node.engine.inspect(&self.container.id).await {
                Ok(now) if now.state != "running" => return Err(self.stopped(cx, &now, mount)),
                _ => return Err(faults),
            },
        };
        let refused = ran
            .exit
            .and_then(|exit| startable::refusal(exit, &String::from_utf8_lossy(&ran.tar)));
        match refused {
            None => Ok(ran),
            Some(why) => {
                let message = format!(
                    "`{path}` in `{name}` is in memory, where only `tar` in it reaches, and that cannot be started: {why}"
                );
                let hint = format!(
                    "put a `tar` into its image, mount a volume at `{mount}` instead of the tmpfs, or use `exec` with a \
                     command that is there"
                );
                Err(cx.error_with_hint(message, hint))
            }
        }
    }

    /// Says of a container that does not run that it has nothing in memory.
    fn stopped(&self, cx: &Cx, now: &Container, mount: &str) -> Vec<Fault> {
        let (name, state) = (&self.name, describe::state(now));
        let message = format!(
            "`{name}` {state}, and does not run: `{mount}` is in its memory (a tmpfs), which needs a running container"
        );
        let hint = "look while it runs, or mount a volume there instead of the tmpfs: that stays";
        cx.failure_with_hint(message, hint)
    }

    fn failed(&self, cx: &Cx, (what, path): (&str, &str), why: &str) -> Vec<Fault> {
        let name = &self.name;
        cx.error(format!("`tar` in `{name}` cannot {what} `{path}`: {}", why.trim()))
    }
}

/// The command that packs a path, under its last name. It begins with `./`, lest a name be taken for an option.
fn packing(path: &str, options: &[&str]) -> Vec<String> {
    let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
    let folder = if folder.is_empty() { "/" } else { folder };
    let (name, begin) = (format!("./{name}"), ["tar", "-c", "-f", "-"]);
    let words = begin.iter().chain(options).copied().chain(["-C", folder, &name]);
    words.map(str::to_owned).collect()
}

async fn ran(engine: Arc<dyn Engine>, container: String, spec: ExecSpec, limit: usize) -> EngineResult<Ran> {
    let mut running = engine.exec(&container, &spec).await?;
    let (mut tar, mut told) = (Vec::new(), Kept::new(KEEP));
    while let Some(frame) = running.output.next().await {
        let frame = frame?;
        match frame.stream {
            Stream::Stdout => tar.extend_from_slice(&frame.bytes),
            Stream::Stderr => told.add(&frame.bytes),
        }
        if tar.len() >= limit {
            let told = told.text();
            return Ok(Ran { tar, told, exit: None });
        }
    }
    let end = engine.exec_exit(&running.id).await?;
    if !end.whole {
        told.add(b"its output ended before it did: the connection to it was cut");
    }
    Ok(Ran {
        tar,
        told: told.text(),
        exit: Some(if end.whole { end.code } else { -1 }),
    })
}

impl Ran {
    /// True where nothing is at the path: there is no other way to tell by `tar` than its words.
    fn says_missing(&self) -> bool {
        self.exit != Some(0) && self.told.contains("No such file or directory")
    }

    /// True where only something changed meanwhile, as GNU's tells: the engine's own archive would not say so.
    fn is_harmless(&self) -> bool {
        self.exit == Some(1) && self.told.lines().all(|line| line.ends_with("as we read it"))
    }
}

/// What a tar's first entry is, in the engine's words; none where there is none.
fn stat(tar: &[u8]) -> io::Result<Option<PathStat>> {
    use tar::EntryType;
    let mut archive = tar::Archive::new(tar);
    let Some(entry) = archive.entries()?.next() else {
        return Ok(None);
    };
    let entry = entry?;
    let kind = match entry.header().entry_type() {
        EntryType::Directory => 1 << 31,
        EntryType::Symlink => 1 << 27,
        EntryType::Char => 1 << 26 | 1 << 21,
        EntryType::Block => 1 << 26,
        EntryType::Fifo => 1 << 25,
        _ => 0,
    };
    let mode = entry.header().mode()?;
    let bit = |of: u32, becomes: u32| if mode & of != 0 { 1 << becomes } else { 0 };
    let path = entry.path()?;
    let link = entry.link_name()?.map(|link| link.to_string_lossy().into_owned());
    Ok(Some(PathStat {
        name: path.file_name().unwrap_or_default().to_string_lossy().into_owned(),
        size: entry.size(),
        mode: mode & 0o777 | kind | bit(0o4000, 23) | bit(0o2000, 22) | bit(0o1000, 20),
        link: link.unwrap_or_default(),
    }))
}

#[cfg(test)]
mod tests {
    use super::{Ran, packing, stat};

    fn entry(kind: tar::EntryType, mode: u32, link: Option<&str>) -> Vec<u8> {
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(kind);
        header.set_mode(mode);
        header.set_size(if kind.is_file() { 2 } else { 0 });
        let mut builder = tar::Builder::new(Vec::new());
        match link {
            Some(link) => builder.append_link(&mut header, "./x", link).unwrap(),
            None if kind.is_file() => builder.append_data(&mut header, "./x", &b"ab"[..]).unwrap(),
            None => builder.append_data(&mut header, "./x", std::io::empty()).unwrap(),
        }
        builder.into_inner().unwrap()
    }

    #[test]
    fn an_entry_is_told_as_the_engine_tells_it() {
        let check = |tar: &[u8], expected: Option<(u64, u32, &str)>| {
            let found = stat(tar).unwrap();
            let found = found.map(|stat| (stat.size, stat.mode, stat.link));
            assert_eq!(found, expected.map(|(size, mode, link)| (size, mode, link.to_owned())));
        };
        check(
            &entry(tar::EntryType::Regular, 0o4755, None),
            Some((2, 1 << 23 | 0o755, "")),
        );
        check(
            &entry(tar::EntryType::Directory, 0o1777, None),
            Some((0, 1 << 31 | 1 << 20 | 0o777, "")),
        );
        check(
            &entry(tar::EntryType::Symlink, 0o777, Some("../y")),
            Some((0, 1 << 27 | 0o777, "../y")),
        );
        check(
            &entry(tar::EntryType::Fifo, 0o644, None),
            Some((0, 1 << 25 | 0o644, "")),
        );
        // An archive of nothing, as `tar` ends it or leaves it.
        check(&[0; 1024], None);
        check(&[], None);
        assert!(stat(b"sh: no").is_err());
    }

    #[test]
    fn a_path_is_packed_by_its_last_name() {
        let check = |path: &str, expected: &str| assert_eq!(packing(path, &["-o"]).join(" "), expected);
        check("/m", "tar -c -f - -o -C / ./m");
        check("/m/a b/-f", "tar -c -f - -o -C /m/a b ./-f");
    }

    #[test]
    fn tars_words_tell_what_is_missing_and_what_only_changed() {
        let check = |exit: i64, told: &str, expected: (bool, bool)| {
            let (tar, told) = (Vec::new(), told.to_owned());
            let ran = Ran {
                tar,
                told,
                exit: Some(exit),
            };
            assert_eq!((ran.says_missing(), ran.is_harmless()), expected, "{}", ran.told);
        };
        let gnu = "tar: ./x: Cannot stat: No such file or directory\ntar: Exiting with failure status due to previous errors\n";
        check(2, gnu, (true, false));
        check(
            1,
            "tar: ./x: No such file or directory\ntar: error exit delayed from previous errors\n",
            (true, false),
        );
        check(1, "tar: ./x: file changed as we read it\n", (false, true));
        check(2, "tar: ./x: Cannot open: Permission denied\n", (false, false));
        check(0, "", (false, false));
    }
}
