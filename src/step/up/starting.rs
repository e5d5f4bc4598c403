//! The compose tool at work, and the world watched until each service is as it should be.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::super::{Cx, Done, NodeHandle, describe, fixed_ports, fixed_subnets, startable, tool};
use crate::engine::world::{Becomes, ContainerState, Dead, Run, State, Verdict, Waited, Wanted, readiness};
use crate::engine::{ToolCall, ToolEnd, of_the_surroundings};
use crate::event::Fault;
use crate::stack::StackPlan;

/// How long a container that was restarted must have run, at least and at most: twice as long as it ever did before. After
/// ten seconds Docker, too, takes it to run.
const STEADY: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(10));

/// How often the containers of a project were started.
fn runs(state: &State, project: &str) -> BTreeMap<String, usize> {
    let all = state.present().filter(|container| container.project == project);
    all.map(|container| (container.id.clone(), container.runs.len()))
        .collect()
}

/// The compose tool at work, and the world watched meanwhile.
pub(super) struct Starting<'a> {
    /// How often each container of the project had been started before the tool: the end of such a run is no news.
    before: BTreeMap<String, usize>,
    cx: &'a Cx,
    node: &'a NodeHandle,
    plan: &'a StackPlan,
    wanted: Vec<Wanted>,
    /// How long all has to stay as it should be.
    stable: Duration,
    /// When each run of a container that was restarted was first seen.
    seen: Mutex<BTreeMap<(String, usize), Instant>>,
}

impl<'a> Starting<'a> {
    /// What is there now is from before.
    pub(super) fn of(
        cx: &'a Cx,
        node: &'a NodeHandle,
        plan: &'a StackPlan,
        (wanted, stable): (Vec<Wanted>, Duration),
    ) -> Self {
        Starting {
            before: runs(&node.world.snapshot(), &plan.project),
            cx,
            node,
            plan,
            wanted,
            stable,
            seen: Mutex::default(),
        }
    }
}

impl Starting<'_> {
    /// The services whose end is news: all but those that may end as they like.
    pub(super) fn lasting(&self) -> impl Iterator<Item = &str> {
        let lasting = self.wanted.iter().filter(|wanted| !wanted.optional);
        lasting.map(|wanted| wanted.service.as_str())
    }

    /// Makes the containers, and starts none.
    pub(super) async fn create(&self, call: ToolCall) -> Done<()> {
        match self.tool(call).await? {
            Some((ended, _)) if ended.exit == Some(0) => Ok(()),
            Some((ended, lines)) => Err(self.tool_failed(&ended, &lines).await),
            None => self.ready().await,
        }
    }

    pub(super) async fn run(&self, call: ToolCall) -> Done<()> {
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
            if attempt < tool::TRIES && of_the_surroundings(&lines) && Instant::now() < self.cx.deadline {
                let first = lines.lines().last().unwrap_or_default();
                tool::retried(self.cx, &format!("up of `{}`: {first}", self.plan.name));
                continue;
            }
            return Err(self.tool_failed(&ended, &lines).await);
        }
        Ok(())
    }

    /// Runs the tool; none when a container died for good before it ended: then the tool is ended, too.
    async fn tool(&self, mut call: ToolCall) -> Done<Option<(ToolEnd, String)>> {
        call.limit = tool::limit(self.cx, (&self.plan.name, "brought up"))?;
        let dead = self.node.world.until(
            |state| match self.look(state) {
                // At what the engine refuses the tool ends by itself, and may be tried again.
                Some(Err(dead)) => self
                    .any_new(state, dead.iter().filter(|dead| !dead.refused))
                    .then_some(()),
                _ => None,
            },
            self.cx.deadline,
        );
        let work = tool::run(self.node, call);
        let ended = self.cx.timed("create", async {
            tokio::select! {
                ended = work => Some(ended),
                // Only a death ends the tool early; at its limit it ends by itself.
                Ok(()) = dead => None,
            }
        });
        match ended.await {
            None => Ok(None),
            Some(Err(error)) => Err(vec![self.cx.engine_fault(&error)]),
            Some(Ok(said)) => Ok(Some(said)),
        }
    }

    /// True where not all that is dead was so before the tool began, which starts or replaces it: what was there and was
    /// stopped since, the tool may have. A start that was refused is no run.
    fn any_new<'d>(&self, state: &State, mut dead: impl Iterator<Item = &'d Dead>) -> bool {
        let now = runs(state, &self.plan.project);
        let is_of_before = |id: &String| {
            let by_hand = state.container(id).is_some_and(|container| container.by_hand);
            self.before.contains_key(id) && (by_hand || self.before.get(id) == now.get(id))
        };
        dead.any(|dead| dead.refused || !is_of_before(&dead.id))
    }

    /// A look at the services: ready, dead for good, or not decided yet: then what is seen is told.
    fn look(&self, state: &State) -> Option<Result<(), Vec<Dead>>> {
        match self.verdict(state, &self.wanted) {
            Verdict::Ready => Some(Ok(())),
            Verdict::Dead(dead) => Some(Err(dead)),
            Verdict::NotYet(seen) => {
                self.cx
                    .waiting(&format!("`{}` to be up", self.plan.name), &seen.join(", "));
                None
            }
        }
    }

    fn verdict(&self, state: &State, wanted: &[Wanted]) -> Verdict {
        let steady = |container: &ContainerState| self.steady_at(container).is_none_or(|at| at <= Instant::now());
        readiness(state, &self.plan.project, wanted, steady)
    }

    /// When a container runs steadily; none where it always did: it was not restarted, or not since before.
    fn steady_at(&self, container: &ContainerState) -> Option<Instant> {
        let run = container.runs.len();
        if container.restarts == 0 || self.before.get(&container.id) == Some(&run) {
            return None;
        }
        let lasted = |run: &Run| Some(run.ended?.at?.saturating_sub(run.started));
        let longest = container.runs.iter().filter_map(lasted).max().unwrap_or_default();
        let twice = Duration::from_nanos(u64::try_from(longest).unwrap_or_default()).saturating_mul(2);
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let since = *seen.entry((container.id.clone(), run)).or_insert_with(Instant::now);
        Some(since + twice.clamp(STEADY.0, STEADY.1))
    }

    /// When the next of the containers that were restarted will have run for long enough.
    fn next_steady(&self, state: &State) -> Option<Instant> {
        let all = self.wanted.iter();
        let all = all.flat_map(|wanted| state.of_service(&self.plan.project, &wanted.service));
        let running = all.filter(|container| container.is_running());
        let times = running.filter_map(|container| self.steady_at(&container));
        times.filter(|at| *at > Instant::now()).min()
    }

    async fn synced(&self) -> Done<()> {
        let synced = self.node.world.sync().await;
        synced.map_err(|error| vec![self.cx.engine_fault(&error)])
    }

    /// Looks once more, behind a barrier of whoever asks: what has no healthcheck runs from its first moment on, and may have
    /// ended in the next one. Those that still run are remembered, for what fails later.
    pub(super) async fn still(&self) -> Done<()> {
        if self.verdict(&self.node.world.snapshot(), &self.wanted) != Verdict::Ready {
            self.ready().await?;
        }
        let state = self.node.world.snapshot();
        let lasting = self.wanted.iter().filter(|wanted| wanted.becomes != Becomes::Completed);
        let containers = lasting.flat_map(|wanted| state.of_service(&self.plan.project, &wanted.service));
        for container in containers.filter(|container| container.health.is_none()) {
            self.cx.takes_for_running(&container);
        }
        Ok(())
    }

    /// Waits until every service is as it should be, and has been for so long as it has to stay so.
    async fn ready(&self) -> Done<()> {
        let mut armed = None;
        let mut since: Option<Instant> = None;
        loop {
            // No event tells that a container has run for long enough, nor that all has stayed as it is.
            let stable = since.map(|since| since + self.stable);
            let wakes = [armed, stable].into_iter().flatten();
            let until = wakes.fold(self.cx.deadline, Instant::min);
            let look = |state: &State| match (self.look(state), since) {
                (Some(Ok(())), Some(_)) if stable.is_some_and(|stable| Instant::now() < stable) => {
                    let what = format!("`{}` to be up", self.plan.name);
                    self.cx.waiting(&what, "all is as it should be, and has to stay so");
                    None
                }
                (Some(Ok(())), None) if !self.stable.is_zero() => Some(None),
                (None, since) if since.is_some() || self.next_steady(state) != armed => Some(None),
                (None, _) => None,
                (decided, _) => Some(decided),
            };
            match self.node.world.until(look, until).await {
                Ok(Some(Ok(()))) => return Ok(()),
                Ok(Some(Err(dead))) => return Err(self.all_dead(&dead).await),
                Ok(None) => {}
                Err(Waited::Limit) if Instant::now() < self.cx.deadline => {}
                Err(Waited::Limit) => return Err(self.late().await),
                Err(Waited::EngineAway(error)) => return Err(vec![self.cx.engine_fault(&error)]),
            }
            let state = self.node.world.snapshot();
            let is_ready = self.verdict(&state, &self.wanted) == Verdict::Ready;
            since = is_ready.then(|| since.unwrap_or_else(Instant::now));
            armed = self.next_steady(&state);
        }
    }

    /// The fault of a stack that was not up in time.
    async fn late(&self) -> Vec<Fault> {
        let (limit, setting) = self.cx.passed_limit();
        let mut fault = Fault::failure(format!("`{}` was not up within {limit}", self.plan.name)).hint(setting);
        fault.actual = self.cx.observed();
        let mut fault = fault.at(self.cx.span.place());
        for container in self.unready() {
            fault = describe::described(self.cx, self.node, &container, fault).await;
        }
        vec![fault]
    }

    /// The containers of services that are not yet as they should be.
    fn unready(&self) -> Vec<String> {
        let state = self.node.world.snapshot();
        let not_yet = self
            .wanted
            .iter()
            .filter(|wanted| self.verdict(&state, std::slice::from_ref(wanted)) != Verdict::Ready);
        let containers = not_yet.flat_map(|wanted| state.of_service(&self.plan.project, &wanted.service));
        containers.take(3).map(|container| container.id.clone()).collect()
    }

    /// A fault for each container that died for good.
    async fn all_dead(&self, dead: &[Dead]) -> Vec<Fault> {
        let mut faults = Vec::new();
        for one in dead {
            let fault = if one.refused {
                self.refused(one).await
            } else {
                self.ended(one)
            };
            faults.push(describe::described(self.cx, self.node, &one.id, fault).await);
        }
        faults
    }

    /// The failure of a container that ended by itself. Of a good end nothing in the stack's files says that it is one.
    fn ended(&self, dead: &Dead) -> Fault {
        let fault = Fault::failure(format!("`{}` {}", dead.service, dead.why)).at(self.cx.span.place());
        if dead.why != "exited with code 0" {
            return match startable::hint_of_service(&dead.why) {
                Some(hint) => fault.hint(hint),
                None => fault,
            };
        }
        let (stack, service) = (&self.plan.name, &dead.service);
        fault.hint(format!(
            "if it is a job that ends, say so: `up: {{stack: {stack}, completes: [{service}]}}`"
        ))
    }

    /// The error of a container that the engine could not start; who has its port is named.
    async fn refused(&self, dead: &Dead) -> Fault {
        let holder = fixed_ports::refused(self.cx, self.node, (self.plan, &dead.why)).await;
        let fault = || Fault::error(format!("`{}` {}", dead.service, dead.why)).at(self.cx.span.place());
        holder.unwrap_or_else(fault)
    }

    /// The tool failed: because a container is not as it should be, or by itself.
    async fn tool_failed(&self, ended: &ToolEnd, lines: &str) -> Vec<Fault> {
        // What the tool complains of may be newer than what the event stream has told.
        if let Err(faults) = self.synced().await {
            return faults;
        }
        let state = self.node.world.snapshot();
        if let Verdict::Dead(dead) = self.verdict(&state, &self.wanted)
            && self.any_new(&state, dead.iter())
        {
            return self.all_dead(&dead).await;
        }
        if fixed_subnets::is_refused(lines) {
            let subnets = self.plan.fixed_subnets();
            let held = fixed_subnets::held(self.node, &subnets, &self.plan.project, &self.cx.case.id).await;
            if let Ok(faults) = held
                && !faults.is_empty()
            {
                return faults;
            }
        }
        vec![tool::complaint(self.cx, self.plan, ended, lines)]
    }
}
