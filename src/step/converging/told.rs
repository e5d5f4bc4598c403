//! What is told of services that are waited for: why they have failed, what keeps them, and what happened on the way.

use super::unplaced::met_by_none;
use super::{Converging, SHOWN};
use crate::diagnostic::Spanned;
use crate::engine::of_the_surroundings;
use crate::engine::swarm::{Failed, Look, Restarted, Service, Task, Verdict, begins_again, convergence, standing};
use crate::event::{Detail, Fault, duration_text};
use crate::step::{describe, fixed_ports, startable};
use crate::substitute::{PortMode, PortRange};

/// How the scheduler says that each node has a port that it would publish itself for a task in use.
const PORT_IN_USE: &str = "host-mode port already in use";

impl Converging<'_> {
    /// A fault for each service that has failed.
    pub(super) async fn failed(&self, look: &Look, failed: &[Failed]) -> Vec<Fault> {
        let mut faults = Vec::new();
        for one in failed {
            // What it has failed by is told here.
            self.cx.case.unwatch(&self.plan.project, Some(&one.service));
            let named = match &one.task {
                None => format!("`{}`", one.service),
                Some(task) => named(look, &one.service, task),
            };
            let message = format!("{named}: {}", one.why);
            if let Some(holder) = fixed_ports::refused(self.cx, self.node, (self.plan, &one.why)).await {
                faults.push(holder.detail("what the swarm tells", message));
                continue;
            }
            let is_refused = |task: &Task| task.state == "rejected" && of_the_surroundings(&task.error);
            let fault = match one.task.as_ref().is_some_and(is_refused) {
                true => Fault::error(message),
                false => Fault::failure(message),
            };
            let fault = self.by_ports(one, fault).at(self.cx.span.place());
            let mut fault = match startable::hint_of_service(&one.why) {
                _ if one.begins_again => fault.hint(self.ends(&one.service)),
                Some(hint) => fault.hint(hint),
                None => fault,
            };
            if let Some(container) = one.task.as_ref().and_then(|task| task.container.as_ref()) {
                fault
                    .details
                    .extend(describe::details(self.cx, self.node, container).await);
                describe::said_once(&mut fault);
            }
            faults.push(fault);
        }
        faults
    }

    /// A fault with the fixed ports that keep a service's tasks off the nodes, at the place of the first of them.
    fn by_ports(&self, failed: &Failed, fault: Fault) -> Fault {
        let service = self.plan.planned.services.get(&failed.service);
        let ports = service.filter(|_| failed.why.contains(PORT_IN_USE)).into_iter();
        let of_nodes = ports.flat_map(|service| &service.ports);
        let of_nodes = of_nodes.filter(|port| port.mode == PortMode::Host);
        let fixed: Vec<&Spanned<PortRange>> = of_nodes.filter_map(|port| port.fixed.as_ref()).collect();
        let Some(first) = fixed.first() else {
            return fault;
        };
        let ports: Vec<String> = fixed.iter().map(|port| port.value.to_string()).collect();
        let ports = ports.join(", ");
        let message = format!("{}; it publishes {ports} on the node itself", fault.message);
        Fault { message, ..fault }.at(first.span.place()).hint(format!(
            "a node has each port once: no more replicas than nodes, or a free one: `substitute: {{ports: [{ports}]}}` of the stack"
        ))
    }

    /// The fault of what has not converged in time.
    pub(super) async fn late(&self, look: &Look) -> Vec<Fault> {
        let (limit, setting) = self.cx.passed_limit();
        let hint = begins_again(look, &self.rules).map_or(setting, |service| self.ends(service));
        let mut fault = Fault::failure(format!("`{}` did not converge within {limit}", self.plan.name)).hint(hint);
        fault.actual = self.cx.observed();
        let behind = look.services.iter().filter(|service| {
            let one = Look {
                services: vec![(*service).clone()],
                ..look.clone()
            };
            convergence(&one, &self.rules) != Verdict::Converged
        });
        let behind: Vec<&Service> = behind.collect();
        for service in &behind {
            let told = standing(service, look, &self.rules);
            let title = format!("`{}`", service.name);
            fault.details.extend(told.map(|text| Detail { title, text }));
        }
        let ids: Vec<&String> = behind.iter().map(|service| &service.id).collect();
        let tasks = look
            .tasks
            .iter()
            .filter(|task| ids.contains(&&task.service) && !task.has_ended());
        for container in tasks.filter_map(|task| task.container.as_ref()).take(SHOWN) {
            fault
                .details
                .extend(describe::details(self.cx, self.node, container).await);
        }
        vec![fault.at(self.cx.span.place())]
    }

    /// What to write for a service that ends by itself.
    fn ends(&self, service: &str) -> String {
        let in_file = "one that is to end has `deploy: {restart_policy: {condition: none}}` in its file";
        match self.whole {
            true => format!("{in_file}, or is named here: `completes: [{service}]`"),
            false => in_file.to_owned(),
        }
    }

    /// What is seen while all is as it should be.
    pub(super) fn staying(&self, look: &Look, restarted: &[Restarted]) -> String {
        let Some(one) = restarted
            .iter()
            .max_by_key(|one| one.proven)
            .filter(|one| one.proven > self.stable)
        else {
            return "all is as it should be, and has to stay so".to_owned();
        };
        let proven = duration_text(one.proven.as_secs_f64());
        let named = named(look, &one.service, &one.task);
        format!(
            "all is as it should be, and has to stay so for {proven}: {named} {} before",
            one.end
        )
    }

    /// Tells of tasks that ended before all was as it should be, and of services that are to run everywhere and run nowhere.
    pub(super) fn tell_of(&self, look: &Look, restarted: &[Restarted]) {
        for one in restarted {
            let named = named(look, &one.service, &one.task);
            let others = match one.count {
                1 => String::new(),
                count => format!("; so did {} before it", count - 1),
            };
            let text = format!("before `{}` converged {named} {}{others}", self.plan.name, one.end);
            self.cx.case.emitter.note(&text);
        }
        let tasks = |service: &Service| -> Vec<&Task> {
            let own = look.tasks.iter().filter(|task| task.service == service.id);
            own.collect()
        };
        let is_nowhere = |service: &&Service| service.is_global() && service.wanted(&look.nodes, &tasks(service)) == 0;
        for service in look.services.iter().filter(is_nowhere) {
            let why = met_by_none(look, service);
            let why = why.unwrap_or_else(|| "no node that is ready and active meets its constraints".to_owned());
            let text = format!("`{}` is to have a task on each node, and has none: {why}", service.name);
            self.cx.case.emitter.note(&text);
        }
    }
}

/// A task as messages name it: "`web.2` on node `core1`".
pub(in crate::step) fn named(look: &Look, service: &str, task: &Task) -> String {
    let number = task.slot.map_or_else(String::new, |slot| format!(".{slot}"));
    let node = look.nodes.iter().find(|node| node.id == task.node);
    let node = node.map_or_else(String::new, |node| format!(" on node `{}`", node.hostname));
    format!("`{service}{number}`{node}")
}
