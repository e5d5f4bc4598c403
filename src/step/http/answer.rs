//! What an answer over http becomes: a result, a failure, and what is shown of it.

use std::time::Duration;

use serde_json::{Map, Value, json};

use super::request::is_at_limit;
use crate::event::{Detail, Fault, FaultKind};
use crate::expect::{Field, FieldKind};
use crate::net::{self, HTTP_ERRORS, HttpAnswer, HttpRequest, NOTHING, NetError};
use crate::step::target::{freed, known_inside};
use crate::step::{Cx, Done};

/// The fields of an answer.
pub(super) const FIELDS: [Field; 8] = [
    Field {
        name: "status",
        kind: FieldKind::STATUS,
        doc: "The status: `200`.",
    },
    Field {
        name: "headers",
        kind: FieldKind::Map,
        doc: "The headers by lower-case name; several of a name joined by `, `.",
    },
    Field {
        name: "body",
        kind: FieldKind::Text,
        doc: "The body as text, its first 4 MiB.",
    },
    Field {
        name: "json",
        kind: FieldKind::Json,
        doc: "The body as data; not there when it is no JSON.",
    },
    Field {
        name: "duration",
        kind: FieldKind::Duration,
        doc: "How long it took, in seconds, redirects included.",
    },
    Field {
        name: "error",
        kind: FieldKind::Words(HTTP_ERRORS),
        doc: "Why there was no answer: `refused`, `reset`, `timeout`, `dns`, `tls`, `other`.",
    },
    Field {
        name: "reason",
        kind: FieldKind::Text,
        doc: "The same in words.",
    },
    Field {
        name: "request",
        kind: FieldKind::Text,
        doc: "What was asked: `GET http://127.0.0.1:32768/members`.",
    },
];

/// What to do where nothing listens, and was asked once.
const NOT_YET: &str =
    "it may not listen yet: ask again with `within: 10s` on the step, or give its service a healthcheck";

/// What is known of a port that takes connections and ends them, time and again.
const OPEN: &str = "a port that Docker publishes opens also where nothing listens in the container: see that its service listens on that port, on all its addresses (`0.0.0.0`)";

/// How much of an answer's body a fault shows, in bytes.
const SHOWN_BODY: usize = 2048;

/// What was asked, in a line; without a password that stands in the URL.
pub(super) fn asked(request: &HttpRequest) -> String {
    format!("{} {}", request.method, net::without_user(&request.url))
}

/// Where a question goes to. Nobody listens at a port that a service does not have now, since its container does not run
/// or is gone: whoever asks there is refused.
pub(in crate::step) fn reached<T>(cx: &Cx, to: Done<T>) -> Done<Result<T, NetError>> {
    let faults = match to {
        Ok(to) => return Ok(Ok(to)),
        Err(faults) => faults,
    };
    match faults.as_slice() {
        // Of one that never was nothing is known.
        [fault] if fault.kind == FaultKind::Failure && !cx.concerned().is_empty() => Ok(Err(NetError {
            kind: "refused",
            message: fault.message.clone(),
        })),
        _ => Err(faults),
    }
}

/// What no answer comes to: a result where it is expected, and otherwise a failure.
pub(in crate::step) fn no_answer(cx: &Cx, asked: &str, error: &NetError, duration: Duration) -> Done<Value> {
    if error.is_request() {
        return Err(cx.error(error.message.clone()));
    }
    let is_expected = cx.expect.as_ref().is_some_and(|expect| expect.expects("error"));
    if is_expected {
        return Ok(json!({
            "error": error.kind, "reason": error.message, "request": asked, "duration": duration.as_secs_f64(),
        }));
    }
    // It says so by itself where a limit has passed.
    let message = match error.message.strip_prefix(NOTHING) {
        Some(within) => format!("{NOTHING} ({}){within}", error.kind),
        None => format!("{NOTHING} ({}): {}", error.kind, error.message),
    };
    let fault = Fault::failure(message).at(cx.span.place()).detail("question", asked);
    Err(vec![match error.kind == "timeout" && is_at_limit(cx) {
        true => fault.hint(cx.passed_limit().1),
        false => fault,
    }])
}

/// Says of an address at which nobody listens what to do: its compose file's port may be a free one now, or, asked once
/// only, it was asked too early; a name may be one that only the stack's own networks know. `address` is that of this machine, where it is asked there.
pub(in crate::step) fn unheard(cx: &Cx, address: Option<&str>, error: &NetError, result: Done<Value>) -> Done<Value> {
    let is_refused = error.kind == "refused";
    let freed = address
        .filter(|_| is_refused)
        .and_then(|address| freed(&cx.case.stacks, address));
    let is_unknown = error.kind == NetError::DNS;
    let elsewhere = address
        .filter(|_| is_unknown)
        .and_then(|address| known_inside(&cx.case.stacks, address));
    let hint = match freed {
        _ if elsewhere.is_some() => elsewhere.unwrap_or_default(),
        Some((message, help)) => format!("{message}; {help}"),
        // A port that Docker publishes opens before anything listens in the container.
        None if (is_refused || error.kind == "reset") && cx.within.is_none() => NOT_YET.to_owned(),
        None if error.kind == "reset" && address.is_some() => OPEN.to_owned(),
        None => return result,
    };
    result.map_err(|faults| faults.into_iter().map(|fault| fault.hint(hint.clone())).collect())
}

/// Refuses to judge or save a body of which only a part was kept.
pub(super) fn whole_enough(cx: &Cx, answer: &HttpAnswer) -> Done<()> {
    let is_whole = answer.length <= answer.body.len() as u64;
    match cx.needs_whole(&["body", "json"]).filter(|_| !is_whole) {
        None => Ok(()),
        Some(cannot) => {
            let message = format!(
                "`body` cannot be {cannot}: it has {} bytes or more, and only the first {} are kept",
                answer.length,
                answer.body.len()
            );
            Err(cx.error_with_hint(message, "ask for a smaller answer, or judge its headers"))
        }
    }
}

/// An answer as a result.
pub(in crate::step) fn outputs(request: &HttpRequest, answer: &HttpAnswer) -> Value {
    let headers: Map<String, Value> = answer
        .headers
        .iter()
        .map(|(name, value)| (name.clone(), Value::String(value.clone())))
        .collect();
    let mut body = String::from_utf8_lossy(&answer.body).into_owned();
    let left_out = answer.length.saturating_sub(answer.body.len() as u64);
    if left_out > 0 {
        body += &crate::cut::mark(format_args!("{left_out} bytes or more"));
    }
    let mut outputs = json!({
        "request": asked(request),
        "status": answer.status,
        "headers": headers,
        "body": body,
        "duration": answer.duration.as_secs_f64(),
    });
    if let Ok(data) = serde_json::from_slice(&answer.body) {
        outputs["json"] = data;
    }
    outputs
}

/// What the answer was, for a failed expectation; with `wants_json` also why its body is none.
pub(super) fn shown(outputs: &Value, wants_json: bool) -> Vec<Detail> {
    let text = |field: &str| outputs.get(field).and_then(Value::as_str).unwrap_or_default();
    let fact = |title: &str, text: String| Detail {
        title: title.to_owned(),
        text,
    };
    let Some(status) = outputs.get("status") else {
        return vec![fact("no answer", format!("{}\n{}", text("request"), text("reason")))];
    };
    let mut lines = vec![text("request").to_owned(), format!("status {status}")];
    if let Some(headers) = outputs.get("headers").and_then(Value::as_object) {
        lines.extend(
            headers
                .iter()
                .map(|(name, value)| format!("{name}: {}", value.as_str().unwrap_or_default())),
        );
    }
    let body = text("body");
    lines.push(String::new());
    lines.push(crate::cut::head_and_tail(body, SHOWN_BODY));
    let mut facts = vec![fact("answer", lines.join("\n"))];
    if let (None, Err(why)) = (outputs.get("json"), serde_json::from_str::<Value>(body))
        && wants_json
    {
        facts.push(fact("`json`", format!("the body is no JSON: {why}")));
    }
    facts
}
