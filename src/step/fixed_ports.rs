//! Host ports that stay fixed: who has one that a stack wants.

use std::net::IpAddr;

use crate::engine::{EngineResult, Labels, Listed};
use crate::event::Fault;
use crate::host::Host;
use crate::stack::{FixedPort, Lock};

use super::NodeHandle;

/// The label by which the compose tool tells whose a container is.
pub(super) const PROJECT: &str = "com.docker.compose.project";

/// A fault for each port that a container of somebody else publishes. Those with the case's label are its own.
pub(super) async fn held_by_containers(node: &NodeHandle, ports: &[FixedPort], case: &str) -> EngineResult<Vec<Fault>> {
    let containers = running(node).await?;
    let holders = ports.iter().filter_map(|port| Some((port, holder(&containers, port)?)));
    let others = holders.filter(|(_, holder)| holder.labels.get(crate::lease::CASE).is_none_or(|own| own != case));
    Ok(others
        .map(|(port, holder)| by_container(port, holder, (Some(case), node)))
        .collect())
}

/// Who asks who has a port.
pub struct Asker<'a> {
    /// Whose processes are looked at.
    pub host: &'a dyn Host,
    /// The case that wants the port, once it has begun: it may have it itself.
    pub case: Option<&'a str>,
}

/// A fault for each port that anybody has: a container, or a process of this machine.
pub async fn held(node: &NodeHandle, asker: Asker<'_>, ports: &[FixedPort]) -> EngineResult<Vec<Fault>> {
    let containers = running(node).await?;
    let mut faults = Vec::new();
    for port in ports {
        if let Some(holder) = holder(&containers, port) {
            // Before it begins; then the case waits for what a case of another run has.
            let comes_free = asker.case.is_none() && node.locks.is_held(&Lock::port(port.number).to_string());
            if !comes_free {
                faults.push(by_container(port, holder, (asker.case, node)));
            }
        } else if node.is_here
            && let Some(process) = process(asker.host, port).await
        {
            let message = format!("host port {} is taken by {process}", port.number);
            let fault = Fault::error(message).at(port.at.place());
            faults.push(fault.hint(format!("end it, or {}", free(port))));
        }
    }
    Ok(faults)
}

/// What else can be done.
fn free(port: &FixedPort) -> String {
    format!(
        "let the port become a free one: `substitute: {{ports: [{}]}}` of the stack",
        port.number
    )
}

async fn running(node: &NodeHandle) -> EngineResult<Vec<Listed>> {
    let mut containers = node.engine.listed().await?;
    containers.retain(Listed::has_ports);
    Ok(containers)
}

/// The container that publishes a port where it is wanted.
fn holder<'c>(containers: &'c [Listed], port: &FixedPort) -> Option<&'c Listed> {
    let has = |(protocol, address, number): &(String, String, u16)| {
        *protocol == port.protocol && *number == port.number && meet(port.address.as_deref(), address)
    };
    containers.iter().find(|container| container.ports.iter().any(has))
}

/// Two addresses of one port cannot both be bound: they are the same, or one of them is all addresses.
fn meet(wanted: Option<&str>, taken: &str) -> bool {
    let all = |address: &str| matches!(address, "" | "0.0.0.0" | "::");
    let wanted = wanted.unwrap_or_default().trim_matches(['[', ']']);
    all(wanted) || all(taken) || wanted == taken
}

fn by_container(port: &FixedPort, holder: &Listed, wanting: (Option<&str>, &NodeHandle)) -> Fault {
    let owner = owner(&holder.labels, wanting);
    let message = format!(
        "host port {} is taken by container `{}`{}",
        port.number, holder.name, owner.told
    );
    let free = free(port);
    let hint = match owner.hint {
        Some(hint) => format!("{hint}. Or {free}"),
        None => format!("stop that container, or {free}"),
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

/// The process of this machine that has a port where it is wanted.
async fn process(host: &dyn Host, port: &FixedPort) -> Option<String> {
    let listeners = host.listeners(&port.protocol, &[port.number]).await;
    let meets = |address: &IpAddr| meet(port.address.as_deref(), &address.to_string());
    let found = listeners.into_iter().find(|listener| meets(&listener.address))?;
    Some(match found.process {
        Some(process) => format!("process {process}"),
        None => "a process of another user".to_owned(),
    })
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
