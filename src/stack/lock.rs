//! What only one case on an engine can have at a time.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::substitute::LockKind;

/// So many blocks of addresses a subnet has among runs at most: those of `10.0.0.0/8`. Wider ones nobody gives to a network.
const MOST_BLOCKS: usize = 256;

/// Something that only one case on an engine can have.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Lock {
    name: String,
    /// The addresses of a subnet, first and last: two of them conflict where they overlap.
    addresses: Option<(IpAddr, IpAddr)>,
}

impl Lock {
    /// A host port.
    pub fn port(port: u16) -> Lock {
        Lock::named(format!("host port {port}"))
    }

    /// A subnet.
    pub fn subnet(subnet: &str) -> Lock {
        Lock {
            addresses: addresses(subnet),
            ..Lock::named(format!("subnet {subnet}"))
        }
    }

    /// Those that a stack has for something that cannot be freed.
    pub(super) fn of(kind: &LockKind) -> Vec<Lock> {
        match kind {
            LockKind::Port(range, _) => (range.first..=range.last).map(Lock::port).collect(),
            LockKind::Subnet(subnet) => vec![Lock::subnet(subnet)],
            other => vec![Lock::named(other.to_string())],
        }
    }

    fn named(name: String) -> Lock {
        Lock { name, addresses: None }
    }

    /// What it is among the runs of a machine, which see names alone: of subnets that overlap, one name at least is the
    /// same. They are told by the blocks of addresses that they reach into.
    pub fn among_runs(&self) -> Vec<String> {
        match self.addresses {
            Some((IpAddr::V4(first), IpAddr::V4(last))) => {
                let blocks = (first.to_bits() >> 16..=last.to_bits() >> 16).take(MOST_BLOCKS);
                let shown = |block: u32| format!("subnets in {}/16", Ipv4Addr::from_bits(block << 16));
                blocks.map(shown).collect()
            }
            Some((IpAddr::V6(first), IpAddr::V6(last))) => {
                let blocks = (first.to_bits() >> 80..=last.to_bits() >> 80).take(MOST_BLOCKS);
                let shown = |block: u128| format!("subnets in {}/48", Ipv6Addr::from_bits(block << 80));
                blocks.map(shown).collect()
            }
            _ => vec![self.name.clone()],
        }
    }

    /// Whether only one of the two can be had.
    pub fn conflicts(&self, other: &Lock) -> bool {
        match (self.addresses, other.addresses) {
            (Some((first, last)), Some((other_first, other_last))) => first <= other_last && other_first <= last,
            _ => self.name == other.name,
        }
    }
}

impl fmt::Display for Lock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

/// The first and the last address of `10.0.0.0/8`; none if it is no subnet, which the engine tells.
fn addresses(subnet: &str) -> Option<(IpAddr, IpAddr)> {
    let (address, length) = subnet.split_once('/')?;
    let length: u32 = length.parse().ok()?;
    match address.parse().ok()? {
        IpAddr::V4(address) => {
            let host = u32::MAX.checked_shr(length).unwrap_or(0);
            let bits = address.to_bits();
            (length <= u32::BITS).then(|| {
                let last = (bits | host).into();
                (IpAddr::V4((bits & !host).into()), IpAddr::V4(last))
            })
        }
        IpAddr::V6(address) => {
            let host = u128::MAX.checked_shr(length).unwrap_or(0);
            let bits = address.to_bits();
            (length <= u128::BITS).then(|| {
                let last = (bits | host).into();
                (IpAddr::V6((bits & !host).into()), IpAddr::V6(last))
            })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Lock;

    fn check(one: &str, other: &str, expected: bool) {
        let (one, other) = (Lock::subnet(one), Lock::subnet(other));
        assert_eq!(one.conflicts(&other), expected, "{one} and {other}");
        assert_eq!(other.conflicts(&one), expected, "{other} and {one}");
    }

    #[test]
    fn subnets_that_overlap_have_a_name_in_common_among_runs() {
        let share = |one: &str, other: &str| {
            let (one, other) = (Lock::subnet(one).among_runs(), Lock::subnet(other).among_runs());
            one.iter().any(|name| other.contains(name))
        };
        for (one, other, expected) in [
            ("10.231.0.0/16", "10.231.5.0/24", true),
            ("10.231.0.7/16", "10.231.0.0/16", true),
            ("10.0.0.0/8", "10.255.9.0/24", true),
            ("172.16.0.0/12", "172.31.0.0/16", true),
            ("172.30.0.0/16", "172.31.0.0/16", false),
            ("fd00:1::/40", "fd00:1:7::/64", true),
            ("fd00:1::/48", "fd00:1:1::/48", false),
            ("10.0.0.0/8", "fd00::/8", false),
            ("nonsense", "nonsense", true),
        ] {
            assert_eq!(share(one, other), expected, "{one} and {other}");
        }
        assert_eq!(Lock::subnet("10.1.2.0/24").among_runs(), ["subnets in 10.1.0.0/16"]);
        assert_eq!(Lock::subnet("::/0").among_runs().len(), 256);
    }

    #[test]
    fn subnets_that_overlap_conflict() {
        check("10.231.0.0/16", "10.231.5.0/24", true);
        check("10.231.0.0/16", "10.231.0.0/16", true);
        check("10.231.0.7/16", "10.231.255.255/32", true);
        check("10.231.0.0/16", "10.232.0.0/16", false);
        check("0.0.0.0/0", "10.232.0.0/16", true);
        check("0.0.0.0/0", "::/0", false);
        check("fd00::/8", "fd00:1::/64", true);
        check("fd00::/64", "fd00:0:0:1::/64", false);
        check("nonsense", "10.0.0.0/8", false);
        check("nonsense", "nonsense", true);
    }
}
