//! The fake engine's swarm: one node, which is its manager.

use std::collections::BTreeMap;

use async_trait::async_trait;
use bytes::Bytes;

use serde_json::Value;

use super::faults::{CALL_LIMIT, error};
use super::{EPOCH, Fake, State, matches};
use crate::engine::swarm::{Change, NamesById, STACK, Service, Swarm, SwarmInfo, SwarmNode, Task};
use crate::engine::{EngineError, EngineResult, Labels, Network, Reason, Resource, ResourceKind};

/// The network that comes with every swarm, and goes with it.
pub(super) const INGRESS: &str = "ingress";

/// What the fake's manager knows.
#[derive(Debug, Clone, Default)]
pub(super) struct Swarmed {
    pub(super) info: SwarmInfo,
    pub(super) node: SwarmNode,
    pub(super) services: BTreeMap<String, Service>,
    pub(super) tasks: BTreeMap<String, Known>,
    /// What each place of a service is to have, by the service's id and the place's number: 0 is the node.
    pub(super) places: BTreeMap<(String, u64), Place>,
    /// The specs before the last change, by the service's id.
    pub(super) former: BTreeMap<String, Value>,
    pub(super) secrets: BTreeMap<String, Data>,
    pub(super) configs: BTreeMap<String, Data>,
}

/// A task with its service's labels, by which it is found when the service is gone, too.
#[derive(Debug, Clone)]
pub(super) struct Known {
    pub(super) task: Task,
    pub(super) labels: Labels,
    /// The version of its service when it was made.
    pub(super) version: u64,
}

/// What a place among a service's tasks is to have, and who sees to it.
#[derive(Debug, Clone)]
pub(super) struct Place {
    pub(super) keeper: String,
    pub(super) template: Value,
}

/// The stack of what has these labels; empty without one.
pub(super) fn namespace(labels: &Labels) -> &str {
    labels.get(STACK).map_or("", String::as_str)
}

/// A secret or a config.
#[derive(Debug, Clone)]
pub(super) struct Data {
    name: String,
    made_of: Value,
    labels: Labels,
}

impl Fake {
    /// An engine that is a worker of a swarm of which it knows nothing else.
    pub fn as_worker(&self) -> &Fake {
        self.change(|state| state.info.swarm = true);
        self
    }

    /// Makes a swarm of this engine.
    pub fn in_swarm(&self, labels: Labels) -> &Fake {
        self.change(|state| {
            let id = state.next_id();
            let ingress = Network {
                id: INGRESS.into(),
                name: INGRESS.into(),
                driver: "overlay".into(),
                scope: "swarm".into(),
                ..Network::default()
            };
            state.networks.insert(INGRESS.into(), ingress);
            state.info.swarm = true;
            state.info.manager = true;
            state.swarm = Some(Swarmed {
                info: SwarmInfo { labels },
                node: SwarmNode {
                    id,
                    hostname: "fake".into(),
                    role: "manager".into(),
                    availability: "active".into(),
                    state: "ready".into(),
                    platform: ("linux".into(), "x86_64".into()),
                    ..SwarmNode::default()
                },
                ..Swarmed::default()
            });
        });
        self
    }

    /// What the manager answers; engines that are none say so.
    fn managed<T>(&self, attempt: &str, act: impl FnOnce(&mut Swarmed) -> T) -> EngineResult<T> {
        self.change(|state| state.swarm.as_mut().map(act).ok_or_else(|| no_manager(attempt)))
    }

    /// Makes a `secret` or a `config`.
    pub(super) fn add_data(&self, of: &str, (name, labels): (&str, &Labels), made_of: &Value) -> EngineResult<String> {
        let attempt = format!("create {of} `{name}`");
        self.change(|state| {
            self.check_label(state, &format!("{of} `{name}`"), labels);
            let id = state.next_id();
            let swarm = state.swarm.as_mut().ok_or_else(|| no_manager(&attempt))?;
            let all = if of == "secret" {
                &mut swarm.secrets
            } else {
                &mut swarm.configs
            };
            if all.values().any(|data| data.name == name) {
                return Err(error(&attempt, Reason::Conflict, format!("{of} {name} already exists")));
            }
            let data = Data {
                name: name.to_owned(),
                labels: labels.clone(),
                made_of: made_of.clone(),
            };
            all.insert(id.clone(), data);
            Ok(id)
        })
    }

    /// What one of the `secrets` or `configs` of that name is made of.
    pub(super) fn data(&self, of: &str, name: &str) -> Option<Value> {
        let state = self.lock();
        let all = state.swarm.iter().flat_map(|swarm| match of {
            "secrets" => swarm.secrets.values(),
            _ => swarm.configs.values(),
        });
        let mut all = all.into_iter();
        all.find(|data| data.name == name).map(|data| data.made_of.clone())
    }

    /// The services of a stack: name, id and spec.
    pub(super) fn services_of(&self, stack: &str) -> BTreeMap<String, (String, Value)> {
        let state = self.lock();
        let all = state.swarm.iter().flat_map(|swarm| swarm.services.values());
        let own = all.filter(|service| namespace(&service.labels) == stack);
        own.map(|service| (service.name.clone(), (service.id.clone(), service.spec.clone())))
            .collect()
    }

    /// What the swarm has with the labels that are looked for: a task those of its service, though its own are others.
    pub(super) fn resources_in_swarm(state: &State, found: impl Fn(&Labels) -> bool) -> Vec<Resource> {
        let Some(swarm) = &state.swarm else { return Vec::new() };
        let resource = |kind, id: &str, name: &str, labels: &Labels| {
            found(labels).then(|| Resource {
                kind,
                id: id.into(),
                name: name.into(),
                labels: labels.clone(),
                created: EPOCH,
            })
        };
        let services = swarm.services.values();
        let services = services.filter_map(|it| resource(ResourceKind::Service, &it.id, &it.name, &it.labels));
        let data = |kind, all: &BTreeMap<String, Data>| {
            let each = all.iter();
            let each = each.filter_map(|(id, it)| resource(kind, id, &it.name, &it.labels));
            each.collect::<Vec<_>>()
        };
        let secrets = data(ResourceKind::Secret, &swarm.secrets);
        let tasks = swarm.tasks.values().filter(|known| found(&known.labels));
        let tasks = tasks.map(|Known { task, .. }| Resource {
            kind: ResourceKind::Task,
            id: task.id.clone(),
            name: match (swarm.services.get(&task.service), task.slot) {
                (Some(service), Some(slot)) => format!("{}.{slot}", service.name),
                (Some(service), None) => service.name.clone(),
                (None, _) => task.id.clone(),
            },
            labels: serde_json::from_value(task.template["ContainerSpec"]["Labels"].clone()).unwrap_or_default(),
            created: EPOCH,
        });
        services
            .chain(tasks)
            .chain(secrets)
            .chain(data(ResourceKind::Config, &swarm.configs))
            .collect()
    }

    /// Takes something of the swarm away; a task goes by itself and is waited for.
    pub(super) async fn remove_from_swarm(&self, kind: ResourceKind, id: &str) -> EngineResult<()> {
        match kind {
            ResourceKind::Service => self.remove_service(id),
            ResourceKind::Task => {
                let is_there = |state: &State| state.swarm.as_ref().is_some_and(|swarm| swarm.tasks.contains_key(id));
                let gone = self.until(|state| (!is_there(state)).then_some(()));
                let late = |_| {
                    error(
                        &format!("wait for the removal of task `{id}`"),
                        Reason::Limit,
                        "it is still there",
                    )
                };
                tokio::time::timeout(CALL_LIMIT, gone).await.map_err(late)?;
            }
            _ => self.change(|state| {
                let Some(swarm) = &mut state.swarm else { return };
                swarm.secrets.remove(id);
                swarm.configs.remove(id);
            }),
        }
        Ok(())
    }
}

fn no_manager(attempt: &str) -> EngineError {
    error(attempt, Reason::Other, "This node is not a swarm manager.")
}

fn with_labels(labels: &Labels, wanted: &[String]) -> bool {
    wanted.iter().all(|label| matches(labels, label))
}

fn names(all: &BTreeMap<String, Data>, labels: &[String]) -> NamesById {
    let with = all.iter().filter(|(_, data)| with_labels(&data.labels, labels));
    with.map(|(id, data)| (id.clone(), data.name.clone())).collect()
}

#[async_trait]
impl Swarm for Fake {
    async fn swarm(&self) -> EngineResult<Option<SwarmInfo>> {
        self.enter("swarm", "").await?;
        Ok(self.lock().swarm.as_ref().map(|swarm| swarm.info.clone()))
    }

    async fn swarm_init(&self, labels: &Labels) -> EngineResult<()> {
        self.enter("swarm_init", "").await?;
        if self.lock().swarm.is_some() {
            let answer = "This node is already part of a swarm.";
            return Err(error("make a swarm", Reason::Other, answer));
        }
        self.in_swarm(labels.clone());
        Ok(())
    }

    async fn swarm_leave(&self) -> EngineResult<()> {
        self.enter("swarm_leave", "").await?;
        self.change(|state| {
            state.info.swarm = false;
            state.info.manager = false;
            state.networks.remove(INGRESS);
            let left = state.swarm.take();
            left.map(drop).ok_or_else(|| no_manager("leave the swarm"))
        })
    }

    async fn swarm_nodes(&self) -> EngineResult<Vec<SwarmNode>> {
        self.enter("swarm_nodes", "").await?;
        self.managed("list the swarm's nodes", |swarm| vec![swarm.node.clone()])
    }

    async fn services(&self, labels: &[String]) -> EngineResult<Vec<Service>> {
        self.enter("services", &labels.join(" ")).await?;
        self.managed("list the services", |swarm| {
            let all = swarm.services.values();
            all.filter(|service| with_labels(&service.labels, labels))
                .cloned()
                .collect()
        })
    }

    async fn service(&self, name: &str) -> EngineResult<Service> {
        self.enter("service", name).await?;
        let attempt = format!("inspect service `{name}`");
        let found = self.managed(&attempt, |swarm| {
            let mut all = swarm.services.values();
            all.find(|service| service.id == name || service.name == name).cloned()
        })?;
        found.ok_or_else(|| error(&attempt, Reason::NotFound, format!("service {name} not found")))
    }

    async fn change_service(&self, known: &Service, change: &Change) -> EngineResult<()> {
        self.enter("change_service", &known.name).await?;
        let attempt = format!("update service `{}`", known.name);
        let spec = self.managed(&attempt, |swarm| {
            let Some(service) = swarm.services.get(&known.id) else {
                return Err(error(&attempt, Reason::NotFound, "no such service"));
            };
            if service.version != known.version {
                return Err(error(&attempt, Reason::Conflict, "update out of sequence"));
            }
            match change {
                Change::To(spec) => Ok(spec.clone()),
                Change::Former => {
                    let none = || error(&attempt, Reason::Other, "service does not have a previous spec");
                    swarm.former.get(&known.id).cloned().ok_or_else(none)
                }
            }
        })??;
        self.alter_service(&known.id, spec, *change == Change::Former);
        Ok(())
    }

    async fn tasks(&self, labels: &[String]) -> EngineResult<Vec<Task>> {
        self.enter("tasks", &labels.join(" ")).await?;
        self.managed("list the tasks", |swarm| {
            let of = swarm.tasks.values().filter(|known| with_labels(&known.labels, labels));
            of.map(|known| known.task.clone()).collect()
        })
    }

    async fn create_secret(&self, name: &str, _content: Bytes, labels: &Labels) -> EngineResult<String> {
        self.enter("create_secret", name).await?;
        self.add_data("secret", (name, labels), &Value::Null)
    }

    async fn create_config(&self, name: &str, _content: Bytes, labels: &Labels) -> EngineResult<String> {
        self.enter("create_config", name).await?;
        self.add_data("config", (name, labels), &Value::Null)
    }

    async fn secrets(&self, labels: &[String]) -> EngineResult<NamesById> {
        self.enter("secrets", &labels.join(" ")).await?;
        self.managed("list the secrets", |swarm| names(&swarm.secrets, labels))
    }

    async fn configs(&self, labels: &[String]) -> EngineResult<NamesById> {
        self.enter("configs", &labels.join(" ")).await?;
        self.managed("list the configs", |swarm| names(&swarm.configs, labels))
    }
}
