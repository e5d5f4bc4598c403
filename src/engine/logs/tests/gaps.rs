//! What cannot be read, or is rotated away before it is: a gap, and never an empty log.

use std::time::Duration;

use super::{Case, gap, soon};
use crate::engine::fake::{Reply, Script};
use crate::engine::{Engine, Reason, ResourceKind};
use crate::wait::pause;

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
