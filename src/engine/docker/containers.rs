//! Containers: listing, inspecting, making and moving them from state to state.

use std::time::Duration;

use futures_util::future::try_join_all;
use serde_json::{Map, Value, json};

use super::api::Api;
use super::call::{Call, LIMIT, LONG_LIMIT};
use super::{encode, found, read};
use crate::engine::{Container, ContainerSpec, EngineResult, Labels, Reason};

/// The containers with all of the labels.
pub(super) async fn list(api: &Api, labels: &[String]) -> EngineResult<Vec<Container>> {
    let attempt = format!("list the containers labelled {}", labels.join(", "));
    let listed = api
        .json(&Call::get("/containers/json?all=1".to_owned(), attempt).labels(labels))
        .await?;
    let ids = read::array(&listed).iter().map(|entry| read::text(&entry["Id"]));
    let each = try_join_all(ids.map(|id| async move { found(inspect(api, &id).await) })).await?;
    // One that was removed since the list was made is none.
    Ok(each.into_iter().flatten().collect())
}

/// A container by id or name.
pub(super) async fn inspect(api: &Api, container: &str) -> EngineResult<Container> {
    let path = format!("/containers/{}/json", encode(container, ""));
    Ok(read::container(
        api.json(&Call::get(path, format!("inspect container `{container}`")))
            .await?,
    ))
}

/// Makes a container; gives its id.
pub(super) async fn create(api: &Api, spec: &ContainerSpec) -> EngineResult<String> {
    let named = if spec.name.is_empty() {
        String::new()
    } else {
        format!(" `{}`", spec.name)
    };
    let attempt = format!("create container{named} from `{}`", spec.image);
    let mut call = Call::post("/containers/create".to_owned(), attempt).json(&body(spec));
    if !spec.name.is_empty() {
        call = call.query("name", &spec.name);
    }
    let id = read::text(&api.change(call).await?["Id"]);
    // Before API 1.44 a container can be made on one network only.
    for (network, aliases) in spec.networks.iter().skip(1) {
        let path = format!("/networks/{}/connect", encode(network, ""));
        let call = Call::post(path, format!("connect container `{id}` to network `{network}`"));
        let endpoint = json!({"Container": id, "EndpointConfig": {"Aliases": aliases}});
        if let Err(why) = api.change(call.json(&endpoint)).await {
            // The caller never learns the id: what was half made must not stay.
            let remove = Call::new(
                hyper::Method::DELETE,
                format!("/containers/{id}?force=1&v=1"),
                String::new(),
            );
            drop(api.change(remove).await);
            return Err(why);
        }
    }
    Ok(id)
}

fn body(spec: &ContainerSpec) -> Value {
    let ports: Vec<String> = spec
        .expose
        .iter()
        .map(|port| {
            if port.contains('/') {
                port.clone()
            } else {
                format!("{port}/tcp")
            }
        })
        .collect();
    // An IPv4 address: without one some engines bind the two families to different ports.
    let bindings: Map<String, Value> = ports
        .iter()
        .map(|port| (port.clone(), json!([{"HostIp": "0.0.0.0", "HostPort": ""}])))
        .collect();
    let exposed: Map<String, Value> = ports.into_iter().map(|port| (port, json!({}))).collect();
    let mut host = json!({"Binds": spec.volumes, "PortBindings": bindings});
    let mut body = json!({
        "Image": spec.image,
        "Env": spec.env,
        "Labels": spec.labels,
        "ExposedPorts": exposed,
        "OpenStdin": spec.stdin,
    });
    let optional = [
        ("Cmd", spec.command.as_ref().map(|command| json!(command))),
        (
            "Entrypoint",
            spec.entrypoint.as_ref().map(|entrypoint| json!(entrypoint)),
        ),
        ("WorkingDir", spec.workdir.as_ref().map(|folder| json!(folder))),
        ("User", spec.user.as_ref().map(|user| json!(user))),
    ];
    for (name, value) in optional {
        if let Some(value) = value {
            body[name] = value;
        }
    }
    if let Some(mode) = &spec.network_mode {
        host["NetworkMode"] = json!(mode);
    } else if let Some((network, aliases)) = spec.networks.first() {
        host["NetworkMode"] = json!(network);
        body["NetworkingConfig"] = json!({"EndpointsConfig": {network.as_str(): {"Aliases": aliases}}});
    }
    body["HostConfig"] = host;
    body
}

/// A change of a container's state that has no answer: `act("start", …)`.
pub(super) async fn act(api: &Api, verb: &str, container: &str) -> EngineResult<()> {
    api.change(call(verb, container)).await.map(drop)
}

/// Sends a signal.
pub(super) async fn kill(api: &Api, container: &str, signal: &str) -> EngineResult<()> {
    let mut call = call("kill", container).query("signal", signal);
    call.attempt = format!("send {signal} to container `{container}`");
    api.change(call).await.map(drop)
}

/// Stops or restarts: the engine answers when the container has ended, so its grace is added to the limit.
pub(super) async fn end(api: &Api, verb: &str, container: &str, grace: Option<Duration>) -> EngineResult<()> {
    let call = call(verb, container);
    let call = match grace {
        // The engine counts in whole seconds; a shorter grace than asked for would be another test.
        Some(grace) => {
            let seconds = grace.as_secs() + u64::from(grace.subsec_nanos() > 0);
            call.query("t", &seconds.to_string()).limit(grace + LIMIT)
        }
        None => call.limit(LONG_LIMIT),
    };
    api.change(call).await.map(drop)
}

fn call(verb: &str, container: &str) -> Call {
    Call::post(
        format!("/containers/{}/{verb}", encode(container, "")),
        format!("{verb} container `{container}`"),
    )
}

/// Makes an image of a container.
pub(super) async fn commit(api: &Api, container: &str, image: &str, labels: &Labels) -> EngineResult<String> {
    let (name, tag) = super::images::split(image);
    let call = Call::post(
        "/commit".to_owned(),
        format!("commit container `{container}` as `{image}`"),
    )
    .query("container", container)
    .query("repo", name)
    .query("tag", tag)
    .json(&json!({"Labels": labels}))
    .limit(LONG_LIMIT);
    Ok(read::text(&api.change(call).await?["Id"]))
}

/// Waits until a container is gone; one that is gone already is a success.
pub(super) async fn wait_removed(api: &Api, container: &str) -> EngineResult<()> {
    let path = format!("/containers/{}/wait?condition=removed", encode(container, ""));
    let call = Call::post(path, format!("wait for the removal of container `{container}`"));
    match api.ask(&call).await {
        Err(why) if why.reason == Reason::NotFound => Ok(()),
        answer => answer.map(drop),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::body;
    use crate::engine::ContainerSpec;

    #[test]
    fn what_is_not_said_is_the_images() {
        let spec = ContainerSpec {
            image: "a".to_owned(),
            ..ContainerSpec::default()
        };
        let made = body(&spec);
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
        let made = body(&spec);
        assert_eq!(
            made["NetworkingConfig"],
            json!({"EndpointsConfig": {"n": {"Aliases": ["a"]}}})
        );
        let free = json!([{"HostIp": "0.0.0.0", "HostPort": ""}]);
        assert_eq!(
            made["HostConfig"]["PortBindings"],
            json!({"80/tcp": free, "53/udp": free})
        );
        assert_eq!(made["HostConfig"]["NetworkMode"], "n");
    }
}
