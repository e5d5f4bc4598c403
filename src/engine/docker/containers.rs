//! What a container is made of, in bollard's words, and making it.

use std::collections::HashMap;
use std::time::Duration;

use bollard::models::{
    ContainerCreateBody, EndpointSettings, HostConfig, NetworkConnectRequest, NetworkingConfig, PortBinding,
};
use bollard::query_parameters::{CreateContainerOptions, RemoveContainerOptions};

use super::api::{Api, LIMIT, LONG_LIMIT};
use super::encode;
use crate::engine::{ContainerSpec, EngineResult};

/// Removes a container that runs too, and its anonymous volumes.
pub(super) const BY_FORCE: RemoveContainerOptions = RemoveContainerOptions {
    v: true,
    force: true,
    link: false,
};

/// A grace as the engine counts it, and the limit of a call that waits for it: the engine answers when the container has
/// ended. It counts in whole seconds; a shorter grace than asked for would be another test.
pub(super) fn seconds(grace: Option<Duration>) -> (Option<i32>, Duration) {
    let whole = grace.map(|grace| grace.as_secs() + u64::from(grace.subsec_nanos() > 0));
    (
        whole.map(|whole| i32::try_from(whole).unwrap_or(i32::MAX)),
        grace.map_or(LONG_LIMIT, |grace| grace + LIMIT),
    )
}

/// Makes a container; gives its id.
pub(super) async fn create(api: &Api, spec: &ContainerSpec) -> EngineResult<String> {
    let name = Some(spec.name.clone()).filter(|name| !name.is_empty());
    let named = name.as_ref().map(|name| format!(" `{name}`")).unwrap_or_default();
    let attempt = format!("create container{named} from `{}`", spec.image);
    let body = body(spec);
    let options = CreateContainerOptions {
        name,
        ..CreateContainerOptions::default()
    };
    let made = api.change(attempt, LIMIT, |client| async move {
        client.create_container(Some(options), body).await
    });
    let id = made.await?.id;
    // Before API 1.44 a container can be made on one network only.
    for (network, aliases) in spec.networks.iter().skip(1) {
        let attempt = format!("connect container `{id}` to network `{network}`");
        let endpoint = NetworkConnectRequest {
            container: id.clone(),
            endpoint_config: Some(aliased(aliases)),
        };
        let network = encode(network);
        let connected = api.change(attempt, LIMIT, |client| async move {
            client.connect_network(&network, endpoint).await
        });
        if let Err(why) = connected.await {
            // The caller never learns the id: what was half made must not stay.
            let remove = |client: bollard::Docker| async move { client.remove_container(&id, Some(BY_FORCE)).await };
            drop(api.change(String::new(), LIMIT, remove).await);
            return Err(why);
        }
    }
    Ok(id)
}

fn body(spec: &ContainerSpec) -> ContainerCreateBody {
    let with_protocol = |port: &String| {
        if port.contains('/') {
            port.clone()
        } else {
            format!("{port}/tcp")
        }
    };
    let ports: Vec<String> = spec.expose.iter().map(with_protocol).collect();
    // An IPv4 address: without one some engines bind the two families to different ports.
    let free = PortBinding {
        host_ip: Some("0.0.0.0".to_owned()),
        host_port: Some(String::new()),
    };
    let bindings = ports
        .iter()
        .map(|port| (port.clone(), Some(vec![free.clone()])))
        .collect();
    let first = spec.networks.first().filter(|_| spec.network_mode.is_none());
    ContainerCreateBody {
        image: Some(spec.image.clone()),
        cmd: spec.command.clone(),
        entrypoint: spec.entrypoint.clone(),
        env: Some(spec.env.clone()),
        working_dir: spec.workdir.clone(),
        user: spec.user.clone(),
        labels: Some(spec.labels.clone().into_iter().collect()),
        exposed_ports: Some(ports),
        open_stdin: Some(spec.stdin),
        // Its end is the writer's: without this it would stay open.
        stdin_once: Some(spec.stdin),
        host_config: Some(HostConfig {
            binds: Some(spec.volumes.clone()),
            port_bindings: Some(bindings),
            network_mode: spec.network_mode.clone().or(first.map(|(network, _)| network.clone())),
            ..HostConfig::default()
        }),
        networking_config: first.map(|(network, aliases)| NetworkingConfig {
            endpoints_config: Some(HashMap::from([(network.clone(), aliased(aliases))])),
        }),
        ..ContainerCreateBody::default()
    }
}

fn aliased(aliases: &[String]) -> EndpointSettings {
    EndpointSettings {
        aliases: Some(aliases.to_vec()),
        ..EndpointSettings::default()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{json, to_value};

    use super::body;
    use crate::engine::ContainerSpec;

    #[test]
    fn what_is_not_said_is_the_images() {
        let spec = ContainerSpec {
            image: "a".to_owned(),
            ..ContainerSpec::default()
        };
        let made = to_value(body(&spec)).unwrap();
        for absent in ["Cmd", "Entrypoint", "WorkingDir", "User", "NetworkingConfig"] {
            assert_eq!(made[absent], json!(null), "{absent}");
        }
    }

    #[test]
    fn the_first_network_is_its_own_and_ports_are_free_ones_of_ipv4() {
        let spec = ContainerSpec {
            expose: vec!["80".to_owned(), "53/udp".to_owned()],
            networks: vec![("n".to_owned(), vec!["a".to_owned()]), ("m".to_owned(), vec![])],
            ..ContainerSpec::default()
        };
        let made = to_value(body(&spec)).unwrap();
        assert_eq!(
            made["NetworkingConfig"],
            json!({"EndpointsConfig": {"n": {"Aliases": ["a"]}}})
        );
        assert_eq!(made["ExposedPorts"], json!({"80/tcp": {}, "53/udp": {}}));
        let free = json!([{"HostIp": "0.0.0.0", "HostPort": ""}]);
        assert_eq!(
            made["HostConfig"]["PortBindings"],
            json!({"80/tcp": free, "53/udp": free})
        );
        assert_eq!(made["HostConfig"]["NetworkMode"], "n");
    }
}
