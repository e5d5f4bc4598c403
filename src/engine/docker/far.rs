//! An engine's address as the docker tools write it for ssh, and what no address may have in it.

/// The far side of an engine that is reached over ssh.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Far {
    /// Who logs in; as ssh's configuration has it if none.
    pub user: Option<String>,
    /// The machine, as ssh's configuration knows it.
    pub host: String,
    /// The port; as ssh's configuration has it if none.
    pub port: Option<u16>,
    /// The engine's socket there; as the docker tool there has it if none.
    pub socket: Option<String>,
}

impl Far {
    /// Reads `user@host:port/socket`.
    pub(super) fn parse(text: &str) -> Result<Far, String> {
        let (place, path) = text.split_once('/').map_or((text, ""), |(place, path)| (place, path));
        let (user, place) = match place.rsplit_once('@') {
            Some((user, place)) => (Some(user.to_owned()), place),
            None => (None, place),
        };
        let (host, port) = match place.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            Some((host, rest)) => (host, rest.strip_prefix(':')),
            None => place
                .split_once(':')
                .map_or((place, None), |(host, port)| (host, Some(port))),
        };
        let plain = |text: &str| text.chars().all(|c| c.is_ascii_alphanumeric() || "-_.:%".contains(c));
        if host.is_empty() || host.starts_with('-') || !plain(host) {
            return Err("no host is named; write `ssh://USER@HOST:PORT`".to_owned());
        }
        let port = port.map(|port| port.parse().map_err(|_| format!("`{port}` is no port")));
        // It goes through a shell there.
        let socket = Some(format!("/{path}")).filter(|path| path != "/");
        if socket.as_ref().is_some_and(|path| !plain(&path.replace('/', ""))) {
            return Err("a socket's path has only letters, digits, `-`, `_`, `.` and `/` in it".to_owned());
        }
        Ok(Far {
            user,
            host: host.to_owned(),
            port: port.transpose()?,
            socket,
        })
    }

    /// How messages call it.
    pub fn shown(&self) -> String {
        let user = self.user.as_ref().map_or(String::new(), |user| format!("{user}@"));
        let port = self.port.map_or(String::new(), |port| format!(" (port {port})"));
        format!("`{user}{}`{port}", self.host)
    }
}

/// The ways to an engine.
const SCHEMES: [&str; 5] = ["unix", "tcp", "http", "https", "ssh"];

/// Why an address cannot be used: it is of no known way, or has a password in it, which would stand in the list of processes,
/// and in every message.
pub fn refused(address: &str) -> Option<String> {
    let (scheme, rest) = address.split_once("://")?;
    if !SCHEMES.contains(&scheme) {
        return Some(format!(
            "`{scheme}://` is not supported; use `unix://`, `tcp://`, `http://` or `ssh://`"
        ));
    }
    let (user, place) = rest.split('/').next().unwrap_or(rest).rsplit_once('@')?;
    let why = match scheme {
        "ssh" if !user.contains(':') => return None,
        "ssh" => "ssh takes a key or an agent",
        _ => "engines know their users by TLS certificates",
    };
    Some(format!(
        "`{scheme}://…@{place}`: an engine's address has no password in it; {why}"
    ))
}

#[cfg(test)]
mod tests {
    use super::{Far, refused};

    #[test]
    fn a_far_side_is_read_as_the_docker_tools_read_it() {
        let check = |text: &str, expected: Result<(&str, &str, u16, &str), &str>| match (Far::parse(text), expected) {
            (Ok(far), Ok((user, host, port, socket))) => {
                let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
                let expected = Far {
                    user: some(user),
                    host: host.to_owned(),
                    port: (port > 0).then_some(port),
                    socket: some(socket),
                };
                assert_eq!(far, expected, "{text}");
            }
            (Err(said), Err(expected)) => assert!(said.contains(expected), "{said}"),
            (read, _) => panic!("{text}: {read:?}"),
        };
        check("core@web1:2222", Ok(("core", "web1", 2222, "")));
        check("web1", Ok(("", "web1", 0, "")));
        check("core@[fe80::1%eth0]:22/", Ok(("core", "fe80::1%eth0", 22, "")));
        check(
            "web1/run/user/1000/docker.sock",
            Ok(("", "web1", 0, "/run/user/1000/docker.sock")),
        );
        check("core@", Err("no host"));
        check("-oProxyCommand=x", Err("no host"));
        check("web1:ssh", Err("no port"));
        check("web1/a;b", Err("path"));
    }

    #[test]
    fn an_address_with_a_password_is_refused_and_the_password_is_not_told() {
        for address in [
            "ssh://core:s3cret@web1:22/x",
            "tcp://core:s3cret@web1:2376",
            "tcp://s3cret@web1",
        ] {
            let said = refused(address).unwrap();
            assert!(said.contains("no password") && !said.contains("s3cret"), "{said}");
        }
        assert_eq!(refused("ssh://core@web1"), None);
        assert_eq!(refused("unix:///run/a@b:c.sock"), None);
    }
}
