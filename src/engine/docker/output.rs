//! What containers say: logs, and commands run in them.

use std::pin::Pin;
use std::time::Duration;

use bollard::container::LogOutput;
use bollard::exec::{CreateExecOptions, StartExecOptions, StartExecResults};
use bollard::models::ExecInspectResponse;
use bytes::Bytes;
use futures_util::stream::BoxStream;
use futures_util::{StreamExt, TryStreamExt};
use serde_json::json;
use tokio::io::{AsyncWrite, AsyncWriteExt};
use tokio_util::task::AbortOnDropHandle;

use super::api::Api;
use super::streams::{NO_FRAMES, PIECE, frames, json_lines};
use super::terminal::terminal;
use super::transport::Failure;
use super::{encode, error};
use crate::engine::{EngineResult, ExecSpec, Frame, LogRange, Reason, Running, Stream};

/// How long an engine may take to note the end of a command whose output has ended. Mostly that is milliseconds.
const NOTED: Duration = Duration::from_secs(5);

/// A container's log, over the raw path: see there and in `streams`.
pub(super) async fn logs(
    api: &Api,
    container: &str,
    range: LogRange,
    tty: bool,
) -> EngineResult<BoxStream<'static, EngineResult<Frame>>> {
    let attempt = format!("read the log of container `{container}`");
    let stamped = range.timestamps;
    let path = format!(
        "/containers/{}/logs?stdout=1&stderr=1&follow={}&timestamps={}&since={}&tail={}",
        encode(container),
        u8::from(range.follow),
        u8::from(stamped),
        range.since,
        range.tail.map_or_else(|| "all".to_owned(), |lines| lines.to_string()),
    );
    let chunks = api.stream(&attempt, &path).await?;
    match (tty, stamped) {
        (false, _) => return Ok(frames(chunks, stamped, &attempt)),
        (true, true) => return Ok(terminal(chunks, &attempt)),
        (true, false) => {}
    }
    let raw = |bytes| Frame {
        stream: Stream::Stdout,
        at: None,
        bytes,
    };
    Ok(chunks.map_ok(raw).boxed())
}

/// Runs a command in a container, writing what it reads while its output is read.
pub(super) async fn exec(api: &Api, container: &str, spec: &ExecSpec) -> EngineResult<Running> {
    let attempt = format!("run `{}` in container `{container}`", spec.command.join(" "));
    let options = CreateExecOptions {
        cmd: Some(spec.command.clone()),
        env: Some(spec.env.clone()),
        working_dir: spec.workdir.clone(),
        user: spec.user.clone(),
        attach_stdin: Some(spec.stdin.is_some()),
        attach_stdout: Some(true),
        attach_stderr: Some(true),
        ..CreateExecOptions::default()
    };
    let name = encode(container);
    let id = api.ask(&attempt, api.client.create_exec(&name, options)).await?.id;
    let start = StartExecOptions {
        output_capacity: Some(PIECE),
        ..StartExecOptions::default()
    };
    let started = api.ask(&attempt, api.client.start_exec(&id, Some(start))).await?;
    let StartExecResults::Attached { output, input } = started else {
        return Err(error(&attempt, "it did not hand the connection over", Reason::Other));
    };
    let writer = AbortOnDropHandle::new(tokio::spawn(write(input, spec.stdin.clone())));
    let output = output.map(move |piece| {
        // Whoever writes the other way ends with the output.
        let _ = &writer;
        piece
            .map_err(Failure::from)
            .and_then(frame)
            .map_err(|why| why.of(&attempt))
    });
    Ok(Running {
        id,
        output: output.boxed(),
    })
}

/// A piece of an exec's output. bollard calls what is in no frame, or in one that was cut off, a console's.
fn frame(piece: LogOutput) -> Result<Frame, Failure> {
    let (stream, bytes) = match piece {
        LogOutput::StdIn { message } | LogOutput::StdOut { message } => (Stream::Stdout, message),
        LogOutput::StdErr { message } => (Stream::Stderr, message),
        LogOutput::Console { .. } => return Err(Failure::of_ours(NO_FRAMES.to_owned())),
    };
    Ok(Frame {
        stream,
        at: None,
        bytes,
    })
}

/// Writes what the command reads, then closes that side. A command that does not read it all is no error.
async fn write(mut input: Pin<Box<dyn AsyncWrite + Send>>, stdin: Option<Bytes>) {
    if let Some(stdin) = stdin
        && input.write_all(&stdin).await.is_ok()
    {
        drop(input.shutdown().await);
    }
    // Without a stdin nothing is closed: the engine takes a closed connection for one that nobody reads.
}

/// The exit code of an exec whose output has ended. The engine may note the code a little later than it closes the
/// output; then its event is waited for.
pub(super) async fn exec_exit(api: &Api, exec: &str) -> EngineResult<i64> {
    let inspecting = format!("inspect exec `{exec}`");
    let id = encode(exec);
    let inspect = || api.ask(&inspecting, api.client.inspect_exec(&id));
    if let Some(code) = ended(&inspect().await?) {
        return Ok(code);
    }
    let attempt = format!("learn how exec `{exec}` ended");
    let filters = json!({"type": ["container"], "event": ["exec_die"]}).to_string();
    let path = format!("/events?filters={}", encode(&filters));
    let mut events = json_lines(api.stream(&attempt, &path).await?, &attempt);
    // Asked again now that no event can be missed.
    if let Some(code) = ended(&inspect().await?) {
        return Ok(code);
    }
    let died = async {
        while let Some(event) = events.next().await {
            if event?["Actor"]["Attributes"]["execID"] == *exec {
                break;
            }
        }
        ended(&inspect().await?).ok_or_else(|| error(&attempt, "it still runs", Reason::Other))
    };
    let late = |_| {
        let why = "its output has ended and it still runs: the connection to it was cut, or it has closed its outputs";
        Err(error(&attempt, why, Reason::Away))
    };
    tokio::time::timeout(NOTED, died).await.unwrap_or_else(late)
}

fn ended(exec: &ExecInspectResponse) -> Option<i64> {
    exec.exit_code.filter(|_| exec.running != Some(true))
}
