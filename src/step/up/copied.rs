//! Files of this machine for an engine that has them not: copied into volumes and created containers before these start.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;

use super::super::volume::Holder;
use super::super::{Cx, Done, NodeHandle, elsewhere, own_secrets, place};
use super::refused;
use crate::engine::VolumeSpec;
use crate::event::Fault;
use crate::stack::{OTHERWISE, StackPlan, Unwritten, uncopied};
use crate::substitute::{Content, Copied, CopiedFile, Had, Mounted, Rewritten, StackKind};
use crate::template::{Scope, Unrendered};

/// The longest file or folder that is copied.
const LONGEST: usize = 256 << 20;
/// Where a container that is made for copying has the volumes.
const THERE: &str = "copied";

/// The stack's files with the values that are known now; where the engine has not this machine's files, with volumes in
/// place of folders.
pub(crate) async fn rewritten(cx: &Cx, node: &NodeHandle, plan: &StackPlan) -> Done<Rewritten> {
    let rewritten = rewritten_once(cx, plan, None).await?;
    let unread = own_secrets::hide_of_stack(&cx.case, &rewritten.own_secrets).await;
    unread.iter().for_each(|told| cx.case.emitter.note(told));
    if !plan.copies(node.is_here) {
        return Ok(rewritten);
    }
    let engine = (!node.is_here).then_some(&*node.address);
    let ours = ours(cx, &rewritten).await;
    let (mut kinds, mut problems) = (BTreeMap::new(), Vec::new());
    for mounted in &ours {
        let is_folder = is_folder(cx, mounted).await;
        problems.extend(plan.refusal(engine, mounted, &is_folder));
        kinds.extend(mounted.path().map(Path::to_owned).zip(is_folder.ok()));
    }
    if !problems.is_empty() {
        return Err(refused(cx, &problems));
    }
    // The docker tool hands a swarm the files of its secrets and configs.
    if ours.is_empty() || plan.kind == StackKind::Swarm {
        return Ok(rewritten);
    }
    rewritten_once(cx, plan, Some(kinds)).await
}

/// The stack's files with the values that are known when what they ask for, ports of other stacks, is answered.
async fn rewritten_once(cx: &Cx, plan: &StackPlan, copies: Option<BTreeMap<PathBuf, bool>>) -> Done<Rewritten> {
    let rewrite = |scope: &Scope| match plan.rewrite(scope, &cx.case.files, copies.clone()) {
        Ok(rewritten) => Ok(Ok(rewritten)),
        Err(Unwritten::Problems(problems)) => Ok(Err(problems)),
        Err(Unwritten::Needs(questions)) => Err(Unrendered::Needs(questions)),
    };
    let rewritten = cx.rendered(rewrite).await?;
    rewritten.map_err(|problems| refused(cx, &problems))
}

/// What is to be copied: texts, and of the paths those of this machine; the others are the engine's own.
async fn ours<'r>(cx: &Cx, rewritten: &'r Rewritten) -> Vec<&'r Mounted> {
    let mut ours = Vec::new();
    for mounted in &rewritten.mounted {
        let Mounted { source, service, .. } = mounted;
        let is_ours = match mounted.path() {
            Some(path) if mounted.how != Had::Given && !path.starts_with(&rewritten.directory) => {
                elsewhere::is_ours(cx, (source, path)).await
            }
            _ => true,
        };
        if is_ours {
            ours.push(mounted);
        } else {
            let at = mounted.at.place();
            let told =
                format!("{at}: `{source}` is not on this machine: `{service}` gets that of the engine's machine");
            cx.case.emitter.note(&told);
        }
    }
    ours
}

/// Whether something is a folder, or why it cannot be copied.
async fn is_folder(cx: &Cx, mounted: &Mounted) -> Result<bool, String> {
    let Some(path) = mounted.path() else { return Ok(false) };
    if let Some(why) = uncopied(path) {
        return Err(why.to_owned());
    }
    match cx.case.host.stat(path).await {
        // Docker makes a folder where there is nothing.
        Ok(None) => Ok(true),
        Ok(Some(stands)) if stands.folder || stands.plain => Ok(stands.folder),
        Ok(Some(_)) => Err("it is no file and no folder: a socket, a pipe or a device".to_owned()),
        Err(why) => Err(why.to_string()),
    }
}

/// Makes the volumes and fills them, through a container that is never started.
pub(super) async fn volumes(cx: &Cx, node: &NodeHandle, copied: &Copied) -> Done<()> {
    if copied.volumes.is_empty() {
        return Ok(());
    }
    let (mut places, mut tars) = (Vec::new(), Vec::new());
    for (number, volume) in copied.volumes.values().enumerate() {
        let folder = format!("{THERE}/{number}");
        places.push((volume.name.as_str(), format!("/{folder}")));
        for (content, place) in &volume.parts {
            if let Content::Path(path) = content
                && !cx.case.host.exists(path).await
            {
                continue;
            }
            let name = if place.is_empty() {
                folder.clone()
            } else {
                format!("{folder}/{place}")
            };
            tars.push(packed(cx, content, &name).await?);
        }
    }
    cx.timed("copy", fill(cx, node, (&places, tars))).await
}

async fn fill(cx: &Cx, node: &NodeHandle, (places, tars): (&[(&str, String)], Vec<Bytes>)) -> Done<()> {
    for (name, _) in places {
        let volume = VolumeSpec {
            name: (*name).to_owned(),
            labels: cx.case.labels.clone(),
            ..VolumeSpec::default()
        };
        let engine = Arc::clone(&node.engine);
        cx.changed(async move { engine.create_volume(&volume).await }).await?;
    }
    let told = |fault: Fault| vec![fault.at(cx.span.place())];
    let places: Vec<_> = places.iter().map(|(name, there)| (*name, there.as_str())).collect();
    let holder = Holder::of_several(&cx.case, node, &places).await.map_err(told)?;
    let filled = holder.fill(&cx.case, "/", tars).await;
    let left = holder.leave().await;
    // Why they could not be filled says more.
    filled.and(left).map_err(told)
}

/// Puts files into the containers that were made and have not been started.
pub(super) async fn files(cx: &Cx, node: &NodeHandle, (project, files): (&str, &[CopiedFile])) -> Done<()> {
    let label = format!("com.docker.compose.project={project}");
    let mut containers = cx.asked(node.engine.containers(&[label])).await?;
    containers.retain(|container| container.state == "created");
    for CopiedFile { mounted } in files {
        let service =
            |labels: &crate::engine::Labels| labels.get("com.docker.compose.service") == Some(&mounted.service);
        let mut tar: Option<Bytes> = None;
        for container in containers.iter().filter(|container| service(&container.labels)) {
            if tar.is_none() {
                tar = Some(packed(cx, &mounted.content, mounted.target.trim_start_matches('/')).await?);
            }
            let (engine, id) = (Arc::clone(&node.engine), container.id.clone());
            let content = tar.clone().unwrap_or_default();
            cx.changed(async move { engine.write_archive(&id, "/", content).await })
                .await?;
        }
    }
    Ok(())
}

async fn packed(cx: &Cx, content: &Content, name: &str) -> Done<Bytes> {
    let path = match content {
        Content::Path(path) => path,
        Content::Text { text, mode, owner } => {
            let tar = place::single(name, text.as_bytes(), (*mode, *owner));
            return tar.map(Bytes::from).map_err(|why| cx.error(why.to_string()));
        }
    };
    let packed = cx.case.host.pack(path, name, LONGEST).await;
    packed.map_err(|why| {
        let message = format!("`{}` cannot be copied to the engine: {why}", path.display());
        cx.error_with_hint(message, OTHERWISE)
    })
}
