//! Where a connection goes, and opening it: every address of a name is tried, IPv4 first.

use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream, lookup_host};

use super::NetError;
use super::fault::{Progress, net_error};

/// How long an address is tried alone before the next one is tried beside it (RFC 8305 recommends 250 ms).
const HEAD_START: Duration = Duration::from_millis(250);
/// The most addresses of one name that are tried.
const MAX_ADDRESSES: usize = 16;

/// An open connection.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// Where a connection goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Target {
    /// A unix socket.
    Socket(PathBuf),
    /// A host (a name or an address, IPv6 without brackets) and a port.
    Host(String, u16),
}

impl std::fmt::Display for Target {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Target::Socket(path) => write!(f, "unix socket `{}`", path.display()),
            Target::Host(host, port) if host.contains(':') => write!(f, "`[{host}]:{port}`"),
            Target::Host(host, port) => write!(f, "`{host}:{port}`"),
        }
    }
}

impl Target {
    /// Reads `host:port`, `[::1]:port`, or a unix socket's absolute path.
    pub(crate) fn parse(text: &str) -> Result<Target, NetError> {
        let path = text.strip_prefix("unix://").unwrap_or(text);
        if path.starts_with('/') {
            return Ok(Target::Socket(path.into()));
        }
        let wrong = || NetError::request(format!("`{text}` is no address: it is written `host:port`"));
        let (host, port) = text.rsplit_once(':').ok_or_else(wrong)?;
        let host = host
            .strip_prefix('[')
            .and_then(|host| host.strip_suffix(']'))
            .unwrap_or(host);
        let port = port.parse().ok().filter(|port| *port > 0).ok_or_else(wrong)?;
        // A second colon without brackets: an IPv6 address whose end would be taken for the port.
        let plain = !host.is_empty() && (!host.contains(':') || text.starts_with('['));
        if plain {
            Ok(Target::Host(host.to_owned(), port))
        } else {
            Err(wrong())
        }
    }
}

/// True for the address of a unix socket.
pub(crate) fn is_socket(address: &str) -> bool {
    matches!(Target::parse(address), Ok(Target::Socket(_)))
}

/// Opens a connection.
pub(super) async fn open(target: &Target, progress: &Progress) -> Result<Box<dyn Stream>, NetError> {
    progress.at(format!("connecting to {target}"));
    let failed = |error: &io::Error| net_error(&format!("cannot connect to {target}"), error);
    match target {
        Target::Socket(path) => match UnixStream::connect(path).await {
            Ok(stream) => Ok(Box::new(stream)),
            // Nobody listens, whether or not somebody once did and left the file.
            Err(error) if error.kind() == io::ErrorKind::NotFound => Err(NetError {
                kind: "refused",
                ..failed(&error)
            }),
            Err(error) => Err(failed(&error)),
        },
        Target::Host(host, port) => {
            let mut addresses = resolve(host, *port, progress).await?;
            addresses.truncate(MAX_ADDRESSES);
            progress.at(format!("connecting to {target}"));
            let stream = first_of(addresses, TcpStream::connect)
                .await
                .map_err(|error| failed(&error))?;
            // A question is one small write; waiting to fill a packet would only be counted in its duration.
            let _ = stream.set_nodelay(true);
            Ok(Box::new(stream))
        }
    }
}

/// The addresses of a host.
pub(super) async fn resolve(host: &str, port: u16, progress: &Progress) -> Result<Vec<SocketAddr>, NetError> {
    if let Ok(address) = host.parse::<IpAddr>() {
        return Ok(vec![SocketAddr::new(address, port)]);
    }
    progress.at(format!("looking up `{host}`"));
    // Whatever goes wrong here is the look-up: that a name has no address, and that no name server answered. Which of the
    // two only the resolver's words say, and these are told.
    let dns = |why: String| NetError {
        kind: NetError::DNS,
        message: format!("cannot look up `{host}`: {why}"),
    };
    let found = lookup_host((host, port))
        .await
        .map_err(|error| dns(error.to_string()))?;
    let mut addresses: Vec<SocketAddr> = found.collect();
    if addresses.is_empty() {
        return Err(dns("it has no address".to_owned()));
    }
    // Older engines publish a port under different numbers for IPv4 and IPv6, and the one asked for is IPv4's.
    addresses.sort_by_key(SocketAddr::is_ipv6);
    Ok(addresses)
}

/// The first connection that opens; of several refusals that of the first address.
async fn first_of<T, F: Future<Output = io::Result<T>>>(
    addresses: Vec<SocketAddr>,
    connect: impl Fn(SocketAddr) -> F,
) -> io::Result<T> {
    let mut left = addresses.into_iter().enumerate();
    let mut tries = FuturesUnordered::new();
    let mut refusals = Vec::new();
    loop {
        let waits = match left.next() {
            Some((number, address)) => {
                let attempt = connect(address);
                tries.push(async move { (number, attempt.await) });
                left.len() == 0
            }
            None => true,
        };
        let ended = if waits {
            tries.next().await
        } else {
            // Not yet: the next address is tried beside it.
            let Ok(ended) = tokio::time::timeout(HEAD_START, tries.next()).await else {
                continue;
            };
            ended
        };
        match ended {
            Some((_, Ok(stream))) => return Ok(stream),
            Some((number, Err(error))) => refusals.push((number, error)),
            None => break,
        }
    }
    refusals.sort_by_key(|(number, _)| *number);
    let first = refusals.into_iter().next().map(|(_, error)| error);
    Err(first.unwrap_or_else(|| io::Error::new(io::ErrorKind::AddrNotAvailable, "there is no address")))
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::net::SocketAddr;

    use super::{Target, first_of};

    fn check(text: &str, expected: Option<(&str, u16)>) {
        let parsed = Target::parse(text).ok();
        assert_eq!(
            parsed,
            expected.map(|(host, port)| Target::Host(host.to_owned(), port)),
            "{text}"
        );
    }

    #[test]
    fn reads_addresses() {
        check("web:80", Some(("web", 80)));
        check("[::1]:80", Some(("::1", 80)));
        check("127.0.0.1:65535", Some(("127.0.0.1", 65535)));
        check("::1:80", None);
        check("web", None);
        check("web:http", None);
        check("web:0", None);
        check("web:65536", None);
        check(":80", None);
        assert_eq!(
            Target::parse("/run/app.sock").ok(),
            Some(Target::Socket("/run/app.sock".into()))
        );
        assert_eq!(
            Target::parse("unix:///run/app.sock").ok(),
            Some(Target::Socket("/run/app.sock".into()))
        );
    }

    /// Addresses by what they do: port 1 opens, 2 refuses, 3 is unreachable, 4 never says.
    async fn connect(address: SocketAddr) -> io::Result<u16> {
        match address.port() {
            1 => Ok(1),
            2 => Err(io::ErrorKind::ConnectionRefused.into()),
            3 => Err(io::ErrorKind::NetworkUnreachable.into()),
            _ => std::future::pending().await,
        }
    }

    async fn check_order(ports: &[u16], expected: Result<u16, io::ErrorKind>) {
        let addresses = ports
            .iter()
            .map(|port| SocketAddr::from(([127, 0, 0, 1], *port)))
            .collect();
        assert_eq!(
            first_of(addresses, connect).await.map_err(|error| error.kind()),
            expected,
            "{ports:?}"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn tries_every_address_and_tells_of_the_first() {
        check_order(&[1], Ok(1)).await;
        check_order(&[2, 3, 1], Ok(1)).await;
        check_order(&[4, 1], Ok(1)).await;
        check_order(&[4, 4, 2, 1], Ok(1)).await;
        check_order(&[2, 3], Err(io::ErrorKind::ConnectionRefused)).await;
        check_order(&[3, 2], Err(io::ErrorKind::NetworkUnreachable)).await;
        check_order(&[], Err(io::ErrorKind::AddrNotAvailable)).await;
    }
}
