//! Subnets that stay fixed: which network has one that a stack wants.

use crate::engine::EngineResult;
use crate::event::Fault;
use crate::stack::{FixedSubnet, Lock};

use super::NodeHandle;
use super::fixed_ports::owner;

/// What the engine says of a subnet that another network has, all of it or a part.
const REFUSED: [&str; 2] = ["Pool overlaps", "overlaps with existing"];

/// What else can be done.
const FREE: &str = "take the subnet out of the copy of the file: `substitute: {text: [{from: …, to: …}]}`";

/// True where the engine refused a network for the sake of its subnet.
pub(super) fn is_refused(text: &str) -> bool {
    REFUSED.iter().any(|known| text.contains(known))
}

/// A fault for each subnet that a network has already, those of the project that wants it apart.
pub(super) async fn held(
    node: &NodeHandle,
    subnets: &[FixedSubnet],
    project: &str,
    case: &str,
) -> EngineResult<Vec<Fault>> {
    let mut networks = node.engine.networks(&[]).await?;
    networks.retain(|network| {
        network
            .labels
            .get(crate::engine::membership::PROJECT)
            .is_none_or(|own| own != project)
    });
    let mut faults = Vec::new();
    for wanted in subnets {
        let subnet = Lock::subnet(&wanted.subnet);
        let holder = networks.iter().find_map(|network| {
            let taken = network
                .subnets
                .iter()
                .find(|taken| subnet.conflicts(&Lock::subnet(taken)))?;
            Some((network, taken))
        });
        let Some((network, taken)) = holder else { continue };
        let is_part = if *taken == wanted.subnet {
            String::new()
        } else {
            format!(" ({taken})")
        };
        let owner = owner(&network.labels, (Some(case), node));
        let message = format!(
            "subnet {} is taken by network `{}`{is_part}{}",
            wanted.subnet, network.name, owner.told
        );
        let hint = match owner.hint {
            Some(hint) => format!("{hint}. Or {FREE}"),
            None => format!("remove that network, or {FREE}"),
        };
        faults.push(Fault::error(message).at(wanted.at.place()).hint(hint));
    }
    Ok(faults)
}
