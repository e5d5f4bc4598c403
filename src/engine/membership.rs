//! The labels by which a container is one of a service's: of a compose project, or of a stack in a swarm.

use super::Labels;
use super::swarm::STACK;

/// The label of a container's compose project.
pub const PROJECT: &str = "com.docker.compose.project";
/// The label of a container's service in its compose project.
pub const SERVICE: &str = "com.docker.compose.service";
/// The label of a container's number among the replicas of that service.
pub const NUMBER: &str = "com.docker.compose.container-number";
/// The label of a container that a compose tool's `run` made, if it is `True`.
pub const ONE_OFF: &str = "com.docker.compose.oneoff";

/// The service by which a compose tool makes the container of a `run` with options: it is of no service of an author's.
pub const OF_RUN: &str = "e2erun-run";

/// The service, its number and its task, as the compose tools and the agents of a swarm write them.
const LABELS: [&str; 11] = [
    PROJECT,
    SERVICE,
    NUMBER,
    ONE_OFF,
    STACK,
    "com.docker.swarm.node.id",
    "com.docker.swarm.service.id",
    "com.docker.swarm.service.name",
    "com.docker.swarm.task",
    "com.docker.swarm.task.id",
    "com.docker.swarm.task.name",
];

/// The same labels, with which a container is of no service. An image that is committed has all labels of its container, and
/// what is made of it has them, too, without being a replica: empty ones stand over them, since none can be taken away.
pub fn of_no_service(mut labels: Labels) -> Labels {
    labels.extend(LABELS.map(|name| (name.to_owned(), String::new())));
    labels
}
