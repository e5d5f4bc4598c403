//! Subnets that stay fixed: which network has one that a stack wants.

use std::net::IpAddr;

use crate::engine::EngineResult;
use crate::event::Fault;
use crate::stack::FixedSubnet;

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
            .get(super::fixed_ports::PROJECT)
            .is_none_or(|own| own != project)
    });
    let mut faults = Vec::new();
    for wanted in subnets {
        let holder = networks.iter().find_map(|network| {
            let taken = network.subnets.iter().find(|taken| overlap(&wanted.subnet, taken))?;
            Some((network, taken))
        });
        let Some((network, taken)) = holder else { continue };
        let is_part = if *taken == wanted.subnet {
            String::new()
        } else {
            format!(" ({taken})")
        };
        let owner = owner(&network.labels, Some(case));
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

/// True for two subnets that have addresses in common: one of them is within the other.
fn overlap(one: &str, other: &str) -> bool {
    let (Some((one, one_bits)), Some((other, other_bits))) = (read(one), read(other)) else {
        return false;
    };
    let common = one_bits.min(other_bits);
    match (one, other) {
        (IpAddr::V4(one), IpAddr::V4(other)) => {
            (one.to_bits() ^ other.to_bits()).checked_shr(32 - common).unwrap_or(0) == 0
        }
        (IpAddr::V6(one), IpAddr::V6(other)) => {
            (one.to_bits() ^ other.to_bits()).checked_shr(128 - common).unwrap_or(0) == 0
        }
        _ => false,
    }
}

/// A subnet's address and how many of its bits count.
fn read(subnet: &str) -> Option<(IpAddr, u32)> {
    let (address, bits) = subnet.split_once('/')?;
    let address: IpAddr = address.parse().ok()?;
    let most = if address.is_ipv4() { 32 } else { 128 };
    let bits = bits.parse().ok().filter(|bits| *bits <= most)?;
    Some((address, bits))
}

#[cfg(test)]
mod tests {
    use super::overlap;

    #[test]
    fn subnets_overlap_where_one_is_within_the_other() {
        for (one, other) in [
            ("10.1.0.0/16", "10.1.0.0/16"),
            ("10.1.0.0/16", "10.1.7.0/24"),
            ("0.0.0.0/0", "10.1.7.0/24"),
            ("fd00::/64", "fd00::1:0/112"),
        ] {
            assert!(overlap(one, other) && overlap(other, one), "{one} {other}");
        }
        for (one, other) in [
            ("10.1.0.0/16", "10.2.0.0/16"),
            ("10.1.0.0/24", "10.1.1.0/24"),
            ("10.1.0.0/16", "fd00::/64"),
            ("known-later", "10.1.0.0/16"),
        ] {
            assert!(!overlap(one, other) && !overlap(other, one), "{one} {other}");
        }
    }
}
