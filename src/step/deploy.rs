//! `deploy`: deploys a swarm stack, and waits until all its services have converged.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::changing::STABLE;
use super::converging::{Converging, may_fail, members};
use super::up::{free_ports, refused, rewritten, write};
use super::{About, Act, Binder, Body, Cx, Done, NodeHandle, Sort, Written, expected, tool, unmade};
use crate::diagnostic::{Diagnostic, Spanned};
use crate::engine::swarm::Rules;
use crate::engine::{Tool, ToolCall, of_the_surroundings};
use crate::shape::{Text, shape};
use crate::stack::StackPlan;
use crate::substitute::{Rewritten, StackKind};

/// How a swarm says that it changes no secret and no config.
const UNCHANGEABLE: &str = "only updates to Labels are allowed";
/// What to write then.
const ANOTHER: &str = "a swarm changes no secret and no config, and what one is made of has changed since: another version of the \
                       stack (`version-of`) that makes it of another file gives it a name of its own";

/// See the table.
pub(super) const ABOUT: About = About {
    name: "deploy",
    does: "Deploys a swarm stack, and waits until all its services have converged.",
    manual: "A service has converged when as many tasks as it wants are running (healthy, if it has a healthcheck), none of a \
             former version is left, and no update of it goes on; a global one has a task on each node that its constraints \
             allow (where that is none a note tells why), and none is fine where none is wanted. A task that has ended with exit \
             code 0 counts where nothing follows it (`restart_policy` `none` or `on-failure`, and jobs); under `completes` stand \
             services whose tasks must have done so, whatever follows them. One that completes three times and is started again \
             each time ends the wait: it never runs on. \
             All services are waited for at once, and have to stay as they are for `stable-for` (default 1s). A task that is \
             rejected, or fails and is followed by no other one, and an update that is paused or rolled back end the wait at once, \
             with the task's own error, its node and its last log lines; so does one that no node takes while nothing changes that. \
             Where the restart policy has another one follow, three may fail in a place, until what they need is there (one, where \
             its healthcheck failed as often as it may and never succeeded; none, where the image has no such command or user, nothing is \
             mounted, and no other node may take it); `may-fail` is another number, 0 for none. What follows \
             has to run for half as long again as those before it, at most 10s, and what failed on the way is noted. What ends by itself later, \
             with another exit code than 0, is noted at the scenario's end, unless a step has changed the service or \
             judged its `restarts` or `exit` since. Deployed again, also as \
             another version (`version-of`), services are updated as their `update_config` says.",
    example: "- deploy: shop\n- deploy: {stack: shop, completes: [migrate], stable-for: 3s, may-fail: 0}\n  timeout: 2m",
    sort: Sort::Action,
    limit: Duration::from_secs(300),
    results: &[],
    defaults: &[],
    locals: &[],
};

shape! {
    /// A swarm stack to deploy.
    pub struct Deploy ("`deploy`") short stack {
        /// The stack.
        stack: Text,
        /// Services whose tasks end by themselves, with exit code 0.
        completes: Vec<Text>,
        /// How long all has to stay as it should be (default 1s).
        stable_for: Option<Spanned<Duration>>,
        /// How many tasks of a replica may fail before it runs (default 3 where others follow, and 0 where none does).
        may_fail: Option<Spanned<u64>>,
    }
}

impl Written for Deploy {
    fn title(&self) -> String {
        self.stack.shown()
    }

    fn bind(&self, binder: &mut Binder<'_>) -> Option<Body> {
        let stack = binder.stack(&self.stack)?;
        let names = &binder.fixed.stacks[stack];
        if names.kind == StackKind::Compose {
            let message = format!("the stack `{}` is of compose files", self.stack.shown());
            let problem = Diagnostic::error(&self.stack.span, message).help(format!(
                "bring it up: `up: {0}`; one for a swarm is written `{0}: {{swarm: FILE}}`",
                self.stack.shown()
            ));
            binder.problems.push(problem);
            return None;
        }
        let unknown = self.completes.iter().filter_map(|name| {
            let literal = name
                .as_literal()
                .filter(|literal| !names.services.contains_key(*literal))?;
            let known = names.services.keys().map(String::as_str);
            Some(Diagnostic::unknown(&name.span, "service", literal, known))
        });
        let unknown: Vec<Diagnostic> = unknown.collect();
        binder.problems.extend(unknown);
        binder.brings_up(stack);
        binder.refused_elsewhere(stack);
        binder.absent_files(stack);
        if names.mounts_paths {
            binder.makes_files();
        }
        Some(Body::Act(Arc::new(Bound {
            stack,
            completes: self.completes.clone(),
            stable: self.stable_for.as_ref().map_or(STABLE, |stable| stable.value),
            may_fail: may_fail(self.may_fail.as_ref()),
        })))
    }
}

#[derive(Debug)]
struct Bound {
    stack: usize,
    completes: Vec<Text>,
    stable: Duration,
    may_fail: Option<usize>,
}

#[async_trait]
impl Act for Bound {
    async fn act(&self, cx: &Cx) -> Done<Value> {
        let plan = Arc::clone(&cx.case.versions[self.stack]);
        let node = cx.case.node_of(plan.id);
        let rewritten = rewritten(cx, &node, &plan).await?;
        let mut completes = BTreeSet::new();
        for written in &self.completes {
            let service = cx.text(written).await?;
            if !rewritten.services.contains_key(&service) {
                let known = rewritten.services.keys().map(String::as_str);
                let unknown = Diagnostic::unknown(&written.span, "service", &service, known);
                return Err(refused(cx, &[unknown]));
            }
            completes.insert(service);
        }
        let files = write(cx, &rewritten, &plan).await?;
        in_swarm(cx, &node, &plan).await?;
        expected::refused(cx, &node, &rewritten).await?;
        free_ports(cx, &node, &plan).await?;
        for image in rewritten
            .services
            .values()
            .filter_map(|service| service.image.as_deref())
        {
            unmade::refused(cx, &node, image).await?;
        }
        if let Some(state) = cx.case.state().stacks.get_mut(&plan.id) {
            state.plan = Arc::clone(&plan);
            state.files = files;
        }
        let mut converging = Converging {
            cx,
            node: &node,
            plan: &plan,
            services: rewritten.services.keys().cloned().collect(),
            whole: true,
            rules: Rules {
                completes,
                may_fail: self.may_fail,
                ..Rules::default()
            },
            stable: self.stable,
        };
        converging.rules.known = converging.ended_before().await?;
        cx.timed("create", hand_over(cx, &node, &plan, &rewritten)).await?;
        let converged = cx.timed("wait", converging.wait()).await;
        // What the steps that follow look at are its containers.
        node.world.sync().await.map_err(|error| vec![cx.engine_fault(&error)])?;
        match &converged {
            Ok(_) => {
                members(&node, &plan).iter().for_each(|it| cx.takes_for_running(it));
                cx.case
                    .watch(&node, &plan.project, rewritten.services.keys().map(String::as_str));
            }
            Err(_) => cx.case.unwatch(&plan.project, None),
        }
        converged.map(|_| json!({}))
    }

    fn waits_itself(&self) -> bool {
        true
    }
}

/// A stack is deployed by a manager of a swarm.
async fn in_swarm(cx: &Cx, node: &NodeHandle, plan: &StackPlan) -> Done<()> {
    if cx.asked(node.engine.swarm()).await?.is_some() {
        return Ok(());
    }
    let (what, hint) = match cx.asked(node.engine.info()).await?.swarm {
        true => (
            "no manager of its swarm",
            "name a manager with `--docker HOST`; `requires: {swarm: true}` skips the scenario where there is none",
        ),
        false => (
            "in no swarm",
            "`cluster: {swarm: true}` makes a swarm of it for the scenario; `requires: {swarm: true}` skips the scenario where there is none",
        ),
    };
    Err(cx.error_with_hint(
        format!("`{}` cannot be deployed: the engine is {what}", plan.name),
        hint,
    ))
}

/// Hands the copies to the docker tool, which makes what is new and changes what is there.
async fn hand_over(cx: &Cx, node: &NodeHandle, plan: &StackPlan, rewritten: &Rewritten) -> Done<()> {
    let mut attempt = 0;
    // Newer tools are about to wait by themselves, for ever where a service ends; older ones have no word for it.
    let mut detach = Some("--detach=true");
    loop {
        let mut arguments = rewritten.deploy_arguments(&plan.copies);
        arguments.extend(detach.map(str::to_owned));
        let call = ToolCall {
            tool: Tool::Docker,
            arguments,
            env: rewritten.tool_env.clone(),
            folder: rewritten.directory.clone(),
            stdin: None,
            limit: tool::limit(cx, (&plan.name, "deployed"))?,
        };
        let told = cx.asked(tool::run(node, call)).await?;
        let (ended, lines) = told;
        if ended.exit == Some(0) {
            return Ok(());
        }
        if detach.is_some() && lines.contains("unknown flag: --detach") {
            detach = None;
            continue;
        }
        attempt += 1;
        if attempt < tool::TRIES && of_the_surroundings(&lines) && Instant::now() < cx.deadline {
            let last = lines.lines().last().unwrap_or_default();
            tool::retried(cx, &format!("deploy of `{}`: {last}", plan.name));
            continue;
        }
        let fault = tool::complaint(cx, plan, &ended, &lines);
        return Err(vec![match lines.contains(UNCHANGEABLE) {
            true => fault.hint(ANOTHER),
            false => fault,
        }]);
    }
}
