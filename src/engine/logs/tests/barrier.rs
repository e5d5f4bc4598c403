//! A barrier: what a container has written before it is in its spool.

use std::sync::Arc;
use std::time::Duration;

use super::{Case, gap, soon, spec};
use crate::engine::fake::{EventFault, Fake, Reply, Script};
use crate::engine::logs::{Phase, Spools};
use crate::engine::world::{ContainerState, Run, nanos};
use crate::engine::{Engine, Reason, ResourceKind, Stream};
use crate::wait::pause;

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

#[tokio::test(start_paused = true)]
async fn who_stops_a_container_and_then_removes_it_leaves_all_its_lines() {
    for stopped in [true, false] {
        let case = Case::begin(Script::new().out("a\nb\n")).await;
        case.seconds(1).await;
        let why = "can not get logs from container which is dead or marked for removal";
        case.fake.call("logs", 2, Reply::Fail(Reason::Conflict, why));
        match stopped {
            true => case.fake.stop("web", None).await.unwrap(),
            false => case.fake.kill("web", "TERM").await.unwrap(),
        }
        case.fake.remove(ResourceKind::Container, "web").await.unwrap();
        case.seconds(1).await;
        assert_eq!(
            (case.all().await, case.spool().gap()),
            (vec!["a".into(), "b".into()], None)
        );
        assert_eq!(case.spool().unsure().is_none(), stopped);
    }
}

#[tokio::test(start_paused = true)]
async fn that_it_was_stopped_may_be_told_after_the_engine_lists_it_no_more() {
    let fake = Fake::new("lease");
    fake.image("busybox").script("web", Script::new().out("a\nb\n"));
    let why = "can not get logs from container which is dead or marked for removal";
    fake.call("logs", 2, Reply::Fail(Reason::Conflict, why));
    let folder = tempfile::tempdir().unwrap();
    let spools = Spools::new(folder.path().join("logs"), "");
    let engine: Arc<dyn Engine> = Arc::new(fake.clone());
    let id = fake.create(&spec()).await.unwrap();
    fake.start("web").await.unwrap();
    let mut told = ContainerState::default();
    told.id.clone_from(&id);
    told.name = "web".into();
    told.runs.push(Run {
        started: nanos(&fake.inspect(&id).await.unwrap().started_at),
        ended: None,
    });
    spools.follow(&engine, &Arc::new(told.clone()));
    pause(Duration::from_secs(1)).await;
    fake.stop("web", None).await.unwrap();
    fake.remove(ResourceKind::Container, "web").await.unwrap();
    told.removed = true;
    spools.follow(&engine, &Arc::new(told.clone()));
    pause(Duration::from_secs(1)).await;
    (told.stopped, told.destroyed) = (true, true);
    spools.follow(&engine, &Arc::new(told));
    pause(Duration::from_secs(1)).await;
    let spool = spools.spool(&id).unwrap().unwrap();
    assert_eq!((spool.gap(), spool.unsure()), (None, None));
    assert_eq!(spool.progress().phase, Phase::Closed);
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

/// Whoever asked for a barrier before the follower had begun has told it to look; by then it has read all.
#[tokio::test(start_paused = true)]
async fn a_log_that_was_read_to_its_end_is_not_read_again_where_nothing_has_begun_since() {
    let case = Case::begin(Script::new().out("a\n").after(1).exit(0)).await;
    case.seconds(2).await;
    assert_eq!(case.all().await, ["a"]);
    for nth in 1..100 {
        case.fake
            .call("logs", nth, Reply::Fail(Reason::NotFound, "No such container: web"));
    }
    case.spool().nudge.notify_one();
    case.seconds(2).await;
    case.fake.remove(ResourceKind::Container, &case.id).await.unwrap();
    case.seconds(2).await;
    assert_eq!(case.spool().gap(), None);
}
