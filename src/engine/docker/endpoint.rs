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
mod tests;
