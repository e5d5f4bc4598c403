//! The docker tools: found once, run with an environment that has nothing of this machine's but what they need.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::OnceCell;

use super::docker::Endpoint;
use super::{EngineError, EngineResult, Reason, Tool, ToolCall, ToolEnd, ToolLine};
use crate::host::{Command, Host};

/// How long a tool may take to say its version.
const VERSION_LIMIT: Duration = Duration::from_secs(20);
/// What is kept of each end of a tool's output.
const KEEP: usize = 64 * 1024;

/// What the tools need of this machine: the command line's words, as they are.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Surroundings {
    /// `PATH`.
    pub path: String,
    /// `HOME`.
    pub home: Option<PathBuf>,
    /// `DOCKER_CONFIG`; `.docker` of the home if none.
    pub docker_config: Option<PathBuf>,
}

/// A tool that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundTool {
    /// Its own words: `["/usr/bin/docker", "compose"]`.
    pub argv: Vec<String>,
    /// `2.26.1`.
    pub version: String,
}

/// The docker tools of this machine, for one engine: each is looked for when it is first wanted, since asking one for its
/// version costs up to a second.
pub struct Tools {
    host: Arc<dyn Host>,
    /// What each call has in its environment, whatever its own says.
    fixed: BTreeMap<String, String>,
    /// What each call has unless its own says otherwise.
    base: BTreeMap<String, String>,
    path: String,
    compose: OnceCell<Option<FoundTool>>,
    docker: OnceCell<Option<FoundTool>>,
}

/// Where the docker tool looks for its plugins beside the configuration's own folder.
const PLUGINS: [&str; 4] = [
    "/usr/local/lib/docker/cli-plugins",
    "/usr/local/libexec/docker/cli-plugins",
    "/usr/lib/docker/cli-plugins",
    "/usr/libexec/docker/cli-plugins",
];

impl Tools {
    /// The tools of these surroundings, none of them looked for yet.
    pub fn new(host: Arc<dyn Host>, surroundings: &Surroundings, endpoint: &Endpoint) -> Tools {
        let (base, fixed) = environment(surroundings, endpoint);
        Tools {
            host,
            fixed,
            base,
            path: surroundings.path.clone(),
            compose: OnceCell::new(),
            docker: OnceCell::new(),
        }
    }

    /// The compose tool: `docker compose`, else `docker-compose`; none when neither is there and answers.
    pub async fn compose(&self) -> Option<&FoundTool> {
        let found = self.compose.get_or_init(|| async {
            let question = ["version", "--short"];
            // Asked by its own name the plugin saves two programs a call: the docker tool, and its question what the plugin is.
            if let Some(found) = self.ask(self.plugin().await, &[], &question).await {
                return Some(found);
            }
            let docker = self.program("docker").await;
            if let Some(found) = self.ask(docker, &["compose"], &question).await {
                return Some(found);
            }
            self.ask(self.program("docker-compose").await, &[], &question).await
        });
        found.await.as_ref()
    }

    /// The docker tool; none when it is not there or does not answer.
    pub async fn docker(&self) -> Option<&FoundTool> {
        let found = self
            .docker
            .get_or_init(|| async { self.ask(self.program("docker").await, &[], &["--version"]).await });
        found.await.as_ref()
    }

    /// Runs a tool to its end. One whose caller goes is ended, and `settled` waits for that.
    pub async fn run(&self, call: ToolCall, line: ToolLine) -> EngineResult<ToolEnd> {
        let (found, missing) = match call.tool {
            Tool::Compose => (
                self.compose().await,
                "neither `docker compose` nor `docker-compose` is there; install one of them",
            ),
            Tool::Docker => (self.docker().await, "the docker tool is not there; install it"),
        };
        let word = match call.tool {
            Tool::Compose => "docker compose",
            Tool::Docker => "docker",
        };
        let failed = |answer: String| EngineError {
            attempt: format!("run `{word} {}`", call.arguments.join(" ")),
            answer,
            reason: Reason::Other,
        };
        let Some(found) = found else {
            return Err(failed(missing.to_owned()));
        };
        let command = Command {
            argv: found.argv.iter().chain(&call.arguments).cloned().collect(),
            env: self.environment(&call.env),
            folder: call.folder.clone(),
            stdin: call.stdin.clone(),
            limit: call.limit,
            keep: KEEP,
        };
        let ended = self
            .host
            .run(command, line)
            .await
            .map_err(|why| failed(why.to_string()))?;
        Ok(ToolEnd {
            // One that was ended for its limit may still say that all is well.
            exit: if ended.late { None } else { ended.exit },
            stdout: ended.stdout.text(),
            stderr: ended.stderr.text(),
        })
    }

    /// Waits for the end of tools whose callers have gone.
    pub async fn settled(&self) {
        self.host.settled().await;
    }

    fn environment(&self, own: &BTreeMap<String, String>) -> BTreeMap<String, String> {
        let mut env = self.base.clone();
        env.extend(own.clone());
        // A stack's own DOCKER_HOST must not send the tool to another engine.
        env.extend(self.fixed.clone());
        env
    }

    /// The compose plugin, where the docker tool would find it too; it is no use to who has no docker tool.
    async fn plugin(&self) -> Option<PathBuf> {
        self.program("docker").await?;
        let own = self.fixed.get("DOCKER_CONFIG");
        let own = own.map(|config| Path::new(config).join("cli-plugins"));
        for folder in own.into_iter().chain(PLUGINS.map(PathBuf::from)) {
            let program = folder.join("docker-compose");
            if self.host.exists(&program).await {
                return Some(program);
            }
        }
        None
    }

    /// The first program of a name in the PATH.
    async fn program(&self, name: &str) -> Option<PathBuf> {
        for folder in self.path.split(':').filter(|folder| Path::new(folder).is_absolute()) {
            let program = Path::new(folder).join(name);
            if self.host.exists(&program).await {
                return Some(program);
            }
        }
        None
    }

    /// Asks a tool for its version.
    async fn ask(&self, program: Option<PathBuf>, words: &[&str], question: &[&str]) -> Option<FoundTool> {
        let program = program?;
        let program = program.to_str()?;
        let argv: Vec<String> = [&[program], words].concat().into_iter().map(str::to_owned).collect();
        let command = Command {
            argv: argv
                .iter()
                .cloned()
                .chain(question.iter().map(|word| (*word).to_owned()))
                .collect(),
            env: self.environment(&BTreeMap::new()),
            folder: PathBuf::from("/"),
            stdin: None,
            limit: VERSION_LIMIT,
            keep: KEEP,
        };
        let ended = self.host.run(command, Arc::new(|_, _| ())).await.ok()?;
        let version = version(&ended.stdout.text())?;
        (ended.exit == Some(0)).then_some(FoundTool { argv, version })
    }
}

/// What each call has in its environment: what it may have otherwise, and what it may not.
fn environment(
    surroundings: &Surroundings,
    endpoint: &Endpoint,
) -> (BTreeMap<String, String>, BTreeMap<String, String>) {
    let shown = |path: &Path| path.display().to_string();
    let mut base = BTreeMap::from([("PATH".to_owned(), surroundings.path.clone())]);
    let mut fixed = tool_env(endpoint);
    if let Some(home) = &surroundings.home {
        base.insert("HOME".to_owned(), shown(home));
    }
    // Said even if it is where they would look: a stack's own HOME must not hide the tools' plugins.
    let config = surroundings
        .docker_config
        .clone()
        .or_else(|| Some(surroundings.home.as_ref()?.join(".docker")));
    if let Some(config) = config {
        fixed.insert("DOCKER_CONFIG".to_owned(), shown(&config));
    }
    (base, fixed)
}

/// What says to a docker tool which engine is meant.
pub fn tool_env(endpoint: &Endpoint) -> BTreeMap<String, String> {
    // The tools have their own words for what the API speaks.
    let host = endpoint
        .named()
        .replacen("https://", "tcp://", 1)
        .replacen("http://", "tcp://", 1);
    let mut env = BTreeMap::from([("DOCKER_HOST".to_owned(), host)]);
    if let Some(tls) = &endpoint.tls {
        env.insert("DOCKER_TLS_VERIFY".to_owned(), "1".to_owned());
        env.insert("DOCKER_CERT_PATH".to_owned(), tls.display().to_string());
    }
    env
}

/// The first version in a text: `Docker version 28.2.2, build …`, `v2.40.3`, `2.26.1-4`.
fn version(text: &str) -> Option<String> {
    let words = text.split(|at: char| at.is_whitespace() || at == ',');
    let mut versions = words.filter_map(|word| {
        let word = word.trim_start_matches('v');
        let end = word
            .find(|at: char| !at.is_ascii_digit() && at != '.')
            .unwrap_or(word.len());
        let version = word[..end].trim_end_matches('.');
        version.contains('.').then(|| version.to_owned())
    });
    versions.next()
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::{Endpoint, Surroundings, environment, version};

    #[test]
    fn versions_are_found_in_what_the_tools_say() {
        let said = [
            ("Docker version 28.2.2, build e6534b4", Some("28.2.2")),
            ("2.26.1-4\n", Some("2.26.1")),
            ("v2.40.3", Some("2.40.3")),
            ("1.29.2\n", Some("1.29.2")),
            ("github.com/docker/buildx 0.13.1 788433953af1", Some("0.13.1")),
            ("docker: 'compose' is not a docker command.", None),
        ];
        for (text, expected) in said {
            assert_eq!(version(text).as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn the_engine_and_the_configuration_are_fixed() {
        let surroundings = Surroundings {
            path: "/bin".to_owned(),
            home: Some(PathBuf::from("/h")),
            docker_config: None,
        };
        let endpoint = Endpoint {
            host: Some("http://far:2375".to_owned()),
            tls: Some(PathBuf::from("/c")),
            context: None,
        };
        let (base, fixed) = environment(&surroundings, &endpoint);
        let shown = |env: std::collections::BTreeMap<String, String>| {
            env.into_iter()
                .map(|(name, value)| format!("{name}={value}"))
                .collect::<Vec<_>>()
                .join(" ")
        };
        assert_eq!(shown(base), "HOME=/h PATH=/bin");
        let expected = "DOCKER_CERT_PATH=/c DOCKER_CONFIG=/h/.docker DOCKER_HOST=tcp://far:2375 DOCKER_TLS_VERIFY=1";
        assert_eq!(shown(fixed), expected);
    }
}
