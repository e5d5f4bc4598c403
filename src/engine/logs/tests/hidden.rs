//! The files that others see: no hidden value in them at any time.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::engine::Stream;
use crate::engine::logs::Spools;
use crate::mask::Masks;

/// Spools in a folder of their own, in whose files these values are hidden.
fn hiding(values: &Value) -> (TempDir, Arc<Masks>, Spools) {
    let folder = tempfile::tempdir().unwrap();
    let masks = Arc::new(Masks::default());
    masks.add(values);
    let spools = Spools::new(folder.path().join("logs"), "").hiding(&masks);
    (folder, masks, spools)
}

#[tokio::test]
async fn the_file_that_others_see_has_nothing_hidden_in_it_at_any_time() {
    let (folder, masks, spools) = hiding(&json!([]));
    let log = spools.process("tail").unwrap();
    let file = folder.path().join("logs/process.tail.log");
    let shown = || std::fs::read_to_string(&file).unwrap();
    log.add(Stream::Stdout, b"a first-word b\n");
    assert_eq!(shown(), "a first-word b\n");
    assert!(spools.clean().await.contains(&file));
    masks.add(&json!("first-word"));
    assert!(!spools.clean().await.contains(&file));
    log.add(Stream::Stdout, b"and first-w");
    log.add(Stream::Stdout, b"ord\n");
    assert_eq!(shown(), "a *** b\nand ***\n");
    assert!(spools.clean().await.contains(&file));
    masks.add(&json!("two\nlines"));
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
    let (folder, masks, spools) = hiding(&json!([]));
    let log = spools.process("tail").unwrap();
    let file = folder.path().join("logs/process.tail.log");
    let shown = || std::fs::read_to_string(&file).unwrap();
    let line = format!("late-word {}\n", "x".repeat(1000));
    let times = 5000;
    for _ in 0..times {
        log.add(Stream::Stdout, line.as_bytes());
    }
    masks.add(&json!("late-word"));
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
    let (folder, _, spools) = hiding(&json!("two\nlines"));
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
    let (_folder, _, spools) = hiding(&json!(["first-word", "second-word"]));
    let files = ["first-word", "second-word"].map(|name| {
        drop(spools.process(name).unwrap());
        let spool = spools.spool(&Spools::of_process(name)).unwrap().unwrap();
        spool.path().file_name().unwrap().to_string_lossy().into_owned()
    });
    assert_eq!(files, ["process.***.log", "process.***.2.log"]);
}
