//! What containers say: logs, and commands run in them.

use std::pin::Pin;

use bollard::container::{AttachContainerResults, LogOutput};
use bollard::exec::{CreateExecOptions, StartExecOptions, StartExecResults};
use bollard::models::ExecInspectResponse;
use bollard::query_parameters::AttachContainerOptions;
use bytes::Bytes;
use futures_util::stream::BoxStream;
use futures_util::{StreamExt, TryStreamExt};
use serde_json::{Value, json};
use tokio::io::{AsyncWrite, AsyncWriteExt};
use tokio_util::task::AbortOnDropHandle;

use super::api::{Api, LIMIT};
use super::streams::{NO_FRAMES, PIECE, frames, json_lines};
use super::terminal::terminal;
use super::transport::Failure;
use super::{encode, error};
use crate::engine::{Conversation, EngineResult, ExecEnd, ExecSpec, Frame, LogRange, Reason, Running, Stream};

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
        "/containers/{}/logs?stdout=1&stderr=1&follow={}&timestamps={}&tail={}",
        encode(container),
        u8::from(range.follow),
        u8::from(stamped),
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
    let Begun { id, input, output } = begin(api, container, spec, spec.stdin.is_some()).await?;
    let writer = AbortOnDropHandle::new(tokio::spawn(write(input, spec.stdin.clone())));
    let output = output.inspect(move |_| {
        // Whoever writes the other way ends with the output.
        let _ = &writer;
    });
    Ok(Running {
        id,
        output: output.boxed(),
    })
}

/// Runs a command in a container that is to be spoken with.
pub(super) async fn converse(api: &Api, container: &str, command: &[String]) -> EngineResult<Conversation> {
    let spec = ExecSpec {
        command: command.to_vec(),
        ..ExecSpec::default()
    };
    let Begun { input, output, .. } = begin(api, container, &spec, true).await?;
    Ok(Conversation { input, output })
}

/// A command that runs in a container.
struct Begun {
    id: String,
    input: Pin<Box<dyn AsyncWrite + Send>>,
    output: BoxStream<'static, EngineResult<Frame>>,
}

/// Runs a command in a container, with or without something that it reads.
async fn begin(api: &Api, container: &str, spec: &ExecSpec, reads: bool) -> EngineResult<Begun> {
    let attempt = format!("run `{}` in container `{container}`", spec.command.join(" "));
    let options = CreateExecOptions {
        cmd: Some(spec.command.clone()),
        env: Some(spec.env.clone()),
        working_dir: spec.workdir.clone(),
        user: spec.user.clone(),
        attach_stdin: Some(reads),
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
    let output = output.map(move |piece| {
        piece
            .map_err(Failure::from)
            .and_then(frame)
            .map_err(|why| why.of(&attempt))
    });
    Ok(Begun {
        id,
        input,
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

/// Starts a container and writes what it reads: whoever writes must be there before it starts.
pub(super) async fn start_with(api: &Api, container: &str, stdin: Bytes) -> EngineResult<()> {
    let attempt = format!("write to container `{container}`");
    let options = AttachContainerOptions {
        stdin: true,
        stream: true,
        ..AttachContainerOptions::default()
    };
    let name = encode(container);
    let attached = api
        .ask(&attempt, api.client.attach_container(&name, Some(options)))
        .await?;
    let attempt = format!("start container `{container}`");
    let start = |client: bollard::Docker| async move { client.start_container(&name, None).await };
    api.change(attempt, LIMIT, start).await?;
    // It may read slowly, or never: nobody waits for that. With the container the connection ends.
    tokio::spawn(async move {
        let AttachContainerResults { output, input } = attached;
        write(input, Some(stdin)).await;
        output.for_each(|_| std::future::ready(())).await;
    });
    Ok(())
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

/// How an exec whose output has ended ended. The engine may note that a little later than it closes the output, and a
/// command whose connection was cut goes on: then its events tell when there is something new to ask. One that has ended
/// before it is asked for the first time is taken for whole: nothing tells an output's end from a cut.
pub(super) async fn exec_exit(api: &Api, exec: &str) -> EngineResult<ExecEnd> {
    let inspecting = format!("inspect exec `{exec}`");
    let id = encode(exec);
    let inspect = || api.ask(&inspecting, api.client.inspect_exec(&id));
    let first = inspect().await?;
    if let Some(code) = ended(&first) {
        return Ok(ExecEnd { code, whole: true });
    }
    let container = first.container_id.unwrap_or_default();
    let whole = !is_alive(api, &container, first.pid).await;
    let attempt = format!("learn how exec `{exec}` ended");
    let events = ["exec_die", "die", "destroy"];
    let filters = json!({"type": ["container"], "container": [container], "event": events}).to_string();
    let path = format!("/events?filters={}", encode(&filters));
    let mut events = json_lines(api.stream(&attempt, &path).await?, &attempt);
    // Asked again now that no event can be missed.
    if let Some(code) = ended(&inspect().await?) {
        return Ok(ExecEnd { code, whole });
    }
    while let Some(event) = events.next().await {
        event?;
        if let Some(code) = ended(&inspect().await?) {
            return Ok(ExecEnd { code, whole });
        }
    }
    Err(error(&attempt, "its events have ended", Reason::Away))
}

/// Whether a container still has a process of that number, as far as can be found out.
async fn is_alive(api: &Api, container: &str, pid: Option<i64>) -> bool {
    let Some(pid) = pid.filter(|pid| *pid > 0) else {
        // It is only being started.
        return true;
    };
    let path = format!("/containers/{}/top", encode(container));
    let listed = api
        .json(&format!("list the processes of container `{container}`"), &path)
        .await;
    let listed = match listed {
        Ok(listed) => listed,
        // It has ended, and all its processes with it.
        Err(why) if matches!(why.reason, Reason::Conflict | Reason::NotFound) => return false,
        Err(_) => return true,
    };
    let (pid, titles) = (pid.to_string(), listed["Titles"].as_array());
    let column = titles.and_then(|titles| titles.iter().position(|title| title == "PID"));
    let mut processes = listed["Processes"].as_array().into_iter().flatten();
    let is_it = |process: &Value| column.is_some_and(|column| process[column] == *pid);
    // One that has ended stays in the list until somebody has asked how.
    let has_ended = |process: &Value| process.to_string().contains("<defunct>");
    processes.any(|process| is_it(process) && !has_ended(process))
}

fn ended(exec: &ExecInspectResponse) -> Option<i64> {
    exec.exit_code.filter(|_| exec.running != Some(true))
}
