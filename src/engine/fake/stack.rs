//! The fake docker tool's `stack deploy`: a stack file's services, networks, secrets and configs.

use serde_json::{Value, json};

use super::compose::{Done, Job};
use super::project::{Project, entries, labels, text};
use super::words::{self, Words};
use crate::engine::Labels;
use crate::engine::swarm::STACK;
use crate::quantity::duration;

/// The label with the image that a service's file has wanted last.
const IMAGE: &str = "com.docker.stack.image";

/// What `stack deploy` is told.
#[derive(Default)]
struct Told {
    files: Vec<String>,
    prune: bool,
    name: String,
}

impl Told {
    fn read(arguments: &[String]) -> Told {
        let mut told = Told::default();
        let mut left = arguments.iter().skip(2);
        while let Some(word) = left.next() {
            match word.as_str() {
                "--compose-file" | "-c" => told.files.extend(left.next().cloned()),
                "--resolve-image" => drop(left.next()),
                "--prune" => told.prune = true,
                flag if flag.starts_with('-') => {}
                name => told.name = name.into(),
            }
        }
        told
    }
}

impl Job {
    /// `docker stack deploy --compose-file FILE… NAME`: what is new is made, what is there is changed.
    pub(super) fn deploy(&mut self) -> Done {
        let told = Told::read(&self.call.arguments);
        if self.fake.lock().swarm.is_none() {
            let answer = "this node is not a swarm manager. Use \"docker swarm init\" or \"docker swarm join\" to connect this node to swarm and try again";
            return Err((1, answer.into()));
        }
        let words = Words {
            files: told.files,
            ..Words::default()
        };
        let project = Project {
            file: words::read(&self.call, &words).map_err(|why| (1, why))?,
            name: told.name,
        };
        let services = entries(project.file.get("services"));
        self.make_networks(&project, &services);
        self.make_data(&project)?;
        let specs = services.iter().map(|(key, definition)| spec(&project, key, definition));
        let specs: Vec<Value> = specs.collect();
        if told.prune {
            self.prune(&project.name, &specs);
        }
        specs.into_iter().try_for_each(|spec| self.service(spec))?;
        Ok(String::new())
    }

    /// The networks that services need and nobody has made yet.
    fn make_networks(&self, project: &Project, services: &[(String, Value)]) {
        let keys = services.iter().flat_map(|(key, _)| project.joined(key));
        for (key, _) in keys {
            let name = project.real_name("networks", &key);
            let definition = &project.file["networks"][&key];
            let is_there = self.fake.lock().networks.contains_key(&name);
            if !is_there && definition["external"].is_null() {
                let labels = with_namespace(&project.name, definition);
                let driver = definition["driver"].as_str().unwrap_or("overlay");
                self.fake
                    .change(|state| drop(self.fake.add_network(state, &name, driver, labels)));
            }
        }
    }

    fn make_data(&self, project: &Project) -> Result<(), (i32, String)> {
        for part in ["secrets", "configs"] {
            for (key, definition) in entries(project.file.get(part)) {
                let name = project.real_name(part, &key);
                let named = (name.as_str(), &with_namespace(&project.name, &definition));
                let of = part.trim_end_matches('s');
                match self.fake.data(part, &name) {
                    _ if !definition["external"].is_null() => {}
                    None => {
                        let made = self.fake.add_data(of, named, &definition["file"]);
                        made.map_err(|why| (1, why.answer))?;
                    }
                    Some(made_of) if made_of == definition["file"] => {}
                    Some(_) => {
                        return Err((
                            1,
                            format!(
                                "failed to update {of} {name}: Error response from daemon: rpc error: code = InvalidArgument desc = only updates to Labels are allowed"
                            ),
                        ));
                    }
                }
            }
        }
        Ok(())
    }

    /// Removes the services that the file does not have any more.
    fn prune(&self, stack: &str, specs: &[Value]) {
        let gone = |name: &str| !specs.iter().any(|spec| spec["Name"] == name);
        for (name, (id, _)) in self.fake.services_of(stack) {
            if gone(&name) {
                self.fake.remove_service(&id);
            }
        }
    }

    fn service(&mut self, mut spec: Value) -> Result<(), (i32, String)> {
        self.spend()?;
        let stack = spec["Labels"][STACK].as_str().unwrap_or_default().to_owned();
        let known = self.fake.services_of(&stack);
        match known.get(spec["Name"].as_str().unwrap_or_default()) {
            Some((id, known)) => {
                spec["TaskTemplate"]["ForceUpdate"] = known["TaskTemplate"]["ForceUpdate"].clone();
                // Where the file wants what it has wanted last, an image that somebody has changed since stays.
                if spec["Labels"][IMAGE] == known["Labels"][IMAGE] {
                    spec["TaskTemplate"]["ContainerSpec"]["Image"] =
                        known["TaskTemplate"]["ContainerSpec"]["Image"].clone();
                }
                self.fake.alter_service(id, spec, false);
            }
            None => self.fake.make_service(spec),
        }
        Ok(())
    }
}

/// The labels of something that a stack has.
fn with_namespace(stack: &str, definition: &Value) -> Labels {
    let mut all = labels(definition.get("labels"));
    all.insert(STACK.into(), stack.into());
    all
}

/// The engine's spec of a service of a file.
fn spec(project: &Project, key: &str, definition: &Value) -> Value {
    let deploy = &definition["deploy"];
    let networks = project.joined(key);
    let targets = networks
        .iter()
        .map(|(key, _)| json!({"Target": project.real_name("networks", key)}));
    let mut container = json!({
        "Image": definition["image"], "Labels": with_namespace(&project.name, definition),
        "Args": definition["command"], "Env": definition["environment"],
        "StopGracePeriod": nanoseconds(&definition["stop_grace_period"]),
    });
    if definition["healthcheck"].is_object() && definition["healthcheck"]["disable"] != true {
        container["Healthcheck"] = definition["healthcheck"].clone();
    }
    let mut labels = with_namespace(&project.name, deploy);
    labels.insert(IMAGE.into(), text(&definition["image"]));
    json!({
        "Name": format!("{}_{key}", project.name),
        "Labels": labels,
        "TaskTemplate": {
            "ContainerSpec": container, "RestartPolicy": restart(&deploy["restart_policy"]),
            "Networks": targets.collect::<Vec<_>>(), "ForceUpdate": 0,
            "Placement": {"Constraints": deploy["placement"]["constraints"]},
        },
        "Mode": mode(deploy),
        "UpdateConfig": update(&deploy["update_config"]),
        "RollbackConfig": update(&deploy["rollback_config"]),
        "EndpointSpec": {"Ports": host_ports(&definition["ports"])},
    })
}

/// The ports that each task publishes itself: those of the mesh the fake does not have.
fn host_ports(written: &Value) -> Vec<Value> {
    let all = written.as_array().into_iter().flatten();
    let own = all.filter(|port| port["mode"] == "host");
    own.map(|port| json!({"TargetPort": port["target"], "PublishMode": "host"}))
        .collect()
}

fn mode(deploy: &Value) -> Value {
    let replicas = deploy["replicas"].as_u64().unwrap_or(1);
    match deploy["mode"].as_str() {
        Some("global") => json!({"Global": {}}),
        Some("global-job") => json!({"GlobalJob": {}}),
        Some("replicated-job") => json!({"ReplicatedJob": {"TotalCompletions": replicas}}),
        _ => json!({"Replicated": {"Replicas": replicas}}),
    }
}

fn nanoseconds(written: &Value) -> Value {
    let length = duration(&text(written)).and_then(|length| u64::try_from(length.as_nanos()).ok());
    length.map_or(Value::Null, Value::from)
}

fn restart(policy: &Value) -> Value {
    json!({
        "Condition": policy["condition"], "Delay": nanoseconds(&policy["delay"]), "MaxAttempts": policy["max_attempts"],
        "Window": nanoseconds(&policy["window"]),
    })
}

fn update(config: &Value) -> Value {
    json!({
        "Parallelism": config["parallelism"], "Delay": nanoseconds(&config["delay"]), "Order": config["order"],
        "FailureAction": config["failure_action"], "Monitor": nanoseconds(&config["monitor"]),
    })
}
