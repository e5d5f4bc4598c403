//! Removing by label until a list is empty; and what a dead run left: its process groups first.

use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::StreamExt;

use super::built::is_named;
use super::swarm::remove_gateway;
use super::{DeadLease, LEASE, kept, private};
use crate::engine::{Engine, EngineError, EngineInfo, EngineResult, Resource, ResourceKind};
use crate::host::{Group, Host};
use crate::wait::pause;

/// How often what is left is listed again.
const ROUNDS: usize = 6;
/// The pause before a further round, doubled each time.
const PAUSE: Duration = Duration::from_millis(50);
/// How many resources of a kind are removed at once.
pub(super) const AT_ONCE: usize = 8;
/// How long a dead run's process has to end by itself.
const GRACE: Duration = Duration::from_secs(2);

/// What was removed, and what was not.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Swept {
    /// The process groups that were ended.
    pub groups: Vec<Group>,
    /// The resources that were removed.
    pub removed: Vec<Resource>,
    /// What could not be removed.
    pub left: Vec<Left>,
}

/// Something that could not be removed.
#[derive(Debug, Clone, PartialEq)]
pub struct Left {
    /// What: "container `shop-web-1`".
    pub what: String,
    /// Why.
    pub why: String,
}

impl Swept {
    fn note(&mut self, removed: Vec<Resource>) {
        for resource in removed {
            let same = |known: &Resource| known.kind == resource.kind && known.id == resource.id;
            if !self.removed.iter().any(same) {
                self.removed.push(resource);
            }
        }
    }

    /// Joins what another removal did.
    pub fn add(&mut self, other: Swept) {
        self.groups.extend(other.groups);
        self.removed.extend(other.removed);
        self.left.extend(other.left);
    }
}

/// Ends what a dead run still does and removes what it left on an engine, but what it kept for a look. When nothing else is
/// left the lease is over.
pub async fn sweep(engine: &dyn Engine, host: &dyn Host, lease: &DeadLease) -> Swept {
    let mut swept = Swept::default();
    // First the tools: they would go on making what is removed here.
    for group in lease.groups.iter().filter(|group| !group.members().is_empty()) {
        match host.end_group(group, GRACE).await {
            Ok(()) => swept.groups.push(group.clone()),
            Err(why) => swept.left.push(Left {
                what: format!("process group {}", group.id),
                why: why.to_string(),
            }),
        }
    }
    let keeps = |case: &str| lease.kept.iter().any(|kept| kept.case == case);
    if let Err(why) = kept::remove_private(&private(&lease.id), keeps) {
        swept.left.push(Left {
            what: format!("what run `{}` hid in `{}`", lease.id, private(&lease.id).display()),
            why: why.to_string(),
        });
    }
    let EngineInfo { id, swarm, .. } = match engine.info().await {
        Ok(info) => info,
        Err(why) => {
            swept.left.push(Left {
                what: format!("what run `{}` made", lease.id),
                why: why.to_string(),
            });
            return swept;
        }
    };
    if !lease.engines.is_empty() && !lease.engines.contains(&id) {
        // It made nothing here; its file stays for whoever looks at its own engine.
        return swept;
    }
    let label = format!("{LEASE}={}", lease.id);
    swept.add(clear_of(engine, &label, Some(lease)).await);
    if !swept.groups.is_empty() {
        // A call of a tool that was ended may have been under way while it was listed.
        swept.add(clear_of(engine, &label, Some(lease)).await);
    }
    if lease.gateways.contains(&id) {
        match remove_gateway(engine, swarm).await {
            Ok(true) => {}
            // Its file stays until that one is left.
            Ok(false) => return swept,
            Err(why) => swept.left.push(Left {
                what: "the network of a swarm that was left".to_owned(),
                why: why.to_string(),
            }),
        }
    }
    if swept.left.is_empty()
        && let Err(why) = lease.clean(&id)
    {
        swept.left.push(Left {
            what: format!("the lease of run `{}`", lease.id),
            why: why.to_string(),
        });
    }
    swept
}

/// Removes everything with a label (`name=value`) until there is none. Built images have no label of a run: they stay for
/// the build cache; those that `commit` made go.
pub async fn clear(engine: &dyn Engine, label: &str) -> Swept {
    clear_of(engine, label, None).await
}

/// The same of some of it.
pub async fn clear_some(engine: &dyn Engine, label: &str, goes: &(dyn Fn(&Resource) -> bool + Sync)) -> Swept {
    until_none(engine, label, (None, goes)).await
}

/// The same of a dead run.
async fn clear_of(engine: &dyn Engine, label: &str, dead: Option<&DeadLease>) -> Swept {
    until_none(engine, label, (dead, &|_| true)).await
}

/// What of all that is listed is removed: of a dead run not what it kept, and what else is asked.
type Which<'w> = (Option<&'w DeadLease>, &'w (dyn Fn(&Resource) -> bool + Sync));

async fn until_none(engine: &dyn Engine, label: &str, (dead, goes): Which<'_>) -> Swept {
    let mut swept = Swept::default();
    // A task has its name from what is removed before it.
    let mut names = BTreeMap::new();
    for round in 1..=ROUNDS {
        let failed = match listed(engine, label, dead).await {
            Err(why) => vec![Left {
                what: format!("what is labelled `{label}`"),
                why: why.to_string(),
            }],
            Ok(mut listed) => {
                listed.retain(goes);
                if listed.is_empty() {
                    return swept;
                }
                for resource in &mut listed {
                    let known = names
                        .entry(resource.id.clone())
                        .or_insert_with(|| resource.name.clone());
                    resource.name.clone_from(known);
                }
                let (removed, failed) = remove_all(engine, listed).await;
                swept.note(removed);
                failed.iter().map(|(resource, why)| left(resource, why)).collect()
            }
        };
        if round == ROUNDS {
            swept.left = failed;
        } else if !failed.is_empty() {
            // What is being removed, or an engine that is busy, needs a moment.
            pause(PAUSE * (1 << round)).await;
        }
    }
    swept
}

/// What is to go. While a run lives nobody else makes anything of its containers; later somebody may have made an image.
async fn listed(engine: &dyn Engine, label: &str, dead: Option<&DeadLease>) -> EngineResult<Vec<Resource>> {
    let all = engine.labelled(label).await?;
    let Some(dead) = dead else { return Ok(all) };
    let mut left = Vec::new();
    for resource in all {
        if !dead.keeps(&resource) && !is_named(engine, &resource).await? {
            left.push(resource);
        }
    }
    Ok(left)
}

/// Removes resources, kind by kind in the order in which that can be done.
pub(super) async fn remove_all(
    engine: &dyn Engine,
    resources: Vec<Resource>,
) -> (Vec<Resource>, Vec<(Resource, EngineError)>) {
    let (mut removed, mut failed) = (Vec::new(), Vec::new());
    for kind in ResourceKind::ALL {
        let of_kind: Vec<Resource> = resources
            .iter()
            .filter(|resource| resource.kind == kind)
            .cloned()
            .collect();
        let removals = futures_util::stream::iter(of_kind).map(|resource| async move {
            let answer = engine.remove(resource.kind, &resource.id).await;
            (resource, answer)
        });
        let answers: Vec<_> = removals.buffered(AT_ONCE).collect().await;
        for (resource, answer) in answers {
            match answer {
                Ok(()) => removed.push(resource),
                Err(why) => failed.push((resource, why)),
            }
        }
    }
    (removed, failed)
}

pub(super) fn left(resource: &Resource, why: &EngineError) -> Left {
    Left {
        what: format!("{} `{}`", resource.kind.word(), resource.name),
        why: why.to_string(),
    }
}

/// How many of each kind: `12 containers, 1 network`.
pub fn counted<'r>(resources: impl IntoIterator<Item = &'r Resource>) -> String {
    let mut counts: BTreeMap<ResourceKind, usize> = BTreeMap::new();
    for resource in resources {
        *counts.entry(resource.kind).or_default() += 1;
    }
    let told = counts.iter().map(|(kind, count)| match count {
        1 => format!("1 {}", kind.word()),
        count => format!("{count} {}s", kind.word()),
    });
    told.collect::<Vec<_>>().join(", ")
}
