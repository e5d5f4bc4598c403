//! What a try begins with: its folders, what its steps see, the names that are known.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Value, json};
use tokio::sync::watch;

use super::Env;
use crate::event::Fault;
use crate::plan::Plan;
use crate::step::{Case, Emitter, StackState, UNPLACED};
use crate::template::Scope;

/// Makes the case's folders and what its steps see.
pub(super) async fn begin(env: &Env, plan: &Plan, emitter: &Emitter) -> Result<Arc<Case>, Fault> {
    for folder in [&plan.results, &plan.scratch] {
        let made = env.host.make_folder(folder).await;
        made.map_err(|why| Fault::error(format!("cannot make the folder `{}`: {why}", folder.display())))?;
    }
    Ok(seen(env, plan, emitter))
}

/// What the case's steps see.
pub(super) fn seen(env: &Env, plan: &Plan, emitter: &Emitter) -> Arc<Case> {
    let results = plan.results.clone();
    let stacks = plan.stacks.iter().filter(|stack| stack.is_base());
    let stacks = stacks.map(|stack| {
        (
            stack.id,
            StackState {
                plan: Arc::clone(stack),
                node: UNPLACED,
                files: Vec::new(),
            },
        )
    });
    let stacks: BTreeMap<usize, StackState> = stacks.collect();
    let case = Case {
        id: plan.id.clone(),
        nodes: env.nodes.clone(),
        host: Arc::clone(&env.host),
        net: Arc::clone(&env.net),
        labels: crate::lease::case_labels(&env.settings.run, &plan.info.file, &plan.id),
        spools: super::logs::spools(&results, &plan.id, &emitter.masks),
        results,
        scratch: plan.scratch.clone(),
        folder: plan.folder.clone(),
        stacks: plan.names.clone(),
        own: plan.declared.names(),
        versions: plan.stacks.clone(),
        masked: plan.masked.clone(),
        marks: plan.marks.clone(),
        files: Arc::clone(&env.files),
        changes: tokio_util::task::TaskTracker::new(),
        emitter: emitter.clone(),
        machine: machine(&env.settings.env),
        docker_env: env.docker_env.clone(),
        timeout_scale: env.timeout_scale,
        update: env.update,
        measuring: plan.measuring.clone(),
        helpers: tokio::sync::Mutex::default(),
        walks: watch::Sender::new(1),
        state: Case::no_state(),
    };
    case.with_state(stacks)
}

/// What commands on this machine see of its environment.
fn machine(env: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    let seen = env.iter().filter(|(name, _)| matches!(name.as_str(), "PATH" | "HOME"));
    seen.map(|(name, value)| (name.clone(), value.clone())).collect()
}

impl Env {
    /// The names that are known when a case begins: those of its plan, its nodes and their engine.
    pub(super) fn scope(&self, plan: &Plan) -> Scope {
        let mut scope = plan.scope.clone();
        let nodes: Vec<Value> = self
            .nodes
            .iter()
            .map(|node| json!({"name": &*node.name, "address": &*node.address, "roles": [], "labels": {}}))
            .collect();
        let info = &self.facts.engine;
        let engine = json!({
            "version": info.version, "api": info.api, "os": info.os, "arch": info.arch, "kernel": info.kernel,
            "swarm": info.swarm || plan.makes_swarm, "compose": self.facts.compose,
        });
        scope.values.insert("nodes".to_owned(), Arc::new(nodes.into()));
        scope.values.insert("engine".to_owned(), Arc::new(engine));
        scope.values.insert("probes".to_owned(), Arc::new(json!({})));
        scope
    }
}
