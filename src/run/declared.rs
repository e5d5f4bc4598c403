//! What a case declares is made before its first step: secrets and configs as files, networks, volumes with what is in
//! them. All of it goes with the case, by its labels and with its hidden folder.

use std::sync::Arc;

use bytes::Bytes;
use tokio_util::sync::CancellationToken;

use crate::declared::{ContentPlan, Declared, NetworkPlan, VolumePlan};
use crate::event::Fault;
use crate::step::volume::{Holder, THERE, ended};
use crate::step::{Case, NodeHandle};

/// The most bytes that a volume is filled with.
const MAX_BYTES: usize = 1 << 30;

/// Makes it until it is all there, or the case is ended; tells why it cannot be had. A call that is under way then goes on
/// to its end, and teardown waits for it.
pub(super) async fn make(case: &Case, declared: &Declared, cancel: &CancellationToken) -> Vec<Fault> {
    let mut faults = Vec::new();
    if case.nodes.is_empty() {
        // What a run left is judged again: there is nothing to make it on.
        return faults;
    }
    // None of these is left half way: nobody would wait for it, and its folder is removed next.
    for content in &declared.contents {
        let written = case.host.write_hidden(&content.file, &content.bytes).await;
        let told = |why: std::io::Error| Fault::error(format!("cannot write `{}`: {why}", content.file.display()));
        faults.extend(written.err().map(|why| told(why).at(content.at.place())));
    }
    cancel.run_until_cancelled(make_on(case, declared, &mut faults)).await;
    faults
}

/// Makes what the engine has.
async fn make_on(case: &Case, declared: &Declared, faults: &mut Vec<Fault>) {
    let node = case.unplaced();
    for content in declared.kept_by_swarm(case.versions.iter().map(Arc::as_ref)) {
        let made = keep(case, node, content).await;
        faults.extend(made.err().map(|fault| fault.at(content.at.place())));
    }
    for plan in &declared.networks {
        let made = network(case, node, plan).await;
        faults.extend(made.err().map(|fault| fault.at(plan.at.place())));
    }
    for plan in &declared.volumes {
        let made = volume(case, node, plan).await;
        faults.extend(made.err().map(|fault| fault.at(plan.at.place())));
    }
}

/// Removes the files of secrets and configs, and what has their values in it; what the engine has goes by its labels.
pub(super) async fn remove(case: &Case, declared: &Declared) -> Option<Fault> {
    if case.nodes.is_empty() {
        return None;
    }
    let why = case.host.remove_folder(&declared.folder).await.err()?;
    let folder = declared.folder.display();
    Some(Fault::error(format!(
        "cannot remove the folder `{folder}` of secrets: {why}"
    )))
}

/// Gives a secret or a config to the swarm.
async fn keep(case: &Case, node: &NodeHandle, content: &ContentPlan) -> Result<(), Fault> {
    let (engine, labels, content) = (Arc::clone(&node.engine), case.labels.clone(), content.clone());
    let made = case.changes.spawn(async move {
        let bytes = Bytes::copy_from_slice(&content.bytes);
        match content.section {
            "secrets" => engine.create_secret(&content.real, bytes, &labels).await,
            _ => engine.create_config(&content.real, bytes, &labels).await,
        }
    });
    let refused = |mut fault: Fault| {
        fault.hint = is_in_none(&fault.message).then(|| NO_SWARM.to_owned());
        fault
    };
    ended(made).await.map(drop).map_err(refused)
}

/// What to do where a swarm is wanted, and the engine is in none.
const NO_SWARM: &str = "`cluster: {swarm: true}` makes a swarm of the engine for the scenario; `requires: {swarm: true}` skips the scenario where there is none";

/// True for what an engine answers that is in no swarm.
fn is_in_none(answer: &str) -> bool {
    answer.contains("not a swarm manager") || answer.contains("swarm mode")
}

async fn network(case: &Case, node: &NodeHandle, plan: &NetworkPlan) -> Result<(), Fault> {
    let (engine, spec) = (Arc::clone(&node.engine), plan.spec.clone());
    let made = case.changes.spawn(async move { engine.create_network(&spec).await });
    let refused = |mut fault: Fault| {
        fault.hint = hint(&fault.message, plan);
        fault
    };
    ended(made).await.map(drop).map_err(refused)
}

/// What to do about a network that the engine refuses.
fn hint(answer: &str, plan: &NetworkPlan) -> Option<String> {
    if is_in_none(answer) {
        return Some(format!(
            "a network of the driver `{}` needs an engine in a swarm: {NO_SWARM}",
            plan.spec.driver
        ));
    }
    let overlaps = answer.contains("overlaps") || answer.contains("conflict");
    (overlaps && plan.spec.subnet.is_some())
        .then(|| "another network has these addresses: without `subnet` the engine picks free ones".to_owned())
}

async fn volume(case: &Case, node: &NodeHandle, plan: &VolumePlan) -> Result<(), Fault> {
    let (engine, spec) = (Arc::clone(&node.engine), plan.spec.clone());
    let made = case.changes.spawn(async move { engine.create_volume(&spec).await });
    ended(made).await?;
    let Some(from) = &plan.from else { return Ok(()) };
    let told = |why: std::io::Error| Fault::error(format!("cannot read `{}`: {why}", from.display()));
    let stat = case.host.stat(from).await.map_err(told)?;
    // A folder is what the volume is to be; a file goes into it under its own name.
    let whole = stat.is_some_and(|stat| stat.folder);
    let name = from.file_name().unwrap_or_default().to_string_lossy();
    let name = if whole { "." } else { &*name };
    let tar = case.host.pack(from, name, MAX_BYTES).await.map_err(told)?;
    let holder = Holder::of(case, node, &plan.spec.name).await?;
    let filled = holder.fill(case, THERE, vec![tar]).await;
    let left = holder.leave().await;
    // Why it could not be filled says more.
    filled.and(left)
}
