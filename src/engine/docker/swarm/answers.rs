//! What a manager answers, read as it is written.

use serde_json::Value;

use super::super::read::{array, labels, text};
use crate::engine::swarm::{NamesById, Service, ServiceMode, ServicePort, SwarmNode, Task, UpdateStatus};
use crate::engine::world::nanos;
use crate::engine::{Resource, ResourceKind};

pub(super) fn resource(kind: ResourceKind, raw: &Value, name: Option<String>) -> Resource {
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

pub(super) fn service(raw: &Value) -> Service {
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
        protocol: text(&raw["Protocol"]),
        by_mesh: raw["PublishMode"] != "host",
    }
}

pub(super) fn task(raw: &Value) -> Task {
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

pub(super) fn node(raw: &Value) -> SwarmNode {
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

pub(super) fn names(listed: &Value) -> NamesById {
    let each = array(listed).iter();
    each.map(|raw| (text(&raw["ID"]), text(&raw["Spec"]["Name"]))).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::{name_tasks, task_name};
    use super::{resource, service, task};
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
        let port = &read.ports[0];
        assert_eq!((port.target, port.published, port.by_mesh), (80, 30000, true));
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
