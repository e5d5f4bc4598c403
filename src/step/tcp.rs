//! `tcp`: whether something listens, and what it says.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::http::{no_answer, reached, time_left, unheard};
use super::inside::{self, Peer};
use super::{About, Act, Binder, Body, ContainerRef, Cx, Done, Ref, Sort, Written};
use crate::diagnostic::Diagnostic;
use crate::event::{Detail, Fault};
use crate::expect::{Field, FieldKind, Must, Usual};
use crate::net::{ITS_END, MAX_KEPT, NetError, TCP_ERRORS, Target, with_port};
use crate::shape::{Computed, Port, Rule, Text, shape};

/// See the table.
pub(super) const ABOUT: About = About {
    name: "tcp",
    does: "Opens a connection, and may send something and read what comes.",
    manual: "The other side is `address: host:port`, or `service` with the container's `port`; a text alone is the \
             address. With `until` it reads until that text has come; without it, when something was sent, until the \
             other side ends the connection. With neither, the connection being open is the answer. With \
             `inside: web` it is asked from within the network of that service's container, by the names known there; the \
             name of a service there that does not run is known no more, and its ports are not open.\n\nIt must be open \
             unless `expect` says otherwise: `expect: {open: false}`, or `expect: {error: refused}` with one of \
             `refused`, `reset`, `timeout`, `dns` and `other`. A port that Docker publishes opens even when nothing \
             listens in the container and is then ended at once: that is `reset`. To be sure of more than that, send \
             something and say what must come.",
    example: "- tcp: {service: cache, port: 6379, send: \"PING\\r\\n\", until: PONG}\n  within: 20s\n- tcp: 127.0.0.1:2379\n  expect: {open: false}",
    sort: Sort::Question,
    limit: Duration::from_secs(10),
    results: &[
        Field {
            name: "open",
            kind: FieldKind::Boolean,
            doc: "True when the connection opened.",
        },
        Field {
            name: "answer",
            kind: FieldKind::Text,
            doc: "What came, as text.",
        },
        Field {
            name: "duration",
            kind: FieldKind::Duration,
            doc: "How long it took, in seconds.",
        },
        Field {
            name: "error",
            kind: FieldKind::Words(TCP_ERRORS),
            doc: "Why it did not go well: `refused`, `reset`, `timeout`, `dns`, `other`.",
        },
        Field {
            name: "reason",
            kind: FieldKind::Text,
            doc: "The same in words.",
        },
        Field {
            name: "request",
            kind: FieldKind::Text,
            doc: "The address that was asked.",
        },
    ],
    defaults: &[
        Usual {
            field: "error",
            must: Must::BeAbsent,
            unless: &["open"],
        },
        Usual {
            field: "open",
            must: Must::BeTrue,
            unless: &["error"],
        },
    ],
    locals: &[],
};

shape! {
    /// A connection.
    pub struct Tcp ("`tcp`") short address rules [
        Rule::One(&["address", "service"]),
        Rule::Needs("service", &["port"]),
        Rule::Needs("port", &["service"]),
        Rule::Excludes("service", &["inside"]),
    ] {
        /// Where to: `host:port`, or the path of a unix socket.
        address: Option<Text>,
        /// A service, instead of an address.
        service: Option<Text>,
        /// The service's port, as it is in the container.
        port: Option<Computed<Port>>,
        /// What is sent.
        send: Option<Text>,
        /// Reads until this text has come.
        until: Option<Text>,
        /// A service or container: asks from inside its network.
        inside: Option<Text>,
    }
}

impl Written for Tcp {
    fn title(&self) -> String {
        match (&self.address, &self.service, &self.port) {
            (Some(address), _, _) => address.shown(),
            (None, Some(service), Some(Computed::Known(port))) => {
                format!("{}:{}", service.shown(), port.value)
            }
            (None, Some(service), _) => service.shown(),
            (None, None, _) => String::new(),
        }
    }

    fn bind(&self, binder: &mut Binder<'_>) -> Option<Body> {
        let to = match (&self.address, &self.service, &self.port) {
            (Some(address), None, None) => {
                check_address(address, ", or `service` and `port` instead", binder)?;
                if self.inside.is_none() {
                    binder.freed_port(address.as_literal().unwrap_or_default(), &address.span);
                }
                To::Address(address.clone())
            }
            (None, Some(service), Some(port)) => {
                binder.service(service)?;
                binder.published(service, port);
                To::Service(service.clone(), port.clone())
            }
            (None, Some(service), None) => {
                binder.error(
                    &service.span,
                    "`port` is missing",
                    "it is the container's port: `port: 6379`",
                );
                return None;
            }
            _ => {
                let help = "give `address: host:port`, or `service` and `port`";
                binder.lacks(Diagnostic::error(&self.span, "one address is wanted").help(help));
                return None;
            }
        };
        let inside = match &self.inside {
            Some(inside) => {
                if let To::Service(service, _) = &to {
                    let help = format!(
                        "from inside it has its own name and port: `address: {}:80`",
                        service.shown()
                    );
                    binder.error(&inside.span, "`service` is asked from this machine", help);
                }
                if let To::Address(address) = &to {
                    super::http::refuse_socket(binder, "address", address);
                }
                Some(binder.container(inside)?)
            }
            None => None,
        };
        Some(Body::Act(Arc::new(Bound {
            inside,
            to,
            send: self.send.clone(),
            until: self.until.clone(),
        })))
    }
}

/// Tells an address that is none, where it is known before the step.
pub(super) fn check_address(address: &Text, instead: &str, binder: &mut Binder<'_>) -> Option<()> {
    let Some(why) = binder
        .constant_text(address)
        .and_then(|text| Target::parse(&text).err())
    else {
        return Some(());
    };
    let help = "e.g. `127.0.0.1:6379`, `[::1]:6379`, the path of a unix socket";
    binder.error(&address.span, why.message, format!("{help}{instead}"));
    None
}

/// What to do about one that answers and stays.
const STAYS_OPEN: &str =
    "the other side keeps the connection open: say how far to read, e.g. `until: PONG`, or `until: \"\\n\"` for a line";

const UNKNOWN: &str = "if the name is to have no address, say so: `expect: {error: dns}`";

#[derive(Debug)]
enum To {
    Address(Text),
    Service(Text, Computed<Port>),
}

impl To {
    /// As it is written.
    fn shown(&self) -> String {
        match self {
            To::Address(address) => address.shown(),
            To::Service(service, Computed::Known(port)) => format!("{}:{}", service.shown(), port.value),
            To::Service(service, Computed::Late(port)) => format!("{}:{}", service.shown(), port.shown()),
        }
    }
}

#[derive(Debug)]
struct Bound {
    /// Whose network it is asked in; this machine's if none.
    inside: Option<Ref<ContainerRef>>,
    to: To,
    send: Option<Text>,
    until: Option<Text>,
}

#[async_trait]
impl Act for Bound {
    async fn act(&self, cx: &Cx) -> Done<Value> {
        let began = Instant::now();
        let send = cx.optional(self.send.as_ref()).await?.unwrap_or_default();
        let until = cx.optional(self.until.as_ref()).await?;
        let address = match reached(cx, self.address(cx).await)? {
            Ok(address) => address,
            Err(refused) => return self.no_answer(cx, (&self.to.shown(), &refused), false, began),
        };
        let net = inside::net(cx, self.inside.as_ref()).await?;
        if self.peer(cx, &address).await? == Peer::Stopped {
            let error = NetError {
                kind: NetError::DNS,
                message: "its container does not run".to_owned(),
            };
            return self.no_answer(cx, (&address, &error), true, began);
        }
        let asked = net.tcp(&address, send.as_bytes(), until.as_deref(), time_left(cx));
        match asked.await {
            Ok(answer) => {
                let mut text = String::from_utf8_lossy(&answer).into_owned();
                if answer.len() >= MAX_KEPT {
                    if let Some(cannot) = cx.needs_whole(&["answer"]) {
                        let message = format!("`answer` cannot be {cannot}: only its first {MAX_KEPT} bytes are kept");
                        return Err(cx.error_with_hint(message, "say how far to read: `until`"));
                    }
                    text += &crate::cut::mark("what came then");
                }
                Ok(json!({
                    "open": true,
                    "answer": text,
                    "request": address,
                    "duration": began.elapsed().as_secs_f64(),
                }))
            }
            Err(error) => {
                // Only its container's end took the name from the network that is asked in: nothing listens there.
                let is_stopped = error.kind == NetError::DNS && self.peer(cx, &address).await? != Peer::Nobody;
                let told = self.no_answer(cx, (&address, &error), is_stopped, began);
                let here = self.inside.is_none().then_some(address.as_str());
                let told = unheard(cx, here, &error, told);
                // Whoever keeps the connection open may have said all that it has to say.
                let is_open = until.is_none() && error.kind == "timeout" && error.message.contains(ITS_END);
                told.map_err(|faults| match is_open {
                    true => faults.into_iter().map(|fault| fault.hint(STAYS_OPEN)).collect(),
                    false => faults,
                })
            }
        }
    }

    fn asks_inside(&self) -> bool {
        self.inside.is_some()
    }

    async fn explain(&self, cx: &Cx, outputs: &Value, _faults: &[Fault]) -> Vec<Detail> {
        let outputs = cx.case.emitter.masks.hidden_in(outputs.clone());
        let text = |field: &str| outputs.get(field).and_then(Value::as_str);
        let (title, said) = match text("reason") {
            Some(reason) => ("no answer", reason.to_owned()),
            None => (
                "answer",
                crate::cut::head_and_tail(text("answer").unwrap_or_default(), 2048),
            ),
        };
        vec![Detail {
            title: title.to_owned(),
            text: format!("{}\n{said}", text("request").unwrap_or_default()),
        }]
    }
}

impl Bound {
    /// Who has the name that is asked for from inside.
    async fn peer(&self, cx: &Cx, address: &str) -> Done<Peer> {
        match (&self.inside, Target::parse(address)) {
            (Some(inside), Ok(Target::Host(host, _))) => inside::peer(cx, inside, &host).await,
            _ => Ok(Peer::Nobody),
        }
    }

    /// What no answer comes to.
    fn no_answer(&self, cx: &Cx, (address, error): (&str, &NetError), is_stopped: bool, began: Instant) -> Done<Value> {
        // Where something is said, an end or a limit does not tell that the connection was never open.
        let only_opened = self.send.is_none() && self.until.is_none();
        // Of a name without an address nothing was asked: what listens there is not known, unless nothing can.
        let is_unknown = error.kind == NetError::DNS && !is_stopped;
        let is_closed = !is_unknown && (only_opened || is_stopped || error.kind == "refused");
        let expects_open = cx.expect.as_ref().is_some_and(|expect| expect.expects("open"));
        let mut result = match no_answer(cx, address, error, began.elapsed()) {
            Err(_) if is_closed && expects_open && !error.is_request() => json!({
                "error": error.kind, "reason": error.message, "request": address,
                "duration": began.elapsed().as_secs_f64(),
            }),
            Err(_) if is_unknown && expects_open => {
                let message = format!("nothing was asked at `{address}`: {}", error.message);
                return Err(cx.error_with_hint(message, UNKNOWN));
            }
            other => other?,
        };
        if is_closed || is_unknown {
            result["open"] = false.into();
        }
        Ok(result)
    }

    async fn address(&self, cx: &Cx) -> Done<String> {
        match &self.to {
            To::Address(address) => cx.text(address).await,
            To::Service(service, port) => {
                let service = cx.text(service).await?;
                let port = cx.computed(port).await?;
                let (address, port) = cx.port(&service, port.0).await?;
                Ok(with_port(&address, port))
            }
        }
    }
}
