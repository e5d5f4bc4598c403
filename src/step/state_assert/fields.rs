//! What can be looked at, and what can be expected of each.

use crate::expect::{Field, FieldKind};

/// What can be looked at, and what can be expected of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Of {
    Service,
    Container,
    Volume,
    Network,
    Image,
    Probe,
}

impl Of {
    pub(super) const fn word(self) -> &'static str {
        match self {
            Of::Service => "service",
            Of::Container => "container",
            Of::Volume => "volume",
            Of::Network => "network",
            Of::Image => "image",
            Of::Probe => "probe",
        }
    }

    pub(super) const fn fields(self) -> &'static [&'static str] {
        match self {
            Of::Service => &[
                "wanted",
                "running",
                "healthy",
                "completed",
                "restarts",
                "exit",
                "image",
                "nodes",
                "networks",
                "update",
                "tasks",
            ],
            Of::Container => &["state", "health", "exit", "restarts", "image", "node", "user", "mounts"],
            Of::Volume => &["exists", "nodes", "driver", "labels", "name"],
            Of::Network => &["exists", "nodes", "driver", "labels", "name", "id"],
            Of::Image => &["exists", "nodes", "labels"],
            Of::Probe => &["answers", "failures", "max_outage", "outage", "first_failure", "values"],
        }
    }

    pub(super) const ALL: [Of; 6] = [
        Of::Service,
        Of::Container,
        Of::Volume,
        Of::Network,
        Of::Image,
        Of::Probe,
    ];

    /// What to do about a field that only others have.
    pub(super) fn instead(self, name: &str) -> Option<String> {
        let whose = Of::ALL.into_iter().find(|of| of.fields().contains(&name))?;
        let word = whose.word();
        Some(match (self, name) {
            (Of::Service, "state") => format!(
                "`state` is a {word}'s field; of a service numbers tell it: `running: 1`, or `completed: 1` of what has \
                 ended with exit code 0"
            ),
            (Of::Service, "health") => "of a service `healthy: 1` tells it".to_owned(),
            (Of::Container, "running") => "of a container it is `state: running`".to_owned(),
            (Of::Container, "healthy") => "of a container it is `health: healthy`".to_owned(),
            _ => format!("`{name}` is a {word}'s field: look at that: `{word}: …`"),
        })
    }

    /// What is to be expected where a field is written as a part of the question: of a service numbers tell it.
    pub(super) fn expected(self, name: &str, written: &str) -> Option<String> {
        let count = || match written.parse::<u64>() {
            Ok(count) => count.to_string(),
            Err(_) => "1".to_owned(),
        };
        match (self, name) {
            (Of::Service, "state") if written.trim_matches('"') == "exited" => Some("running: 0".to_owned()),
            (Of::Service, "state" | "running") => Some(format!("running: {}", count())),
            (Of::Service, "health" | "healthy") => Some(format!("healthy: {}", count())),
            (Of::Service, "wanted" | "completed") => Some(format!("{name}: {}", count())),
            (Of::Container, "running") => Some("state: running".to_owned()),
            (Of::Container, "healthy") => Some("health: healthy".to_owned()),
            _ => self.fields().contains(&name).then(|| format!("{name}: {written}")),
        }
    }

    pub(super) fn example(self) -> &'static str {
        match self {
            Of::Service => "running: 1",
            Of::Container => "state: running",
            Of::Volume | Of::Network | Of::Image => "exists: true",
            Of::Probe => "failures: 0",
        }
    }
}

/// A field of a result, shortly.
const fn field(name: &'static str, kind: FieldKind, doc: &'static str) -> Field {
    Field { name, kind, doc }
}

/// Docker's words for what a container does.
const STATES: &[&str] = &[
    "created",
    "running",
    "paused",
    "restarting",
    "removing",
    "exited",
    "dead",
];

/// Docker's words for how an update of a swarm's service goes.
const UPDATES: &[&str] = &[
    "updating",
    "paused",
    "completed",
    "rollback_started",
    "rollback_paused",
    "rollback_completed",
];

/// Docker's words for what a healthcheck says.
const HEALTHS: &[&str] = &["starting", "healthy", "unhealthy"];

pub(super) const RESULT: &[Field] = &[
    field("wanted", FieldKind::COUNT, "How many containers a service should have."),
    field("running", FieldKind::COUNT, "How many of them run."),
    field("healthy", FieldKind::COUNT, "How many of them are healthy."),
    field(
        "completed",
        FieldKind::COUNT,
        "How many of them ended with exit code 0.",
    ),
    field(
        "state",
        FieldKind::Words(STATES),
        "Docker's word: `created running paused restarting removing exited dead`.",
    ),
    field(
        "health",
        FieldKind::Words(HEALTHS),
        "`starting healthy unhealthy`; not there without a healthcheck.",
    ),
    field(
        "exit",
        FieldKind::EXIT,
        "The exit code of what has ended; of several containers the first that is not 0.",
    ),
    field(
        "restarts",
        FieldKind::COUNT,
        "How often restart policies started it again; a swarm remembers five tasks of each replica.",
    ),
    field("image", FieldKind::Text, "The image, as it was asked for."),
    field("node", FieldKind::Text, "The node that it is on."),
    field("nodes", FieldKind::Names, "The nodes that it is on."),
    field(
        "networks",
        FieldKind::Names,
        "The networks that a service is on, as in the file.",
    ),
    field(
        "update",
        FieldKind::Words(UPDATES),
        "How the last update of a swarm's service went: `updating paused completed rollback_started rollback_paused \
         rollback_completed`. Not there before the first, nor after a change that replaces no task: a swarm forgets it at `scale`.",
    ),
    field(
        "tasks",
        FieldKind::List,
        "The tasks of a swarm's service that the swarm remembers, the newest first: `state desired replica node image error exit`.",
    ),
    field("user", FieldKind::Text, "The user of its process."),
    field(
        "mounts",
        FieldKind::Json,
        "What it mounts: a list of `type source destination writable`.",
    ),
    field("exists", FieldKind::Boolean, "Whether it is there."),
    field("driver", FieldKind::Text, "The driver of a volume or network."),
    field("labels", FieldKind::Map, "The labels."),
    field("name", FieldKind::Text, "The real name of a volume or network."),
    field("id", FieldKind::Text, "The id of a network."),
    field("answers", FieldKind::COUNT, "How often a probe got its answer."),
    field("failures", FieldKind::COUNT, "How often it did not."),
    field(
        "max_outage",
        FieldKind::Duration,
        "The longest time between two answers with failures between them, or with a question that had no answer for longer than `every` (and than 200ms); one that has none now counts until now.",
    ),
    field("outage", FieldKind::Duration, "All such times together."),
    field("first_failure", FieldKind::Text, "What the first failure was."),
    field("values", FieldKind::List, "The answers, as they changed."),
];
