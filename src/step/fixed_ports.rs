//! Host ports that stay fixed: who has one that a stack wants.

use std::net::IpAddr;

use crate::engine::membership::PROJECT;
use crate::engine::swarm::Service;
use crate::engine::{EngineResult, Labels, Listed};
use crate::event::Fault;
use crate::host::Host;
use crate::stack::{FixedPort, Lock, StackPlan};

use super::{Cx, NodeHandle};

/// Who asks who has a port.
pub struct Asker<'a> {
    /// Whose processes are looked at.
    pub host: &'a dyn Host,
    /// The case that wants the port, once it has begun: it may have it itself.
    pub case: Option<&'a str>,
}

/// A fault for each port that anybody has: a container, a service of the swarm, or a process of this machine.
pub async fn held(node: &NodeHandle, asker: Asker<'_>, ports: &[FixedPort]) -> EngineResult<Vec<Fault>> {
    let taken = Taken::look(node).await?;
    let mut faults = Vec::new();
    for port in ports {
        if let Some(holder) = taken.holder(port) {
            // Before it begins; then the case waits for what a case of another run has.
            let comes_free = asker.case.is_none() && node.locks.is_held(&Lock::port(port.number).to_string());
            if !comes_free {
                faults.push(by_holder(port, &holder, (asker.case, node)));
            }
        } else {
            faults.extend(by_process(node, asker.host, port).await);
        }
    }
    Ok(faults)
}

/// A fault for each port that somebody else has than the case. Of one that a process has the engine tells when it starts a
/// container, and until then it may be free; but where the routing mesh cannot have one a swarm goes on, and tells nobody.
pub(super) async fn held_by_others(cx: &Cx, node: &NodeHandle, ports: &[FixedPort]) -> EngineResult<Vec<Fault>> {
    let taken = Taken::look(node).await?;
    let case = cx.case.id.as_str();
    let mut faults = Vec::new();
    for port in ports {
        match taken.holder(port) {
            Some(holder) if holder.labels.get(crate::lease::CASE).is_some_and(|own| own == case) => {}
            Some(holder) => faults.push(by_holder(port, &holder, (Some(case), node))),
            None if port.by_mesh => faults.extend(by_process(node, cx.case.host.as_ref(), port).await),
            None => {}
        }
    }
    Ok(faults)
}

/// The fault of a container that could not be started, where it names a fixed port of its stack and somebody has that.
pub(super) async fn refused(cx: &Cx, node: &NodeHandle, (plan, why): (&StackPlan, &str)) -> Option<Fault> {
    let mut ports = plan.fixed_ports();
    ports.retain(|port| names_port(why, port.number));
    if ports.is_empty() {
        return None;
    }
    let asker = Asker {
        host: cx.case.host.as_ref(),
        case: Some(&cx.case.id),
    };
    held(node, asker, &ports).await.unwrap_or_default().into_iter().next()
}

/// True where a text of the engine names a port: `0.0.0.0:8080`.
fn names_port(text: &str, number: u16) -> bool {
    let ends = |(at, found): (usize, &str)| !text[at + found.len()..].starts_with(|next: char| next.is_ascii_digit());
    text.match_indices(&format!(":{number}")).any(ends)
}

/// What else can be done.
fn free(port: &FixedPort) -> String {
    format!(
        "let the port become a free one: `substitute: {{ports: [{}]}}` of the stack",
        port.number
    )
}

/// What publishes ports, as far as the engine knows.
struct Taken {
    containers: Vec<Listed>,
    /// Those of the swarm, where the engine manages one.
    services: Vec<Service>,
}

/// Who has a port.
struct Holder<'t> {
    what: &'static str,
    name: &'t str,
    labels: &'t Labels,
}

impl Taken {
    async fn look(node: &NodeHandle) -> EngineResult<Taken> {
        let mut containers = node.engine.listed().await?;
        containers.retain(Listed::has_ports);
        let services = match node.engine.swarm().await? {
            Some(_) => node.engine.services(&[]).await?,
            None => Vec::new(),
        };
        Ok(Taken { containers, services })
    }

    /// Who publishes a port where it is wanted.
    fn holder(&self, port: &FixedPort) -> Option<Holder<'_>> {
        let has = |(protocol, address, number): &(String, String, u16)| {
            *protocol == port.protocol && *number == port.number && meet(port.address.as_deref(), address)
        };
        let container = self
            .containers
            .iter()
            .find(|one| one.ports.iter().any(has))
            .map(|one| Holder {
                what: "container",
                name: &one.name,
                labels: &one.labels,
            });
        // That of a task alone is its container's.
        let serves = |service: &&Service| {
            let mut ports = service.ports.iter().filter(|one| one.by_mesh);
            ports.any(|one| one.published == port.number && one.protocol == port.protocol)
        };
        container.or_else(|| {
            let service = self.services.iter().find(serves)?;
            Some(Holder {
                what: "service",
                name: &service.name,
                labels: &service.labels,
            })
        })
    }
}

/// Two addresses of one port cannot both be bound: they are the same, or one of them is all addresses.
fn meet(wanted: Option<&str>, taken: &str) -> bool {
    let all = |address: &str| matches!(address, "" | "0.0.0.0" | "::");
    let wanted = wanted.unwrap_or_default().trim_matches(['[', ']']);
    all(wanted) || all(taken) || wanted == taken
}

fn by_holder(port: &FixedPort, holder: &Holder<'_>, wanting: (Option<&str>, &NodeHandle)) -> Fault {
    let Holder { what, name, labels } = holder;
    let owner = owner(labels, wanting);
    let message = format!("host port {} is taken by {what} `{name}`{}", port.number, owner.told);
    let free = free(port);
    let hint = match owner.hint {
        Some(hint) => format!("{hint}. Or {free}"),
        None if *what == "service" => format!("remove that service, or {free}"),
        None => format!("stop that {what}, or {free}"),
    };
    Fault::error(message).at(port.at.place()).hint(hint)
}

/// Whose something is.
pub(super) struct Owner {
    /// What is told of it, behind its name.
    pub(super) told: String,
    /// What can be done about it, where it is of one of our runs.
    pub(super) hint: Option<String>,
}

/// Whose something of a node with these labels is, for a case that may have made it itself.
pub(super) fn owner(labels: &Labels, (case, node): (Option<&str>, &NodeHandle)) -> Owner {
    let label = |name: &str| labels.get(name);
    let project = label(PROJECT).map_or(String::new(), |project| format!(" of compose project `{project}`"));
    let is_own = case.is_some() && label(crate::lease::CASE).map(String::as_str) == case;
    match label(crate::lease::LEASE) {
        Some(_) if is_own => Owner {
            told: format!("{project}, started by this scenario"),
            hint: Some("take that down first".to_owned()),
        },
        Some(lease) => Owner {
            told: format!("{project}, made by run `{lease}` of e2erun"),
            hint: Some(format!(
                "wait for the end of that run; `{}` removes what a dead one left",
                node.pasted.gc
            )),
        },
        None => Owner {
            told: project,
            hint: None,
        },
    }
}

/// The fault of a port that a process of this machine has where it is wanted.
async fn by_process(node: &NodeHandle, host: &dyn Host, port: &FixedPort) -> Option<Fault> {
    if !node.is_here {
        return None;
    }
    let listeners = host.listeners(&port.protocol, &[port.number]).await;
    let meets = |address: &IpAddr| meet(port.address.as_deref(), &address.to_string());
    let found = listeners.into_iter().find(|listener| meets(&listener.address))?;
    let process = match found.process {
        Some(process) => format!("process {process}"),
        None => "a process of another user".to_owned(),
    };
    let message = format!("host port {} is taken by {process}", port.number);
    let fault = Fault::error(message).at(port.at.place());
    Some(fault.hint(format!("end it, or {}", free(port))))
}

#[cfg(test)]
mod tests {
    use super::meet;

    #[test]
    fn a_port_can_be_had_twice_only_on_different_addresses() {
        assert!(meet(None, "0.0.0.0"));
        assert!(meet(None, "127.0.0.1"));
        assert!(meet(Some("127.0.0.1"), "::"));
        assert!(meet(Some("127.0.0.1"), "127.0.0.1"));
        assert!(meet(Some("[::1]"), "::1"));
        assert!(!meet(Some("127.0.0.1"), "10.0.0.1"));
    }
}
