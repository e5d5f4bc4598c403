//! What the engine answers, read into our own words: bollard's models, and raw JSON where the raw path was taken. Pure.

use bollard::models::{
    ContainerSummary, ImageInspect, ImageSummary, LocalNodeState, NetworkInspect, PortSummary, SystemInfo,
    SystemVersion,
};
use serde_json::Value;

use crate::engine::{Container, EngineEvent, EngineInfo, Image, Labels, Listed, Network, Resource, ResourceKind};

/// A text; empty if it is none.
pub(super) fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// A list of texts; empty if it is none.
fn texts(value: &Value) -> Vec<String> {
    array(value).iter().map(text).collect()
}

/// A list; empty if it is none.
pub(super) fn array(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}

fn object(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().into_iter().flatten()
}

/// Texts by name; empty if it is none.
pub(super) fn labels(value: &Value) -> Labels {
    object(value).map(|(name, value)| (name.clone(), text(value))).collect()
}

/// A time; empty where the engine writes year one for "never".
fn time(value: &Value) -> String {
    let time = text(value);
    if time.starts_with("0001-01-01") {
        String::new()
    } else {
        time
    }
}

/// Unix seconds of an RFC 3339 text; 0 if it is none.
fn seconds(time: Option<String>) -> i64 {
    let time = time.and_then(|time| time.parse::<jiff::Timestamp>().ok());
    time.map(|time| time.as_second()).unwrap_or_default()
}

/// The answers of `/info` and `/version`.
pub(super) fn info(info: SystemInfo, version: SystemVersion) -> EngineInfo {
    let full = version.version.unwrap_or_default();
    let end = full
        .find(|at: char| !at.is_ascii_digit() && at != '.')
        .unwrap_or(full.len());
    EngineInfo {
        version: full[..end].to_owned(),
        api: version.api_version.unwrap_or_default(),
        os: version.os.unwrap_or_default(),
        arch: version.arch.unwrap_or_default(),
        kernel: version.kernel_version.unwrap_or_default(),
        id: info.id.unwrap_or_default(),
        node: info
            .swarm
            .as_ref()
            .and_then(|swarm| swarm.node_id.clone())
            .unwrap_or_default(),
        manager: info.swarm.as_ref().and_then(|swarm| swarm.control_available) == Some(true),
        swarm: info.swarm.and_then(|swarm| swarm.local_node_state) == Some(LocalNodeState::ACTIVE),
        root: info.docker_root_dir.unwrap_or_default(),
    }
}

/// The answer of a container's inspection, which is kept whole beside.
pub(super) fn container(raw: Value) -> Container {
    let (state, config, host) = (&raw["State"], &raw["Config"], &raw["HostConfig"]);
    let status = text(&state["Status"]);
    let policy = text(&host["RestartPolicy"]["Name"]);
    let health = &state["Health"];
    // Before its first start an engine says nothing of a health that it will look after.
    let watched = texts(&config["Healthcheck"]["Test"])
        .first()
        .is_some_and(|kind| kind != "NONE");
    Container {
        id: text(&raw["Id"]),
        name: text(&raw["Name"]).trim_start_matches('/').to_owned(),
        image: text(&config["Image"]),
        image_id: text(&raw["Image"]),
        labels: labels(&config["Labels"]),
        health: Some(text(&health["Status"]))
            .filter(|status| !status.is_empty() && status != "none")
            .or_else(|| watched.then(|| "starting".to_owned())),
        health_log: array(&health["Log"])
            .iter()
            .map(|entry| (entry["ExitCode"].as_i64().unwrap_or_default(), text(&entry["Output"])))
            .collect(),
        exit: exit(&status, state),
        state: status,
        error: text(&state["Error"]),
        oom_killed: state["OOMKilled"] == true,
        restarts: raw["RestartCount"].as_u64().unwrap_or_default(),
        restart_policy: (
            if policy.is_empty() { "no".to_owned() } else { policy },
            host["RestartPolicy"]["MaximumRetryCount"].as_u64().unwrap_or_default(),
        ),
        started_at: time(&state["StartedAt"]),
        finished_at: time(&state["FinishedAt"]),
        tty: config["Tty"] == true,
        log_driver: text(&host["LogConfig"]["Type"]),
        user: text(&config["User"]),
        ports: object(&raw["NetworkSettings"]["Ports"])
            .filter_map(|(port, bound)| published(port, bound))
            .collect(),
        networks: object(&raw["NetworkSettings"]["Networks"])
            .map(|(name, on)| (name.clone(), (text(&on["IPAddress"]), texts(&on["Aliases"]))))
            .collect(),
        network_mode: text(&host["NetworkMode"]),
        mounts: array(&raw["Mounts"]).iter().map(mount).collect(),
        raw,
    }
}

/// The exit code of one that is not running: ended, between two restarts, or never started because that failed.
fn exit(status: &str, state: &Value) -> Option<i64> {
    let code = state["ExitCode"].as_i64()?;
    match status {
        "exited" | "dead" | "restarting" | "removing" => Some(code),
        "created" if code != 0 => Some(code),
        _ => None,
    }
}

/// A container's port and its protocol.
type Port = (u16, String);

/// `"80/tcp": [{HostIp, HostPort}]`, IPv4 first: the two bindings can differ, and IPv4 is the one that is told.
fn published(port: &str, bound: &Value) -> Option<(Port, Vec<(String, u16)>)> {
    let (number, protocol) = port.split_once('/').unwrap_or((port, "tcp"));
    let mut hosts: Vec<(String, u16)> = array(bound)
        .iter()
        .filter_map(|host| Some((text(&host["HostIp"]), host["HostPort"].as_str()?.parse().ok()?)))
        .collect();
    hosts.sort_by_key(|(address, _)| address.contains(':'));
    let number = number.parse().ok()?;
    (!hosts.is_empty()).then(|| ((number, protocol.to_owned()), hosts))
}

fn mount(mount: &Value) -> (String, String, String, bool) {
    let kind = text(&mount["Type"]);
    let source = text(&mount[if kind == "volume" { "Name" } else { "Source" }]);
    (kind, source, text(&mount["Destination"]), mount["RW"] == true)
}

/// The answer of an image's inspection.
pub(super) fn image(read: ImageInspect) -> Image {
    let config = read.config.unwrap_or_default();
    let check = config.healthcheck.and_then(|check| check.test).unwrap_or_default();
    Image {
        id: read.id.unwrap_or_default(),
        tags: read.repo_tags.unwrap_or_default(),
        labels: config.labels.into_iter().flatten().collect(),
        created: read.created.unwrap_or_default(),
        named: seconds(read.metadata.and_then(|metadata| metadata.last_tag_time)),
        user: config.user.unwrap_or_default(),
        healthcheck: check.first().is_some_and(|kind| kind != "NONE"),
    }
}

/// The answer of a network's inspection.
pub(super) fn network(read: NetworkInspect) -> Network {
    let ranges = read.ipam.and_then(|ipam| ipam.config).unwrap_or_default();
    Network {
        id: read.id.unwrap_or_default(),
        name: read.name.unwrap_or_default(),
        driver: read.driver.unwrap_or_default(),
        scope: read.scope.unwrap_or_default(),
        labels: read.labels.into_iter().flatten().collect(),
        subnets: ranges.into_iter().filter_map(|range| range.subnet).collect(),
        containers: read.containers.into_iter().flatten().map(|(id, _)| id).collect(),
    }
}

/// The name of an entry of the list of containers; its id where it has none.
fn listed_name(read: &ContainerSummary) -> String {
    let name = read.names.iter().flatten().next().or(read.id.as_ref());
    name.map(|name| name.trim_start_matches('/').to_owned())
        .unwrap_or_default()
}

/// An entry of the list of containers.
pub(super) fn listed(read: ContainerSummary) -> Listed {
    let published = |port: PortSummary| {
        let protocol = port.typ.map(|typ| typ.to_string()).unwrap_or_default();
        Some((protocol, port.ip.unwrap_or_default(), port.public_port?))
    };
    Listed {
        name: listed_name(&read),
        image_id: read.image_id.unwrap_or_default(),
        state: read.state.map(|state| state.to_string()).unwrap_or_default(),
        ports: read.ports.into_iter().flatten().filter_map(published).collect(),
        labels: read.labels.into_iter().flatten().collect(),
    }
}

/// The same, as something that is left.
pub(super) fn left_container(read: ContainerSummary) -> Resource {
    Resource {
        kind: ResourceKind::Container,
        name: listed_name(&read),
        id: read.id.unwrap_or_default(),
        labels: read.labels.into_iter().flatten().collect(),
        created: read.created.unwrap_or_default(),
    }
}

/// An entry of the list of networks.
pub(super) fn left_network(read: bollard::models::Network) -> Resource {
    Resource {
        kind: ResourceKind::Network,
        id: read.id.unwrap_or_default(),
        name: read.name.unwrap_or_default(),
        labels: read.labels.into_iter().flatten().collect(),
        created: seconds(read.created),
    }
}

/// An entry of the list of volumes.
pub(super) fn left_volume(read: bollard::models::Volume) -> Resource {
    Resource {
        kind: ResourceKind::Volume,
        id: read.name.clone(),
        name: read.name,
        labels: read.labels.into_iter().collect(),
        created: seconds(read.created_at),
    }
}

/// An entry of the list of images.
pub(super) fn left_image(read: ImageSummary) -> Resource {
    let tag = read.repo_tags.into_iter().next();
    Resource {
        kind: ResourceKind::Image,
        name: tag.unwrap_or_else(|| read.id.clone()),
        id: read.id,
        labels: read.labels.into_iter().collect(),
        created: read.created,
    }
}

/// One of the engine's events.
pub(super) fn event(raw: &Value) -> EngineEvent {
    EngineEvent {
        of: text(&raw["Type"]),
        action: text(&raw["Action"]),
        id: text(&raw["Actor"]["ID"]),
        attributes: labels(&raw["Actor"]["Attributes"]),
        at: raw["timeNano"].as_i64().unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use bollard::models::{SystemInfo, SystemVersion};
    use serde_json::json;

    use super::{container, info};

    #[test]
    fn ipv4_bindings_come_first_and_unpublished_ports_are_left_out() {
        let ports = json!({"80/tcp": [{"HostIp": "::", "HostPort": "2"}, {"HostIp": "0.0.0.0", "HostPort": "1"}], "81/tcp": null});
        let read = container(json!({"NetworkSettings": {"Ports": ports}}));
        let expected = vec![("0.0.0.0".to_owned(), 1), ("::".to_owned(), 2)];
        assert_eq!(
            read.ports.into_iter().collect::<Vec<_>>(),
            vec![((80, "tcp".to_owned()), expected)]
        );
    }

    #[test]
    fn a_distributions_suffix_is_no_part_of_the_version() {
        for (full, short) in [
            ("20.10.24+dfsg1", "20.10.24"),
            ("28.5.2", "28.5.2"),
            ("19.03.5-ce", "19.03.5"),
        ] {
            let version = SystemVersion {
                version: Some(full.to_owned()),
                ..SystemVersion::default()
            };
            assert_eq!(info(SystemInfo::default(), version).version, short);
        }
    }

    #[test]
    fn exit_codes_are_those_of_what_is_not_running() {
        let states = [
            ("exited", 0, Some(0)),
            ("running", 0, None),
            ("created", 0, None),
            ("created", 127, Some(127)),
        ];
        for (status, code, exit) in states {
            let read = container(json!({"State": {"Status": status, "ExitCode": code}}));
            assert_eq!(read.exit, exit, "{status} {code}");
        }
    }
}
