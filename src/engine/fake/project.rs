//! A project of the fake compose tool: what its file means.

use serde_json::{Map, Value};

use super::machine::Machine;
use super::words::Words;
use crate::engine::Labels;
use crate::engine::membership::{NUMBER, ONE_OFF, PROJECT, SERVICE};

/// A compose project: its name and its files as one.
pub(super) struct Project {
    pub(super) name: String,
    pub(super) file: Value,
}

/// A value as the text that it would be on a command line.
pub(super) fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// Labels in both forms: a mapping, or a list of `name=value`.
pub(super) fn labels(value: Option<&Value>) -> Labels {
    pairs(value).into_iter().collect()
}

fn pairs(value: Option<&Value>) -> Vec<(String, String)> {
    match value {
        Some(Value::Object(map)) => map.iter().map(|(name, value)| (name.clone(), text(value))).collect(),
        Some(Value::Array(items)) => {
            let split = |item: &Value| {
                let item = text(item);
                let (name, value) = item.split_once('=').unwrap_or((&item, ""));
                (name.to_owned(), value.to_owned())
            };
            items.iter().map(split).collect()
        }
        _ => Vec::new(),
    }
}

/// The names of a list, or of a mapping with what each has.
pub(super) fn entries(value: Option<&Value>) -> Vec<(String, Value)> {
    match value {
        Some(Value::Object(map)) => map.iter().map(|(name, value)| (name.clone(), value.clone())).collect(),
        Some(Value::Array(items)) => items.iter().map(|item| (text(item), Value::Null)).collect(),
        _ => Vec::new(),
    }
}

impl Project {
    pub(super) fn service(&self, service: &str) -> &Value {
        &self.file["services"][service]
    }

    /// The services that a call means, each after those that it depends on.
    pub(super) fn services(&self, words: &Words) -> Vec<String> {
        let mut order = Vec::new();
        for (service, definition) in entries(self.file.get("services")) {
            let profiles = entries(definition.get("profiles"));
            let active = profiles.is_empty() || profiles.iter().any(|(name, _)| words.profiles.contains(name));
            let named = words.services();
            if if named.is_empty() {
                active
            } else {
                named.contains(&&service)
            } {
                self.visit(&service, &mut order);
            }
        }
        order
    }

    fn visit(&self, service: &str, order: &mut Vec<String>) {
        if order.iter().any(|done| done == service) {
            return;
        }
        for (on, _) in self.depends_on(service) {
            self.visit(&on, order);
        }
        order.push(service.into());
    }

    pub(super) fn depends_on(&self, service: &str) -> Vec<(String, String)> {
        let on = entries(self.service(service).get("depends_on"));
        on.into_iter()
            .map(|(on, how)| (on, how["condition"].as_str().unwrap_or_default().to_owned()))
            .collect()
    }

    /// False for a dependency that a service starts without, too.
    pub(super) fn requires(&self, service: &str, on: &str) -> bool {
        let how = &self.service(service)["depends_on"][on];
        how["required"].as_bool().unwrap_or(true)
    }

    pub(super) fn replicas(&self, service: &str, words: &Words) -> u64 {
        let definition = self.service(service);
        let written = definition["deploy"]["replicas"]
            .as_u64()
            .or(definition["scale"].as_u64());
        words.scale.get(service).copied().or(written).unwrap_or(1)
    }

    pub(super) fn image(&self, service: &str) -> String {
        let written = self.service(service)["image"].as_str();
        written.map_or_else(|| format!("{}-{service}", self.name), str::to_owned)
    }

    /// Real name, driver and labels of the networks that the services of a call need.
    pub(super) fn networks(&self, words: &Words) -> Vec<(String, String, Labels)> {
        let mut needed = Vec::new();
        for service in self.services(words) {
            for (key, _) in self.joined(&service) {
                if !needed.contains(&key) {
                    needed.push(key);
                }
            }
        }
        needed.iter().filter_map(|key| self.made("networks", key)).collect()
    }

    /// Real name, driver and labels of the file's volumes.
    pub(super) fn volumes(&self) -> Vec<(String, String, Labels)> {
        entries(self.file.get("volumes"))
            .iter()
            .filter_map(|(key, _)| self.made("volumes", key))
            .collect()
    }

    /// The fixed subnets of a network by its real name.
    pub(super) fn subnets(&self, name: &str) -> Vec<String> {
        let networks = entries(self.file.get("networks"));
        let this = networks
            .iter()
            .find(|(key, _)| self.made("networks", key).is_some_and(|(real, ..)| real == name));
        let pools = this.and_then(|(_, network)| network["ipam"]["config"].as_array().cloned());
        let subnet = |pool: &Value| pool["subnet"].as_str().map(str::to_owned);
        pools.iter().flatten().filter_map(subnet).collect()
    }

    pub(super) fn joined(&self, service: &str) -> Vec<(String, Value)> {
        let definition = self.service(service);
        match (definition.get("network_mode"), definition.get("networks")) {
            (Some(_), _) => Vec::new(),
            (None, None) => vec![("default".into(), Value::Null)],
            (None, joined) => entries(joined),
        }
    }

    /// A network or volume that the tool makes; none for an external one.
    fn made(&self, part: &str, key: &str) -> Option<(String, String, Labels)> {
        let definition = &self.file[part][key];
        if !matches!(definition["external"], Value::Null | Value::Bool(false)) {
            return None;
        }
        let mut all = labels(definition.get("labels"));
        all.insert(PROJECT.into(), self.name.clone());
        all.insert(format!("com.docker.compose.{}", part.trim_end_matches('s')), key.into());
        Some((
            self.real_name(part, key),
            definition["driver"].as_str().unwrap_or_default().into(),
            all,
        ))
    }

    pub(super) fn real_name(&self, part: &str, key: &str) -> String {
        let definition = &self.file[part][key];
        let written = definition["name"].as_str().or(definition["external"]["name"].as_str());
        let external = definition["external"].as_bool() == Some(true);
        written.map_or_else(
            || {
                if external {
                    key.into()
                } else {
                    format!("{}_{key}", self.name)
                }
            },
            str::to_owned,
        )
    }

    /// The container of a replica.
    pub(super) fn machine(&self, service: &str, number: u64) -> Machine {
        let definition = self.service(service);
        let mut all = labels(definition.get("labels"));
        all.insert(PROJECT.into(), self.name.clone());
        all.insert(SERVICE.into(), service.into());
        all.insert(NUMBER.into(), number.to_string());
        all.insert(ONE_OFF.into(), "False".into());
        let restart = definition["restart"].as_str().unwrap_or("no");
        let (policy, tries) = restart.split_once(':').unwrap_or((restart, "0"));
        let checked = definition
            .get("healthcheck")
            .is_some_and(|check| check["disable"] != Value::Bool(true));
        let networks = self.joined(service).into_iter().map(|(key, how)| {
            let aliases = entries(how.get("aliases")).into_iter().map(|(alias, _)| alias);
            let aliases = aliases.chain([service.to_owned()]).collect();
            (
                self.real_name("networks", &key),
                (format!("172.18.0.{}", number + 1), aliases),
            )
        });
        let name = definition["container_name"].as_str();
        Machine {
            name: name.map_or_else(|| format!("{}-{service}-{number}", self.name), str::to_owned),
            image: self.image(service),
            labels: all,
            healthcheck: checked,
            policy: (policy.into(), tries.parse().unwrap_or(0)),
            expose: entries(definition.get("ports"))
                .iter()
                .filter_map(|(short, _)| port(short))
                .collect(),
            networks: networks.collect(),
            network_mode: definition["network_mode"].as_str().unwrap_or_default().into(),
            mounts: self.mounts(definition),
            ..Machine::default()
        }
    }

    fn mounts(&self, definition: &Value) -> Vec<(String, String, String, bool)> {
        let mount = |value: &Value| {
            let (source, target, mode) = match value.as_str() {
                Some(short) => {
                    let mut parts = short.split(':').map(str::to_owned);
                    (parts.next()?, parts.next()?, parts.next().unwrap_or_default())
                }
                None => (text(&value["source"]), text(&value["target"]), String::new()),
            };
            let named = self.file["volumes"].get(&source).is_some();
            let kind = if named { "volume" } else { "bind" };
            let source = if named {
                self.real_name("volumes", &source)
            } else {
                source
            };
            Some((kind.to_owned(), source, target, mode != "ro"))
        };
        definition["volumes"]
            .as_array()
            .map(|all| all.iter().filter_map(mount).collect())
            .unwrap_or_default()
    }
}

/// A published port: container port, protocol, host port (0: the engine's choice).
fn port(written: &str) -> Option<(u16, String, u16)> {
    if let Ok(long) = serde_json::from_str::<Map<String, Value>>(written) {
        let number = |key: &str| long.get(key).and_then(|value| text(value).parse::<u16>().ok());
        let protocol = long.get("protocol").map_or_else(|| "tcp".into(), text);
        return Some((number("target")?, protocol, number("published").unwrap_or(0)));
    }
    let (ports, protocol) = written.split_once('/').unwrap_or((written, "tcp"));
    let mut parts = ports.rsplit(':');
    let inside = parts.next()?.parse().ok()?;
    let published = parts.next().and_then(|port| port.parse().ok()).unwrap_or(0);
    Some((inside, protocol.into(), published))
}
