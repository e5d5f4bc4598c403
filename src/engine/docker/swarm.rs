//! The engine as a swarm's manager. Its answers are read as they are written, past bollard's models: a service's spec is
//! handed back at an update, and nothing of it may be lost on the way.

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde_json::{Value, json};

use super::list::attempt;
use super::read::{array, labels, text};
use super::{Docker, encode};
use crate::engine::swarm::{
    Change, NamesById, Service, ServiceMode, ServicePort, Swarm, SwarmInfo, SwarmNode, Task, UpdateStatus,
};
use crate::engine::world::nanos;
use crate::engine::{EngineError, EngineResult, Labels, Reason, Resource, ResourceKind};

/// How an engine answers what only a manager can: one that is none, that has no others to agree with, or that is locked.
const NO_MANAGER: [&str; 3] = ["not a swarm manager", "does not have a leader", "Swarm is encrypted"];

#[async_trait]
impl Swarm for Docker {
    async fn swarm(&self) -> EngineResult<Option<SwarmInfo>> {
        let asked = managed(self.api.json("ask about the swarm", "/swarm").await)?;
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
        let list = async |what: &str| managed(self.list(what, &labels).await);
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

/// True for a task of a job that has come to its end: the swarm remembers it, also without its service, and it holds nothing.
pub(super) fn is_remembered(raw: &Value) -> bool {
    let ended = ["complete", "failed", "rejected", "shutdown", "orphaned"];
    raw["JobIteration"].is_object() && ended.iter().any(|state| raw["Status"]["State"] == *state)
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

fn resource(kind: ResourceKind, raw: &Value, name: Option<String>) -> Resource {
    let id = text(&raw["ID"]);
    let name = name.unwrap_or_else(|| id.clone());
    let labels = match kind {
        // A task is found by its service's labels, and has none.
        ResourceKind::Task => labels(&raw["Spec"]["ContainerSpec"]["Labels"]),
        _ => labels(&raw["Spec"]["Labels"]),
    };
    let created = text(&raw["CreatedAt"]).parse::<jiff::Timestamp>();
    Resource {
        kind,
        id,
        name,
        labels,
        created: created.map(jiff::Timestamp::as_second).unwrap_or_default(),
    }
}

fn service(raw: &Value) -> Service {
    let spec = &raw["Spec"];
    let update = &raw["UpdateStatus"];
    Service {
        id: text(&raw["ID"]),
        name: text(&spec["Name"]),
        labels: labels(&spec["Labels"]),
        version: raw["Version"]["Index"].as_u64().unwrap_or_default(),
        mode: mode(&spec["Mode"]),
        update: update["State"].as_str().map(|state| UpdateStatus {
            state: state.to_owned(),
            message: text(&update["Message"]),
        }),
        ports: array(&raw["Endpoint"]["Ports"]).iter().map(port).collect(),
        template: template(&spec["TaskTemplate"], &raw["JobStatus"]["JobIteration"]),
        spec: spec.clone(),
        has_former: raw["PreviousSpec"].is_object(),
    }
}

fn mode(raw: &Value) -> ServiceMode {
    let count = |value: &Value| value.as_u64().unwrap_or(1);
    if raw["Global"].is_object() {
        ServiceMode::Global
    } else if raw["GlobalJob"].is_object() {
        ServiceMode::GlobalJob
    } else if raw["ReplicatedJob"].is_object() {
        ServiceMode::ReplicatedJob(count(&raw["ReplicatedJob"]["TotalCompletions"]))
    } else {
        ServiceMode::Replicated(count(&raw["Replicated"]["Replicas"]))
    }
}

/// What a task is made from. A service's has a field more than its tasks'; those of a job are made anew at each update.
fn template(raw: &Value, iteration: &Value) -> Value {
    let mut template = raw.clone();
    if let Some(fields) = template.as_object_mut() {
        fields.remove("Runtime");
        if iteration.is_object() {
            fields.insert(
                "JobIteration".to_owned(),
                iteration["Index"].as_u64().unwrap_or_default().into(),
            );
        }
    }
    template
}

fn port(raw: &Value) -> ServicePort {
    let number = |value: &Value| {
        let number = value.as_u64();
        number.and_then(|number| u16::try_from(number).ok()).unwrap_or_default()
    };
    ServicePort {
        target: number(&raw["TargetPort"]),
        published: number(&raw["PublishedPort"]),
    }
}

fn task(raw: &Value) -> Task {
    let status = &raw["Status"];
    let container = &status["ContainerStatus"];
    Task {
        id: text(&raw["ID"]),
        service: text(&raw["ServiceID"]),
        slot: raw["Slot"].as_u64().filter(|slot| *slot > 0),
        node: text(&raw["NodeID"]),
        state: text(&status["State"]),
        desired: text(&raw["DesiredState"]),
        message: text(&status["Message"]),
        error: text(&status["Err"]),
        container: Some(text(&container["ContainerID"])).filter(|id| !id.is_empty()),
        exit: container["ExitCode"].as_i64().unwrap_or_default(),
        template: template(&raw["Spec"], &raw["JobIteration"]),
        at: nanos(&text(&status["Timestamp"])),
        created: nanos(&text(&raw["CreatedAt"])),
    }
}

fn node(raw: &Value) -> SwarmNode {
    let (spec, described) = (&raw["Spec"], &raw["Description"]);
    let platform = &described["Platform"];
    SwarmNode {
        id: text(&raw["ID"]),
        hostname: text(&described["Hostname"]),
        role: text(&spec["Role"]),
        availability: text(&spec["Availability"]),
        state: text(&raw["Status"]["State"]),
        labels: labels(&spec["Labels"]),
        engine_labels: labels(&described["Engine"]["Labels"]),
        platform: (text(&platform["OS"]), text(&platform["Architecture"])),
    }
}

fn names(listed: &Value) -> NamesById {
    let each = array(listed).iter();
    each.map(|raw| (text(&raw["ID"]), text(&raw["Spec"]["Name"]))).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{name_tasks, resource, service, task, task_name};
    use crate::engine::swarm::ServiceMode;
    use crate::engine::{Resource, ResourceKind};

    #[test]
    fn a_task_is_named_by_its_service_or_by_its_container() {
        let raw = json!({"ID": "t1", "ServiceID": "s1", "Slot": 2});
        let services = [json!({"ID": "s1", "Spec": {"Name": "shop_web"}})];
        assert_eq!(task_name(&raw, &services), Some("shop_web.2".to_owned()));
        assert_eq!(task_name(&raw, &[]), None);
        let of_container = [("id", "t1"), ("name", "shop_web.2.t1")];
        let container = Resource {
            kind: ResourceKind::Container,
            labels: of_container
                .map(|(label, value)| (format!("com.docker.swarm.task.{label}"), value.to_owned()))
                .into(),
            ..resource(ResourceKind::Container, &json!({"ID": "c1"}), None)
        };
        let mut all = [container, resource(ResourceKind::Task, &raw, None)];
        name_tasks(&mut all);
        assert_eq!(all[1].name, "shop_web.2");
    }

    #[test]
    fn a_service_is_read_with_its_spec_whole() {
        let raw = json!({
            "ID": "s1", "Version": {"Index": 7}, "CreatedAt": "2026-11-21T17:23:09Z",
            "Spec": {
                "Name": "shop_web", "Labels": {"a": "b"}, "Unheard": {"of": 1},
                "TaskTemplate": {"ContainerSpec": {"Image": "web"}, "ForceUpdate": 0, "Runtime": "container"},
                "Mode": {"Replicated": {"Replicas": 0}},
            },
            "PreviousSpec": {}, "UpdateStatus": {"State": "paused", "Message": "why", "StartedAt": "2026-11-21T17:23:10Z"},
            "Endpoint": {"Ports": [{"TargetPort": 80, "PublishedPort": 30000, "Protocol": "tcp", "PublishMode": "ingress"}]},
        });
        let read = service(&raw);
        assert_eq!(
            (read.version, read.mode, read.has_former),
            (7, ServiceMode::Replicated(0), true)
        );
        assert_eq!(read.update.map(|update| update.state), Some("paused".to_owned()));
        assert_eq!((read.ports[0].target, read.ports[0].published), (80, 30000));
        assert_eq!(read.spec, raw["Spec"]);
        let of_task = json!({"ContainerSpec": {"Image": "web"}, "ForceUpdate": 0});
        assert_eq!(read.template, of_task);
        assert_eq!(task(&json!({"Spec": of_task})).template, read.template);
    }

    #[test]
    fn the_mode_of_a_service_is_told() {
        let read = |mode| service(&json!({"Spec": {"Mode": mode}})).mode;
        assert_eq!(read(json!({"Global": {}})), ServiceMode::Global);
        assert_eq!(read(json!({"GlobalJob": {}})), ServiceMode::GlobalJob);
        let job = json!({"ReplicatedJob": {"MaxConcurrent": 1, "TotalCompletions": 3}});
        assert_eq!(read(job), ServiceMode::ReplicatedJob(3));
        assert_eq!(read(json!({"Replicated": {"Replicas": 2}})), ServiceMode::Replicated(2));
    }

    #[test]
    fn a_task_tells_what_kept_it_from_running() {
        let raw = json!({
            "ID": "t1", "ServiceID": "s1", "Slot": 2, "NodeID": "n1", "DesiredState": "shutdown",
            "Status": {"State": "rejected", "Message": "preparing", "Err": "No such image: nosuch:1",
                "ContainerStatus": {"ContainerID": "", "ExitCode": 0}, "PortStatus": {}},
        });
        let read = task(&raw);
        assert_eq!(
            (read.slot, read.state.as_str(), read.container),
            (Some(2), "rejected", None)
        );
        assert_eq!(read.error, "No such image: nosuch:1");
    }

    #[test]
    fn times_are_told_apart_though_the_engine_leaves_out_the_zeros_at_their_ends() {
        let times = ["", ".08", ".08009", ".080095", ".080095001", ".1"];
        let made = times.map(|part| task(&json!({"CreatedAt": format!("2026-11-21T17:23:09{part}Z")})).created);
        assert!(made.is_sorted_by(|one, other| one < other), "{made:?}");
    }
}
