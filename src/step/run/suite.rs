//! The result of a `run`, with what the tests of a suite in it came to.

use std::time::Duration;

use serde_json::Value;

use super::super::command::Output;
use super::super::place::Inside;
use super::super::{Cx, Done, NodeHandle, junit};
use super::Bound;
use crate::event::Fault;

impl Bound {
    /// The tests that a suite in the container told of, if it was to: how many, and which failed.
    pub(super) async fn tests(&self, cx: &Cx, (node, id): (&NodeHandle, &str)) -> Done<Option<(usize, Vec<String>)>> {
        let Some(path) = cx.optional(self.0.junit.as_ref()).await? else {
            return Ok(None);
        };
        let container = cx.asked(node.engine.inspect(id)).await?;
        let (node, name) = (node.clone(), "the container".to_owned());
        let inside = Inside {
            node,
            container,
            name,
            path,
            holder: None,
        };
        junit::taken(cx, &inside).await.map(Some)
    }

    /// The result of the command, with what its tests came to.
    pub(super) fn result(
        &self,
        cx: &Cx,
        (exit, took, output): (i64, Duration, Output),
        tests: Done<Option<(usize, Vec<String>)>>,
    ) -> Done<Value> {
        let tests = tests.map_err(|mut faults| {
            // What it wrote says why there are none.
            let first = faults.remove(0).detail("exit", exit.to_string());
            std::iter::once(output.described(first))
                .chain(faults)
                .collect::<Vec<Fault>>()
        })?;
        if let Some((count, failed)) = tests {
            let is_expected = cx.expect.as_ref().is_some_and(|expect| expect.expects("failed"));
            if !failed.is_empty() && !is_expected {
                let fault = junit::failed(cx, exit, (count, &failed));
                return Err(vec![if exit == 0 { fault } else { output.described(fault) }]);
            }
            let mut result = output.result(exit, took, cx)?;
            result["tests"] = count.into();
            result["failed"] = failed.len().into();
            return Ok(result);
        }
        output.result(exit, took, cx)
    }
}
