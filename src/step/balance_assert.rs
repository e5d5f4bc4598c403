//! `balance-assert`: asks many times and tells the answers apart.

mod tally;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde_json::Value;

use self::tally::{Tally, Wanted};

use super::http::{Http, Request, address, is_at_limit, lacking, outputs, time_left};
use super::{About, Act, Binder, Body, Cx, Done, Sort, Written, inside};
use crate::diagnostic::Diagnostic;
use crate::event::Fault;
use crate::expect::{Field, FieldKind, text_of};
use crate::net::{HttpRequest, NetError};
use crate::shape::{Computed, Fields, Problems, Rule, Shape, shape, wrong_type};
use crate::template::Expression;
use crate::yaml::Node;

/// See the table.
pub(super) const ABOUT: About = About {
    name: "balance-assert",
    does: "Asks over http many times, each time on a fresh connection, and tells the answers apart.",
    manual: "It takes the keys of `http` and asks `requests` times. `key` is an expression over the answer (default \
             `body`) that says who answered. `distinct` is how many different answers there must be: one more fails at \
             once. Each of them must have come at least `least` times. A question without an answer, or with a status \
             that is not 2xx, fails, unless `key` looks at `status` or `expect` says how many `errors` there may be.",
    example: "- balance-assert:\n    get: \"${{ url('front', 80) }}/whoami\"\n    requests: 60\n    key: headers['x-server']\n    distinct: 3\n    least: 10",
    sort: Sort::Check,
    limit: Duration::from_secs(60),
    results: &[
        Field {
            name: "distinct",
            kind: FieldKind::COUNT,
            doc: "How many different answers there were.",
        },
        Field {
            name: "answers",
            kind: FieldKind::Json,
            doc: "How often each answer came, by answer.",
        },
        Field {
            name: "errors",
            kind: FieldKind::COUNT,
            doc: "How many questions had no answer of status 2xx.",
        },
    ],
    defaults: &[],
    locals: &["status", "headers", "body", "json", "duration", "request"],
};

/// The longest key, in bytes.
const MAX_KEY: usize = 4096;

shape! {
    /// How often is asked, and what the answers must be.
    pub struct Counts ("`balance-assert`") rules [Rule::Some(&["distinct", "least"])] {
        /// How often is asked.
        requests: Computed<u64>,
        /// An expression over the answer that says who answered (default `body`).
        key: Option<Expression>,
        /// How many different answers there must be.
        distinct: Option<Computed<u64>>,
        /// How often each of them must have come at least.
        least: Option<Computed<u64>>,
    }
}

/// A question, and how often it is asked.
#[derive(Debug)]
pub(super) struct BalanceAssert {
    http: Http,
    counts: Counts,
}

impl Shape for BalanceAssert {
    fn read(node: &Node, problems: &mut Problems) -> Option<Self> {
        let Some(entries) = node.map() else {
            problems.push(wrong_type(node, "a mapping (`balance-assert`)"));
            return None;
        };
        let known: Vec<&str> = Http::offered()
            .iter()
            .chain(Counts::offered())
            .map(AsRef::as_ref)
            .collect();
        for (key, _) in entries {
            let name = key.scalar().unwrap_or_default();
            if !known.contains(&name) {
                let known = known.iter().copied();
                problems.push(Diagnostic::unknown(&key.span, "key in `balance-assert`,", name, known));
            }
        }
        let http = Http::read_fields(&Fields::among(node, Http::keys()), problems);
        let counts = Counts::read_fields(&Fields::among(node, Counts::keys()), problems);
        Some(BalanceAssert {
            http: http?,
            counts: counts?,
        })
    }
}

impl JsonSchema for BalanceAssert {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "BalanceAssert".into()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let mut schema = Counts::json_schema(generator).to_value();
        let http = Http::json_schema(generator).to_value();
        // Its short form is not one here.
        let question = http.pointer("/anyOf/0").unwrap_or(&http);
        if let (Some(own), Some(keys)) = (schema["properties"].as_object_mut(), question["properties"].as_object()) {
            own.extend(keys.clone());
        }
        if let (Some(own), Some(rules)) = (schema["allOf"].as_array_mut(), question["allOf"].as_array()) {
            own.extend(rules.iter().cloned());
        }
        schema.try_into().unwrap_or_default()
    }
}

impl Written for BalanceAssert {
    fn title(&self) -> String {
        self.http.title()
    }

    fn bind(&self, binder: &mut Binder<'_>) -> Option<Body> {
        let counts = &self.counts;
        if counts.distinct.is_none() && counts.least.is_none() {
            binder.error(
                &counts.span,
                "`balance-assert` checks nothing",
                "say `distinct`, `least`, or both",
            );
            return None;
        }
        let zero = [("distinct", &counts.distinct), ("least", &counts.least)];
        let mut zero = zero.into_iter().filter_map(|(key, count)| Some((key, count.as_ref()?)));
        if let Some((key, count)) = zero.find(|(_, count)| count.known() == Some(0)) {
            binder.error(
                count.span(),
                format!("`{key}` is at least 1"),
                "each question has an answer, and each answer comes once or more",
            );
            return None;
        }
        let known = |count: &Option<Computed<u64>>| count.as_ref().and_then(Computed::known);
        let wanted = known(&counts.distinct)
            .unwrap_or(1)
            .saturating_mul(known(&counts.least).unwrap_or(1));
        if let Some(requests) = counts.requests.known()
            && requests < wanted.max(1)
        {
            let message = format!("{requests} requests cannot give {wanted} answers");
            binder.error(
                counts.requests.span(),
                message,
                "`requests` is at least `distinct` times `least`",
            );
            return None;
        }
        let request = self.http.bind(binder)?;
        Some(Body::Act(Arc::new(Bound {
            request,
            counts: counts.clone(),
        })))
    }
}

#[derive(Debug)]
struct Bound {
    request: Request,
    counts: Counts,
}

#[async_trait]
impl Act for Bound {
    async fn act(&self, cx: &Cx) -> Done<Value> {
        let requests = cx.computed(&self.counts.requests).await?;
        let wanted = Wanted {
            distinct: cx.computed_if_any(self.counts.distinct.as_ref()).await?,
            least: cx.computed_if_any(self.counts.least.as_ref()).await?,
        };
        let request = self.request.rendered(cx).await?;
        let net = inside::net(cx, self.request.inside.as_ref()).await?;
        let mut tally = Tally::default();
        for done in 0..requests {
            cx.waiting(
                &format!("answers to {requests} questions"),
                &format!("{} different ones", tally.answers.len()),
            );
            if is_at_limit(cx) {
                let asked = format!("only {done} of {requests} questions were asked before the limit");
                let message: Vec<String> = [asked].into_iter().chain(tally.uncounted()).collect();
                return Err(tally.late(cx, message.join(", and ")));
            }
            let answer = match &request {
                Ok(request) => net.http(request, time_left(cx)).await.map(|answer| (request, answer)),
                Err(refused) => Err(refused.clone()),
            };
            match answer {
                Err(error) if error.is_request() => return Err(cx.error(error.message)),
                Err(error) => {
                    tally.lacks(self.lacking(cx, &request, &error));
                    tally.error(error.to_string());
                }
                Ok((request, answer)) => {
                    let looks_at_status = self.looks_at_status();
                    if looks_at_status || (200..300).contains(&answer.status) {
                        tally.answer(self.key(cx, outputs(request, &answer)).await?);
                    } else {
                        tally.refused(answer.status);
                    }
                }
            }
            if let Some(problem) = tally.too_many(wanted) {
                // Whoever answered should not be there: that he goes meanwhile makes it no better.
                cx.set_futile();
                return Err(tally.faults(cx, vec![problem]));
            }
        }
        let allows_errors = cx.expect.as_ref().is_some_and(|expect| expect.expects("errors"));
        let problems = tally.problems(wanted, allows_errors);
        if problems.is_empty() {
            Ok(tally.outputs())
        } else {
            Err(tally.judged(cx, wanted, problems))
        }
    }

    fn asks_inside(&self) -> bool {
        self.request.asks_inside()
    }
}

impl Bound {
    /// What the kernel may lack where nobody answered.
    fn lacking(&self, cx: &Cx, request: &Result<HttpRequest, NetError>, error: &NetError) -> Option<&'static str> {
        let asked = request.as_ref().ok().filter(|request| request.connect_to.is_none())?;
        lacking(cx, (&address(&asked.url), self.request.inside.is_some()), error)
    }

    fn looks_at_status(&self) -> bool {
        let key = self.counts.key.as_ref();
        key.is_some_and(|key| {
            key.names()
                .any(|path| path.parts.first().is_some_and(|name| name == "status"))
        })
    }

    /// Who answered.
    async fn key(&self, cx: &Cx, outputs: Value) -> Done<String> {
        let key = match &self.counts.key {
            None => text_of(&outputs["body"]),
            Some(key) => {
                let mut scope = cx.scope.clone();
                if let Value::Object(fields) = outputs {
                    scope
                        .values
                        .extend(fields.into_iter().map(|(name, value)| (name, Arc::new(value))));
                }
                let mut inner = Cx::new(
                    Arc::clone(&cx.case),
                    scope,
                    cx.step.clone(),
                    cx.span.clone(),
                    cx.cancel.clone(),
                );
                inner.folder.clone_from(&cx.folder);
                text_of(&inner.expression(key).await?)
            }
        };
        if key.len() > MAX_KEY {
            let message = format!("an answer is told apart by {} bytes, more than {MAX_KEY}", key.len());
            return Err(vec![
                Fault::error(message)
                    .at(cx.span.place())
                    .hint("choose a part of the answer with `key`"),
            ]);
        }
        Ok(key.trim_end_matches('\n').to_owned())
    }
}
