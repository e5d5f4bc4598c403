//! The labels by which a container is one of a service's: of a compose project, or of a stack in a swarm.

use super::Labels;
use super::swarm::STACK;

/// The service, its number and its task, as the compose tools and the agents of a swarm write them.
const LABELS: [&str; 11] = [
    "com.docker.compose.project",
    "com.docker.compose.service",
    "com.docker.compose.container-number",
    "com.docker.compose.oneoff",
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
