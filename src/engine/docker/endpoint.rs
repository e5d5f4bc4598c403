//! Which engine is meant: `--docker`, `DOCKER_HOST`, or a docker context, in the docker tools' own order.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde_json::Value;
use sha2::{Digest, Sha256};

use super::far::{Far, refused};
use crate::diagnostic::shell_word;
use crate::engine::{EngineError, EngineResult, Reason};

/// The context that the docker tools always have, and that is kept nowhere.
const DEFAULT: &str = "default";
/// Where the engine of this machine listens.
const LOCAL: &str = "unix:///var/run/docker.sock";

/// Where an engine listens.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Endpoint {
    /// `unix://PATH`, `tcp://HOST:PORT`, `http://HOST:PORT` or `ssh://USER@HOST:PORT`; this machine's own engine if none.
    pub host: Option<String>,
    /// The folder with `ca.pem`, and with `cert.pem` and `key.pem` where the engine wants to know us.
    pub tls: Option<PathBuf>,
    /// The docker context that says so.
    pub context: Option<String>,
}

/// Commands as somebody pastes them anywhere on this machine: each speaks to the engine that is meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pasted {
    /// `docker --host ssh://core@web1`.
    pub docker: String,
    /// `e2erun gc --docker ssh://core@web1`.
    pub gc: String,
}

impl Endpoint {
    /// How messages call it.
    pub fn named(&self) -> &str {
        self.host.as_deref().unwrap_or(LOCAL)
    }

    /// The commands that speak to it.
    pub fn pasted(&self) -> Pasted {
        let of = |docker: &str, gc: &str, before: &str| Pasted {
            docker: format!("docker{docker}"),
            gc: format!("{before}e2erun gc{gc}"),
        };
        if let Some(name) = &self.context {
            let name = shell_word(name);
            return of(&format!(" --context {name}"), &format!(" --docker {name}"), "");
        }
        let Some(host) = &self.host else { return of("", "", "") };
        let host = shell_word(host);
        let Some(folder) = &self.tls else {
            return of(&format!(" --host {host}"), &format!(" --docker {host}"), "");
        };
        let files = [("tlscacert", "ca.pem"), ("tlscert", "cert.pem"), ("tlskey", "key.pem")];
        let files = files.map(|(flag, name)| (flag, folder.join(name)));
        let there = files.iter().filter(|(_, file)| file.exists());
        let flags = there.map(|(flag, file)| format!(" --{flag} {}", shell_word(&file.to_string_lossy())));
        let flags: String = flags.collect();
        of(
            &format!(" --host {host} --tlsverify{flags}"),
            &format!(" --docker {host}"),
            &format!(
                "DOCKER_TLS_VERIFY=1 DOCKER_CERT_PATH={} ",
                shell_word(&folder.to_string_lossy())
            ),
        )
    }

    /// The far side of one that is reached over ssh.
    pub fn far(&self) -> Option<Result<Far, String>> {
        let rest = self.named().strip_prefix("ssh://")?;
        Some(Far::parse(rest).map_err(|why| format!("`{}`: {why}", self.named())))
    }

    /// True where the engine takes this machine's files for its own: it is reached by a socket of this machine. One that is
    /// reached over a network counts as one of another machine, also at `localhost`: that may be the end of a tunnel.
    pub fn is_here(&self) -> bool {
        self.named().starts_with("unix://")
    }

    /// Where its published ports are reached from here.
    pub fn address(&self) -> String {
        let remote = ["tcp://", "http://", "https://"]
            .iter()
            .find_map(|scheme| self.named().strip_prefix(scheme));
        let name = remote.map(|rest| match rest.strip_prefix('[') {
            Some(rest) => rest.split(']').next().unwrap_or(rest),
            None => rest.split([':', '/']).next().unwrap_or(rest),
        });
        name.filter(|name| !name.is_empty()).unwrap_or("127.0.0.1").to_owned()
    }
}

/// What says which engine is meant: the command line's and the environment's words, as they are.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EndpointOptions {
    /// `--docker`: an address, or the name of a docker context.
    pub docker: Option<String>,
    /// `DOCKER_HOST`.
    pub docker_host: Option<String>,
    /// `DOCKER_CONTEXT`.
    pub docker_context: Option<String>,
    /// `DOCKER_TLS_VERIFY`.
    pub docker_tls_verify: Option<String>,
    /// `DOCKER_CERT_PATH`.
    pub docker_cert_path: Option<PathBuf>,
    /// `DOCKER_CONFIG`, else `~/.docker`.
    pub config: Option<PathBuf>,
}

/// The endpoint that is meant. Reads the docker configuration where a context is named there.
pub fn endpoint(options: &EndpointOptions) -> EngineResult<Endpoint> {
    let said = |value: &Option<String>| value.clone().filter(|value| !value.is_empty());
    if let Some(docker) = said(&options.docker) {
        return if docker.contains("://") {
            addressed(docker, options)
        } else {
            context(&docker, options)
        };
    }
    if let Some(host) = said(&options.docker_host) {
        return addressed(host, options);
    }
    match said(&options.docker_context) {
        Some(name) => context(&name, options),
        None => match current_context(options)? {
            Some(name) => context(&name, options),
            None => Ok(Endpoint::default()),
        },
    }
}

fn addressed(host: String, options: &EndpointOptions) -> EngineResult<Endpoint> {
    if let Some(answer) = refused(&host) {
        return Err(EngineError {
            attempt: "reach the engine".to_owned(),
            answer,
            reason: Reason::Other,
        });
    }
    let verify = options
        .docker_tls_verify
        .as_ref()
        .is_some_and(|value| !value.is_empty());
    let secure = verify && !host.starts_with("unix://") && !host.starts_with("ssh://");
    let folder = options
        .docker_cert_path
        .clone()
        .filter(|path| !path.as_os_str().is_empty());
    let tls = if secure {
        folder.or_else(|| options.config.clone())
    } else {
        None
    };
    Ok(Endpoint {
        host: Some(host),
        tls,
        context: None,
    })
}

fn current_context(options: &EndpointOptions) -> EngineResult<Option<String>> {
    let Some(config) = &options.config else {
        return Ok(None);
    };
    let read = json(&config.join("config.json"), "find out the current docker context")?;
    Ok(read["currentContext"]
        .as_str()
        .filter(|name| !name.is_empty() && *name != DEFAULT)
        .map(str::to_owned))
}

fn context(name: &str, options: &EndpointOptions) -> EngineResult<Endpoint> {
    if name == DEFAULT {
        return by_default(options);
    }
    let attempt = format!("use docker context `{name}`");
    let unknown = || EngineError {
        attempt: attempt.clone(),
        answer: "there is no such context; `docker context ls` lists them, an address has `://`".to_owned(),
        reason: Reason::NotFound,
    };
    let config = options.config.as_ref().ok_or_else(unknown)?;
    // The docker tools keep contexts under the hash of their names.
    let hash: String = Sha256::digest(name.as_bytes())
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let meta = json(&config.join("contexts/meta").join(&hash).join("meta.json"), &attempt)?;
    if meta.is_null() {
        return Err(unknown());
    }
    let host = meta["Endpoints"]["docker"]["Host"]
        .as_str()
        .filter(|host| !host.is_empty());
    let failed = |answer: String| EngineError {
        attempt: attempt.clone(),
        answer,
        reason: Reason::Other,
    };
    if meta["Endpoints"]["docker"]["SkipTLSVerify"] == true {
        let answer =
            "it takes any certificate (`skip-tls-verify`), so that nobody knows who answers; give it the engine's `ca`";
        return Err(failed(answer.to_owned()));
    }
    if let Some(answer) = host.and_then(refused) {
        return Err(failed(answer));
    }
    let tls = config.join("contexts/tls").join(&hash).join("docker");
    Ok(Endpoint {
        host: host.map(str::to_owned),
        tls: tls.join("ca.pem").exists().then_some(tls),
        context: Some(name.to_owned()),
    })
}

/// The context `default` where somebody names it: another one may be the current one, so commands and tools have to name it, too.
fn by_default(options: &EndpointOptions) -> EngineResult<Endpoint> {
    match options.docker_host.clone().filter(|host| !host.is_empty()) {
        Some(host) => addressed(host, options),
        None => Ok(Endpoint {
            host: Some(LOCAL.to_owned()),
            context: Some(DEFAULT.to_owned()),
            tls: None,
        }),
    }
}

/// A JSON file; null if it is not there.
fn json(path: &Path, attempt: &str) -> EngineResult<Value> {
    let failed = |answer: String| EngineError {
        attempt: attempt.to_owned(),
        answer,
        reason: Reason::Other,
    };
    match fs::read(path) {
        Ok(text) => serde_json::from_slice(&text).map_err(|why| failed(format!("`{}`: {why}", path.display()))),
        Err(why) if matches!(why.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => Ok(Value::Null),
        Err(why) => Err(failed(format!("`{}`: {why}", path.display()))),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::{Endpoint, EndpointOptions, endpoint};

    fn config(current: &str) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        let hash: String = super::Sha256::digest(b"far")
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        let meta = folder.path().join("contexts/meta").join(&hash);
        let tls = folder.path().join("contexts/tls").join(&hash).join("docker");
        fs::create_dir_all(&meta).unwrap();
        fs::create_dir_all(&tls).unwrap();
        fs::write(folder.path().join("config.json"), current).unwrap();
        let text = r#"{"Name":"far","Endpoints":{"docker":{"Host":"tcp://far:2376","SkipTLSVerify":false}}}"#;
        fs::write(meta.join("meta.json"), text).unwrap();
        fs::write(tls.join("ca.pem"), "").unwrap();
        folder
    }

    use sha2::Digest;

    fn check(current: &str, change: impl Fn(&mut EndpointOptions, &Path), host: Option<&str>, tls: bool) {
        let folder = config(current);
        let mut options = EndpointOptions {
            config: Some(folder.path().to_owned()),
            ..EndpointOptions::default()
        };
        change(&mut options, folder.path());
        let found = endpoint(&options).unwrap();
        assert_eq!((found.host.as_deref(), found.tls.is_some()), (host, tls), "{options:?}");
    }

    #[test]
    fn nothing_said_is_this_machines_engine() {
        check("{}", |_, _| (), None, false);
        assert_eq!(endpoint(&EndpointOptions::default()), Ok(Endpoint::default()));
    }

    #[test]
    fn the_current_context_is_used_with_its_certificates() {
        check(r#"{"currentContext": "far"}"#, |_, _| (), Some("tcp://far:2376"), true);
        check(r#"{"currentContext": "default"}"#, |_, _| (), None, false);
    }

    #[test]
    fn docker_host_goes_before_contexts_and_the_option_before_both() {
        let current = r#"{"currentContext": "far"}"#;
        let host = |options: &mut EndpointOptions, _: &Path| {
            options.docker_host = Some("tcp://near:2375".to_owned());
            options.docker_context = Some("nowhere".to_owned());
        };
        check(current, host, Some("tcp://near:2375"), false);
        let option = |options: &mut EndpointOptions, folder: &Path| {
            host(options, folder);
            options.docker = Some("unix:///run/x.sock".to_owned());
            options.docker_tls_verify = Some("1".to_owned());
        };
        check(current, option, Some("unix:///run/x.sock"), false);
        let named = |options: &mut EndpointOptions, folder: &Path| {
            host(options, folder);
            options.docker = Some("far".to_owned());
        };
        check("{}", named, Some("tcp://far:2376"), true);
    }

    #[test]
    fn the_default_context_is_named_where_another_one_is_the_current_one() {
        let folder = config(r#"{"currentContext": "far"}"#);
        let by_option = EndpointOptions {
            docker: Some("default".to_owned()),
            config: Some(folder.path().to_owned()),
            ..EndpointOptions::default()
        };
        let by_environment = EndpointOptions {
            docker: None,
            docker_context: Some("default".to_owned()),
            ..by_option.clone()
        };
        for options in [&by_option, &by_environment] {
            let found = endpoint(options).unwrap();
            assert_eq!(found.host.as_deref(), Some("unix:///var/run/docker.sock"));
            let pasted = found.pasted();
            assert_eq!(
                (&*pasted.docker, &*pasted.gc),
                ("docker --context default", "e2erun gc --docker default")
            );
        }
        let with_host = EndpointOptions {
            docker_host: Some("tcp://near:2375".to_owned()),
            ..by_option
        };
        let found = endpoint(&with_host).unwrap();
        assert_eq!(
            found.host.as_deref(),
            Some("tcp://near:2375"),
            "as the docker tools have it"
        );
    }

    #[test]
    fn verified_tls_takes_the_certificate_folder() {
        let secure = |options: &mut EndpointOptions, _: &Path| {
            options.docker_host = Some("tcp://near:2376".to_owned());
            options.docker_tls_verify = Some("1".to_owned());
        };
        check("{}", secure, Some("tcp://near:2376"), true);
    }

    #[test]
    fn an_unknown_context_is_told() {
        let folder = config("{}");
        let docker_context = Some("fra".to_owned());
        let options = EndpointOptions {
            docker_context,
            config: Some(folder.path().to_owned()),
            ..EndpointOptions::default()
        };
        let said = endpoint(&options).unwrap_err().to_string();
        assert!(
            said.starts_with("cannot use docker context `fra`: there is no such context"),
            "{said}"
        );
        fs::write(folder.path().join("config.json"), "{").unwrap();
        let broken = EndpointOptions {
            docker_context: None,
            ..options
        };
        let said = endpoint(&broken).unwrap_err().to_string();
        assert!(said.contains("config.json"), "{said}");
    }

    #[test]
    fn commands_that_are_pasted_speak_to_the_engine_that_was_meant() {
        let folder = tempfile::tempdir().unwrap();
        let at = folder.path().display();
        fs::write(folder.path().join("ca.pem"), "").unwrap();
        let check = |endpoint: Endpoint, docker: &str, gc: &str| {
            let pasted = endpoint.pasted();
            assert_eq!((pasted.docker.as_str(), pasted.gc.as_str()), (docker, gc));
        };
        let host = |host: &str| Endpoint {
            host: Some(host.to_owned()),
            ..Endpoint::default()
        };
        check(Endpoint::default(), "docker", "e2erun gc");
        check(
            host("ssh://core@web1:22"),
            "docker --host ssh://core@web1:22",
            "e2erun gc --docker ssh://core@web1:22",
        );
        let context = Some("my far one".to_owned());
        check(
            Endpoint {
                context,
                ..host("tcp://far:2376")
            },
            "docker --context 'my far one'",
            "e2erun gc --docker 'my far one'",
        );
        let tls = Some(folder.path().to_owned());
        check(
            Endpoint {
                tls,
                ..host("tcp://far:2376")
            },
            &format!("docker --host tcp://far:2376 --tlsverify --tlscacert {at}/ca.pem"),
            &format!("DOCKER_TLS_VERIFY=1 DOCKER_CERT_PATH={at} e2erun gc --docker tcp://far:2376"),
        );
    }

    #[test]
    fn only_a_socket_of_this_machine_has_its_files() {
        for (host, here, address) in [
            (None, true, "127.0.0.1"),
            (Some("unix:///run/x.sock"), true, "127.0.0.1"),
            (Some("tcp://far:2376"), false, "far"),
            (Some("tcp://[::1]:2376"), false, "::1"),
            (Some("tcp://localhost:2375"), false, "localhost"),
            (Some("ssh://far"), false, "127.0.0.1"),
        ] {
            let endpoint = Endpoint {
                host: host.map(str::to_owned),
                ..Endpoint::default()
            };
            assert_eq!((endpoint.is_here(), &*endpoint.address()), (here, address), "{host:?}");
        }
    }
}
