//! `up`: starts a compose stack, and waits until each service is as it should be.

mod replaced;
mod starting;
mod wanted;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::fixed_ports::held_by_containers;
use super::{About, Act, Binder, Body, Cx, Done, NodeHandle, Sort, Written, unmade};
use crate::diagnostic::Diagnostic;
use crate::engine::{Tool, ToolCall};
use crate::event::Fault;
use crate::shape::{Text, shape};
use crate::stack::StackPlan;
use crate::substitute::Rewritten;
use replaced::{Before, members};
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
             done so for a while; one that is restarted again and again while all others are up has failed.",
    example: "- up: shop\n- up: {stack: shop, services: [db, migrate], completes: [migrate]}\n  timeout: 2m",
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
    }
}

impl Written for Up {
    fn title(&self) -> String {
        self.stack.shown()
    }

    fn bind(&self, binder: &mut Binder<'_>) -> Option<Body> {
        let stack = binder.stack(&self.stack)?;
        binder.brings_up(stack);
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
        let mut completes = Vec::new();
        for service in &self.completes {
            completes.push(cx.text(service).await?);
        }
        let (input, rewritten) = plan
            .rewrite(&cx.scope, &cx.case.files)
            .map_err(|problems| refused(cx, &problems))?;
        let files = write(cx, &rewritten, &plan).await?;
        let node = cx.case.node_of(plan.id);
        free_ports(cx, &node, &plan).await?;
        let wanted = wanted::wanted(&rewritten, &services, &completes);
        let infos = wanted.iter().filter_map(|one| rewritten.services.get(&one.service));
        for image in infos.filter_map(|service| service.image.as_deref()) {
            unmade::refused(cx, &node, image).await?;
        }
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
        node.world.sync().await.map_err(|error| vec![cx.engine_fault(&error)])?;
        let before = Before {
            members: members(&node.world.snapshot(), &plan.project),
            touched: wanted.iter().map(|wanted| wanted.service.clone()).collect(),
        };
        let started = Starting::of(cx, &node, &plan, wanted).run(call).await;
        // What of it is gone was told by then, or its log is judged as one that somebody else removed.
        node.world.sync().await.ok();
        let now = members(&node.world.snapshot(), &plan.project);
        let replaced = before.replaced(&now, |service| Some(rewritten.services.get(service)?.replicas));
        cx.case.state().replaced.extend(replaced);
        started?;
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
