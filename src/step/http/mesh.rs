//! What a service of a swarm is reached by that a kernel may lack: without IPVS the engine takes what goes to the routing mesh
//! or to a virtual address, and nobody ever answers.

use crate::net::NetError;
use crate::step::Cx;
use crate::substitute::{PortMode, ServiceInfo, StackKind};

/// How a virtual address that nobody serves answers a while later.
const NO_ROUTE: &str = "No route to host";
/// What to write where a published port is of the routing mesh.
const PORT: &str = "its port is one of the routing mesh, which a kernel without IPVS does not have: `requires: {routing-mesh: true}` \
                    skips the scenario there, and a port with `mode: host` works without";
/// What to write where a name stands for a virtual address.
const NAME: &str = "its name stands for a virtual address, which a kernel without IPVS does not serve: `requires: {routing-mesh: true}` \
                    skips the scenario there, and `endpoint_mode: dnsrr` works without";

/// Of a question to such a service that was refused, or not answered: what it may lack. `address` is `host:port`.
pub(in crate::step) fn lacking(cx: &Cx, (address, is_inside): (&str, bool), error: &NetError) -> Option<&'static str> {
    let is_unanswered = matches!(error.kind, "refused" | "timeout" | "reset") || error.message.contains(NO_ROUTE);
    if !is_unanswered {
        return None;
    }
    match is_inside {
        true => has_virtual_address(cx, address).then_some(NAME),
        false => is_in_mesh(cx, address).then_some(PORT),
    }
}

/// True for the name of a service with a virtual address.
fn has_virtual_address(cx: &Cx, address: &str) -> bool {
    let host = address.rsplit_once(':').map_or(address, |(host, _)| host);
    let of_swarm = cx.case.stacks.iter().zip(&cx.case.versions);
    let mut of_swarm = of_swarm.filter(|(stack, _)| stack.kind == StackKind::Swarm && !host.starts_with("tasks."));
    of_swarm.any(|(stack, plan)| {
        let mut services = stack.hosts.get(host).into_iter().flat_map(|services| services.keys());
        services.any(|name| {
            plan.planned
                .services
                .get(name)
                .is_some_and(|service| !service.deploy.dnsrr)
        })
    })
}

/// True for a port that the mesh has: of a service whose port the step has asked for, or one that stays fixed.
fn is_in_mesh(cx: &Cx, address: &str) -> bool {
    let concerned = cx.concerned();
    let asked = concerned.iter().filter_map(|(node, id)| {
        let state = node.world.snapshot();
        let container = state.container(id)?;
        Some((container.project.clone(), container.service.clone()))
    });
    let asked: Vec<_> = asked.collect();
    let port = address.rsplit_once(':').and_then(|(_, port)| port.parse::<u16>().ok());
    let plans = cx.case.versions.iter().filter(|plan| plan.kind == StackKind::Swarm);
    let mut services = plans.flat_map(|plan| plan.planned.services.iter().map(move |(name, info)| (plan, name, info)));
    services.any(|(plan, name, info)| {
        let is_asked = asked
            .iter()
            .any(|(project, service)| *project == plan.project && service == name);
        is_of_mesh(info, |fixed| {
            is_asked || fixed.zip(port).is_some_and(|(fixed, port)| fixed == port)
        })
    })
}

/// True with a published port of the mesh that is meant.
fn is_of_mesh(info: &ServiceInfo, is_meant: impl Fn(Option<u16>) -> bool) -> bool {
    let published = info
        .ports
        .iter()
        .filter(|port| port.published && port.mode == PortMode::Ingress);
    published
        .into_iter()
        .any(|port| is_meant(port.fixed.as_ref().map(|fixed| fixed.value.first)))
}
