//! `options` of a `run`: whatever else a compose file can say of a service, in its words. The compose tool makes the
//! container, of a file that has this one service; reading its words is that tool's business and not ours.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::{Map, Value, json};

use super::super::{Cx, Done, NodeHandle, tool};
use super::form;
use crate::diagnostic::{Diagnostic, did_you_mean};
use crate::engine::membership::{OF_RUN, PROJECT};
use crate::engine::{ContainerSpec, Tool, ToolCall};
use crate::event::Fault;
use crate::shape::{Problems, Shape, wrong_type};
use crate::substitute::service_keys;
use crate::template::Data;
use crate::yaml::Node;

/// What `run` says itself, or what has no meaning for one container, by the key of a compose file: what to write instead.
const OTHERWISE: [(&str, &str); 22] = [
    ("image", "`image` of `run`"),
    ("command", "`command` of `run`"),
    ("entrypoint", "`entrypoint` of `run`"),
    ("environment", "`env` of `run`"),
    ("working_dir", "`workdir` of `run`"),
    ("user", "`user` of `run`"),
    ("volumes", "`volumes` of `run`"),
    ("ports", "`expose` of `run`, and `url()` for the free port"),
    ("networks", "`networks` of `run`"),
    ("stdin_open", "`stdin` of `run`"),
    ("container_name", "`background: name`"),
    ("build", "`images` of the scenario"),
    ("secrets", "`secrets` of `run`"),
    ("configs", "a stack"),
    ("depends_on", "a stack"),
    ("links", "`networks` of `run`"),
    ("extends", "a stack"),
    ("profiles", "a stack"),
    ("provider", "a stack"),
    ("scale", "a stack"),
    ("deploy", "a stack (for limits alone `mem_limit`, `cpus`)"),
    ("models", "a stack"),
];

/// Keys of a compose file's service, as the author has them.
#[derive(Debug, Clone)]
pub(in crate::step) struct Options(pub(super) Data);

impl Shape for Options {
    fn read(node: &Node, problems: &mut Problems) -> Option<Self> {
        let Some(entries) = node.map() else {
            let problem = wrong_type(node, "a mapping");
            problems.push(
                problem.help("keys of a service as a compose file has them: `{cap_add: [NET_ADMIN], init: true}`"),
            );
            return None;
        };
        let known = service_keys();
        for (key, name, value) in entries
            .iter()
            .filter_map(|(key, value)| Some((key, key.scalar()?, value)))
        {
            if let Some((_, instead)) = OTHERWISE.iter().find(|(own, _)| *own == name) {
                let message = format!("`{name}` is no option of a container of its own");
                problems.push(Diagnostic::error(&key.span, message).help(format!("{instead} is for that")));
            } else if !known.contains(name) {
                let problem = Diagnostic::error(&key.span, format!("a service of a compose file has no key `{name}`"));
                let near = did_you_mean(name, &known.iter().copied().collect::<Vec<_>>());
                problems.push(match near {
                    Some(near) => problem.help(format!("did you mean `{near}`?")),
                    None => problem.help("options are those of a service in a compose file, in its words"),
                });
            } else if let Some(problem) = form::problem(name, value) {
                problems.push(problem);
            }
        }
        Data::read(node, problems).map(Options)
    }
}

impl JsonSchema for Options {
    fn schema_name() -> Cow<'static, str> {
        "ServiceOptions".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let own: Vec<&str> = OTHERWISE.iter().map(|(own, _)| *own).collect();
        let known: Vec<&str> = service_keys()
            .iter()
            .copied()
            .filter(|key| !own.contains(key))
            .collect();
        json_schema!({
            "description": "Keys of a service as a compose file has them.",
            "type": "object",
            "propertyNames": {"enum": known},
        })
    }
}

/// Makes a container with options; gives its id.
pub(super) async fn create(cx: &Cx, node: &NodeHandle, (spec, options): (&ContainerSpec, Value)) -> Done<String> {
    let number = {
        let mut state = cx.case.state();
        state.runs += 1;
        state.runs
    };
    // No stack of an author is called so.
    let project = format!("e2e-{}-_run{number}", cx.case.id);
    let mut arguments = vec!["--project-name".to_owned(), project.clone()];
    arguments.extend(["--project-directory".to_owned(), cx.folder.display().to_string()]);
    arguments.extend(["--file", "-", "up", "--no-start", "--no-build"].map(str::to_owned));
    let call = ToolCall {
        tool: Tool::Compose,
        arguments,
        env: [("COMPOSE_PROJECT_NAME".to_owned(), project.clone())].into(),
        folder: cx.folder.clone(),
        stdin: Some(file(spec, options).to_string().into()),
        limit: tool::limit(cx, (&spec.image, "run"))?,
    };
    // As with `up`: where the step is ended, the host ends the tool, and tearing down waits for that.
    let (ended, lines) = cx.asked(tool::run(node, call)).await?;
    if ended.exit != Some(0) {
        let fault = Fault::error("the compose tool could not make the container").at(cx.span.place());
        return Err(vec![fault.detail("the compose tool", lines.trim())]);
    }
    let label = format!("{PROJECT}={project}");
    let made = cx.asked(node.engine.containers(&[label])).await?;
    let id = made.into_iter().next().map(|container| container.id);
    id.ok_or_else(|| cx.error("the compose tool made no container"))
}

/// The compose file of a container; JSON is YAML.
fn file(spec: &ContainerSpec, options: Value) -> Value {
    let mut service = match options {
        Value::Object(options) => options,
        _ => Map::new(),
    };
    let own = own(spec, &service);
    for (key, value) in own.into_iter().filter(|(_, value)| !value.is_null()) {
        service.insert(key.to_owned(), value);
    }
    let external = |names: Vec<&str>| -> Value {
        let each = names.into_iter();
        each.map(|name| (name.to_owned(), json!({"external": true, "name": name})))
            .collect::<Map<_, _>>()
            .into()
    };
    let volumes = spec.volumes.iter().filter_map(|volume| volume.split_once(':'));
    let volumes = volumes
        .map(|(source, _)| source)
        .filter(|source| !source.starts_with('/'));
    let networks = spec.networks.iter().map(|(name, _)| name.as_str());
    let mut file = json!({
        "services": {(OF_RUN): service},
        "volumes": external(volumes.collect()),
        "networks": external(networks.filter(|name| *name != BRIDGE).collect()),
    });
    escape(&mut file);
    file
}

/// The engine's default network: no compose file can name it among others.
const BRIDGE: &str = "bridge";

/// The labels that are written, and the case's.
fn labels(spec: &ContainerSpec, options: &Map<String, Value>) -> Map<String, Value> {
    let mut labels = options
        .get("labels")
        .and_then(Value::as_object)
        .cloned()
        .unwrap_or_default();
    let pairs = options.get("labels").and_then(Value::as_array).into_iter().flatten();
    let pairs = pairs
        .filter_map(Value::as_str)
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")));
    labels.extend(pairs.map(|(name, value)| (name.to_owned(), value.into())));
    // Those that say whose a container is are the compose tool's own here.
    let ours = spec
        .labels
        .iter()
        .filter(|(name, _)| !name.starts_with("com.docker.compose."));
    labels.extend(ours.map(|(name, value)| (name.clone(), value.as_str().into())));
    labels
}

/// What `run` says itself, in a compose file's words.
fn own(spec: &ContainerSpec, options: &Map<String, Value>) -> Vec<(&'static str, Value)> {
    let names = spec.networks.iter().filter(|(name, _)| name != BRIDGE);
    let networks: Map<String, Value> = names
        .map(|(name, aliases)| (name.clone(), json!({"aliases": aliases})))
        .collect();
    let mode = match (
        &spec.network_mode,
        networks.is_empty() && !options.contains_key("network_mode"),
    ) {
        (Some(mode), _) => json!(mode),
        (None, true) => json!(BRIDGE),
        (None, false) => Value::Null,
    };
    // An address of IPv4: without one some engines bind the two families to different ports.
    let ports: Vec<String> = spec.expose.iter().map(|port| format!("0.0.0.0::{port}")).collect();
    let some = |list: &[String]| if list.is_empty() { Value::Null } else { json!(list) };
    vec![
        ("image", json!(spec.image)),
        ("command", json!(spec.command)),
        ("entrypoint", json!(spec.entrypoint)),
        ("environment", some(&spec.env)),
        ("working_dir", json!(spec.workdir)),
        ("user", json!(spec.user)),
        (
            "container_name",
            if spec.name.is_empty() {
                Value::Null
            } else {
                json!(spec.name)
            },
        ),
        ("volumes", some(&spec.volumes)),
        ("ports", some(&ports)),
        (
            "networks",
            if networks.is_empty() {
                Value::Null
            } else {
                networks.into()
            },
        ),
        ("network_mode", mode),
        ("labels", labels(spec, options).into()),
    ]
}

/// What stands there is meant as it stands: to a compose tool a `$` would begin a variable.
fn escape(value: &mut Value) {
    match value {
        Value::String(text) => *text = text.replace('$', "$$"),
        Value::Array(items) => items.iter_mut().for_each(escape),
        Value::Object(entries) => entries.values_mut().for_each(escape),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{OF_RUN, file};
    use crate::engine::ContainerSpec;

    fn check(spec: ContainerSpec, options: Value, expected: Value) {
        assert_eq!(file(&spec, options), expected);
    }

    #[test]
    fn what_run_says_itself_stands_beside_the_options_in_a_compose_files_words() {
        let spec = ContainerSpec {
            name: "c-worker".to_owned(),
            image: "busybox".to_owned(),
            command: Some(["sh", "-c", "echo $HOME"].map(str::to_owned).to_vec()),
            env: vec!["PRICE=5$".to_owned()],
            user: Some("1:1".to_owned()),
            labels: [("e2erun.case", "c"), ("com.docker.compose.service", "")]
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .into(),
            volumes: vec!["c_seed:/seed:ro".to_owned(), "/tmp:/tmp".to_owned()],
            expose: vec!["80".to_owned()],
            networks: vec![("c_front".to_owned(), vec!["worker".to_owned()])],
            ..ContainerSpec::default()
        };
        check(
            spec,
            json!({"cap_add": ["NET_ADMIN"], "labels": ["mine=1"]}),
            json!({
                "services": {(OF_RUN): {
                    "cap_add": ["NET_ADMIN"],
                    "image": "busybox",
                    "command": ["sh", "-c", "echo $$HOME"],
                    "environment": ["PRICE=5$$"],
                    "user": "1:1",
                    "container_name": "c-worker",
                    "volumes": ["c_seed:/seed:ro", "/tmp:/tmp"],
                    "ports": ["0.0.0.0::80"],
                    "networks": {"c_front": {"aliases": ["worker"]}},
                    "labels": {"mine": "1", "e2erun.case": "c"},
                }},
                "volumes": {"c_seed": {"external": true, "name": "c_seed"}},
                "networks": {"c_front": {"external": true, "name": "c_front"}},
            }),
        );
    }

    #[test]
    fn without_a_network_it_is_on_the_engines_default_one_and_no_other_is_made() {
        let mode = |network_mode: Option<&str>, options: Value| {
            let spec = ContainerSpec {
                network_mode: network_mode.map(str::to_owned),
                ..ContainerSpec::default()
            };
            file(&spec, options)["services"][OF_RUN]["network_mode"].clone()
        };
        assert_eq!(mode(None, json!({})), "bridge");
        assert_eq!(mode(Some("host"), json!({})), "host");
        assert_eq!(mode(None, json!({"network_mode": "container:x"})), "container:x");
    }
}
