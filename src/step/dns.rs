//! `dns`: the addresses that a name has.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::http::time_left;
use super::{About, Act, Binder, Body, ContainerRef, Cx, Done, Ref, Sort, Written, describe, inside};
use crate::event::{Detail, Fault};
use crate::expect::{Field, FieldKind, Must, Usual};
use crate::net::{DNS_ERRORS, NetError};
use crate::shape::{Text, shape};

/// See the table.
pub(super) const ABOUT: About = About {
    name: "dns",
    does: "Asks for the addresses of a name.",
    manual: "With `inside: web` it is asked from within the network of that service's container, as its programs would ask: \
             there a service's name, its aliases, and `tasks.web` (one address for each task of a swarm's service) are known. \
             A name has to have an address, unless `expect` says otherwise: `expect: {error: dns}`.",
    example: "- dns: {name: tasks.web, inside: client}\n  within: 30s\n  expect: {count: 3}\n- dns: localhost\n  expect: {count: {ge: 1}}",
    sort: Sort::Question,
    limit: Duration::from_secs(10),
    results: &[
        Field {
            name: "addresses",
            kind: FieldKind::Names,
            doc: "The addresses, each once.",
        },
        Field {
            name: "count",
            kind: FieldKind::COUNT,
            doc: "How many there are.",
        },
        Field {
            name: "error",
            kind: FieldKind::Words(DNS_ERRORS),
            doc: "Why there is none: `dns`, `timeout`, `other`.",
        },
        Field {
            name: "reason",
            kind: FieldKind::Text,
            doc: "The same in words.",
        },
        Field {
            name: "duration",
            kind: FieldKind::Duration,
            doc: "How long it took, in seconds.",
        },
    ],
    defaults: &[Usual {
        field: "error",
        must: Must::BeAbsent,
        unless: &["count"],
    }],
    locals: &[],
};

shape! {
    /// A name.
    pub struct Dns ("`dns`") short name {
        /// The name: `tasks.web`, `db`, `example.org`.
        name: Text,
        /// A service or container: asks from inside its network.
        inside: Option<Text>,
    }
}

impl Written for Dns {
    fn title(&self) -> String {
        self.name.shown()
    }

    fn bind(&self, binder: &mut Binder<'_>) -> Option<Body> {
        if let Some(name) = binder.constant_text(&self.name)
            && (name.is_empty() || name.contains(['/', ':', ' ']))
        {
            binder.error(
                &self.name.span,
                format!("`{name}` is no name"),
                "a name alone is wanted, without scheme and port",
            );
            return None;
        }
        let inside = match &self.inside {
            Some(inside) => Some(binder.container(inside)?),
            None => None,
        };
        Some(Body::Act(Arc::new(Bound {
            name: self.name.clone(),
            inside,
        })))
    }
}

#[derive(Debug)]
struct Bound {
    name: Text,
    /// Whose network it is asked in; this machine's if none.
    inside: Option<Ref<ContainerRef>>,
}

impl Bound {
    /// Who asks, as messages say it.
    async fn asking(&self, cx: &Cx) -> Done<String> {
        Ok(match &self.inside {
            None => "here".to_owned(),
            Some(inside) => format!("inside `{}`", describe::shown(&cx.target(inside).await?)),
        })
    }
}

#[async_trait]
impl Act for Bound {
    async fn act(&self, cx: &Cx) -> Done<Value> {
        let (name, net) = (cx.text(&self.name).await?, inside::net(cx, self.inside.as_ref()).await?);
        let began = Instant::now();
        let found = net.addresses(&name, time_left(cx)).await;
        let duration = began.elapsed().as_secs_f64();
        match found {
            Ok(addresses) => Ok(json!({"addresses": addresses, "count": addresses.len(), "duration": duration})),
            Err(error) if error.is_request() => Err(cx.error(error.message)),
            Err(error) if !expects_any(cx) => {
                let (what, hint) = match self.inside.is_none() && is_unanswered(&error.message) {
                    true => ("was not found", "no name server answered: does this machine reach one?"),
                    false => (
                        "has no address",
                        "if it should have none, say so: `expect: {error: dns}`",
                    ),
                };
                let message = format!("`{name}` {what} {}: {}", self.asking(cx).await?, error.message);
                Err(cx.failure_with_hint(message, hint))
            }
            // Of one that nobody answered within the limit nothing is known, not even that it has none. What the resolver
            // itself says is taken for that, also that its name server gave no answer: Docker's gives none of a name that
            // it does not know where it has nobody else to ask. `reason` has its words.
            Err(error) => {
                let mut result = json!({"error": error.kind, "reason": error.message, "duration": duration});
                if error.kind == NetError::DNS {
                    result["addresses"] = json!([]);
                    result["count"] = 0.into();
                }
                Ok(result)
            }
        }
    }

    fn asks_inside(&self) -> bool {
        self.inside.is_some()
    }

    async fn explain(&self, cx: &Cx, outputs: &Value, _faults: &[Fault]) -> Vec<Detail> {
        let (Ok(name), Ok(asking), true) = (cx.text(&self.name).await, self.asking(cx).await, outputs.is_object())
        else {
            return Vec::new();
        };
        let reason = outputs.get("reason").and_then(Value::as_str);
        let addresses = outputs["addresses"].as_array().into_iter().flatten();
        let addresses: Vec<&str> = addresses.filter_map(Value::as_str).collect();
        let text = reason.map_or_else(|| addresses.join("\n"), str::to_owned);
        vec![Detail {
            title: format!("addresses of `{name}` {asking}"),
            text,
        }]
    }
}

/// How glibc and musl say that no name server gave an answer.
const UNANSWERED: [&str; 2] = ["Temporary failure in name resolution", "Try again"];

/// True where the resolver says that it could not find out.
fn is_unanswered(message: &str) -> bool {
    UNANSWERED.iter().any(|said| message.ends_with(said))
}

/// True where something is expected that is judged also of a name without addresses.
fn expects_any(cx: &Cx) -> bool {
    let fields = ["error", "reason", "count", "addresses"];
    let expects = |field: &&str| cx.expect.as_ref().is_some_and(|expect| expect.expects(field));
    fields.iter().any(expects)
}
