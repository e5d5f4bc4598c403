//! `up`: starts a compose stack, and waits until each service is as it should be.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::command::TAIL;
use super::fixed_ports::held_by_containers;
use super::{About, Act, Binder, Body, Cx, Done, NodeHandle, Sort, Written, describe};
use crate::diagnostic::Diagnostic;
use crate::engine::world::{Becomes, Dead, State, Verdict, Waited, Wanted, readiness};
use crate::engine::{Reason, Stream, Tool, ToolCall, ToolEnd};
use crate::event::{Fault, What};
use crate::shape::{Text, shape};
use crate::stack::StackPlan;
use crate::substitute::Rewritten;

/// See the table.
pub(super) const ABOUT: About = About {
    name: "up",
    does: "Starts a compose stack, or some of its services, and waits until each is as it should be.",
    manual: "A service with a healthcheck must become healthy, one without must run, and one that others wait for with \
             `service_completed_successfully`, or that is listed under `completes`, must end with exit code 0. A container \
             that dies or turns unhealthy ends the wait at once, unless its restart policy starts it again; its exit code, \
             health output and last log lines are shown.",
    example: "- up: shop\n- up: {stack: shop, services: [db, migrate], completes: [migrate]}\n  timeout: 2m",
    sort: Sort::Action,
    limit: Duration::from_secs(300),
    results: &[],
    defaults: &[],
    locals: &[],
};

/// How often `up` is tried again when the surroundings fail.
const TRIES: u32 = 3;

shape! {
    /// A stack to bring up.
    pub struct Up ("`up`") short stack {
        /// The stack.
        stack: Text,
        /// Only these services, and those that they depend on.
        services: Vec<Text>,
        /// Services that end by themselves, with exit code 0.
        completes: Vec<Text>,
    }
}

impl Written for Up {
    fn title(&self) -> String {
        self.stack.shown()
    }

    fn bind(&self, binder: &mut Binder<'_>) -> Option<Body> {
        let stack = binder.stack(&self.stack)?;
        if binder.fixed.stacks[stack].mounts_paths {
            binder.makes_files();
        }
        for name in self.services.iter().chain(&self.completes) {
            let Some(literal) = name.as_literal() else {
                continue;
            };
            let known = &binder.fixed.stacks[stack].services;
            if !known.contains_key(literal) {
                let problem = Diagnostic::unknown(&name.span, "service", literal, known.keys().map(String::as_str));
                binder.problems.push(problem);
            }
        }
        Some(Body::Act(Arc::new(Bound {
            stack,
            services: self.services.clone(),
            completes: self.completes.clone(),
        })))
    }
}

#[derive(Debug)]
struct Bound {
    stack: usize,
    services: Vec<Text>,
    completes: Vec<Text>,
}

#[async_trait]
impl Act for Bound {
    async fn act(&self, cx: &Cx) -> Done<Value> {
        let plan = Arc::clone(&cx.case.versions[self.stack]);
        let mut services = Vec::new();
        for service in &self.services {
            services.push(cx.text(service).await?);
        }
        let (input, mut rewritten) = plan
            .rewrite(&cx.scope, &cx.case.files)
            .map_err(|problems| refused(cx, &problems))?;
        for service in &self.completes {
            rewritten.completes.insert(cx.text(service).await?);
        }
        let files = write(cx, &rewritten, &plan).await?;
        let node = cx.case.node_of(plan.id);
        free_ports(cx, &node, &plan).await?;
        if let Some(state) = cx.case.state().stacks.get_mut(&plan.id) {
            state.plan = Arc::clone(&plan);
            state.files = files;
        }
        let mut arguments = rewritten.arguments(&plan.copies);
        arguments.extend(["up", "--detach", "--no-build", "--remove-orphans"].map(str::to_owned));
        arguments.extend(services.iter().cloned());
        let call = ToolCall {
            tool: Tool::Compose,
            arguments,
            env: input.tool_env(),
            folder: rewritten.directory.clone(),
            stdin: None,
            limit: cx.deadline.saturating_duration_since(Instant::now()),
        };
        let wanted = wanted(&rewritten, &services);
        node.world.sync().await.map_err(|error| vec![cx.engine_fault(&error)])?;
        Starting {
            before: runs(&node.world.snapshot(), &plan.project),
            cx,
            node: &node,
            plan: &plan,
            wanted,
        }
        .run(call)
        .await?;
        Ok(json!({}))
    }

    fn waits_itself(&self) -> bool {
        true
    }
}

fn refused(cx: &Cx, problems: &[Diagnostic]) -> Vec<Fault> {
    let told = problems.iter().map(|problem| {
        let fault = Fault::error(problem.message.clone()).at(problem.span.place());
        match &problem.help {
            Some(help) => fault.hint(help.clone()),
            None => fault,
        }
    });
    let told: Vec<Fault> = told.collect();
    if told.is_empty() {
        cx.error("the stack's files cannot be rewritten")
    } else {
        told
    }
}

/// Writes the copies into the results: they are what was run, and can be looked at.
async fn write(cx: &Cx, rewritten: &Rewritten, plan: &StackPlan) -> Done<Vec<std::path::PathBuf>> {
    let mut files = Vec::new();
    for file in &rewritten.files {
        let path = plan.copies.join(&file.path);
        let written = cx.case.host.write_file(&path, file.text.as_bytes()).await;
        written.map_err(|why| cx.error(format!("cannot write `{}`: {why}", path.display())))?;
        files.push(path);
    }
    Ok(files)
}

/// Ports that stay fixed must be free still; who has one is named.
async fn free_ports(cx: &Cx, node: &NodeHandle, plan: &StackPlan) -> Done<()> {
    let ports = plan.fixed_ports();
    if ports.is_empty() {
        return Ok(());
    }
    let faults = cx.asked(held_by_containers(node, &ports, &cx.case.id)).await?;
    if faults.is_empty() { Ok(()) } else { Err(faults) }
}

/// What each service should become: those that are named with all that they depend on, or all active ones.
fn wanted(rewritten: &Rewritten, services: &[String]) -> Vec<Wanted> {
    let mut names: Vec<&String> = if services.is_empty() {
        rewritten
            .services
            .iter()
            .filter(|(_, service)| service.active)
            .map(|(name, _)| name)
            .collect()
    } else {
        services.iter().collect()
    };
    let mut at = 0;
    while at < names.len() {
        let needs = rewritten
            .services
            .get(names[at])
            .map(|service| service.depends_on.keys());
        for need in needs.into_iter().flatten() {
            if !names.contains(&need) && rewritten.services.contains_key(need) {
                names.push(need);
            }
        }
        at += 1;
    }
    let all = names.into_iter().filter_map(|name| {
        let service = rewritten.services.get(name)?;
        let becomes = if rewritten.completes.contains(name) {
            Becomes::Completed
        } else if service.healthcheck != Some(false) {
            // Where the file does not say, the image may have a healthcheck: its container shows it.
            Becomes::Healthy
        } else {
            Becomes::Running
        };
        Some(Wanted {
            service: name.clone(),
            replicas: u32::try_from(service.replicas).unwrap_or(u32::MAX),
            becomes,
        })
    });
    all.collect()
}

/// How often the containers of a project were started.
fn runs(state: &State, project: &str) -> BTreeMap<String, usize> {
    let all = state.present().filter(|container| container.project == project);
    all.map(|container| (container.id.clone(), container.runs.len()))
        .collect()
}

/// The compose tool at work, and the world watched meanwhile.
struct Starting<'a> {
    /// How often each container of the project had been started before the tool: the end of such a run is no news.
    before: BTreeMap<String, usize>,
    cx: &'a Cx,
    node: &'a NodeHandle,
    plan: &'a StackPlan,
    wanted: Vec<Wanted>,
}

impl Starting<'_> {
    async fn run(&self, call: ToolCall) -> Done<()> {
        for attempt in 1.. {
            let (ended, lines) = match self.tool(call.clone()).await? {
                Some(ended) => ended,
                // A container died for good while the tool was still at it.
                None => return self.ready().await,
            };
            if ended.exit == Some(0) {
                // What the tool has started or replaced may be newer than what the event stream has told.
                self.synced().await?;
                return self.cx.timed("wait", self.ready()).await;
            }
            if ended.exit.is_none() && Instant::now() >= self.cx.deadline {
                // The tool was still waiting for containers: they tell why.
                self.ready().await?;
            }
            if attempt < TRIES && of_the_surroundings(&lines) {
                let first = lines.lines().last().unwrap_or_default();
                let text = format!("up of `{}`: {first}", self.plan.name);
                self.cx.case.emitter.emit(What::Retried {
                    path: Some(self.cx.step.path.clone()),
                    text,
                });
                continue;
            }
            return Err(self.tool_failed(&ended, &lines).await);
        }
        Ok(())
    }

    /// Runs the tool; none when a container died for good before it ended: then the tool is ended, too.
    async fn tool(&self, call: ToolCall) -> Done<Option<(ToolEnd, String)>> {
        let output = Arc::new(Mutex::new(String::new()));
        let told = {
            let output = Arc::clone(&output);
            Arc::new(move |_: Stream, line: &str| {
                let mut output = output.lock().unwrap_or_else(PoisonError::into_inner);
                output.push_str(line);
                output.push('\n');
            })
        };
        let engine = Arc::clone(&self.node.engine);
        let dead = self.node.world.until(
            |state| match self.look(state) {
                Some(Err(dead)) => (!self.are_from_before(state, &dead)).then_some(()),
                _ => None,
            },
            self.cx.deadline,
        );
        let work = engine.tool(call, told);
        let ended = self.cx.timed("create", async {
            tokio::select! {
                ended = work => Some(ended),
                // Only a death ends the tool early; at its limit it ends by itself.
                Ok(()) = dead => None,
            }
        });
        match ended.await {
            None => Ok(None),
            Some(Err(error)) if error.reason != Reason::Limit => Err(vec![self.cx.engine_fault(&error)]),
            Some(ended) => {
                let lines = output.lock().unwrap_or_else(PoisonError::into_inner).clone();
                Ok(Some((ended.unwrap_or_default(), lines)))
            }
        }
    }

    /// True where all that is dead was so before the tool began, which starts or replaces it.
    fn are_from_before(&self, state: &State, dead: &[Dead]) -> bool {
        let now = runs(state, &self.plan.project);
        dead.iter()
            .all(|dead| self.before.contains_key(&dead.id) && self.before.get(&dead.id) == now.get(&dead.id))
    }

    /// A look at the services: ready, dead for good, or not decided yet: then what is seen is told.
    fn look(&self, state: &State) -> Option<Result<(), Vec<Dead>>> {
        match readiness(state, &self.plan.project, &self.wanted) {
            Verdict::Ready => Some(Ok(())),
            Verdict::Dead(dead) => Some(Err(dead)),
            Verdict::NotYet(seen) => {
                self.cx
                    .waiting(&format!("`{}` to be up", self.plan.name), &seen.join(", "));
                None
            }
        }
    }

    async fn synced(&self) -> Done<()> {
        let synced = self.node.world.sync().await;
        synced.map_err(|error| vec![self.cx.engine_fault(&error)])
    }

    /// Waits until every service is as it should be.
    async fn ready(&self) -> Done<()> {
        let waited = self.node.world.until(|state| self.look(state), self.cx.deadline);
        match waited.await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(dead)) => Err(self.all_dead(&dead).await),
            Err(Waited::Limit) => {
                let mut fault = Fault::failure(format!(
                    "`{}` was not up within {}",
                    self.plan.name,
                    crate::event::duration_text(self.cx.limit.as_secs_f64())
                ))
                .at(self.cx.span.place());
                fault.actual = self.cx.observed();
                for container in self.unready() {
                    fault = describe::described(self.cx, self.node, &container, fault).await;
                }
                Err(vec![fault])
            }
            Err(Waited::EngineAway(error)) => Err(vec![self.cx.engine_fault(&error)]),
        }
    }

    /// The containers of services that are not yet as they should be.
    fn unready(&self) -> Vec<String> {
        let state = self.node.world.snapshot();
        let not_yet = self
            .wanted
            .iter()
            .filter(|wanted| readiness(&state, &self.plan.project, std::slice::from_ref(wanted)) != Verdict::Ready);
        let containers = not_yet.flat_map(|wanted| state.of_service(&self.plan.project, &wanted.service));
        containers.take(3).map(|container| container.id.clone()).collect()
    }

    /// A fault for each container that died for good.
    async fn all_dead(&self, dead: &[Dead]) -> Vec<Fault> {
        let mut faults = Vec::new();
        for one in dead {
            let fault = Fault::failure(format!("`{}` {}", one.service, one.why)).at(self.cx.span.place());
            faults.push(describe::described(self.cx, self.node, &one.id, fault).await);
        }
        faults
    }

    /// The tool failed: because a container is not as it should be, or by itself.
    async fn tool_failed(&self, ended: &ToolEnd, lines: &str) -> Vec<Fault> {
        // What the tool complains of may be newer than what the event stream has told.
        if let Err(faults) = self.synced().await {
            return faults;
        }
        let state = self.node.world.snapshot();
        if let Verdict::Dead(dead) = readiness(&state, &self.plan.project, &self.wanted)
            && !self.are_from_before(&state, &dead)
        {
            return self.all_dead(&dead).await;
        }
        let why = match ended.exit {
            Some(exit) => format!("the compose tool ended with exit code {exit}"),
            None if Instant::now() < self.cx.deadline => "the compose tool was ended by a signal".to_owned(),
            None => format!(
                "the compose tool did not end within {}",
                crate::event::duration_text(self.cx.limit.as_secs_f64())
            ),
        };
        let tail: Vec<&str> = lines.lines().rev().take(TAIL).collect();
        let tail = tail.into_iter().rev().collect::<Vec<_>>().join("\n");
        let fault = Fault::error(format!("`{}` could not be brought up: {why}", self.plan.name));
        vec![
            fault
                .at(self.cx.span.place())
                .detail("what the compose tool said", tail),
        ]
    }
}

/// A failure that another try may not meet.
fn of_the_surroundings(lines: &str) -> bool {
    let known = [
        "port is already allocated",
        "address already in use",
        "address pool",
        "toomanyrequests",
        "TLS handshake timeout",
    ];
    known.iter().any(|known| lines.contains(known))
}
