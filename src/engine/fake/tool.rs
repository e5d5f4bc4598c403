//! Calls of the docker tools: how they end, and what becomes of their work when nobody waits for it any more.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::timeout;
use tokio_util::task::AbortOnDropHandle;

use super::compose::Job;
use super::faults::error;
use super::{Fake, ToolFault};
use crate::engine::{EngineResult, Reason, Stream, ToolCall, ToolEnd, ToolLine};

impl Fake {
    /// Runs a tool: its work goes on in a task of its own, which dies with the call unless it is an orphan.
    pub(super) async fn run_tool(&self, call: ToolCall, line: ToolLine) -> EngineResult<ToolEnd> {
        let arguments = call.arguments.join(" ");
        let attempt = format!("run `{:?} {arguments}`", call.tool).to_lowercase();
        let fault = self.next_tool_fault(&call);
        if let Some(end) = self.scripted_end(&fault, &arguments) {
            end.stdout.lines().for_each(|text| line(Stream::Stdout, text));
            end.stderr.lines().for_each(|text| line(Stream::Stderr, text));
            return Ok(end);
        }
        let limit = call.limit;
        let left = if let ToolFault::DiesAfter(made) = fault {
            Some(made)
        } else {
            None
        };
        let job = Job {
            fake: self.clone(),
            call,
            line,
            left,
            dead: false,
        };
        let slow = if let ToolFault::Slow(time) = fault {
            time
        } else {
            Duration::ZERO
        };
        let task = tokio::spawn(async move {
            crate::wait::pause(slow).await;
            job.run().await
        });
        let ended = if fault == ToolFault::Orphan {
            timeout(limit, task).await
        } else {
            timeout(limit, AbortOnDropHandle::new(task)).await
        };
        match ended {
            Ok(Ok(end)) => Ok(end),
            Ok(Err(problem)) => Err(error(&attempt, Reason::Other, problem.to_string())),
            Err(_) => Err(error(&attempt, Reason::Limit, format!("not ended within {limit:?}"))),
        }
    }

    fn next_tool_fault(&self, call: &ToolCall) -> ToolFault {
        let mut state = self.lock();
        if call.limit.is_zero() {
            state
                .complaints
                .push(format!("`{}` was called without a limit", call.arguments.join(" ")));
        }
        state.tool_faults.pop_front().unwrap_or(ToolFault::None)
    }

    fn scripted_end(&self, fault: &ToolFault, arguments: &str) -> Option<ToolEnd> {
        if let ToolFault::Fails(code, words) = fault {
            return Some(ToolEnd {
                exit: Some(*code),
                stderr: (*words).into(),
                ..ToolEnd::default()
            });
        }
        let state = self.lock();
        let mut answers = state.tool_answers.iter();
        answers
            .find(|(part, _)| arguments.contains(part))
            .map(|(_, end)| end.clone())
    }
}

/// A tool's output that nobody listens to.
pub fn unheard() -> ToolLine {
    Arc::new(|_, _| {})
}
