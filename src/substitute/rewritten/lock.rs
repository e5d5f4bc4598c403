//! What of a stack only one on an engine can have.

use crate::diagnostic::Span;
use crate::substitute::PortRange;

/// Something that only one stack on an engine can have.
#[derive(Debug, Clone, PartialEq)]
pub struct Lock {
    /// What.
    pub kind: LockKind,
    /// Where the file says so.
    pub at: Span,
}

/// What cannot be freed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum LockKind {
    /// Host ports, with protocol.
    Port(PortRange, String),
    /// The host's own network.
    HostNetwork,
    /// A fixed subnet.
    Subnet(String),
    /// A bridge of the host's that a network names.
    Bridge(String),
    /// An external volume.
    Volume(String),
}

impl std::fmt::Display for LockKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            LockKind::Port(range, protocol) => write!(f, "host port {range}/{protocol}"),
            LockKind::HostNetwork => write!(f, "the host's network"),
            LockKind::Subnet(subnet) => write!(f, "subnet {subnet}"),
            LockKind::Bridge(name) => write!(f, "bridge {name}"),
            LockKind::Volume(name) => write!(f, "external volume {name}"),
        }
    }
}
