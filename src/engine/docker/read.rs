//! The engine's JSON, read into our own words. Pure.

use serde_json::Value;

use crate::engine::{Container, EngineEvent, EngineInfo, Image, Labels, Network, Resource, ResourceKind, Volume};

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

/// Unix seconds, of a number or an RFC 3339 text; 0 if it is neither.
fn seconds(value: &Value) -> i64 {
    match value.as_i64() {
        Some(seconds) => seconds,
        None => text(value)
            .parse::<jiff::Timestamp>()
            .map(|time| time.as_second())
            .unwrap_or_default(),
    }
}

/// The answers of `/info` and `/version`.
pub(super) fn info(info: &Value, version: &Value) -> EngineInfo {
    let full = text(&version["Version"]);
    let end = full
        .find(|at: char| !at.is_ascii_digit() && at != '.')
        .unwrap_or(full.len());
    EngineInfo {
        version: full[..end].to_owned(),
        api: text(&version["ApiVersion"]),
        os: text(&version["Os"]),
        arch: text(&version["Arch"]),
        kernel: text(&version["KernelVersion"]),
        id: text(&info["ID"]),
        swarm: info["Swarm"]["LocalNodeState"] == "active",
        root: text(&info["DockerRootDir"]),
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
pub(super) fn image(raw: &Value) -> Image {
    let check = texts(&raw["Config"]["Healthcheck"]["Test"]);
    Image {
        id: text(&raw["Id"]),
        tags: texts(&raw["RepoTags"]),
        labels: labels(&raw["Config"]["Labels"]),
        created: text(&raw["Created"]),
        user: text(&raw["Config"]["User"]),
        healthcheck: check.first().is_some_and(|kind| kind != "NONE"),
    }
}

/// The answer of a network's inspection.
pub(super) fn network(raw: &Value) -> Network {
    Network {
        id: text(&raw["Id"]),
        name: text(&raw["Name"]),
        driver: text(&raw["Driver"]),
        labels: labels(&raw["Labels"]),
        subnets: array(&raw["IPAM"]["Config"])
            .iter()
            .map(|range| text(&range["Subnet"]))
            .collect(),
        containers: object(&raw["Containers"]).map(|(id, _)| id.clone()).collect(),
    }
}

/// An entry of the list of volumes.
pub(super) fn volume(raw: &Value) -> Volume {
    Volume {
        name: text(&raw["Name"]),
        driver: text(&raw["Driver"]),
        labels: labels(&raw["Labels"]),
    }
}

/// An entry of a list, as a resource of the kind.
pub(super) fn resource(kind: ResourceKind, raw: &Value) -> Resource {
    let first = |names: &Value| array(names).first().map(text).unwrap_or_default();
    let (id, name, created) = match kind {
        ResourceKind::Container => (
            text(&raw["Id"]),
            first(&raw["Names"]).trim_start_matches('/').to_owned(),
            &raw["Created"],
        ),
        ResourceKind::Network => (text(&raw["Id"]), text(&raw["Name"]), &raw["Created"]),
        ResourceKind::Volume => (text(&raw["Name"]), text(&raw["Name"]), &raw["CreatedAt"]),
        ResourceKind::Image => (text(&raw["Id"]), first(&raw["RepoTags"]), &raw["Created"]),
    };
    let name = if name.is_empty() { id.clone() } else { name };
    Resource {
        kind,
        id,
        name,
        labels: labels(&raw["Labels"]),
        created: seconds(created),
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
            assert_eq!(info(&json!({}), &json!({"Version": full})).version, short);
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
