//! What isolation may change of a stack, taken out of what the tool reads.

use std::collections::BTreeMap;

use serde_json::Value;

/// The service of each container name.
pub(crate) fn container_names(stack: &Value) -> BTreeMap<String, String> {
    let services = stack["services"].as_object().unwrap().iter();
    let name =
        |(service, value): (&String, &Value)| Some((value["container_name"].as_str()?.to_owned(), service.clone()));
    services.filter_map(name).collect()
}

/// A stack as the tool reads it, without what isolation may change: published ports, our labels, fixed names.
pub(crate) fn without_isolation(mut stack: Value, names: &BTreeMap<String, String>) -> Value {
    for (_, service) in stack["services"].as_object_mut().unwrap() {
        let service = service.as_object_mut().unwrap();
        service.remove("container_name");
        named_services(service, names);
        unlabel(service.get_mut("labels"));
        service.retain(|key, value| key != "labels" || value != &Value::Object(Default::default()));
        if let Some(build) = service.get_mut("build").and_then(Value::as_object_mut) {
            unlabel(build.get_mut("labels"));
            build.retain(|key, value| key != "labels" || value != &Value::Object(Default::default()));
        }
        for port in service
            .get_mut("ports")
            .and_then(Value::as_array_mut)
            .into_iter()
            .flatten()
        {
            port.as_object_mut().unwrap().remove("published");
        }
        // Two host ports of one container port are one free port.
        if let Some(Value::Array(ports)) = service.get_mut("ports") {
            let mut seen = Vec::new();
            ports.retain(|port| {
                !seen.contains(port) && {
                    seen.push(port.clone());
                    true
                }
            });
        }
    }
    for section in ["networks", "volumes", "secrets", "configs"] {
        let Some(things) = stack.get_mut(section).and_then(Value::as_object_mut) else {
            continue;
        };
        for (_, thing) in things {
            let thing = thing.as_object_mut().unwrap();
            unlabel(thing.get_mut("labels"));
            thing.retain(|key, value| key != "labels" || value != &Value::Object(Default::default()));
            if let Some(Value::String(name)) = thing.get_mut("name") {
                *name = name.trim_start_matches("proj_").to_owned();
            }
        }
    }
    stack
}

/// What names a container of the stack names its service (and so depends on it), and an alias that is a container's name
/// goes.
fn named_services(service: &mut serde_json::Map<String, Value>, names: &BTreeMap<String, String>) {
    if !names.is_empty() {
        service.retain(|key, _| !["depends_on", "links", "external_links"].contains(&key.as_str()));
    }
    for key in ["network_mode", "ipc", "pid"] {
        if let Some(Value::String(mode)) = service.get_mut(key)
            && let Some(name) = mode.strip_prefix("container:").and_then(|name| names.get(name))
        {
            *mode = format!("service:{name}");
        }
    }
    for (_, network) in service
        .get_mut("networks")
        .and_then(Value::as_object_mut)
        .into_iter()
        .flatten()
    {
        let Some(settings) = network.as_object_mut() else {
            continue;
        };
        if let Some(Value::Array(aliases)) = settings.get_mut("aliases") {
            aliases.retain(|alias| !alias.as_str().is_some_and(|alias| names.contains_key(alias)));
            if aliases.is_empty() {
                settings.remove("aliases");
            }
        }
        if settings.is_empty() {
            *network = Value::Null;
        }
    }
}

pub(crate) fn unlabel(labels: Option<&mut Value>) {
    if let Some(Value::Object(labels)) = labels {
        labels.retain(|name, value| {
            let ours = name.starts_with("e2erun.");
            // A dollar in a label of ours is one after filling in (and written twice by `config`).
            assert!(!ours || value == "$$x", "{name}: {value}");
            !ours
        });
    }
}
