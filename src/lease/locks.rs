//! What only one case on an engine can have, kept from the cases of other runs on this machine: locked files.
//!
//! The cases of one run are kept apart by its schedule. A run of another user, or on another machine, is not seen here: what
//! it holds is found taken when a stack wants it.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use sha2::{Digest, Sha256};
use tokio::sync::oneshot;
use tokio::time::timeout;

/// How long one is waited for who is leaving a swarm: it takes seconds.
const LEAVING: Duration = Duration::from_secs(5 * 60);

/// The locks of an engine's cases, on this machine.
#[derive(Debug, Clone)]
pub struct Locks {
    folder: PathBuf,
    /// The lock of the engine's swarm, which runs of other users mind, too.
    swarm: PathBuf,
}

/// Locks that are held until this is dropped, also by a crash.
#[derive(Debug, Default)]
pub struct Held(Vec<(PathBuf, File)>);

impl Drop for Held {
    fn drop(&mut self) {
        // Removed while it is locked: who waits for it finds it gone, and makes a new one.
        for (path, _) in &self.0 {
            let _ = fs::remove_file(path);
        }
    }
}

impl Locks {
    /// Those of an engine, by its own id, below the folder of the leases.
    pub fn of(leases: &Path, engine: &str) -> Locks {
        Locks {
            folder: leases.join("locks").join(file_name(engine)),
            swarm: swarm_file(leases, engine),
        }
    }

    /// The same, with what all users of this machine must mind in a folder where all of them can write.
    pub fn with_shared(mut self, folder: &Path, engine: &str) -> Locks {
        self.swarm = swarm_file(folder, engine);
        self
    }

    /// Uses the engine's swarm beside whoever else does; waits for one who is leaving it, and `waits` is told of that. One
    /// that hangs does not hold all others for ever.
    pub async fn use_swarm(&self, waits: impl Fn(&str)) -> io::Result<SwarmUse> {
        let file = self.swarm.display();
        let using = timeout(LEAVING, self.shared(|| {
            waits(&format!(
                "waits for another run of e2erun on this machine, which is leaving the engine's swarm; it has locked `{file}`"
            ));
        }));
        using.await.unwrap_or_else(|_| {
            let within = LEAVING.as_secs() / 60;
            let why =
                format!("another run of e2erun had `{file}` locked for {within} minutes, and was leaving the swarm");
            Err(io::Error::new(io::ErrorKind::TimedOut, why))
        })
    }

    async fn shared(&self, waits: impl Fn()) -> io::Result<SwarmUse> {
        loop {
            let file = readable(&self.swarm)?;
            let file = match file.try_lock_shared() {
                Ok(()) => file,
                Err(TryLockError::WouldBlock) => {
                    waits();
                    locked(file, File::lock_shared).await?
                }
                Err(TryLockError::Error(why)) => return Err(why),
            };
            if is_still(&self.swarm, &file)? {
                let path = self.swarm.clone();
                return Ok(SwarmUse { path, file });
            }
        }
    }

    /// Whether a case of a run has one now.
    pub fn is_held(&self, name: &str) -> bool {
        let file = OpenOptions::new().append(true).open(self.folder.join(file_name(name)));
        file.is_ok_and(|file| matches!(file.try_lock(), Err(TryLockError::WouldBlock)))
    }

    /// Takes them, each when it is free; `waits` is told of one that is not. They are taken in the order of their names,
    /// so that no two runs wait for each other.
    pub async fn take(&self, names: &BTreeSet<String>, waits: impl Fn(&str)) -> io::Result<Held> {
        let mut held = Held::default();
        if !names.is_empty() {
            fs::create_dir_all(&self.folder)?;
        }
        for name in names {
            let path = self.folder.join(file_name(name));
            let file = loop {
                let file = OpenOptions::new().create(true).append(true).open(&path)?;
                let file = match file.try_lock() {
                    Ok(()) => file,
                    Err(TryLockError::WouldBlock) => {
                        waits(name);
                        locked(file, File::lock).await?
                    }
                    Err(TryLockError::Error(why)) => return Err(why),
                };
                if is_still(&path, &file)? {
                    break file;
                }
            };
            held.0.push((path, file));
        }
        Ok(held)
    }
}

/// The use of an engine's swarm, until it is dropped, also by a crash.
#[derive(Debug)]
pub struct SwarmUse {
    path: PathBuf,
    file: File,
}

impl SwarmUse {
    /// Where nobody else uses it: then nobody begins to, until what is given is dropped.
    pub fn alone(self) -> io::Result<Option<Held>> {
        self.file.unlock()?;
        match self.file.try_lock() {
            Ok(()) if is_still(&self.path, &self.file)? => Ok(Some(Held(vec![(self.path, self.file)]))),
            // Another one was the last, or has begun.
            Ok(()) | Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(why)) => Err(why),
        }
    }
}

fn swarm_file(folder: &Path, engine: &str) -> PathBuf {
    folder.join(format!("e2erun-swarm-{}.lock", file_name(engine)))
}

/// A file to lock, made if it is not there. Another user's can only be read, which is enough.
fn readable(path: &Path) -> io::Result<File> {
    match File::open(path) {
        Err(why) if why.kind() == io::ErrorKind::NotFound => {
            if let Some(folder) = path.parent() {
                fs::create_dir_all(folder)?;
            }
            match OpenOptions::new().write(true).create_new(true).open(path) {
                // Somebody else has just made it.
                Err(why) if why.kind() == io::ErrorKind::AlreadyExists => File::open(path),
                made => made,
            }
        }
        found => found,
    }
}

/// Waits on a thread of its own, which an end of the run need not wait for: a lock that comes too late is given back.
async fn locked(file: File, lock: fn(&File) -> io::Result<()>) -> io::Result<File> {
    let (gives, given) = oneshot::channel();
    std::thread::spawn(move || gives.send(lock(&file).map(|()| file)));
    given.await.map_err(io::Error::other)?
}

/// Whether a file has its name still: who held it before has taken the name away.
fn is_still(path: &Path, file: &File) -> io::Result<bool> {
    match fs::metadata(path) {
        Ok(now) => Ok((now.dev(), now.ino()) == (file.metadata()?.dev(), file.metadata()?.ino())),
        Err(why) if why.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(why) => Err(why),
    }
}

/// A file's name that tells what it is of; the hash keeps apart what reads alike.
fn file_name(name: &str) -> String {
    let plain = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '.' | '_');
    let mut file: String = name
        .chars()
        .map(|letter| if plain(letter) { letter } else { '-' })
        .take(60)
        .collect();
    for byte in &Sha256::digest(name.as_bytes())[..8] {
        let _ = write!(file, "{byte:02x}");
    }
    file
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::collections::BTreeSet;

    use super::Locks;

    fn names(names: &[&str]) -> BTreeSet<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    fn left(folder: &std::path::Path) -> usize {
        let engines = std::fs::read_dir(folder.join("locks")).unwrap().flatten();
        engines
            .map(|engine| std::fs::read_dir(engine.path()).unwrap().count())
            .sum()
    }

    #[tokio::test]
    async fn what_another_holds_is_waited_for_and_nothing_is_left() {
        let folder = tempfile::tempdir().unwrap();
        let locks = Locks::of(folder.path(), "ABCD:1");
        let first = locks.take(&names(&["host port 80", "host port 443"]), |_| ()).await;
        let told = RefCell::new(Vec::new());
        let wanted = names(&["host port 80"]);
        let second = locks.take(&wanted, |name| {
            told.borrow_mut().push(name.to_owned());
        });
        tokio::pin!(second);
        assert!(futures_util::poll!(&mut second).is_pending());
        assert!(locks.is_held("host port 80") && !locks.is_held("host port 81"));
        let other = locks.take(&names(&["host port 81"]), |_| panic!("it is free")).await;
        drop(first);
        let second = second.await.unwrap();
        assert_eq!(*told.borrow(), ["host port 80"]);
        drop((second, other));
        assert_eq!(left(folder.path()), 0);
    }

    #[tokio::test]
    async fn the_last_one_who_used_the_swarm_has_it_alone_and_others_wait() {
        let folder = tempfile::tempdir().unwrap();
        // Two users, each with leases of their own.
        let of = |user: &str| Locks::of(&folder.path().join(user), "ABCD").with_shared(folder.path(), "ABCD");
        let nobody = |told: &str| panic!("{told}");
        let (mine, yours) = (of("me"), of("you"));
        let (first, second) = (
            mine.use_swarm(nobody).await.unwrap(),
            yours.use_swarm(nobody).await.unwrap(),
        );
        assert!(first.alone().unwrap().is_none());
        let alone = second.alone().unwrap().expect("the last one");
        let told = RefCell::new(Vec::new());
        let third = mine.use_swarm(|of| told.borrow_mut().push(of.to_owned()));
        tokio::pin!(third);
        assert!(futures_util::poll!(&mut third).is_pending());
        assert!(
            matches!(told.borrow().as_slice(), [one] if one.contains("leaving the engine's swarm")),
            "{told:?}"
        );
        drop(alone);
        drop(third.await.unwrap().alone().unwrap().expect("nobody else is there"));
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[tokio::test]
    async fn names_that_read_alike_are_kept_apart() {
        let folder = tempfile::tempdir().unwrap();
        let locks = Locks::of(folder.path(), "ABCD:1");
        let long = "v".repeat(200);
        let alike = [
            format!("{long}1"),
            format!("{long}2"),
            "a b".to_owned(),
            "a-b".to_owned(),
        ];
        let held = locks.take(&alike.into(), |name| panic!("{name} is free")).await;
        assert_eq!(left(folder.path()), 4);
        drop(held);
        assert_eq!(left(folder.path()), 0);
    }

    #[tokio::test]
    async fn who_gives_up_waiting_holds_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let locks = Locks::of(folder.path(), "ABCD:1");
        let first = locks.take(&names(&["a", "b"]), |_| ()).await;
        let wanted = names(&["b"]);
        let mut waiting = Box::pin(locks.take(&wanted, |_| ()));
        assert!(futures_util::poll!(&mut waiting).is_pending());
        drop((waiting, first));
        // The lock that came too late is given back: it can be had again.
        drop(locks.take(&wanted, |_| ()).await.unwrap());
        assert_eq!(left(folder.path()), 0);
    }
}
