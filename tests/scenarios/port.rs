//! A port of this machine that a test has from the start, and that nobody else gets meanwhile.

use std::net::{Ipv4Addr, SocketAddr};
use std::os::fd::OwnedFd;

use rustix::net::{AddressFamily, SocketFlags, SocketType, bind, getsockname, listen, socket_with};

/// A port that is bound until this is dropped. Nobody who looks for what listens sees it before it does.
pub(crate) struct Port {
    socket: OwnedFd,
    pub(crate) number: u16,
}

impl Port {
    pub(crate) fn bound() -> Port {
        // No program that the test starts has it, too.
        let socket = socket_with(AddressFamily::INET, SocketType::STREAM, SocketFlags::CLOEXEC, None).unwrap();
        bind(&socket, &SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).unwrap();
        let own = SocketAddr::try_from(getsockname(&socket).unwrap()).unwrap();
        let number = own.port();
        Port { socket, number }
    }

    pub(crate) fn listened_at() -> Port {
        let port = Port::bound();
        port.listen();
        port
    }

    pub(crate) fn listen(&self) {
        listen(&self.socket, 1).unwrap();
    }

    /// For `--set`.
    pub(crate) fn setting(&self) -> String {
        format!("host_port={}", self.number)
    }

    /// How it is told that this process has it.
    pub(crate) fn told(&self) -> String {
        format!(
            r"host port {} is taken by process .* \({}\)",
            self.number,
            std::process::id()
        )
    }
}
