//! `up`: starts a compose stack, and waits until each service is as it should be.

mod copied;
mod starting;
mod wanted;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use serde_json::{Value, json};
use tokio::time::timeout_at;

use super::command::texts;
use super::converging::members;
use super::down::{read_all, stop_all};
use super::fixed_ports::held_by_others;
use super::{About, Act, Binder, Body, Cx, Done, NodeHandle, Sort, Written, expected, unmade};
use crate::diagnostic::{Diagnostic, Spanned};
use crate::engine::{Tool, ToolCall};
use crate::event::Fault;
use crate::shape::{Text, shape};
use crate::stack::{STACKS, StackPlan};
use crate::substitute::{Rewritten, ServiceInfo, StackKind};
pub use copied::Put;
pub(super) use copied::rewritten;
use starting::Starting;

/// See the table.
pub(super) const ABOUT: About = About {
    name: "up",
    does: "Starts a compose stack, or some of its services, and waits until each is as it should be.",
    manual: "A service with a healthcheck must become healthy, one without must run, and one that others wait for with \
             `service_completed_successfully`, or that is listed under `completes`, must end with exit code 0; one that others wait \
             for with `required: false` alone may end as it likes. A container \
             that dies or turns unhealthy ends the wait at once, unless its restart policy starts it again; its exit code, \
             health output and last log lines are shown. One that was restarted, and has no healthcheck, runs once it has \
             done so for a while; one that is restarted again and again while all others are up has failed. With `stable-for` \
             all has to stay as it should be for so long (default 0s): without a healthcheck nothing else tells a service that \
             ends a moment after its start from one that works. What fails after such an end says that it was so.",
    example: "- up: shop\n- up: {stack: shop, services: [db, migrate], completes: [migrate], stable-for: 1s}\n  timeout: 2m",
    sort: Sort::Action,
    limit: Duration::from_secs(300),
    results: &[],
    defaults: &[],
    locals: &[],
};

shape! {
    /// A stack to bring up.
    pub struct Up ("`up`") short stack {
        /// The stack.
        stack: Text,
        /// Only these services, and those that they depend on.
        services: Vec<Text>,
        /// Services that end by themselves, with exit code 0.
        completes: Vec<Text>,
        /// How long all has to stay as it should be (default 0s).
        stable_for: Option<Spanned<Duration>>,
    }
}

impl Written for Up {
    fn title(&self) -> String {
        self.stack.shown()
    }

    fn bind(&self, binder: &mut Binder<'_>) -> Option<Body> {
        let stack = binder.stack(&self.stack)?;
        if binder.fixed.stacks[stack].kind == StackKind::Swarm {
            let name = &self.stack.span;
            binder.problems.push(
                Diagnostic::error(name, format!("the stack `{}` is one of a swarm", self.stack.shown()))
                    .help(format!("deploy it: `deploy: {}`", self.stack.shown())),
            );
            return None;
        }
        binder.brings_up(stack);
        binder.refused_elsewhere(stack);
        binder.ungiven(stack, &self.services);
        if self.services.is_empty() {
            binder.absent_files(stack);
        }
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
            stable: self.stable_for.as_ref().map_or(Duration::ZERO, |stable| stable.value),
        })))
    }
}

#[derive(Debug)]
struct Bound {
    stack: usize,
    services: Vec<Text>,
    completes: Vec<Text>,
    stable: Duration,
}

#[async_trait]
impl Act for Bound {
    async fn act(&self, cx: &Cx) -> Done<Value> {
        let plan = Arc::clone(&cx.case.versions[self.stack]);
        let services = texts(cx, &self.services).await?;
        let completes = texts(cx, &self.completes).await?;
        let node = cx.case.node_of(plan.id);
        let rewritten = rewritten(cx, &node, &plan).await?;
        nothing_ungiven(cx, &rewritten, &services)?;
        let files = write(cx, &rewritten, &plan).await?;
        free_ports(cx, &node, &plan).await?;
        let wanted = wanted::wanted(&rewritten, &services, &completes);
        let infos = wanted.iter().filter_map(|one| rewritten.services.get(&one.service));
        let infos: Vec<&ServiceInfo> = infos.collect();
        expected::refused_of(cx, &node, &rewritten, &infos).await?;
        for image in infos.iter().filter_map(|service| service.image.as_deref()) {
            unmade::refused(cx, &node, image).await?;
        }
        if let Some(state) = cx.case.state().stacks.get_mut(&plan.id) {
            state.plan = Arc::clone(&plan);
            state.files = files;
        }
        let call = |how: &str| {
            let mut arguments = rewritten.arguments(&plan.copies);
            arguments.extend(["up", how, "--no-build", "--remove-orphans"].map(str::to_owned));
            arguments.extend(services.iter().cloned());
            ToolCall {
                tool: Tool::Compose,
                arguments,
                env: rewritten.tool_env.clone(),
                folder: rewritten.directory.clone(),
                stdin: None,
                // What is left of it when the tool is called.
                limit: Duration::ZERO,
            }
        };
        copied::volumes(cx, &node, &rewritten.copied).await?;
        // What ended before this step is none of its news.
        node.world.sync().await.map_err(|error| vec![cx.engine_fault(&error)])?;
        leave_behind(cx, &node, &plan, &rewritten).await?;
        let starting = Starting::of(cx, &node, &plan, (wanted, self.stable));
        if !rewritten.copied.files.is_empty() {
            starting.create(call("--no-start")).await?;
            copied::files(cx, &node, (&plan.project, &rewritten.copied.files)).await?;
        }
        let started = starting.run(call("--detach")).await;
        // What ended before the tool did is known by then.
        node.world.sync().await.ok();
        let started = match started {
            Ok(()) => cx.timed("wait", starting.still()).await,
            failed => failed,
        };
        match &started {
            Ok(()) => cx.case.watch(&node, &plan.project, starting.lasting()),
            Err(_) => cx.case.unwatch(&plan.project, None),
        }
        started?;
        Ok(json!({}))
    }

    fn waits_itself(&self) -> bool {
        true
    }
}

/// Stops the containers of services that the files have no more, and reads their logs: the tool removes them, and its first
/// version kills them before.
async fn leave_behind(cx: &Cx, node: &NodeHandle, plan: &StackPlan, rewritten: &Rewritten) -> Done<()> {
    let mut orphans = members(node, plan);
    orphans.retain(|container| !container.one_off && !rewritten.services.contains_key(&container.service));
    let running = orphans.iter().filter(|container| container.is_running());
    let running: Vec<String> = running.map(|container| container.id.clone()).collect();
    if let Ok(stopped) = timeout_at(cx.deadline, stop_all(cx, node, &running)).await {
        stopped?;
    }
    read_all(cx, &orphans).await;
    Ok(())
}

/// Refuses services with secrets or configs that nobody gives: of names that are computed only now is it known.
fn nothing_ungiven(cx: &Cx, rewritten: &Rewritten, services: &[String]) -> Done<()> {
    let named = || services.iter().map(String::as_str);
    let ungiven = rewritten.ungiven.iter();
    let ungiven = ungiven.filter(|ungiven| ungiven.is_wanted(named(), services.is_empty()));
    let told: Vec<Diagnostic> = ungiven.map(|ungiven| ungiven.told.clone()).collect();
    if told.is_empty() {
        return Ok(());
    }
    Err(refused(cx, &told))
}

pub(super) fn refused(cx: &Cx, problems: &[Diagnostic]) -> Vec<Fault> {
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

/// Writes the copies: they are what is run, and those in the results can be looked at. Where something is hidden in the
/// results, the tool reads others, which nobody else finds.
pub(super) async fn write(cx: &Cx, rewritten: &Rewritten, plan: &StackPlan) -> Done<Vec<std::path::PathBuf>> {
    let mut files = Vec::new();
    for file in &rewritten.files {
        let path = plan.copies.join(&file.path);
        let shown = cx.case.results.join(STACKS).join(&plan.name).join(&file.path);
        let written = if path == shown {
            cx.case.host.write_file(&path, file.text.as_bytes()).await
        } else {
            cx.case.write_masked(&shown, &file.text).await;
            cx.case.host.write_hidden(&path, file.text.as_bytes()).await
        };
        written.map_err(|why| cx.error(format!("cannot write `{}`: {why}", path.display())))?;
        files.push(path);
    }
    Ok(files)
}

/// Ports that stay fixed must be free still; who has one is named.
pub(super) async fn free_ports(cx: &Cx, node: &NodeHandle, plan: &StackPlan) -> Done<()> {
    let ports = plan.fixed_ports();
    if ports.is_empty() {
        return Ok(());
    }
    let faults = cx.asked(held_by_others(cx, node, &ports)).await?;
    if faults.is_empty() { Ok(()) } else { Err(faults) }
}
