//! The engine as a swarm's manager. Its answers are read as they are written, past bollard's models: a service's spec is
//! handed back at an update, and nothing of it may be lost on the way.

mod answers;

use std::time::Duration;

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::list::attempt;
use super::read::{array, labels, text};
use super::{Docker, encode};
use crate::engine::swarm::{Change, ENDED, NamesById, Service, Swarm, SwarmInfo, SwarmNode, Task};
use crate::engine::{EngineError, EngineResult, Labels, Reason, Resource, ResourceKind};
use crate::wait::{Pace, every};
use answers::{names, node, resource, service, task};

/// How an engine answers what only a manager can: one that is none, that has no others to agree with, or that is locked.
const NO_MANAGER: [&str; 3] = ["not a swarm manager", "does not have a leader", "Swarm is encrypted"];

/// How often a manager is asked again that is leaving its swarm, and how long that may take it.
const LEAVING: Pace = Pace::growing(Duration::from_millis(20), Duration::from_millis(500));
const LEAVES: Duration = Duration::from_secs(10);

#[async_trait]
impl Swarm for Docker {
    async fn swarm(&self) -> EngineResult<Option<SwarmInfo>> {
        let asked = settled(Instant::now() + LEAVES, || {
            self.api.json("ask about the swarm", "/swarm")
        })
        .await?;
        Ok(asked.map(|raw| SwarmInfo {
            labels: labels(&raw["Spec"]["Labels"]),
        }))
    }

    async fn swarm_init(&self, labels: &Labels) -> EngineResult<()> {
        // A swarm of one engine talks to itself: nobody else can reach it, or be asked to.
        let request = json!({
            "ListenAddr": "127.0.0.1:2377", "AdvertiseAddr": "127.0.0.1:2377", "Spec": {"Name": "default", "Labels": labels},
        });
        let made = self.api.post("make a swarm".to_owned(), "/swarm/init", &request);
        made.await.map(drop)
    }

    async fn swarm_leave(&self) -> EngineResult<()> {
        let left = self
            .api
            .post("leave the swarm".to_owned(), "/swarm/leave?force=true", &Value::Null);
        left.await.map(drop)
    }

    async fn swarm_nodes(&self) -> EngineResult<Vec<SwarmNode>> {
        let listed = self.api.json("list the swarm's nodes", "/nodes").await?;
        Ok(array(&listed).iter().map(node).collect())
    }

    async fn services(&self, labels: &[String]) -> EngineResult<Vec<Service>> {
        let listed = self.list("services", labels).await?;
        Ok(array(&listed).iter().map(service).collect())
    }

    async fn service(&self, name: &str) -> EngineResult<Service> {
        let (attempt, path) = (
            format!("inspect service `{name}`"),
            format!("/services/{}", encode(name)),
        );
        Ok(service(&self.api.json(&attempt, &path).await?))
    }

    async fn change_service(&self, known: &Service, change: &Change) -> EngineResult<()> {
        let (spec, back) = match change {
            Change::To(spec) => (spec, ""),
            Change::Former => (&known.spec, "&rollback=previous"),
        };
        let path = format!("/services/{}/update?version={}{back}", encode(&known.id), known.version);
        let changed = self
            .api
            .post(format!("update service `{}`", known.name), &path, spec)
            .await;
        changed.map(drop).map_err(|why| match why.reason {
            // The engine has no status of its own for it.
            Reason::Other if why.answer.contains("update out of sequence") => EngineError {
                reason: Reason::Conflict,
                ..why
            },
            _ => why,
        })
    }

    async fn tasks(&self, labels: &[String]) -> EngineResult<Vec<Task>> {
        let listed = self.list("tasks", labels).await?;
        Ok(array(&listed).iter().map(task).collect())
    }

    async fn create_secret(&self, name: &str, content: Bytes, labels: &Labels) -> EngineResult<String> {
        self.create_data("secret", name, content, labels).await
    }

    async fn create_config(&self, name: &str, content: Bytes, labels: &Labels) -> EngineResult<String> {
        self.create_data("config", name, content, labels).await
    }

    async fn secrets(&self, labels: &[String]) -> EngineResult<NamesById> {
        Ok(names(&self.list("secrets", labels).await?))
    }

    async fn configs(&self, labels: &[String]) -> EngineResult<NamesById> {
        Ok(names(&self.list("configs", labels).await?))
    }
}

impl Docker {
    /// What a manager has with all of the labels.
    async fn list(&self, what: &str, labels: &[String]) -> EngineResult<Value> {
        let filters = if labels.is_empty() {
            json!({})
        } else {
            json!({"label": labels})
        };
        let path = format!("/{what}?filters={}", encode(&filters.to_string()));
        self.api.json(&attempt(what, labels), &path).await
    }

    async fn create_data(&self, kind: &str, name: &str, content: Bytes, labels: &Labels) -> EngineResult<String> {
        let request = json!({"Name": name, "Labels": labels, "Data": STANDARD.encode(content)});
        let (attempt, path) = (format!("create {kind} `{name}`"), format!("/{kind}s/create"));
        Ok(text(&self.api.post(attempt, &path, &request).await?["ID"]))
    }

    /// What a manager has with a label, in the order in which it can be removed; nothing where the engine is none.
    pub(super) async fn labelled_in_swarm(&self, label: &str) -> EngineResult<Vec<Resource>> {
        let labels = [label.to_owned()];
        let until = Instant::now() + LEAVES;
        let list = async |what: &str| settled(until, || self.list(what, &labels)).await;
        let Some(services) = list("services").await? else {
            return Ok(Vec::new());
        };
        // Somebody may leave the swarm meanwhile.
        let others = futures_util::try_join!(list("tasks"), list("secrets"), list("configs"));
        let (tasks, secrets, configs) = others?;
        let name = |kind, raw: &Value| match kind {
            ResourceKind::Task => task_name(raw, array(&services)),
            _ => raw["Spec"]["Name"].as_str().map(str::to_owned),
        };
        let kinds = [
            (ResourceKind::Service, Some(services.clone())),
            (ResourceKind::Task, tasks),
            (ResourceKind::Secret, secrets),
            (ResourceKind::Config, configs),
        ];
        let each = kinds.iter().flat_map(|(kind, listed)| {
            let listed = listed.iter().flat_map(array).filter(|raw| !is_remembered(raw));
            listed.map(|raw| resource(*kind, raw, name(*kind, raw)))
        });
        Ok(each.collect())
    }
}

/// What a manager answered; none where the engine is no manager.
fn managed(answer: EngineResult<Value>) -> EngineResult<Option<Value>> {
    match answer {
        Ok(found) => Ok(Some(found)),
        Err(why) if NO_MANAGER.iter().any(|said| why.answer.contains(said)) => Ok(None),
        Err(why) => Err(why),
    }
}

/// The same, asked until a manager that is leaving its swarm has left it.
async fn settled<Asked>(until: Instant, ask: impl Fn() -> Asked) -> EngineResult<Option<Value>>
where
    Asked: Future<Output = EngineResult<Value>>,
{
    let asked = || {
        let answer = ask();
        async move {
            match managed(answer.await) {
                Err(why) if is_leaving(&why) => Err(why),
                answer => Ok(answer),
            }
        }
    };
    every(LEAVING, until, asked).await?
}

/// True for the answer of a manager that is on its way out of its swarm: a moment later it says that it is none.
fn is_leaving(why: &EngineError) -> bool {
    ["code = Unavailable", "code = Canceled"]
        .iter()
        .any(|said| why.answer.contains(said))
}

/// True for a task of a job that has come to its end: the swarm remembers it, also without its service, and it holds nothing.
pub(super) fn is_remembered(raw: &Value) -> bool {
    raw["JobIteration"].is_object() && ENDED.iter().any(|state| raw["Status"]["State"] == *state)
}

/// What a task is called: its service and its number. Of a service that is gone a manager tells no name.
fn task_name(raw: &Value, services: &[Value]) -> Option<String> {
    let service = services.iter().find(|service| service["ID"] == raw["ServiceID"])?;
    let slot = raw["Slot"].as_u64().map_or_else(String::new, |slot| format!(".{slot}"));
    Some(format!("{}{slot}", text(&service["Spec"]["Name"])))
}

/// The same from the labels of their containers, as long as these are there.
pub(super) fn name_tasks(resources: &mut [Resource]) {
    let label =
        |resource: &Resource, name: &str| resource.labels.get(&format!("com.docker.swarm.task.{name}")).cloned();
    let containers = resources.iter().filter_map(|resource| {
        let (id, name) = (label(resource, "id")?, label(resource, "name")?);
        let name = name.strip_suffix(&format!(".{id}")).unwrap_or(&name).to_owned();
        Some((id, name))
    });
    let names: NamesById = containers.collect();
    for task in resources
        .iter_mut()
        .filter(|it| it.kind == ResourceKind::Task && it.name == it.id)
    {
        if let Some(name) = names.get(&task.id) {
            task.name.clone_from(name);
        }
    }
}
