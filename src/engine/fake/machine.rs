//! The fake engine's containers, and how it describes them.

use std::collections::BTreeMap;

use bytes::Bytes;

use super::log::Entry;
use super::script::{Answer, Script};
use crate::engine::{Container, EngineEvent, Labels, Listed};

/// A container of the fake.
#[derive(Debug, Clone, Default)]
pub(super) struct Machine {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) image: String,
    pub(super) image_id: String,
    pub(super) labels: Labels,
    pub(super) script: Script,
    pub(super) state: &'static str,
    pub(super) healthcheck: bool,
    pub(super) health: Option<&'static str>,
    pub(super) health_log: Vec<(i64, String)>,
    pub(super) exit: i64,
    pub(super) error: String,
    pub(super) oom: bool,
    pub(super) restarts: u64,
    pub(super) policy: (String, u64),
    pub(super) started_at: i64,
    pub(super) finished_at: i64,
    /// Counts starts; what a former run still had to do is void.
    pub(super) run: u64,
    /// How many containers its place in a swarm had before it: to a script they are former starts.
    pub(super) former: u64,
    pub(super) by_hand: bool,
    /// Container ports to publish, each with the host port asked for; 0 is the engine's choice at each start.
    pub(super) expose: Vec<(u16, String, u16)>,
    pub(super) ports: BTreeMap<(u16, String), Vec<(String, u16)>>,
    pub(super) networks: BTreeMap<String, (String, Vec<String>)>,
    pub(super) network_mode: String,
    pub(super) mounts: Vec<(String, String, String, bool)>,
    pub(super) files: BTreeMap<String, Bytes>,
    pub(super) asked: BTreeMap<String, usize>,
    pub(super) entries: Vec<Entry>,
    /// By how many nanoseconds the clock of its log was set back.
    pub(super) set_back: i64,
    /// How many of `entries`, from the first one on, the engine has rotated away.
    pub(super) rotated: usize,
    /// Its log is deleted, and it is still known.
    pub(super) log_deleted: bool,
    /// What each stream has written of a line that is not ended.
    pub(super) unended: [Vec<u8>; 2],
    /// Where in `entries` each run ended, the last line without newline apart.
    pub(super) ends: Vec<usize>,
}

/// A time as the engine writes it.
pub(super) fn rfc3339(at: i64) -> String {
    if at == 0 {
        return String::new();
    }
    jiff::Timestamp::from_nanosecond(at.into())
        .map(|time| format!("{time:.9}"))
        .unwrap_or_default()
}

impl Machine {
    /// True for its name, its id, or the beginning of its id.
    pub(super) fn is(&self, name_or_id: &str) -> bool {
        self.name == name_or_id || (name_or_id.len() >= 12 && self.id.starts_with(name_or_id))
    }

    pub(super) fn runs(&self) -> bool {
        matches!(self.state, "running" | "paused")
    }

    /// The answer to a command, by its script.
    pub(super) fn answer(&mut self, command: &str) -> Answer {
        let script = self.script.of_start(self.run.saturating_sub(1));
        let Some((pattern, answers)) = script.execs.iter().find(|(pattern, _)| command.contains(pattern)) else {
            return Answer::out(format!("exec: {command:?}: executable file not found in $PATH\n")).exit(127);
        };
        let asked = self.asked.entry(pattern.clone()).or_default();
        let answer = answers.get(*asked).or(answers.last()).cloned().unwrap_or_default();
        *asked += 1;
        answer
    }

    /// True if its restart policy starts it again after this end.
    pub(super) fn comes_again(&self, exit: i64) -> bool {
        let (policy, tries) = &self.policy;
        !self.by_hand
            && match policy.as_str() {
                "always" | "unless-stopped" => true,
                "on-failure" => exit != 0 && (*tries == 0 || self.restarts < *tries),
                _ => false,
            }
    }

    pub(super) fn listed(&self) -> Listed {
        let published = self.ports.iter().flat_map(|((_, protocol), bindings)| {
            let bindings = bindings.iter();
            bindings.map(|(address, number)| (protocol.clone(), address.clone(), *number))
        });
        Listed {
            name: self.name.clone(),
            image_id: self.image_id.clone(),
            labels: self.labels.clone(),
            state: self.state.into(),
            ports: published.collect(),
        }
    }

    pub(super) fn describe(&self) -> Container {
        let health = self.health.map(str::to_owned);
        Container {
            id: self.id.clone(),
            name: self.name.clone(),
            image: self.image.clone(),
            image_id: self.image_id.clone(),
            labels: self.labels.clone(),
            state: self.state.into(),
            health_log: self.health_log.clone(),
            exit: (self.finished_at > 0 && !self.runs()).then_some(self.exit),
            error: self.error.clone(),
            oom_killed: self.oom,
            restarts: self.restarts,
            restart_policy: self.policy.clone(),
            started_at: rfc3339(self.started_at),
            finished_at: rfc3339(self.finished_at),
            tty: self.script.tty,
            log_driver: self.script.driver.clone(),
            user: self.script.user.clone(),
            ports: self.ports.clone(),
            networks: self.networks.clone(),
            network_mode: self.network_mode.clone(),
            mounts: self.mounts.clone(),
            raw: serde_json::json!({
                "Id": self.id, "State": {"Status": self.state, "Health": health},
                "HostConfig": {"LogConfig": {"Config": {"max-size": self.script.max_size}}},
            }),
            health,
        }
    }

    pub(super) fn event(&self, action: &str, extra: &[(&str, String)]) -> EngineEvent {
        let mut attributes = self.labels.clone();
        attributes.insert("name".into(), self.name.clone());
        attributes.insert("image".into(), self.image.clone());
        attributes.extend(extra.iter().map(|(name, value)| ((*name).to_owned(), value.clone())));
        EngineEvent {
            of: "container".into(),
            action: action.into(),
            id: self.id.clone(),
            attributes,
            at: 0,
        }
    }
}
