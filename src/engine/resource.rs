//! What a label can be on, and in which order it can be removed.

use super::Labels;

/// The resources that a label can be on, in the order in which they can be removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ResourceKind {
    /// Services of a swarm: their containers would be made again.
    Service,
    /// Containers.
    Container,
    /// Tasks of services that are gone: nobody can remove them, they go by themselves.
    Task,
    /// Networks.
    Network,
    /// Volumes.
    Volume,
    /// Secrets of a swarm.
    Secret,
    /// Configs of a swarm.
    Config,
    /// Images.
    Image,
}

impl ResourceKind {
    /// All of them, in the order in which they can be removed.
    pub const ALL: [ResourceKind; 8] = [
        ResourceKind::Service,
        ResourceKind::Container,
        ResourceKind::Task,
        ResourceKind::Network,
        ResourceKind::Volume,
        ResourceKind::Secret,
        ResourceKind::Config,
        ResourceKind::Image,
    ];

    /// True for what runs, or makes something run.
    pub fn runs(self) -> bool {
        matches!(
            self,
            ResourceKind::Service | ResourceKind::Container | ResourceKind::Task
        )
    }

    /// What messages call one.
    pub fn word(self) -> &'static str {
        match self {
            ResourceKind::Service => "service",
            ResourceKind::Container => "container",
            ResourceKind::Task => "task",
            ResourceKind::Network => "network",
            ResourceKind::Volume => "volume",
            ResourceKind::Secret => "secret",
            ResourceKind::Config => "config",
            ResourceKind::Image => "image",
        }
    }
}

/// A labelled resource.
#[derive(Debug, Clone, PartialEq)]
pub struct Resource {
    /// What it is.
    pub kind: ResourceKind,
    /// Its id, by which it is removed (a volume's name).
    pub id: String,
    /// Its name.
    pub name: String,
    /// Its labels.
    pub labels: Labels,
    /// When it was made, Unix seconds; 0 if the engine does not say.
    pub created: i64,
}
