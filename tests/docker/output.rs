//! Logs and execs: every byte once, in order, with its stream.

use bytes::Bytes;
use e2erun::engine::{ContainerSpec, Engine, ExecEnd, ExecSpec, Frame, LogRange, Reason, ResourceKind, Stream};
use futures_util::StreamExt;

use super::stage::{Stage, text};

const ALL: LogRange = LogRange {
    follow: false,
    timestamps: true,
    tail: None,
    tty: None,
};

async fn frames(stage: &Stage, id: &str, range: LogRange) -> Vec<Frame> {
    stage
        .engine
        .logs(id, range)
        .await
        .unwrap()
        .map(Result::unwrap)
        .collect()
        .await
}

/// All that a container wrote.
pub(crate) async fn said(stage: &Stage, id: &str) -> String {
    let frames = frames(stage, id, ALL).await.into_iter();
    let bytes: Vec<u8> = frames.flat_map(|frame| frame.bytes).collect();
    String::from_utf8(bytes).unwrap()
}

#[tokio::test]
async fn a_container_reads_what_is_written_to_it_to_its_end() {
    Stage::with(async |stage| {
        let spec = ContainerSpec {
            stdin: true,
            ..stage.shell("wc -c; echo end")
        };
        let id = stage.engine.create(&spec).await.unwrap();
        let written = vec![b'x'; 300_000];
        stage.engine.start_with(&id, written.into()).await.unwrap();
        stage.event(&id, "die").await;
        assert_eq!(said(stage, &id).await.trim_start(), "300000\nend\n");
    })
    .await;
}

#[tokio::test]
async fn a_log_is_read_with_streams_and_times_and_without_a_last_newline() {
    Stage::with(async |stage| {
        let id = stage.start("echo out; echo err >&2; printf last").await;
        stage.event(&id, "die").await;
        let read = frames(stage, &id, ALL).await;
        for frame in &read {
            let at = frame.at.as_deref().unwrap();
            assert!(at.len() == 30 && at.ends_with('Z'), "{at}");
        }
        let of = |stream| -> Vec<&[u8]> {
            read.iter()
                .filter(|frame| frame.stream == stream)
                .map(|frame| &frame.bytes[..])
                .collect()
        };
        assert_eq!(of(Stream::Stdout), [&b"out\n"[..], b"last"]);
        assert_eq!(of(Stream::Stderr), [&b"err\n"[..]]);
        let plain = frames(
            stage,
            &id,
            LogRange {
                timestamps: false,
                tail: Some(1),
                ..ALL
            },
        )
        .await;
        assert_eq!(
            plain
                .iter()
                .map(|frame| (frame.at.as_deref(), &frame.bytes[..]))
                .collect::<Vec<_>>(),
            [(None, &b"last"[..])]
        );
    })
    .await;
}

#[tokio::test]
async fn a_line_over_16_kib_comes_in_frames_without_their_timestamps() {
    Stage::with(async |stage| {
        let id = stage
            .start("head -c 50000 /dev/zero | tr '\\0' x; echo; echo end")
            .await;
        stage.event(&id, "die").await;
        let read = frames(stage, &id, ALL).await;
        assert!(read.len() > 4, "{}", read.len());
        let whole: Vec<u8> = read.iter().flat_map(|frame| frame.bytes.to_vec()).collect();
        assert_eq!(whole, [vec![b'x'; 50000], b"\nend\n".to_vec()].concat());
    })
    .await;
}

#[tokio::test]
async fn a_log_is_followed_to_the_containers_end() {
    Stage::with(async |stage| {
        let id = stage.start("read x; echo one; echo two").await;
        // Without a stdin `read` ends at once; following begins wherever the container is.
        let log = stage.engine.logs(&id, LogRange { follow: true, ..ALL }).await.unwrap();
        assert_eq!(text(log, Stream::Stdout).await, "one\ntwo\n");
    })
    .await;
}

#[tokio::test]
async fn a_terminals_log_is_as_it_was_written() {
    Stage::with(async |stage| {
        // The first byte could be taken for a frame's header.
        let id = stage.docker_create(&["--tty"], &["sh", "-c", "printf '\\001\\002raw'; echo; echo two"]);
        stage.engine.start(&id).await.unwrap();
        stage.event(&id, "die").await;
        assert!(stage.engine.inspect(&id).await.unwrap().tty);
        let read = frames(stage, &id, ALL).await;
        assert!(
            read.iter().all(|frame| frame.at.is_some()),
            "without times no reading goes on where another ended"
        );
        let whole: Vec<u8> = read.iter().flat_map(|frame| frame.bytes.to_vec()).collect();
        assert_eq!(whole, b"\x01\x02raw\r\ntwo\r\n");
    })
    .await;
}

#[tokio::test]
async fn a_log_that_no_driver_keeps_is_an_error() {
    Stage::with(async |stage| {
        let id = stage.docker_create(&["--log-driver", "none"], &["true"]);
        stage.engine.start(&id).await.unwrap();
        let told = match stage.engine.logs(&id, ALL).await {
            Ok(log) => log.collect::<Vec<_>>().await.into_iter().find_map(Result::err),
            Err(why) => Some(why),
        };
        assert!(told.unwrap().answer.contains("does not support reading"));
        assert_eq!(stage.engine.inspect(&id).await.unwrap().log_driver, "none");
    })
    .await;
}

/// An end whose output was whole.
fn whole(code: i64) -> ExecEnd {
    ExecEnd { code, whole: true }
}

fn command(words: &[&str]) -> ExecSpec {
    ExecSpec {
        command: words.iter().map(|word| (*word).to_owned()).collect(),
        ..ExecSpec::default()
    }
}

#[tokio::test]
async fn an_exec_has_its_surroundings_streams_and_exit_code() {
    Stage::with(async |stage| {
        let id = stage.start("sleep 600").await;
        let spec = ExecSpec {
            env: vec!["A=b".to_owned()],
            workdir: Some("/tmp".to_owned()),
            user: Some("1000".to_owned()),
            ..command(&["sh", "-c", "echo $A $(pwd) $(id -u); echo no >&2; exit 5"])
        };
        let running = stage.engine.exec(&id, &spec).await.unwrap();
        let output: Vec<Frame> = running.output.map(Result::unwrap).collect().await;
        let of = |stream| -> Vec<u8> {
            output
                .iter()
                .filter(|frame| frame.stream == stream)
                .flat_map(|frame| frame.bytes.to_vec())
                .collect()
        };
        assert_eq!(
            (of(Stream::Stdout), of(Stream::Stderr)),
            (b"b /tmp 1000\n".to_vec(), b"no\n".to_vec())
        );
        assert_eq!(stage.engine.exec_exit(&running.id).await, Ok(whole(5)));
    })
    .await;
}

#[tokio::test]
async fn an_exec_is_written_to_while_it_is_read() {
    Stage::with(async |stage| {
        let id = stage.start("sleep 600").await;
        let sent: Vec<u8> = (0..8 * 1024 * 1024_u32).map(|at| (at % 251) as u8).collect();
        let spec = ExecSpec {
            stdin: Some(Bytes::from(sent.clone())),
            ..command(&["cat"])
        };
        let running = stage.engine.exec(&id, &spec).await.unwrap();
        let echoed: Vec<u8> = running
            .output
            .map(Result::unwrap)
            .collect::<Vec<_>>()
            .await
            .iter()
            .flat_map(|frame| frame.bytes.to_vec())
            .collect();
        assert_eq!(echoed.len(), sent.len());
        assert!(echoed == sent);
        assert_eq!(stage.engine.exec_exit(&running.id).await, Ok(whole(0)));
    })
    .await;
}

#[tokio::test]
async fn an_exec_that_does_not_read_ends_all_the_same() {
    Stage::with(async |stage| {
        let id = stage.start("sleep 600").await;
        let spec = ExecSpec {
            stdin: Some(Bytes::from(vec![b'x'; 8 * 1024 * 1024])),
            ..command(&["echo", "done"])
        };
        let running = stage.engine.exec(&id, &spec).await.unwrap();
        assert_eq!(text(running.output, Stream::Stdout).await, "done\n");
        assert_eq!(stage.engine.exec_exit(&running.id).await, Ok(whole(0)));
    })
    .await;
}

#[tokio::test]
async fn an_exit_code_is_told_right_after_the_output_many_times() {
    Stage::with(async |stage| {
        let id = stage.start("sleep 600").await;
        for code in 0..20 {
            let running = stage
                .engine
                .exec(&id, &command(&["sh", "-c", &format!("exit {code}")]))
                .await
                .unwrap();
            assert_eq!(text(running.output, Stream::Stdout).await, "");
            assert_eq!(stage.engine.exec_exit(&running.id).await, Ok(whole(code)));
        }
    })
    .await;
}

#[tokio::test]
async fn a_command_whose_connection_is_cut_is_waited_for_and_one_that_is_removed_is_not_found() {
    Stage::with(async |stage| {
        let id = stage.start("mkfifo /go; exec sleep 600").await;
        let waits = command(&[
            "sh",
            "-c",
            "until [ -p /go ]; do sleep 0.1; done; echo begun; read x < /go; exit 4",
        ]);
        // Whoever drops the output cuts the connection.
        let cut = async || {
            let mut running = stage.engine.exec(&id, &waits).await.unwrap();
            assert_eq!(running.output.next().await.unwrap().unwrap().bytes, "begun\n");
            running.id
        };
        let exec = cut().await;
        let mut ends = Box::pin(stage.engine.exec_exit(&exec));
        // It is asked, and has no answer while the command goes on.
        assert!(futures_util::poll!(&mut ends).is_pending());
        let go = command(&["sh", "-c", "sleep 5; echo > /go"]);
        let went = async { text(stage.engine.exec(&id, &go).await.unwrap().output, Stream::Stdout).await };
        assert_eq!(tokio::join!(ends, went).0, Ok(ExecEnd { code: 4, whole: false }));

        let exec = cut().await;
        let killed = async {
            text(
                stage.engine.exec(&id, &command(&["sleep", "5"])).await.unwrap().output,
                Stream::Stdout,
            )
            .await;
            stage.engine.kill(&id, "KILL").await
        };
        let ended = tokio::join!(stage.engine.exec_exit(&exec), killed);
        assert_eq!(
            ended,
            (
                Ok(ExecEnd {
                    code: 137,
                    whole: false
                }),
                Ok(())
            )
        );
        stage.engine.remove(ResourceKind::Container, &id).await.unwrap();
        let why = stage.engine.exec_exit(&exec).await.unwrap_err();
        assert_eq!(why.reason, Reason::NotFound, "{why}");
    })
    .await;
}

#[tokio::test]
async fn a_command_that_is_missing_or_has_no_container_is_told() {
    Stage::with(async |stage| {
        let id = stage.start("sleep 600").await;
        let running = stage.engine.exec(&id, &command(&["/nothing"])).await.unwrap();
        let output = text(running.output, Stream::Stdout).await;
        assert!(output.contains("/nothing"), "{output}");
        assert!([126, 127].contains(&stage.engine.exec_exit(&running.id).await.unwrap().code));
        stage.engine.kill(&id, "KILL").await.unwrap();
        stage.event(&id, "die").await;
        let why = stage.engine.exec(&id, &command(&["true"])).await.err().unwrap();
        assert_eq!(why.reason, Reason::Conflict, "{why}");
    })
    .await;
}
