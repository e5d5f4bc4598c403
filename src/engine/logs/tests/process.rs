//! The log of a process in the background.

use super::lines;
use crate::engine::Stream;
use crate::engine::logs::{More, Offset, Spools, Streams};

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
    let mark = spools.now().await.unwrap();
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
