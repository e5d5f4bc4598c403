//! Spools against the fake engine: every line once, whatever the engine does to whoever reads.

mod barrier;
mod gaps;
mod hidden;
mod process;
mod properties;

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use tempfile::TempDir;
use tokio::time::timeout;

use super::{LineReader, Mark, More, Offset, Phase, Spool, Spools, Streams};
use crate::engine::fake::{Fake, Reply, Script};
use crate::engine::world::World;
use crate::engine::{ContainerSpec, Engine, ResourceKind, Stream};
use crate::wait::pause;

/// The container `web`.
fn spec() -> ContainerSpec {
    ContainerSpec {
        name: "web".into(),
        image: "busybox".into(),
        labels: BTreeMap::from([("lease".to_owned(), "1".to_owned())]),
        ..ContainerSpec::default()
    }
}

/// A case of one container, `web`, whose log is kept as a run keeps it.
struct Case {
    fake: Fake,
    spools: Arc<Spools>,
    id: String,
    folder: TempDir,
}

impl Case {
    /// Makes the container, and starts it.
    async fn begin(script: Script) -> Case {
        let case = Case::create(script, |_| ()).await;
        case.fake.start("web").await.unwrap();
        case
    }

    /// Makes the container; what there is of it is known.
    async fn create(script: Script, prepare: impl FnOnce(&Fake)) -> Case {
        let (case, known) = Case::made(script, prepare).await;
        known.sync().await.unwrap();
        pause(Duration::from_millis(1)).await;
        case
    }

    /// Makes the container and starts it before anything is known of it.
    async fn create_at_once(script: Script, prepare: impl FnOnce(&Fake)) -> Case {
        let (case, _) = Case::made(script, prepare).await;
        case.fake.start("web").await.unwrap();
        case
    }

    async fn made(script: Script, prepare: impl FnOnce(&Fake)) -> (Case, World) {
        let fake = Fake::new("lease");
        fake.image("busybox").script("web", script);
        prepare(&fake);
        let folder = tempfile::tempdir().unwrap();
        let spools = Arc::new(Spools::new(folder.path().join("logs"), ""));
        let engine: Arc<dyn Engine> = Arc::new(fake.clone());
        let world = World::watch(Arc::clone(&engine), "lease".into()).await.unwrap();
        let (kept, known) = (Arc::clone(&spools), world.clone());
        tokio::spawn(async move {
            let mut state = world.snapshot();
            while state.away.is_none() {
                state.all().for_each(|container| kept.follow(&engine, container));
                state = world.changed(state.generation).await;
            }
        });
        let id = fake.create(&spec()).await.unwrap();
        let case = Case {
            fake,
            spools,
            id,
            folder,
        };
        (case, known)
    }

    fn spool(&self) -> Arc<Spool> {
        self.spools.spool(&self.id).unwrap().unwrap()
    }

    async fn seconds(&self, seconds: u64) {
        pause(Duration::from_secs(seconds)).await;
    }

    /// What is there now, after a barrier, from a place on.
    async fn now(&self, streams: Streams, from: Offset) -> Vec<String> {
        self.spools.barrier(&self.id).await.unwrap();
        lines(&mut self.spool().reader(streams, from))
    }

    async fn all(&self) -> Vec<String> {
        self.now(Streams::Both, Offset::default()).await
    }
}

/// What a reader finds there already.
fn lines(reader: &mut LineReader) -> Vec<String> {
    let mut all = Vec::new();
    while let Some(block) = reader.take().unwrap() {
        all.extend(block.lines().map(str::to_owned));
    }
    all
}

/// Waits like a step does; a reading that hangs fails instead.
async fn soon<T>(what: impl Future<Output = T>) -> T {
    timeout(Duration::from_secs(600), what).await.expect("it ends")
}

/// A log that cannot be read whole: why not.
async fn gap(case: &Case) -> String {
    soon(case.spools.barrier(&case.id)).await.unwrap();
    let rotated = case.spool().gap().unwrap().contains("rotated");
    let phase = if rotated { Phase::Running } else { Phase::Closed };
    assert_eq!(case.spool().progress().phase, phase);
    let mut reader = case.spool().reader(Streams::Both, Offset::default());
    lines(&mut reader);
    assert_eq!(reader.more().await, More::Gap(case.spool().gap().unwrap()));
    case.spool().gap().unwrap()
}

#[tokio::test(start_paused = true)]
async fn lines_come_as_they_are_written() {
    let script = Script::new().out("a\n").after(1).out("b\nc").after(2).out("d\n");
    let case = Case::create(script.after(9).exit(0), |_| ()).await;
    // A script's times count from the start, and the barrier may take some milliseconds.
    let begun = tokio::time::Instant::now();
    case.fake.start("web").await.unwrap();
    case.spools.barrier(&case.id).await.unwrap();
    let mut reader = case.spool().reader(Streams::Both, Offset::default());
    let mut seen = Vec::new();
    loop {
        match soon(reader.more()).await {
            More::Lines => seen.extend(
                lines(&mut reader)
                    .into_iter()
                    .map(|line| (begun.elapsed().as_secs(), line)),
            ),
            more => {
                assert_eq!((more, begun.elapsed().as_secs()), (More::Ended, 9));
                break;
            }
        }
    }
    let seen: Vec<_> = seen.iter().map(|(second, line)| (*second, line.as_str())).collect();
    assert_eq!(seen, [(0, "a"), (1, "b"), (2, "cd")]);
    assert_eq!(reader.expected(), Some(More::Ended));
    assert!(case.spool().path().ends_with("logs/web.log"));
}

#[tokio::test(start_paused = true)]
async fn a_last_line_without_newline_is_a_line() {
    let case = Case::begin(Script::new().out("a\nlast").after(1).exit(0)).await;
    assert_eq!(case.all().await, ["a"]);
    case.seconds(2).await;
    assert_eq!(case.all().await, ["a", "last"]);
    assert_eq!(case.spool().progress().phase, Phase::Ended);
}

#[tokio::test(start_paused = true)]
async fn every_run_is_read_once() {
    let run = |name: &str| Script::new().out(format!("{name}\n{name} ends")).after(1);
    let first = run("one")
        .exit(1)
        .restart("on-failure", 0)
        .then(run("two").exit(2))
        .then(run("three"));
    let case = Case::begin(first).await;
    case.seconds(10).await;
    assert_eq!(case.all().await, ["one", "one ends", "two", "two ends", "three"]);
    case.fake.restart("web", None).await.unwrap();
    case.seconds(10).await;
    let whole = ["one", "one ends", "two", "two ends", "three", "three ends", "three"];
    assert_eq!(case.all().await, whole);
}

#[tokio::test(start_paused = true)]
async fn a_terminals_log_is_read_once_too() {
    let run = |name: &str| {
        Script::new()
            .tty()
            .out(format!("{name}\r\nlonger line\r\n{name}"))
            .after(1)
    };
    let case = Case::begin(
        run("one")
            .exit(1)
            .restart("on-failure", 0)
            .log_cuts([3, 1])
            .then(run("two").exit(0)),
    )
    .await;
    case.seconds(20).await;
    assert_eq!(
        case.all().await,
        ["one", "longer line", "one", "two", "longer line", "two"]
    );
}

#[tokio::test(start_paused = true)]
async fn streams_are_told_apart() {
    let mut script = Script::new();
    for number in 0..3000 {
        script = script.out(format!("out {number}\n")).err(format!("err {number}\n"));
    }
    let case = Case::begin(script.after(1).exit(0)).await;
    case.seconds(2).await;
    assert_eq!(case.all().await.len(), 6000);
    for (stream, name) in [(Stream::Stdout, "out"), (Stream::Stderr, "err")] {
        let lines = case.now(Streams::One(stream), Offset::default()).await;
        let expected: Vec<_> = (0..3000).map(|number| format!("{name} {number}")).collect();
        assert_eq!(lines, expected);
    }
}

#[tokio::test(start_paused = true)]
async fn a_mark_parts_what_was_written_before_it_from_what_was_written_after() {
    let mut script = Script::new().out("a\n").err("b\n").after(2);
    for number in 0..2000 {
        script = script.err(format!("{number}\n")).out("c\n");
    }
    let case = Case::begin(script).await;
    case.seconds(1).await;
    let mark = case.spools.now().await.unwrap();
    case.seconds(2).await;
    assert_eq!(case.now(Streams::Both, mark.of(&case.id)).await.len(), 4000);
    assert_eq!(
        case.now(Streams::One(Stream::Stderr), mark.of(&case.id)).await[..2],
        ["0", "1"]
    );
    assert_eq!(case.now(Streams::Both, Mark::default().of(&case.id)).await.len(), 4002);
}

#[tokio::test(start_paused = true)]
async fn the_last_lines_are_the_last() {
    let text: String = (0..30_000).map(|number| format!("line {number}\n")).collect();
    let case = Case::begin(Script::new().out(text.clone())).await;
    case.seconds(1).await;
    assert_eq!(case.spools.tail(&case.id, 1).await, "line 29999");
    assert_eq!(case.spools.tail(&case.id, 12_000).await.lines().count(), 12_000);
    assert_eq!(case.spools.tail(&case.id, 90_000).await, text.trim_end());
    assert_eq!(case.spools.tail(&case.id, 0).await, "");
}

#[tokio::test(start_paused = true)]
async fn a_line_without_end_is_cut_and_counted() {
    let case = Case::begin(Script::new().out(vec![b'x'; 3 << 20]).out("\nnext\n").after(1).exit(0)).await;
    case.seconds(2).await;
    let lines = case.all().await;
    assert_eq!((lines.len(), lines[1].as_str()), (2, "next"));
    assert!(lines[0].ends_with("x [… 2097152 more bytes]"));
}

#[tokio::test(start_paused = true)]
async fn bytes_that_are_no_text_are_replaced() {
    let case = Case::begin(Script::new().out(&b"a\xff\xfeb\nc\n"[..])).await;
    case.seconds(1).await;
    assert_eq!(case.all().await, ["a\u{fffd}\u{fffd}b", "c"]);
}

#[tokio::test(start_paused = true)]
async fn a_removed_container_keeps_its_log_and_its_successor_gets_another_file() {
    let case = Case::begin(Script::new().out("a\n").after(1).out("b").exit(0)).await;
    case.seconds(3).await;
    case.fake.remove(ResourceKind::Container, "web").await.unwrap();
    case.seconds(1).await;
    assert_eq!(
        (case.all().await, case.spool().gap()),
        (vec!["a".into(), "b".into()], None)
    );
    assert_eq!(case.spool().progress().phase, Phase::Closed);
    case.fake.create(&spec()).await.unwrap();
    case.fake.start("web").await.unwrap();
    case.seconds(3).await;
    for name in ["web.log", "web.2.log"] {
        assert_eq!(
            std::fs::read_to_string(case.folder.path().join("logs").join(name)).unwrap(),
            "a\nb\n"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn at_the_end_all_is_read_also_what_was_killed_a_moment_before() {
    let case = Case::begin(Script::new().out("a\nkilled here")).await;
    case.seconds(1).await;
    case.fake.kill("web", "KILL").await.unwrap();
    assert!(case.spools.finish(Duration::from_secs(10)).await);
    assert_eq!(
        std::fs::read_to_string(case.spool().path()).unwrap(),
        "a\nkilled here\n"
    );
    assert_eq!(case.spool().progress().phase, Phase::Closed);

    let kept = Case::begin(Script::new().out("a\nnot ended")).await;
    kept.seconds(1).await;
    kept.fake.write("web", "\nb\n");
    assert!(kept.spools.finish(Duration::from_secs(10)).await);
    assert_eq!(
        std::fs::read_to_string(kept.spool().path()).unwrap(),
        "a\nnot ended\nb\n"
    );

    let hangs = Case::create(Script::new().out("a\n"), |fake| {
        fake.call("logs", 2, Reply::Forever);
    })
    .await;
    hangs.fake.start("web").await.unwrap();
    hangs.seconds(1).await;
    assert!(!hangs.spools.finish(Duration::from_secs(10)).await);
}

#[tokio::test(start_paused = true)]
async fn a_clock_that_is_set_back_loses_and_doubles_nothing() {
    for restarts in [false, true] {
        let case = Case::begin(Script::new().out("0\n")).await;
        case.seconds(1).await;
        if restarts {
            case.fake.restart("web", None).await.unwrap();
            case.seconds(1).await;
        }
        let mut expected: Vec<String> = case.all().await;
        let mut reader = case.spool().reader(Streams::Both, case.spool().progress().end);
        for number in 1..40 {
            if number % 7 == 0 {
                case.fake.set_clock_back("web", Duration::from_secs(100));
            }
            let stream = [Stream::Stdout, Stream::Stderr][number % 2];
            case.fake.write_to("web", stream, &format!("{number}\n"));
            expected.push(number.to_string());
            if number % 3 == 0 {
                assert_eq!(soon(case.all()).await, expected, "a barrier after {number}");
            } else if number % 3 == 1 {
                // Without a barrier it is read, too.
                assert_eq!(
                    timeout(Duration::from_secs(2), reader.more()).await,
                    Ok(More::Lines),
                    "{number}"
                );
            }
            lines(&mut reader);
        }
        case.seconds(5).await;
        assert_eq!((soon(case.all()).await, case.spool().gap()), (expected, None));
    }
}

#[tokio::test(start_paused = true)]
async fn a_start_that_is_known_before_the_container_is_reads_it_as_it_is() {
    let late = |fake: &Fake| {
        fake.call("inspect", 1, Reply::Late(Duration::from_secs(4)));
    };
    let script = Script::new().tty().out("a\r\nlonger\r\n").after(1).exit(0);
    let case = Case::create_at_once(script, late).await;
    case.seconds(2).await;
    assert_eq!(soon(case.all()).await, ["a", "longer"]);
    let mute = Case::create_at_once(Script::new().driver("none").out("a\n"), late).await;
    mute.seconds(2).await;
    assert_eq!(gap(&mute).await, "the log driver of `web` is `none`");
}

#[tokio::test(start_paused = true)]
async fn lines_that_come_fast_wake_their_readers_seldom() {
    let mut script = Script::new();
    for number in 0..1000 {
        script = script.after_ms(1000 + number).out("line\n");
    }
    let case = Case::begin(script).await;
    case.spools.barrier(&case.id).await.unwrap();
    let mut reader = case.spool().reader(Streams::Both, Offset::default());
    let (mut blocks, mut all) = (0, 0);
    while all < 1000 {
        assert_eq!(soon(reader.more()).await, More::Lines);
        blocks += 1;
        all += lines(&mut reader).len();
    }
    assert!(blocks <= 220, "{blocks}");
}
