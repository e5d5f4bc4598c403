//! The fake engine's docker tools: as much of `docker compose` and `docker build` as e2erun calls; `stack.rs` has `docker
//! stack deploy`.

use super::Fake;
use super::machine::Machine;
use super::project::{self, Project};
use super::words::{self, Words};
use crate::engine::membership::{PROJECT, SERVICE};
use crate::engine::{Labels, Stream, Tool, ToolCall, ToolEnd, ToolLine};
use serde_json::{Map, Value};

/// How a tool's work ends: well, with printed output, or not, with the words and the code.
pub(super) type Done = Result<String, (i32, String)>;

/// A tool at work.
pub(super) struct Job {
    pub(super) fake: Fake,
    pub(super) call: ToolCall,
    pub(super) line: ToolLine,
    /// How many containers, or services, it still makes before it dies.
    pub(super) left: Option<usize>,
    pub(super) dead: bool,
}

impl Job {
    pub(super) async fn run(mut self) -> ToolEnd {
        let done = match self.call.tool {
            Tool::Docker if self.call.arguments.starts_with(&["stack".into(), "deploy".into()]) => self.deploy(),
            Tool::Docker => self.docker(),
            Tool::Compose => self.compose().await,
        };
        if self.dead {
            return ToolEnd::default();
        }
        match done {
            Ok(stdout) => {
                stdout.lines().for_each(|text| (self.line)(Stream::Stdout, text));
                ToolEnd {
                    exit: Some(0),
                    stdout,
                    stderr: String::new(),
                }
            }
            Err((code, stderr)) => {
                stderr.lines().for_each(|text| (self.line)(Stream::Stderr, text));
                ToolEnd {
                    exit: Some(code),
                    stdout: String::new(),
                    stderr,
                }
            }
        }
    }

    /// `docker build -t NAME --label a=b …`: an image from nothing.
    fn docker(&self) -> Done {
        let words = &self.call.arguments;
        if words.first().map(String::as_str) != Some("build") && words.get(1).map(String::as_str) != Some("build") {
            return Err((
                1,
                format!("the fake engine's docker tool does not know `{}`", words.join(" ")),
            ));
        }
        let after = |flags: &'static [&str]| {
            let pairs = words.windows(2).filter(move |pair| flags.contains(&pair[0].as_str()));
            pairs.map(|pair| pair[1].clone()).collect::<Vec<_>>()
        };
        let labels: Labels = after(&["--label"])
            .iter()
            .map(|label| label.split_once('=').unwrap_or((label, "")))
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        for name in after(&["-t", "--tag"]) {
            self.build(&name, labels.clone());
        }
        Ok(String::new())
    }

    fn build(&self, name: &str, labels: Labels) {
        self.fake.change(|state| {
            self.fake.check_label(state, &format!("image `{name}`"), &labels);
            state.add_image(name, labels);
        });
    }

    async fn compose(&mut self) -> Done {
        let wanted = Words::read(&self.call.arguments);
        if wanted.command == "version" {
            return Ok("Docker Compose version v2.40.3\n".into());
        }
        let file = if wanted.files.is_empty() {
            Value::Object(Map::new())
        } else {
            words::read(&self.call, &wanted).map_err(|words| (1, words))?
        };
        let project = Project {
            name: wanted.project.clone(),
            file,
        };
        match wanted.command.as_str() {
            "config" => Ok(serde_json::to_string_pretty(&project.file).unwrap_or_default()),
            "build" => self.build_all(&project, &wanted),
            "up" => self.up(&project, &wanted).await,
            "down" => self.down(&project, &wanted),
            "ps" => {
                let names = self
                    .members(&project.name, &wanted.rest)
                    .into_iter()
                    .map(|machine| machine.name + "\n");
                Ok(names.collect())
            }
            "stop" | "kill" | "start" => self.each(&project, &wanted).await,
            other => Err((1, format!("the fake engine's compose tool does not know `{other}`"))),
        }
    }

    fn build_all(&self, project: &Project, wanted: &Words) -> Done {
        for service in project.services(wanted) {
            let definition = project.service(&service);
            if let Some(build) = definition.get("build") {
                self.build(&project.image(&service), project::labels(build.get("labels")));
            }
        }
        Ok(String::new())
    }

    async fn up(&mut self, project: &Project, wanted: &Words) -> Done {
        if !wanted.rest.iter().any(|word| word == "--no-build") {
            self.build_all(project, wanted)?;
        }
        self.surroundings(project, wanted)?;
        let starts = !wanted.rest.iter().any(|word| word == "--no-start");
        for service in project.services(wanted) {
            self.conditions(project, &service).await?;
            for number in 1..=project.replicas(&service, wanted) {
                self.replica(project, (&service, number), starts)?;
            }
        }
        Ok(String::new())
    }

    /// Networks and volumes that are not there yet.
    fn surroundings(&self, project: &Project, wanted: &Words) -> Result<(), (i32, String)> {
        for (name, driver, labels) in project.networks(wanted) {
            let subnets = project.subnets(&name);
            let state = self.fake.lock();
            let exists = state.networks.contains_key(&name);
            let mut others = state.networks.values();
            let overlaps = others.any(|other| other.subnets.iter().any(|taken| subnets.contains(taken)));
            drop(state);
            if !exists && overlaps {
                let why = "Error response from daemon: Pool overlaps with other one on this address space";
                return Err((1, why.to_owned()));
            }
            if !exists {
                self.fake.change(|state| {
                    self.fake.add_network(state, &name, &driver, labels);
                    let made = state.networks.get_mut(&name);
                    made.into_iter()
                        .for_each(|network| network.subnets.clone_from(&subnets));
                });
            }
        }
        for (name, driver, labels) in project.volumes() {
            let exists = self.fake.lock().volumes.contains_key(&name);
            if !exists {
                self.fake
                    .change(|state| self.fake.add_volume(state, &name, &driver, labels));
            }
        }
        Ok(())
    }

    fn replica(
        &mut self,
        project: &Project,
        (service, number): (&str, u64),
        starts: bool,
    ) -> Result<(), (i32, String)> {
        let machine = project.machine(service, number);
        let name = machine.name.clone();
        let existing = self.fake.lock().find(&name).map(|machine| machine.id.clone());
        let id = match existing {
            Some(id) => id,
            None => {
                self.spend()?;
                let networks = self.fake.lock().networks.clone();
                if let Some(gone) = machine.networks.keys().find(|it| !networks.contains_key(*it)) {
                    return Err((1, format!("network {gone} not found")));
                }
                self.fake.add(machine).map_err(|problem| (1, problem.answer))?
            }
        };
        if !starts {
            return Ok(());
        }
        self.fake
            .launch(&id)
            .map_err(|problem| (1, format!("Error response from daemon: {}", problem.answer)))?;
        (self.line)(Stream::Stderr, &format!(" Container {name}  Started"));
        Ok(())
    }

    /// Makes one thing more, or dies of it.
    pub(super) fn spend(&mut self) -> Result<(), (i32, String)> {
        if self.left == Some(0) {
            self.dead = true;
            return Err((137, String::new()));
        }
        self.left = self.left.map(|left| left - 1);
        Ok(())
    }

    /// Waits until what a service depends on is as its conditions say.
    async fn conditions(&self, project: &Project, service: &str) -> Result<(), (i32, String)> {
        for (on, condition) in project.depends_on(service) {
            let mut changed = self.fake.shared.changed.subscribe();
            loop {
                changed.borrow_and_update();
                let members = self.members(&project.name, std::slice::from_ref(&on));
                if let Some(dead) = members.iter().find(|machine| is_lost(machine, &condition)) {
                    if !project.requires(service, &on) {
                        break;
                    }
                    let why = if dead.state == "exited" {
                        format!("exited ({})", dead.exit)
                    } else {
                        "is unhealthy".into()
                    };
                    return Err((1, format!("dependency failed to start: container {} {why}", dead.name)));
                }
                if members.iter().all(|machine| is_met(machine, &condition)) {
                    break;
                }
                if changed.changed().await.is_err() {
                    return Err((1, "the engine is gone".into()));
                }
            }
        }
        Ok(())
    }

    fn down(&self, project: &Project, wanted: &Words) -> Done {
        for machine in self.members(&project.name, &[]) {
            self.fake.erase(&machine.id);
        }
        let is_ours = |labels: &Labels| labels.get(PROJECT) == Some(&project.name);
        let (networks, volumes) = {
            let state = self.fake.lock();
            let networks = state.networks.values().filter(|network| is_ours(&network.labels));
            let volumes = state.volumes.values().filter(|volume| is_ours(&volume.labels));
            let names = networks.map(|network| network.name.clone()).collect::<Vec<_>>();
            (names, volumes.map(|volume| volume.name.clone()).collect::<Vec<_>>())
        };
        for network in networks {
            self.fake
                .remove_network(&network)
                .map_err(|problem| (1, problem.answer))?;
        }
        if wanted.rest.iter().any(|word| word == "-v" || word == "--volumes") {
            for volume in volumes {
                self.fake
                    .remove_volume(&volume)
                    .map_err(|problem| (1, problem.answer))?;
            }
        }
        Ok(String::new())
    }

    async fn each(&self, project: &Project, wanted: &Words) -> Done {
        for machine in self.members(&project.name, &wanted.rest) {
            match wanted.command.as_str() {
                "stop" => self.fake.halt(&machine.id, std::time::Duration::from_secs(10)).await,
                "kill" => self.fake.signal(&machine.id, "KILL"),
                _ => self.fake.launch(&machine.id).map_err(|problem| (1, problem.answer))?,
            }
        }
        Ok(String::new())
    }

    /// The containers of a project, or of those of its services that are named.
    fn members(&self, project: &str, words: &[String]) -> Vec<Machine> {
        let services: Vec<_> = words.iter().filter(|word| !word.starts_with('-')).collect();
        let state = self.fake.lock();
        let members = state.machines.values().filter(|machine| {
            machine.labels.get(PROJECT).is_some_and(|name| name == project)
                && (services.is_empty() || services.contains(&&machine.labels[SERVICE]))
        });
        members.cloned().collect()
    }
}

fn is_met(machine: &Machine, condition: &str) -> bool {
    match condition {
        "service_healthy" => machine.health == Some("healthy"),
        "service_completed_successfully" => machine.state == "exited" && machine.exit == 0,
        _ => machine.run > 0,
    }
}

fn is_lost(machine: &Machine, condition: &str) -> bool {
    match condition {
        "service_healthy" => machine.state == "exited" || machine.health == Some("unhealthy") && machine.runs(),
        "service_completed_successfully" => machine.state == "exited" && machine.exit != 0,
        _ => false,
    }
}
