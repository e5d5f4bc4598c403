//! The docker tools at work for a step: what they say is kept, and told in the author's words where they fail.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::command::TAIL;
use super::{Cx, Done, NodeHandle};
use crate::engine::{EngineResult, Reason, Stream, ToolCall, ToolEnd};
use crate::event::{Fault, What, duration_text};
use crate::host::Kept;
use crate::stack::StackPlan;
use crate::substitute::{self, StackKind};

/// How often a tool is tried again when the surroundings fail.
pub(super) const TRIES: u32 = 3;
/// What is kept of each end of what a tool says.
const KEEP: usize = 64 * 1024;

/// What an older `docker stack` says of a file without a version.
const UNVERSIONED: &str = "unsupported Compose file version: 1.0";

/// What to do about an image of a stack that could not be pulled.
const UNPULLED: &str = "look at its name, and whether its registry is reached and wants a login; or take another one: \
     `substitute: {images: {…}}`";

/// Runs a tool to its end, or to its limit: how it ended, and what it said on both its streams.
pub(super) async fn run(node: &NodeHandle, call: ToolCall) -> EngineResult<(ToolEnd, String)> {
    let output = Arc::new(Mutex::new(Kept::new(KEEP)));
    let told = {
        let output = Arc::clone(&output);
        Arc::new(move |_: Stream, line: &str| {
            let mut output = output.lock().unwrap_or_else(PoisonError::into_inner);
            output.add(line.as_bytes());
            output.add(b"\n");
        })
    };
    let ended = match node.engine.tool(call, told).await {
        Err(error) if error.reason == Reason::Limit => ToolEnd::default(),
        ended => ended?,
    };
    let lines = output.lock().unwrap_or_else(PoisonError::into_inner).text();
    Ok((ended, lines))
}

/// How long a call of a tool may take, in what is left of the step's time; an error where that is over: the tool would be
/// ended before it has done anything, and the step's faults would be told of it.
pub(super) fn limit(cx: &Cx, (what, does): (&str, &str)) -> Done<Duration> {
    let left = cx.deadline.saturating_duration_since(Instant::now());
    if !left.is_zero() {
        return Ok(left);
    }
    let (limit, setting) = cx.passed_limit();
    let message = format!("`{what}` was not {does}: what comes before that took all of {limit}");
    Err(cx.error_with_hint(message, setting))
}

/// Tells that a tool is tried again, and why.
pub(super) fn retried(cx: &Cx, text: &str) {
    cx.case.emitter.emit(What::Retried {
        path: Some(cx.step.path.clone()),
        text: text.to_owned(),
    });
}

/// The error of a tool that failed by itself, at what it complains of.
pub(super) fn complaint(cx: &Cx, plan: &StackPlan, ended: &ToolEnd, lines: &str) -> Fault {
    let (tool, undone) = match plan.kind {
        StackKind::Compose => ("the compose tool", "brought up"),
        StackKind::Swarm => ("`docker stack deploy`", "deployed"),
    };
    let unpulled = unpulled(plan, lines);
    let why = match (ended.exit, &unpulled) {
        (Some(_), Some(what)) => format!("{what} could not be pulled"),
        (Some(exit), None) => format!("{tool} ended with exit code {exit}"),
        (None, _) if Instant::now() < cx.deadline => format!("{tool} was ended by a signal"),
        (None, _) => {
            let limit = duration_text(cx.limit.as_secs_f64());
            format!("{tool} did not end within {limit}")
        }
    };
    let tail: Vec<&str> = said_once(lines).into_iter().rev().take(TAIL).collect();
    let tail = tail.into_iter().rev().collect::<Vec<_>>().join("\n");
    // It knows only the copies, and the author only what they are copies of.
    let (originals, files) = (plan.planned.originals(&plan.copies), &*cx.case.files);
    let tail = substitute::of_originals(&tail, &originals, files);
    let tail = plan.in_its_words(&tail);
    let complaint = substitute::place_of(&tail, &originals, files);
    let at = complaint.map_or_else(|| cx.span.place(), |span| span.place());
    let is_too_old = tail.contains(UNVERSIONED);
    let fault = Fault::error(format!("`{}` could not be {undone}: {why}", plan.name));
    let fault = fault.at(at).detail(format!("what {tool} said"), tail);
    match is_too_old {
        true => fault.hint("a `docker` older than 23.0 wants a version in each file: write `version: '3.8'`"),
        false if unpulled.is_some() => fault.hint(UNPULLED),
        false => fault,
    }
}

/// The image that the compose tool could not pull: ` web Error …`, and newer ones ` Image shop/web Error …`.
fn unpulled(plan: &StackPlan, lines: &str) -> Option<String> {
    lines.lines().find_map(|line| {
        let of = line.split_once(" Error ")?.0.trim();
        match of.strip_prefix("Image ") {
            Some(image) => Some(format!("image `{}`", image.trim())),
            None => {
                let is_service = plan.planned.services.contains_key(of);
                is_service.then(|| format!("the image of `{of}`"))
            }
        }
    })
}

/// What a tool said, without the engine's answer where a line before it has that already.
fn said_once(lines: &str) -> Vec<&str> {
    let mut all: Vec<&str> = lines.lines().collect();
    let answer = all
        .last()
        .and_then(|last| last.strip_prefix("Error response from daemon: "));
    let before = || all.iter().rev().skip(1);
    if answer.is_some_and(|answer| before().any(|line| line.contains(answer))) {
        all.pop();
    }
    all
}
