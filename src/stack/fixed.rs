//! What of a stack stays fixed on its machine.

use super::StackPlan;
use crate::diagnostic::Span;
use crate::substitute::{LockKind, PortMode, StackKind};

/// A host port that stays fixed.
#[derive(Debug, Clone)]
pub struct FixedPort {
    /// The port.
    pub number: u16,
    /// `tcp`, `udp`, `sctp`.
    pub protocol: String,
    /// The host's address that it is bound to; all of them if none.
    pub address: Option<String>,
    /// True where a swarm publishes it by its routing mesh.
    pub by_mesh: bool,
    /// Where the file says so.
    pub at: Span,
}

/// A subnet that stays fixed.
#[derive(Debug, Clone)]
pub struct FixedSubnet {
    /// The subnet: `10.1.0.0/16`.
    pub subnet: String,
    /// Where the file says so.
    pub at: Span,
}

impl StackPlan {
    /// The host ports that stay fixed.
    pub fn fixed_ports(&self) -> Vec<FixedPort> {
        let in_swarm = self.kind == StackKind::Swarm;
        let active = self.planned.services.values().filter(|service| service.active);
        let fixed = active.flat_map(|service| &service.ports);
        let fixed = fixed.filter_map(|port| Some((port, port.fixed.as_ref()?)));
        let each = fixed.flat_map(|(port, fixed)| {
            (fixed.value.first..=fixed.value.last).map(move |number| FixedPort {
                number,
                protocol: port.protocol.clone(),
                // A swarm passes an address over, and publishes on all.
                address: port.host_ip.clone().filter(|_| !in_swarm),
                by_mesh: in_swarm && port.mode == PortMode::Ingress,
                at: fixed.span.clone(),
            })
        });
        each.collect()
    }

    /// The subnets that stay fixed.
    pub fn fixed_subnets(&self) -> Vec<FixedSubnet> {
        let fixed = self.planned.locks.iter().filter_map(|lock| match &lock.kind {
            LockKind::Subnet(subnet) => Some(FixedSubnet {
                subnet: subnet.clone(),
                at: lock.at.clone(),
            }),
            _ => None,
        });
        fixed.collect()
    }
}
