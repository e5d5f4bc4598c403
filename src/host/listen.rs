//! Who listens on a port of this machine, as the kernel tells it in `/proc`.

use std::fs;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::Path;

/// A port that is taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listener {
    /// The port.
    pub port: u16,
    /// The address that it is taken on.
    pub address: IpAddr,
    /// The process that has it, `nginx (4711)`; none where this user may not see whose it is.
    pub process: Option<String>,
}

/// Listening, in the kernel's numbers: a tcp socket that waits for connections, a udp socket that is bound.
const STATES: [(&str, &str); 2] = [("tcp", "0A"), ("udp", "07")];

/// Who has one of these ports; of a machine without `/proc` nothing is known.
pub(super) fn listeners(protocol: &str, ports: &[u16]) -> Vec<Listener> {
    let Some((_, state)) = STATES.iter().find(|(known, _)| *known == protocol) else {
        return Vec::new();
    };
    let mut found = Vec::new();
    for table in [format!("/proc/net/{protocol}"), format!("/proc/net/{protocol}6")] {
        let text = fs::read_to_string(table).unwrap_or_default();
        let taken = text.lines().skip(1).filter_map(|line| socket(line, state));
        found.extend(taken.filter(|socket| ports.contains(&socket.port)));
    }
    let processes = found.iter().map(|socket| process(socket.inode)).collect::<Vec<_>>();
    let all = found.into_iter().zip(processes);
    all.map(|(socket, process)| Listener {
        port: socket.port,
        address: socket.address,
        process,
    })
    .collect()
}

/// A socket of the kernel's table.
#[derive(Debug, PartialEq, Eq)]
struct Socket {
    address: IpAddr,
    port: u16,
    inode: u64,
}

/// A line of the table: number, local address, remote address, state, …, the inode as the tenth.
fn socket(line: &str, wanted: &str) -> Option<Socket> {
    let mut words = line.split_whitespace();
    let local = words.nth(1)?;
    let state = words.nth(1)?;
    let inode = words.nth(5)?.parse().ok()?;
    let (address, port) = local.split_once(':')?;
    (state == wanted).then_some(Socket {
        address: address_of(address)?,
        port: u16::from_str_radix(port, 16).ok()?,
        inode,
    })
}

/// An address: words of four bytes, each as the machine keeps a number.
fn address_of(hex: &str) -> Option<IpAddr> {
    let words = hex.as_bytes().chunks(8).map(|word| {
        let word = u32::from_str_radix(std::str::from_utf8(word).ok()?, 16).ok()?;
        Some(word.to_ne_bytes())
    });
    let bytes: Vec<u8> = words.collect::<Option<Vec<_>>>()?.concat();
    match bytes.len() {
        4 => Some(IpAddr::from(Ipv4Addr::from(<[u8; 4]>::try_from(bytes).ok()?))),
        16 => Some(IpAddr::from(Ipv6Addr::from(<[u8; 16]>::try_from(bytes).ok()?))),
        _ => None,
    }
}

/// The process that has a socket.
fn process(inode: u64) -> Option<String> {
    let link = format!("socket:[{inode}]");
    let has = |process: &Path| {
        let open = fs::read_dir(process.join("fd")).into_iter().flatten().flatten();
        open.map(|file| file.path())
            .any(|file| fs::read_link(file).is_ok_and(|to| to.as_os_str() == link.as_str()))
    };
    let processes = fs::read_dir("/proc").ok()?.flatten();
    for process in processes {
        let name = process.file_name().to_string_lossy().into_owned();
        if name.parse::<u32>().is_ok() && has(&process.path()) {
            let command = fs::read_to_string(process.path().join("comm")).unwrap_or_default();
            return Some(format!("{} ({name})", command.trim_end()));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::{address_of, listeners, socket};

    #[test]
    fn who_listens_here_is_found() {
        let open = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = open.local_addr().unwrap().port();
        let found = listeners("tcp", &[port]);
        assert_eq!(found.len(), 1, "{found:?}");
        let mine = format!("({})", std::process::id());
        assert!(found[0].process.as_ref().unwrap().ends_with(&mine), "{found:?}");
        assert_eq!(found[0].address.to_string(), "127.0.0.1");
        drop(open);
        assert_eq!(listeners("tcp", &[port]), []);
    }

    #[test]
    fn only_what_listens_is_a_line_of_interest() {
        let line =
            "   0: 00000000:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4242 1 0";
        assert_eq!(
            socket(line, "0A").map(|socket| (socket.port, socket.inode)),
            Some((8080, 4242))
        );
        assert_eq!(socket(&line.replace(" 0A ", " 01 "), "0A"), None);
        assert_eq!(socket("", "0A"), None);
    }

    #[test]
    fn addresses_are_read_in_both_families() {
        let shown = |hex: &str| address_of(hex).map(|address| address.to_string());
        let loopback = format!("{:08X}", u32::from_ne_bytes([127, 0, 0, 1]));
        assert_eq!(shown(&loopback), Some("127.0.0.1".to_owned()));
        assert_eq!(shown(&"0".repeat(32)), Some("::".to_owned()));
        assert_eq!(shown(""), None);
    }
}
