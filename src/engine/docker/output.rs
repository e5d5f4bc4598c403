//! What containers say: logs, and commands run in them.

use std::time::Duration;

use bytes::Bytes;
use futures_util::stream::BoxStream;
use futures_util::{FutureExt, StreamExt};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::io::{AsyncWriteExt, WriteHalf};
use tokio_util::io::ReaderStream;
use tokio_util::task::AbortOnDropHandle;

use super::api::Api;
use super::call::{Call, LIMIT, error};
use super::streams::{Cut, Frames, json_lines};
use super::{containers, encode, read};
use crate::engine::{EngineResult, ExecSpec, Frame, LogRange, Reason, Running};

/// An exec's output is read in pieces of this size.
const PIECE: usize = 64 * 1024;

/// A container's log.
pub(super) async fn logs(
    api: &Api,
    container: &str,
    range: LogRange,
) -> EngineResult<BoxStream<'static, EngineResult<Frame>>> {
    // Before API 1.42 the answer does not say whether it is framed.
    let tty = containers::inspect(api, container).await?.tty;
    let attempt = format!("read the log of container `{container}`");
    let path = format!("/containers/{}/logs?stdout=1&stderr=1", encode(container, ""));
    let mut call = Call::get(path, attempt.clone());
    for (name, wanted) in [("follow", range.follow), ("timestamps", range.timestamps && !tty)] {
        if wanted {
            call = call.query(name, "1");
        }
    }
    if range.since != 0 {
        call = call.query("since", &range.since.to_string());
    }
    if let Some(lines) = range.tail {
        call = call.query("tail", &lines.to_string());
    }
    let cut = match (tty, range.timestamps) {
        (true, _) => Cut::Raw,
        (false, true) => Cut::Stamped,
        (false, false) => Cut::Framed,
    };
    Ok(Frames::of(api.stream(&call).await?, cut, attempt, None).boxed())
}

/// Runs a command in a container, writing what it reads while its output is read.
pub(super) async fn exec(api: &Api, container: &str, spec: &ExecSpec) -> EngineResult<Running> {
    let attempt = format!("run `{}` in container `{container}`", spec.command.join(" "));
    let mut body = json!({
        "Cmd": spec.command,
        "Env": spec.env,
        "AttachStdin": spec.stdin.is_some(),
        "AttachStdout": true,
        "AttachStderr": true,
    });
    for (name, value) in [("WorkingDir", &spec.workdir), ("User", &spec.user)] {
        if let Some(value) = value {
            body[name] = json!(value);
        }
    }
    let path = format!("/containers/{}/exec", encode(container, ""));
    let id = read::text(&api.json(&Call::post(path, attempt.clone()).json(&body)).await?["Id"]);
    let start = Call::post(format!("/exec/{id}/start"), attempt.clone());
    let taken = api.upgrade(start.json(&json!({"Detach": false, "Tty": false}))).await?;
    let (reader, writer) = tokio::io::split(TokioIo::new(taken));
    let writer = AbortOnDropHandle::new(tokio::spawn(write(writer, spec.stdin.clone())));
    let lost = {
        let attempt = attempt.clone();
        move |why: std::io::Error| error(&attempt, format!("the engine went away: {why}"), Reason::Away)
    };
    let chunks = ReaderStream::with_capacity(reader, PIECE)
        .map(move |piece| piece.map_err(&lost))
        .boxed();
    Ok(Running {
        id,
        output: Frames::of(chunks, Cut::Framed, attempt, Some(writer)).boxed(),
    })
}

/// Writes what the command reads, then closes that side. A command that does not read it all is no error.
async fn write<T: tokio::io::AsyncWrite>(mut writer: WriteHalf<T>, stdin: Option<Bytes>) {
    if let Some(stdin) = stdin
        && writer.write_all(&stdin).await.is_ok()
    {
        drop(writer.shutdown().await);
    }
    // Without a stdin nothing is closed: the engine takes a closed connection for one that nobody reads.
}

/// The exit code of an exec whose output has ended. The engine may note the code a little later than it closes the
/// output; then its event is waited for.
pub(super) async fn exec_exit(api: &Api, exec: &str) -> EngineResult<i64> {
    if let Some(code) = ended(&inspect(api, exec).await?) {
        return Ok(code);
    }
    let attempt = format!("learn how exec `{exec}` ended");
    let filters = json!({"type": ["container"], "event": ["exec_die"]}).to_string();
    let events = api
        .stream(&Call::get("/events".to_owned(), attempt.clone()).query("filters", &filters))
        .await?;
    let mut events = json_lines(events, attempt.clone());
    // Asked again now that no event can be missed.
    if let Some(code) = ended(&inspect(api, exec).await?) {
        return Ok(code);
    }
    let died = async {
        while let Some(event) = events.next().await {
            if event?["Actor"]["Attributes"]["execID"] == *exec {
                break;
            }
        }
        inspect(api, exec).await
    };
    let told = within(LIMIT, died.boxed()).await;
    let answer =
        told.unwrap_or_else(|| Err(error(&attempt, format!("it still runs after {LIMIT:?}"), Reason::Limit)))?;
    ended(&answer).ok_or_else(|| error(&attempt, "it still runs", Reason::Other))
}

async fn within<T>(limit: Duration, work: impl Future<Output = T> + Unpin) -> Option<T> {
    tokio::time::timeout(limit, work).await.ok()
}

async fn inspect(api: &Api, exec: &str) -> EngineResult<Value> {
    api.json(&Call::get(
        format!("/exec/{}/json", encode(exec, "")),
        format!("inspect exec `{exec}`"),
    ))
    .await
}

fn ended(answer: &Value) -> Option<i64> {
    if answer["Running"] == true {
        None
    } else {
        answer["ExitCode"].as_i64()
    }
}
