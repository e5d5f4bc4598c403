//! Who owns what was made: a lease is a locked file, and labels with its id on everything that its run makes.
//!
//! A run is dead only if its lease file is here and its lock is free; everything else goes by age, when it is asked for.

mod built;
mod gc;
mod kept;
mod locks;
mod standing;
mod sweep;

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use rustix::rand::{GetRandomFlags, getrandom};
use serde::{Deserialize, Serialize};

use crate::engine::Labels;
use crate::host::{Group, Groups};
pub use built::{IMAGE, NAMES, OURS, OWNER, image_labels, used_again};
pub use gc::{GcOptions, GcPlan, Why, WhyNot, gc, plan_gc};
pub use kept::KeptCase;
pub use locks::{Held, Locks};
pub use standing::{DeadLease, Leases};
pub use sweep::{Left, Swept, clear, sweep};

/// The label with the id of the lease, which is also the run's.
pub const LEASE: &str = "e2erun.lease";
/// The label with the scenario's file.
pub const SCENARIO: &str = "e2erun.scenario";
/// The label with the id of a case's try.
pub const CASE: &str = "e2erun.case";

/// How long an id is: ten of 36 characters.
const ID_LENGTH: usize = 10;

/// The labels of what a try of a case makes. A run's id is its lease's.
pub fn case_labels(run: &str, scenario: &str, case: &str) -> Labels {
    let labels = [(LEASE, run), (SCENARIO, scenario), (CASE, case)];
    labels
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

/// A line of a lease's file.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
enum Line {
    /// Whose it is: its process and its command.
    Run { pid: u32, command: Vec<String> },
    /// Something is made on an engine.
    Engine(String),
    /// A process group was started.
    Started(Group),
    /// It has ended.
    Ended(Group),
    /// An image is wanted that was built, or will be.
    Image(String),
    /// Nothing is left on an engine.
    Clean(String),
    /// A case was kept.
    Kept(KeptCase),
}

/// A lease that is held by this process.
pub struct Lease {
    id: String,
    path: PathBuf,
    /// Locked until it is closed, also by a crash.
    file: Mutex<File>,
    /// The first line that could not be written.
    trouble: Mutex<Option<String>>,
    /// Something is left that could not be removed.
    left: AtomicBool,
    /// Something was kept.
    kept: AtomicBool,
}

impl Lease {
    /// Takes a lease: its file in the folder, which is made, and a new id.
    pub fn take(folder: &Path, command: &[String]) -> io::Result<Lease> {
        fs::create_dir_all(folder)?;
        let id = random_id()?;
        let path = folder.join(format!("{id}.lease"));
        // Locked before it has its name: whoever sees it sees it locked.
        let hidden = folder.join(format!(".{id}.new"));
        let file = OpenOptions::new().create_new(true).append(true).open(&hidden)?;
        file.try_lock().map_err(io::Error::from)?;
        let lease = Lease {
            id,
            path,
            file: Mutex::new(file),
            trouble: Mutex::new(None),
            left: AtomicBool::new(false),
            kept: AtomicBool::new(false),
        };
        lease.write(&Line::Run {
            pid: std::process::id(),
            command: command.to_vec(),
        })?;
        fs::rename(&hidden, &lease.path)?;
        Ok(lease)
    }

    /// Its id, on everything that its run makes; also the run's id.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The label that everything of its run has.
    pub fn label(&self) -> String {
        format!("{LEASE}={}", self.id)
    }

    /// Notes an engine (its own id), before anything is made on it.
    pub fn on_engine(&self, engine: &str) -> io::Result<()> {
        self.write(&Line::Engine(engine.to_owned()))
    }

    /// Notes a built image, before it is looked for: until the run ends nobody removes it.
    pub fn wants(&self, image: &str) {
        self.note(&Line::Image(image.to_owned()));
    }

    /// Why the file does not tell all: the first line that could not be written.
    pub fn trouble(&self) -> Option<String> {
        self.trouble.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Says that something is left that could not be removed: when this process is gone, its run is a dead one.
    pub fn leave(&self) {
        self.left.store(true, Ordering::Relaxed);
    }

    /// Notes a case of which all is left for a look.
    pub fn keeps(&self, case: KeptCase) {
        self.note(&Line::Kept(case));
        self.kept.store(true, Ordering::Relaxed);
    }

    /// Gives it up: what is left with its label was left on purpose, unless it was said otherwise. Of what was kept the
    /// file goes on telling.
    pub fn end(self) -> io::Result<()> {
        if self.left.load(Ordering::Relaxed) {
            return Ok(());
        }
        kept::over(&self.path, self.kept.load(Ordering::Relaxed))
    }

    fn write(&self, line: &Line) -> io::Result<()> {
        let mut text = serde_json::to_string(line).map_err(io::Error::other)?;
        text.push('\n');
        // One write a line: a crash cuts off the last one at most, and that is passed over.
        self.file
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .write_all(text.as_bytes())
    }

    fn note(&self, line: &Line) {
        if let Err(why) = self.write(line) {
            let mut trouble = self.trouble.lock().unwrap_or_else(PoisonError::into_inner);
            trouble.get_or_insert_with(|| format!("cannot write to `{}`: {why}", self.path.display()));
        }
    }
}

impl Groups for Lease {
    fn started(&self, group: &Group) {
        self.note(&Line::Started(group.clone()));
    }

    fn ended(&self, group: &Group) {
        self.note(&Line::Ended(group.clone()));
    }
}

fn random_id() -> io::Result<String> {
    const CHARACTERS: &[u8; 36] = b"abcdefghijklmnopqrstuvwxyz0123456789";
    let mut id = String::new();
    while id.len() < ID_LENGTH {
        let mut bytes = [0_u8; 32];
        getrandom(&mut bytes, GetRandomFlags::empty())?;
        // Those over the last multiple of 36 would make some characters likelier. The first one is a letter: an id
        // that is all digits, or like 1e5, would be a number in YAML.
        let fair = bytes
            .into_iter()
            .filter(|byte| *byte < 252)
            .map(|byte| char::from(CHARACTERS[usize::from(byte) % 36]));
        for character in fair {
            if id.len() < ID_LENGTH && (!id.is_empty() || character.is_ascii_lowercase()) {
                id.push(character);
            }
        }
    }
    Ok(id)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::Write;

    use super::{GcOptions, KeptCase, Lease, Leases, WhyNot, case_labels, gc, plan_gc};
    use crate::engine::fake::Fake;
    use crate::engine::{ContainerSpec, Engine};
    use crate::host::{Group, Groups, NoGroups, RealHost};

    fn group(id: i32) -> Group {
        Group {
            id,
            started: 7,
            session: 1,
            boot: "b".to_owned(),
        }
    }

    #[test]
    fn a_lease_lives_while_it_is_held_and_is_gone_when_it_is_given_up() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("leases");
        assert!(Leases::look(&path).unwrap().dead.is_empty());
        let lease = Lease::take(&path, &["e2erun".to_owned()]).unwrap();
        let seen = Leases::look(&path).unwrap();
        assert_eq!((seen.dead.len(), seen.alive.contains(lease.id())), (0, true));
        assert_eq!(lease.label(), format!("e2erun.lease={}", lease.id()));
        lease.end().unwrap();
        assert_eq!(fs::read_dir(&path).unwrap().count(), 0);
    }

    #[test]
    fn a_lease_of_what_could_not_be_removed_is_a_dead_one() {
        let folder = tempfile::tempdir().unwrap();
        let lease = Lease::take(folder.path(), &[]).unwrap();
        let id = lease.id().to_owned();
        lease.leave();
        lease.end().unwrap();
        assert_eq!(Leases::look(folder.path()).unwrap().dead[0].id, id);
    }

    #[tokio::test]
    async fn of_what_was_kept_the_file_tells_until_it_is_gone() {
        let folder = tempfile::tempdir().unwrap();
        let lease = Lease::take(folder.path(), &[]).unwrap();
        let id = lease.id().to_owned();
        let fake = Fake::new(&lease.label());
        lease.on_engine(&fake.info().await.unwrap().id).unwrap();
        let case = KeptCase {
            case: format!("{id}-1-1"),
            scenario: "shop.yaml".to_owned(),
            at: 7,
        };
        lease.keeps(case.clone());
        lease.end().unwrap();
        let labels = case_labels(&id, "shop.yaml", &case.case);
        fake.labelled_image("web", crate::engine::Labels::new());
        let image = "web".to_owned();
        let made = ContainerSpec {
            image,
            labels,
            ..ContainerSpec::default()
        };
        fake.create(&made).await.unwrap();

        let options = GcOptions::default();
        let host = RealHost::new(std::sync::Arc::new(NoGroups));
        let leases = Leases::look(folder.path()).unwrap();
        assert!(leases.dead.is_empty());
        let plan = plan_gc(&fake, &leases, &options).await.unwrap();
        assert_eq!((plan.kept.len(), plan.kept[0].1), (1, WhyNot::Kept));
        assert_eq!(plan.cases.values().collect::<Vec<_>>(), [&case]);
        gc(&fake, &host, &leases, plan, &options).await;
        assert_eq!(Leases::look(folder.path()).unwrap().kept.len(), 1);

        let label = Some(format!("e2erun.case={}", case.case));
        let options = GcOptions { label, ..options };
        let plan = plan_gc(&fake, &leases, &options).await.unwrap();
        let swept = gc(&fake, &host, &leases, plan, &options).await;
        assert_eq!((swept.removed.len(), swept.left.len()), (1, 0));
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[tokio::test]
    async fn what_a_dead_run_kept_stays_when_the_rest_of_it_goes() {
        let folder = tempfile::tempdir().unwrap();
        let lease = Lease::take(folder.path(), &[]).unwrap();
        let fake = Fake::new(&lease.label());
        for name in ["kept", "other"] {
            fake.labelled_image(&format!("e2erun/{name}:1"), case_labels(lease.id(), "shop.yaml", name));
        }
        lease.keeps(KeptCase {
            case: "kept".to_owned(),
            scenario: "shop.yaml".to_owned(),
            at: 7,
        });
        lease.leave();
        lease.end().unwrap();

        let (options, host) = (GcOptions::default(), RealHost::new(std::sync::Arc::new(NoGroups)));
        let leases = Leases::look(folder.path()).unwrap();
        let plan = plan_gc(&fake, &leases, &options).await.unwrap();
        let names = |left: &[crate::engine::Resource]| left.iter().map(|left| left.name.clone()).collect::<Vec<_>>();
        assert_eq!(
            (plan.resources.len(), plan.kept.len(), plan.kept[0].1),
            (1, 1, WhyNot::Kept)
        );
        gc(&fake, &host, &leases, plan, &options).await;
        assert_eq!(names(&fake.labelled(super::LEASE).await.unwrap()), ["e2erun/kept:1"]);
        let leases = Leases::look(folder.path()).unwrap();
        assert_eq!((leases.dead.len(), leases.kept.len()), (0, 1));
    }

    #[test]
    fn a_lease_that_cannot_be_read_is_told_and_hides_no_other() {
        let folder = tempfile::tempdir().unwrap();
        drop(Lease::take(folder.path(), &[]).unwrap());
        fs::create_dir(folder.path().join("aaa.lease")).unwrap();
        let seen = Leases::look(folder.path()).unwrap();
        assert_eq!((seen.dead.len(), seen.alive.contains("aaa")), (1, true));
        let told: Vec<String> = seen.unknown().collect();
        assert!(told.len() == 1 && told[0].contains("aaa.lease"), "{told:?}");
    }

    #[test]
    fn a_dead_lease_tells_what_had_not_ended() {
        let folder = tempfile::tempdir().unwrap();
        let lease = Lease::take(folder.path(), &["e2erun".to_owned(), "a b".to_owned()]).unwrap();
        let id = lease.id().to_owned();
        lease.on_engine("one").unwrap();
        lease.on_engine("two").unwrap();
        lease.started(&group(1));
        lease.started(&group(2));
        lease.ended(&group(1));
        assert_eq!(lease.trouble(), None);
        drop(lease);
        // The crash cut the last line off.
        let path = folder.path().join(format!("{id}.lease"));
        fs::OpenOptions::new()
            .append(true)
            .open(&path)
            .unwrap()
            .write_all(b"{\"started\":{\"id\":3,")
            .unwrap();

        let seen = Leases::look(folder.path()).unwrap();
        let dead = &seen.dead[0];
        assert_eq!(
            (dead.id.as_str(), dead.pid, dead.command[1].as_str()),
            (id.as_str(), std::process::id(), "a b")
        );
        assert_eq!(dead.groups, [group(2)]);
        assert_eq!(
            dead.engines.iter().map(String::as_str).collect::<Vec<_>>(),
            ["one", "two"]
        );
        // Whoever holds it is the only one to remove what is left.
        assert!(Leases::look(folder.path()).unwrap().alive.contains(&id));
    }

    #[test]
    fn a_lease_is_over_when_the_last_engine_is_clean() {
        let folder = tempfile::tempdir().unwrap();
        let lease = Lease::take(folder.path(), &[]).unwrap();
        lease.on_engine("one").unwrap();
        lease.on_engine("two").unwrap();
        drop(lease);
        let clean = |engine: &str| {
            let seen = Leases::look(folder.path()).unwrap();
            seen.dead[0].clean(engine).unwrap();
        };
        clean("one");
        let left = Leases::look(folder.path()).unwrap();
        assert_eq!(
            left.dead[0].engines.iter().map(String::as_str).collect::<Vec<_>>(),
            ["two"]
        );
        drop(left);
        clean("two");
        assert!(Leases::look(folder.path()).unwrap().dead.is_empty());
    }

    #[test]
    fn ids_are_short_words_and_never_numbers() {
        let ids: std::collections::BTreeSet<String> = (0..200).map(|_| super::random_id().unwrap()).collect();
        assert_eq!(ids.len(), 200);
        for id in ids {
            assert!(
                id.len() == 10 && id.starts_with(|first: char| first.is_ascii_lowercase()),
                "{id}"
            );
            assert!(
                id.chars().all(|at| at.is_ascii_lowercase() || at.is_ascii_digit()),
                "{id}"
            );
        }
    }

    #[test]
    fn a_case_has_the_labels_of_its_run() {
        let labels: Vec<(String, String)> = case_labels("r", "a.yaml", "c").into_iter().collect();
        let expected = [
            ("e2erun.case", "c"),
            ("e2erun.lease", "r"),
            ("e2erun.scenario", "a.yaml"),
        ];
        assert_eq!(
            labels,
            expected.map(|(name, value)| (name.to_owned(), value.to_owned()))
        );
    }
}
