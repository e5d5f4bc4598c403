//! Spools against the fake engine: every line once, whatever the engine does to whoever reads.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;
use tempfile::TempDir;
use tokio::time::timeout;

use super::{LineReader, Mark, More, Offset, Phase, Spool, Spools, Streams};
use crate::engine::fake::{EventFault, Fake, Reply, Script};
use crate::engine::world::World;
use crate::engine::{ContainerSpec, Engine, Reason, ResourceKind, Stream};
use crate::wait::pause;

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
        let labels = BTreeMap::from([("lease".to_owned(), "1".to_owned())]);
        let spec = ContainerSpec {
            name: "web".into(),
            image: "busybox".into(),
            labels,
            ..ContainerSpec::default()
        };
        let id = fake.create(&spec).await.unwrap();
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
    let mark = case.spools.mark().await;
    case.seconds(2).await;
    assert_eq!(case.now(Streams::Both, mark.of(&case.id)).await.len(), 4000);
    assert_eq!(
        case.now(Streams::One(Stream::Stderr), mark.of(&case.id)).await[..2],
        ["0", "1"]
    );
    assert_eq!(case.now(Streams::Both, Mark::default().of(&case.id)).await.len(), 4002);
}

#[tokio::test(start_paused = true)]
async fn now_is_decided_by_the_engine_and_not_by_a_clock() {
    let case = Case::create(Script::new(), |_| ()).await;
    assert_eq!(soon(case.all()).await, [""; 0], "one that was not started");
    assert_eq!(case.spool().progress().phase, Phase::Waiting);
    case.fake.start("web").await.unwrap();
    assert_eq!(soon(case.all()).await, [""; 0], "a silent one");
    for number in 0..50 {
        case.fake.write("web", &format!("{number}\n"));
        assert_eq!(case.all().await.len(), number + 1);
    }
    assert_eq!(case.spools.tail(&case.id, 2).await, "48\n49");
    assert_eq!(case.spools.tail("unknown", 2).await, "");
}

#[tokio::test(start_paused = true)]
async fn now_can_be_decided_while_events_are_late() {
    let case = Case::create(Script::new().out("a\n").after(1).exit(0), |fake| {
        fake.event(2, EventFault::Lost);
    })
    .await;
    case.fake.start("web").await.unwrap();
    case.seconds(5).await;
    assert_eq!(soon(case.all()).await, ["a"]);
    assert!(case.spools.finish(Duration::from_secs(10)).await);
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
async fn what_cannot_be_read_is_a_gap_and_never_an_empty_log() {
    let mute = Case::begin(Script::new().driver("none").out("a\n")).await;
    mute.seconds(1).await;
    assert_eq!(gap(&mute).await, "the log driver of `web` is `none`");

    let refused = Case::create(Script::new().out("a\n"), |fake| {
        fake.call("logs", 1, Reply::Fail(Reason::Other, "driver does not support reading"));
    })
    .await;
    refused.fake.start("web").await.unwrap();
    refused.seconds(1).await;
    assert_eq!(
        gap(&refused).await,
        "the log of `web` cannot be read: driver does not support reading"
    );

    let gone = Case::begin(Script::new().out("a\n")).await;
    gone.fake.remove(ResourceKind::Container, "web").await.unwrap();
    gone.seconds(1).await;
    assert_eq!(gap(&gone).await, "`web` was removed before its log was read to its end");

    let away = Case::begin(Script::new().out("a\n")).await;
    away.seconds(1).await;
    away.fake.away(true);
    away.seconds(60).await;
    assert_eq!(
        away.spool().gap().unwrap(),
        "the log of `web` cannot be read: connection refused"
    );
}

#[tokio::test(start_paused = true)]
async fn an_engine_that_comes_back_is_read_on() {
    let case = Case::begin(Script::new().out("a\n").after(3).out("b\n")).await;
    case.seconds(1).await;
    case.fake.away(true);
    case.seconds(5).await;
    case.fake.away(false);
    case.seconds(5).await;
    assert_eq!(case.all().await, ["a", "b"]);
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
    let labels = BTreeMap::from([("lease".to_owned(), "1".to_owned())]);
    let spec = ContainerSpec {
        name: "web".into(),
        image: "busybox".into(),
        labels,
        ..ContainerSpec::default()
    };
    case.fake.create(&spec).await.unwrap();
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
async fn a_terminals_last_line_without_newline_is_behind_the_barrier() {
    for pause_ms in 0..8 {
        let case = Case::begin(Script::new().tty().out("a\r\nlast").after_ms(50).exit(0)).await;
        pause(Duration::from_millis(48 + pause_ms)).await;
        let ended = case.fake.inspect("web").await.unwrap().state == "exited";
        let expected = if ended { vec!["a", "last"] } else { vec!["a"] };
        assert_eq!(soon(case.all()).await, expected);
    }
}

#[tokio::test(start_paused = true)]
async fn a_container_that_is_removed_right_after_the_barrier_has_no_gap() {
    let case = Case::begin(Script::new().out("a\nlast")).await;
    case.seconds(1).await;
    // It has ended, and the follower has not had its turn yet.
    case.fake.kill("web", "KILL").await.unwrap();
    assert_eq!(case.spool().progress().phase, Phase::Running);
    soon(case.spools.barrier(&case.id)).await.unwrap();
    case.fake.remove(ResourceKind::Container, "web").await.unwrap();
    case.seconds(1).await;
    assert_eq!(
        (case.all().await, case.spool().gap()),
        (vec!["a".into(), "last".into()], None)
    );
    assert_eq!(case.spool().progress().phase, Phase::Closed);
}

#[tokio::test(start_paused = true)]
async fn what_was_read_after_the_end_is_whole_even_if_the_container_is_gone_when_it_is_asked_for() {
    let case = Case::create(Script::new().out("a\nlast").after(1).exit(0), |fake| {
        // The world asks once, and the follower before it reads; what is asked at the end is answered too late.
        fake.call("inspect", 3, Reply::Late(Duration::from_secs(2)));
        fake.call("inspect", 4, Reply::Late(Duration::from_secs(2)));
    })
    .await;
    case.fake.start("web").await.unwrap();
    case.seconds(2).await;
    case.fake.remove(ResourceKind::Container, "web").await.unwrap();
    case.seconds(5).await;
    assert_eq!(
        (case.all().await, case.spool().gap(), case.spool().unsure()),
        (vec!["a".into(), "last".into()], None, None)
    );
}

#[tokio::test(start_paused = true)]
async fn a_container_whose_removal_begins_with_its_end_has_no_gap_and_may_have_gone_on() {
    for deleted in [false, true] {
        let removed = |fake: &Fake, cut: bool| {
            let script = Script::new().out("a\nb\n").after(1).exit(0);
            fake.script("web", if cut { script.log_cuts([1]) } else { script });
            let why = "can not get logs from container which is dead or marked for removal";
            match deleted {
                // The engine still answers, and has deleted the log's file.
                true => fake.call("logs", 2, Reply::Late(Duration::from_millis(500))),
                false => fake.call("logs", 2, Reply::Fail(Reason::Conflict, why)),
            };
        };
        let whole = Case::create(Script::new(), |fake| removed(fake, false)).await;
        ended_and_removed(&whole, deleted.then_some(1_100)).await;
        assert_eq!(
            (whole.all().await, whole.spool().gap()),
            (vec!["a".into(), "b".into()], None)
        );
        assert_eq!(whole.spool().progress().phase, Phase::Closed);
        assert_eq!(
            whole.spool().unsure(),
            Some("it was removed by something else as it ended")
        );
        let cut = Case::create(Script::new(), |fake| removed(fake, true)).await;
        ended_and_removed(&cut, deleted.then_some(100)).await;
        assert_eq!(gap(&cut).await, "`web` was removed before its log was read to its end");
    }
}

/// It runs for a second and then goes, its log maybe before it, at a time in milliseconds.
async fn ended_and_removed(case: &Case, log_deleted: Option<u64>) {
    case.fake.start("web").await.unwrap();
    if let Some(at) = log_deleted {
        pause(Duration::from_millis(at)).await;
        case.fake.delete_log("web");
    }
    case.seconds(2).await;
    case.fake.remove(ResourceKind::Container, "web").await.unwrap();
    case.seconds(1).await;
}

#[tokio::test(start_paused = true)]
async fn a_barrier_reads_one_entry_however_long_the_log_is() {
    let case = Case::begin(Script::new().out("line\n".repeat(5000))).await;
    case.seconds(1).await;
    assert_eq!(case.all().await.len(), 5000);
    let read = |case: &Case| {
        case.fake
            .journal()
            .iter()
            .filter(|call| call.starts_with("logs"))
            .count()
    };
    let before = read(&case);
    for number in 1..=5 {
        // On a clock that stands still all of these have one time.
        case.fake.write("web", &"more\n".repeat(100));
        pause(Duration::from_millis(1)).await;
        case.fake.write("web", &"more\n".repeat(5));
        assert_eq!(case.all().await.len(), 5000 + number * 105);
    }
    assert_eq!(read(&case) - before, 5, "{:?}", case.fake.journal());
}

#[tokio::test(start_paused = true)]
async fn a_barrier_in_a_long_line_waits_for_its_end_also_between_lines_of_the_other_stream() {
    for parts in [3, 7, 8, 9, 200] {
        let case = Case::begin(Script::new().out("a\n")).await;
        case.seconds(1).await;
        // Entries of one line have one time, and those of the other stream stand between them.
        case.fake.write_to("web", Stream::Stderr, "b\n");
        case.fake.write("web", &format!("{}\n", "x".repeat(parts << 14)));
        case.fake.write_to("web", Stream::Stderr, "c\n");
        assert_eq!(case.all().await.len(), 4, "{parts}");
        case.fake.write_to("web", Stream::Stderr, "d\n");
        case.fake.write("web", "e\n");
        assert_eq!(case.all().await.len(), 6, "{parts}");
    }
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
async fn what_is_rotated_away_during_a_barrier_is_found_out_before_it_returns() {
    let case = Case::begin(Script::new().out("a\n").max_size("10k")).await;
    case.seconds(1).await;
    // Enough for a rotation, and too little for the follower to look by itself.
    case.fake.write("web", &"line\n".repeat(150));
    case.seconds(1).await;
    case.fake.write("web", &"more\n".repeat(20));
    case.fake.rotate("web", 10);
    assert!(gap(&case).await.starts_with("the engine rotated a part"));
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

/// What was written while nobody read, and what of all the engine has kept; gives the lines, and the gap if there is one.
async fn read_after(script: Script, written: usize, left: usize) -> (usize, Option<String>) {
    let case = Case::begin(script).await;
    case.seconds(1).await;
    case.fake.away(true);
    case.fake.write("web", &"more\n".repeat(written));
    case.fake.rotate("web", left);
    case.seconds(2).await;
    case.fake.away(false);
    case.seconds(5).await;
    soon(case.spools.barrier(&case.id)).await.unwrap();
    (case.all().await.len(), case.spool().gap())
}

#[tokio::test(start_paused = true)]
async fn what_the_engine_rotated_away_before_it_was_read_is_a_gap() {
    let rotated = "the engine rotated a part of the log of `web` away before it was read; `max-size` and `max-file` of \
                   its `logging` say how much it keeps";
    for (before, tty) in [(10, false), (3000, false), (10, true)] {
        let script = || {
            let script = Script::new().out("line\n".repeat(before));
            if tty { script.tty() } else { script }
        };
        let whole = (before + 50, None);
        assert_eq!(read_after(script(), 50, before + 50).await, whole);
        for left in [40, 1, 0] {
            // What is left goes on behind a note.
            let missed = (before + 1 + left, Some(rotated.to_owned()));
            assert_eq!(read_after(script(), 50, left).await, missed, "{before} {tty} {left}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_a_slow_follow_skipped_is_found_missing() {
    // A follow skips no part of the file that it reads: the first one is nearly full.
    let case = Case::begin(Script::new().out("a\n".repeat(100)).max_size("10k")).await;
    case.seconds(1).await;
    // Both before the follower has its turn.
    let lines: String = (0..5000).map(|number| format!("{number}\n")).collect();
    case.fake.write("web", &lines);
    case.fake.rotate("web", 1000);
    case.seconds(1).await;
    assert!(
        gap(&case).await.starts_with("the engine rotated a part"),
        "{:?}",
        case.spool().gap()
    );
    let quick = Case::begin(Script::new().out("a\n").max_size("10k")).await;
    for number in 0..40 {
        quick.fake.write("web", &format!("{number}\n").repeat(100));
        pause(Duration::from_millis(70)).await;
        quick.fake.rotate("web", 300);
    }
    assert_eq!((quick.all().await.len(), quick.spool().gap()), (4001, None));
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

#[tokio::test]
async fn a_process_has_a_log_like_a_container() {
    let folder = tempfile::tempdir().unwrap();
    let spools = Spools::new(folder.path().join("logs"), "");
    let log = spools.process("tail").unwrap();
    log.add(Stream::Stdout, b"a\nhalf");
    log.add(Stream::Stderr, b"no\n");
    let id = Spools::of_process("tail");
    let spool = spools.spool(&id).unwrap().unwrap();
    let mut reader = spool.reader(Streams::Both, Offset::default());
    assert_eq!(
        (lines(&mut reader), reader.expected()),
        (vec!["a".into(), "no".into()], None)
    );
    let mark = spools.mark().await;
    log.add(Stream::Stdout, b" a line");
    log.end();
    assert_eq!(lines(&mut spool.reader(Streams::Both, mark.of(&id))), ["half a line"]);
    assert_eq!(lines(&mut reader), ["half a line"]);
    assert_eq!(
        (reader.more().await, spools.tail(&id, 2).await),
        (More::Closed, "no\nhalf a line".into())
    );
    assert!(folder.path().join("logs/process.tail.log").is_file());
}

#[tokio::test]
async fn the_file_that_others_see_has_nothing_hidden_in_it_at_any_time() {
    let folder = tempfile::tempdir().unwrap();
    let masks = Arc::new(crate::mask::Masks::default());
    let spools = Spools::new(folder.path().join("logs"), "").hiding(&masks);
    let log = spools.process("tail").unwrap();
    let file = folder.path().join("logs/process.tail.log");
    let shown = || std::fs::read_to_string(&file).unwrap();
    log.add(Stream::Stdout, b"a first-word b\n");
    assert_eq!(shown(), "a first-word b\n");
    assert!(spools.clean().await.contains(&file));
    masks.add(&serde_json::json!("first-word"));
    assert!(!spools.clean().await.contains(&file));
    log.add(Stream::Stdout, b"and first-w");
    log.add(Stream::Stdout, b"ord\n");
    assert_eq!(shown(), "a *** b\nand ***\n");
    assert!(spools.clean().await.contains(&file));
    masks.add(&serde_json::json!("two\nlines"));
    log.add(Stream::Stdout, b"two\n");
    log.add(Stream::Stdout, b"lines first-word");
    log.end();
    // What came before it was known is looked through at the end.
    assert_eq!(shown(), "a *** b\nand ***\n*** ***\n");
    assert!(!spools.clean().await.contains(&file));
    let spool = spools.spool(&Spools::of_process("tail")).unwrap().unwrap();
    assert_eq!(spool.tail(2).unwrap(), "two\nlines first-word");
    let names: Vec<_> = std::fs::read_dir(folder.path().join("logs")).unwrap().collect();
    assert_eq!(names.len(), 1);
    let known_before = spools.process("other").unwrap();
    known_before.add(Stream::Stdout, b"first-word\n");
    known_before.end();
    let other = folder.path().join("logs/process.other.log");
    assert_eq!(std::fs::read_to_string(&other).unwrap(), "***\n");
    assert!(spools.clean().await.contains(&other));
}

#[tokio::test]
async fn a_long_log_is_hidden_piece_by_piece_and_whole_at_its_end() {
    let folder = tempfile::tempdir().unwrap();
    let masks = Arc::new(crate::mask::Masks::default());
    let spools = Spools::new(folder.path().join("logs"), "").hiding(&masks);
    let log = spools.process("tail").unwrap();
    let file = folder.path().join("logs/process.tail.log");
    let shown = || std::fs::read_to_string(&file).unwrap();
    let line = format!("late-word {}\n", "x".repeat(1000));
    let times = 5000;
    for _ in 0..times {
        log.add(Stream::Stdout, line.as_bytes());
    }
    masks.add(&serde_json::json!("late-word"));
    log.add(Stream::Stdout, b"last late-word\n");
    let now = shown();
    assert!(!now.contains("late-word") && now.len() < 2 << 20, "{}", now.len());
    log.end();
    assert!(spools.clean().await.contains(&file));
    let expected = line.replace("late-word", "***").repeat(times) + "last ***\n";
    assert!(shown() == expected, "{} of {}", shown().len(), expected.len());
}

#[tokio::test]
async fn what_is_written_after_its_end_stands_in_no_file() {
    let folder = tempfile::tempdir().unwrap();
    let masks = Arc::new(crate::mask::Masks::default());
    masks.add(&serde_json::json!("two\nlines"));
    let spools = Spools::new(folder.path().join("logs"), "").hiding(&masks);
    let log = spools.process("tail").unwrap();
    log.add(Stream::Stdout, b"one\ntwo\n");
    assert!(spools.finish(Duration::from_secs(1)).await);
    log.add(Stream::Stdout, b"lines\n");
    log.end();
    let shown = std::fs::read_to_string(folder.path().join("logs/process.tail.log")).unwrap();
    let whole = spools.tail(&Spools::of_process("tail"), 9).await;
    assert_eq!((shown.lines().count(), whole.as_str()), (2, "one\ntwo"), "{shown}");
}

#[tokio::test]
async fn a_file_s_name_has_nothing_hidden_in_it() {
    let folder = tempfile::tempdir().unwrap();
    let masks = Arc::new(crate::mask::Masks::default());
    masks.add(&serde_json::json!(["first-word", "second-word"]));
    let spools = Spools::new(folder.path().join("logs"), "").hiding(&masks);
    let files = ["first-word", "second-word"].map(|name| {
        drop(spools.process(name).unwrap());
        let spool = spools.spool(&Spools::of_process(name)).unwrap().unwrap();
        spool.path().file_name().unwrap().to_string_lossy().into_owned()
    });
    assert_eq!(files, ["process.***.log", "process.***.2.log"]);
}

/// What a container writes in a run: at which tenth of a second, to which stream, what.
type Writes = Vec<(u64, bool, Vec<u8>)>;

/// Whatever a program may write: ends of lines, zeros, what is no UTF-8.
fn bytes() -> impl Strategy<Value = Vec<u8>> {
    let byte = prop_oneof![3 => Just(b'\n'), 1 => Just(b'\r'), 1 => Just(0), 1 => Just(0xc3), 1 => Just(0xa4), 3 => any::<u8>()];
    prop::collection::vec(byte, 0..60)
}

fn writes() -> impl Strategy<Value = Writes> {
    let lengths = prop_oneof![8 => 0..60_usize, 1 => 16_380..16_390_usize, 1 => Just(40_000_usize)];
    let letters = (lengths, any::<bool>()).prop_map(|(length, ends)| {
        let mut text = vec![b'a' + (length % 26) as u8; length];
        if ends {
            text.push(b'\n');
        }
        text
    });
    let text = prop_oneof![3 => letters, 1 => bytes()];
    prop::collection::vec((0..30_u64, any::<bool>(), text), 0..25)
}

fn script_of(runs: &[Writes], bursts: &[usize]) -> Script {
    let one = |(writes, burst): (&Writes, &usize)| {
        let mut script = Script::new().restart("on-failure", 0);
        let mut sorted = writes.clone();
        sorted.sort_by_key(|(tenth, ..)| *tenth);
        for (tenth, stderr, text) in sorted {
            script = script.after_ms(tenth * 100);
            script = if stderr { script.err(text) } else { script.out(text) };
        }
        let lines: String = (0..*burst).map(|number| format!("burst {number}\n")).collect();
        script.out(lines).after_ms(3000).exit(1)
    };
    let mut scripts = runs.iter().zip(bursts.iter().cycle()).map(one);
    let first = scripts.next().unwrap_or_default();
    scripts.chain([Script::new()]).fold(first, Script::then)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_lines_of_a_process_do_not_depend_on_how_its_output_comes(
        output in bytes(),
        pieces in prop::collection::vec(1..20_usize, 1..5),
    ) {
        let folder = tempfile::tempdir().unwrap();
        let spools = Spools::new(folder.path().join("logs"), "");
        let log = spools.process("any").unwrap();
        let mut rest = &output[..];
        for length in pieces.iter().cycle() {
            if rest.is_empty() {
                break;
            }
            let (piece, after) = rest.split_at(rest.len().min(*length));
            log.add(Stream::Stdout, piece);
            rest = after;
        }
        log.end();
        let spool = spools.spool(&Spools::of_process("any")).unwrap().unwrap();
        let mut expected: Vec<&[u8]> = output.split(|byte| *byte == b'\n').collect();
        // Behind the last newline nothing is no line.
        expected.pop_if(|last| last.is_empty());
        let text = |line: &&[u8]| String::from_utf8_lossy(line.strip_suffix(b"\r").unwrap_or(line)).into_owned();
        let expected: Vec<String> = expected.iter().map(text).collect();
        prop_assert_eq!(lines(&mut spool.reader(Streams::Both, Offset::default())), expected);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_line_is_lost_or_read_twice(
        runs in prop::collection::vec(writes(), 1..4),
        bursts in prop::collection::vec(prop_oneof![3 => 0..20_usize, 1 => 900..1500_usize, 1 => 10_500..11_500_usize], 1..3),
        cuts in prop::collection::vec(prop_oneof![3 => 0..40_usize, 1 => 1000..12_000_usize], 0..6),
        faults in prop::collection::btree_map(1..10_usize, 0..3_u8, 0..3),
        away in prop::option::of(0..90_u64),
        tty in any::<bool>(),
        set_back in prop::collection::vec((0..90_u64, 1..100_000_u64), 0..3),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
        runtime.block_on(async {
            let script = script_of(&runs, &bursts).log_cuts(cuts);
            let script = if tty { script.tty() } else { script };
            let case = Case::create(script, |fake| {
                for (nth, fault) in faults {
                    fake.event(nth, [EventFault::Lost, EventFault::Doubled, EventFault::Cut][usize::from(fault)]);
                }
            }).await;
            case.fake.start("web").await.unwrap();
            if let Some(tenth) = away {
                let fake = case.fake.clone();
                tokio::spawn(async move {
                    pause(Duration::from_millis(tenth * 100)).await;
                    fake.away(true);
                    pause(Duration::from_millis(700)).await;
                    fake.away(false);
                });
            }
            for (tenth, by) in set_back {
                let fake = case.fake.clone();
                tokio::spawn(async move {
                    pause(Duration::from_millis(tenth * 100)).await;
                    fake.set_clock_back("web", Duration::from_millis(by));
                });
            }
            case.seconds(30).await;
            let both = soon(case.all()).await;
            assert_eq!(case.spool().gap(), None);
            let truth = case.fake.written("web");
            for stream in [Stream::Stdout, Stream::Stderr] {
                let expected: Vec<&String> = truth.iter().filter(|(of, _)| *of == stream).map(|(_, line)| line).collect();
                let read = case.now(Streams::One(stream), Offset::default()).await;
                assert!(read.iter().collect::<Vec<_>>() == expected, "{stream:?}: {} of {}", read.len(), expected.len());
            }
            assert_eq!(both.len(), truth.len());
        });
    }
}
