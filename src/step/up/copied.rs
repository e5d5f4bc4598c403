//! Files of this machine for an engine that has them not: copied into volumes and created containers before these start. Where
//! they are other ones at a later `up`, they are copied again, also into what runs: a mount would show them there, too. What is
//! still the same is left alone, since the service may have written to it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use sha2::{Digest, Sha256};

use super::super::volume::Holder;
use super::super::{Cx, Done, NodeHandle, elsewhere, own_secrets, place};
use super::refused;
use crate::engine::VolumeSpec;
use crate::engine::membership::{ONE_OFF, PROJECT, SERVICE};
use crate::event::Fault;
use crate::stack::{OTHERWISE, StackPlan, Unwritten, uncopied};
use crate::substitute::{Content, Copied, CopiedFile, Had, Mounted, Rewritten, StackKind};
use crate::template::{Scope, Unrendered};

/// The longest file or folder that is copied.
const LONGEST: usize = 256 << 20;
/// Where a container that is made for copying has the volumes.
const THERE: &str = "copied";

/// Something that is copied, as a tar, and what tells it from another one.
struct Packed {
    tar: Bytes,
    put: Put,
}

/// What was copied last to a place on an engine.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Put {
    /// A digest of all of it.
    digest: [u8; 32],
    /// What is in a folder.
    names: BTreeSet<PathBuf>,
}

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
    let (mut places, mut tars, mut put) = (Vec::new(), Vec::new(), Vec::new());
    for (number, volume) in copied.volumes.values().enumerate() {
        let folder = format!("{THERE}/{number}");
        places.push((volume.name.as_str(), format!("/{folder}")));
        for (content, place) in &volume.parts {
            if let Content::Path(path) = content
                && !cx.case.host.exists(path).await
            {
                continue;
            }
            let name = match place.as_str() {
                "" => folder.clone(),
                place => format!("{folder}/{place}"),
            };
            let packed = packed(cx, content, &name).await?;
            let at = (volume.name.clone(), place.clone());
            if is_news(cx, &at, &packed.put) {
                tars.push(packed.tar);
                put.push((at, packed.put));
            }
        }
    }
    let is_made = |(name, _): &(&str, String)| cx.case.state().copied.keys().any(|(volume, _)| volume == name);
    if tars.is_empty() && places.iter().all(is_made) {
        return Ok(());
    }
    cx.timed("copy", fill(cx, node, (&places, tars))).await?;
    cx.case.state().copied.extend(put);
    Ok(())
}

/// Whether this is not what was copied there last. Nothing can be taken out of what is there: that is told.
fn is_news(cx: &Cx, at: &(String, String), put: &Put) -> bool {
    let last = cx.case.state().copied.get(at).cloned().unwrap_or_default();
    let mut gone = last.names.difference(&put.names).peekable();
    if let Some(first) = gone.next() {
        let more = match gone.count() {
            0 => String::new(),
            more => format!(", and {more} more,"),
        };
        let told = format!(
            "`{}`{more} is not in its folder any more, and stays in the copy that the services have",
            first.display()
        );
        cx.case.emitter.note(&told);
    }
    last.digest != put.digest
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

/// Puts files into the containers of the services, before those that were made now start.
pub(super) async fn files(cx: &Cx, node: &NodeHandle, (project, files): (&str, &[CopiedFile])) -> Done<()> {
    let label = format!("{PROJECT}={project}");
    let mut containers = cx.asked(node.engine.containers(&[label])).await?;
    containers.retain(|container| {
        let is_one_off = container.labels.get(ONE_OFF).is_some_and(|one_off| one_off == "True");
        !is_one_off && !matches!(container.state.as_str(), "removing" | "dead")
    });
    for CopiedFile { mounted } in files {
        let service = |labels: &crate::engine::Labels| labels.get(SERVICE) == Some(&mounted.service);
        let Packed { tar, put } = packed(cx, &mounted.content, mounted.target.trim_start_matches('/')).await?;
        for container in containers.iter().filter(|container| service(&container.labels)) {
            let at = (container.id.clone(), mounted.target.clone());
            if is_news(cx, &at, &put) {
                let (engine, id, tar) = (Arc::clone(&node.engine), container.id.clone(), tar.clone());
                cx.changed(async move { engine.write_archive(&id, "/", tar).await })
                    .await?;
                cx.case.state().copied.insert(at, put.clone());
            }
        }
    }
    Ok(())
}

async fn packed(cx: &Cx, content: &Content, name: &str) -> Done<Packed> {
    let path = match content {
        Content::Path(path) => path,
        Content::Text { text, mode, owner } => {
            let tar = place::single(name, text.as_bytes(), (*mode, *owner));
            let tar = tar.map_err(|why| cx.error(why.to_string()))?.into();
            // Without the time in it, which is that of its packing.
            let digest = Sha256::digest(format!("{mode} {owner:?} {text}")).into();
            let names = BTreeSet::new();
            return Ok(Packed {
                tar,
                put: Put { digest, names },
            });
        }
    };
    let packed = cx.case.host.pack(path, name, LONGEST).await;
    let packed = packed.and_then(|tar| {
        let digest = Sha256::digest(&tar).into();
        let names = place::names(&tar, name)?;
        let put = Put { digest, names };
        Ok(Packed { tar, put })
    });
    packed.map_err(|why| {
        let message = format!("`{}` cannot be copied to the engine: {why}", path.display());
        cx.error_with_hint(message, OTHERWISE)
    })
}
