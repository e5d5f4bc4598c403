//! Files of containers, also of those that never ran.

use bytes::{Bytes, BytesMut};
use e2erun::engine::{Engine, Reason};
use futures_util::TryStreamExt;

use super::stage::Stage;

fn tar(name: &str, content: &[u8]) -> Bytes {
    let mut builder = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_gnu();
    header.set_size(content.len() as u64);
    header.set_mode(0o640);
    builder.append_data(&mut header, name, content).unwrap();
    Bytes::from(builder.into_inner().unwrap())
}

#[tokio::test]
async fn a_file_goes_in_and_comes_out_of_a_container_that_never_ran() {
    Stage::with(async |stage| {
        let id = stage.engine.create(&stage.shell("true")).await.unwrap();
        let content = vec![b'x'; 1_000_000];
        stage
            .engine
            .write_archive(&id, "/tmp", tar("a b.txt", &content))
            .await
            .unwrap();
        let stat = stage.engine.stat(&id, "/tmp/a b.txt").await.unwrap().unwrap();
        assert_eq!(
            (stat.name.as_str(), stat.size, stat.mode & 0o777),
            ("a b.txt", 1_000_000, 0o640)
        );
        assert_eq!(stage.engine.stat(&id, "/tmp").await.unwrap().unwrap().mode >> 31, 1);
        let stream = stage.engine.read_archive(&id, "/tmp/a b.txt").await.unwrap();
        let read: BytesMut = stream
            .try_fold(BytesMut::new(), async |mut all, piece| {
                all.extend_from_slice(&piece);
                Ok(all)
            })
            .await
            .unwrap();
        let mut archive = tar::Archive::new(&read[..]);
        let mut entry = archive.entries().unwrap().next().unwrap().unwrap();
        let mut back = Vec::new();
        std::io::Read::read_to_end(&mut entry, &mut back).unwrap();
        assert!(back == content);
    })
    .await;
}

#[tokio::test]
async fn what_does_not_stand_there_is_none_and_what_has_no_container_is_an_error() {
    Stage::with(async |stage| {
        let id = stage.engine.create(&stage.shell("true")).await.unwrap();
        assert_eq!(stage.engine.stat(&id, "/nothing").await, Ok(None));
        assert_eq!(
            stage.engine.stat("e2erun-nobody", "/").await.unwrap_err().reason,
            Reason::NotFound
        );
        let why = stage.engine.read_archive(&id, "/nothing").await.err().unwrap();
        assert_eq!(why.reason, Reason::NotFound, "{why}");
        assert_eq!(
            stage
                .engine
                .write_archive(&id, "/nothing", tar("a", b""))
                .await
                .unwrap_err()
                .reason,
            Reason::NotFound
        );
    })
    .await;
}
