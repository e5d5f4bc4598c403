//! What takes the place of files of this machine, in the copies of a stack's files.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::rc::Rc;

use sha2::{Digest, Sha256};

use super::super::input::StackInput;
use super::super::interpolate::escape;
use super::super::mounts::MountItem;
use super::super::rewritten::{self, Copied, CopiedFile, CopiedVolume, Had, SECRETS};
use super::super::tree;
use super::super::unit::Unit;
use super::super::view::{self, Layers, Said};
use super::{absolute, bind, contents, find, source};
use crate::yaml::{Content, Node};

/// Rewrites what services have that the engine has not; `kinds` says which of the paths are folders, and has none of those
/// that are the engine's own.
pub(in crate::substitute) fn rewrite(
    units: &mut [Unit],
    services: &[(&String, &Layers)],
    (kinds, input): (&BTreeMap<PathBuf, bool>, &StackInput),
) -> Copied {
    let (project, home) = (input.project.as_str(), input.home());
    let mut copied = Copied::default();
    let found = find(units, services.iter().copied(), home);
    for mounted in found.into_iter().filter(|mounted| mounted.how != Had::Device) {
        let is_folder = match mounted.path() {
            Some(path) => kinds.get(path).copied(),
            None => Some(false),
        };
        match (is_folder, mounted.path()) {
            (Some(true), Some(path)) => {
                let part = (mounted.content.clone(), String::new());
                copied.volume((key_of(path), project), part);
            }
            (Some(_), _) if mounted.is_in_secrets() => {
                let place = mounted.target[SECRETS.len()..].trim_start_matches('/').to_owned();
                copied.volume((secrets_of(&mounted.service), project), (mounted.content, place));
            }
            (Some(_), _) => copied.files.push(CopiedFile { mounted }),
            (None, _) => {}
        }
    }
    let given: BTreeSet<String> = ["secrets", "configs"]
        .into_iter()
        .flat_map(|section| {
            contents(units, section, home)
                .into_keys()
                .map(move |name| format!("{section} {name}"))
        })
        .collect();
    replace_mounts(units, (kinds, home));
    leave_out_given(units, &given);
    for (service, layers) in services {
        let key = secrets_of(service);
        let top = layers.top().filter(|_| copied.volumes.contains_key(&key));
        if let Some(service) = top.and_then(|place| view::node_mut(units, "services", place)) {
            add_item(service, "volumes", &format!("{key}:{SECRETS}:ro"));
        }
    }
    for (key, volume) in &copied.volumes {
        add_volume(units, key, &volume.name);
    }
    copied
}

/// The key of the volume that a folder becomes: the same one in each version of a stack.
fn key_of(path: &Path) -> String {
    let hash = Sha256::digest(path.as_os_str().as_encoded_bytes());
    let digits: String = hash.iter().take(4).map(|byte| format!("{byte:02x}")).collect();
    format!("copied-{digits}")
}

/// The key of the volume with a service's secrets.
fn secrets_of(service: &str) -> String {
    format!("copied-secrets-{service}")
}

impl Copied {
    /// Notes what is put into a volume, and where in it.
    fn volume(&mut self, (key, project): (String, &str), part: (rewritten::Content, String)) {
        let name = format!("{project}_{key}");
        let volume = self.volumes.entry(key).or_insert_with(|| CopiedVolume {
            name,
            parts: BTreeSet::new(),
        });
        volume.parts.insert(part);
    }
}

/// Turns mounts of folders into mounts of volumes, and leaves those of files out.
fn replace_mounts(units: &mut [Unit], (kinds, home): (&BTreeMap<PathBuf, bool>, Option<&Path>)) {
    view::each(units, "services", |around, _, service| {
        let Some(volumes) = tree::entry(service, "volumes") else {
            return;
        };
        let Content::List(items) = &mut volumes.content else {
            return;
        };
        items.retain_mut(|item| {
            let Some(bind) = bind(MountItem::read(item, &around.environment)) else {
                return true;
            };
            let path = absolute((&around.base, home), &bind.source);
            let Some(folder) = kinds.get(&path) else {
                return true;
            };
            if *folder {
                // Of an empty folder, too: what the image has there would go into the volume.
                let mode = if bind.read_only { "ro,nocopy" } else { "nocopy" };
                let target = escape(&bind.target);
                tree::set_text(item, format!("{}:{target}:{mode}", key_of(&path)));
            }
            *folder
        });
    });
}

/// Leaves secrets and configs out of services that are put there otherwise.
fn leave_out_given(units: &mut [Unit], given: &BTreeSet<String>) {
    view::each(units, "services", |around, _, service| {
        for section in ["secrets", "configs"] {
            let Some(Content::List(items)) = tree::entry(service, section).map(|list| &mut list.content) else {
                continue;
            };
            items.retain(|item| {
                let said = Said {
                    node: item,
                    environment: Rc::clone(&around.environment),
                    place: view::Place::default(),
                };
                !source(&said, item).is_some_and(|name| given.contains(&format!("{section} {name}")))
            });
        }
    });
}

fn add_item(service: &mut Node, key: &str, text: &str) {
    let span = service.span.clone();
    let item = tree::text(text, &span);
    match tree::entry(service, key) {
        Some(Node {
            content: Content::List(items),
            ..
        }) => items.push(item),
        _ => tree::set(service, key, tree::list(vec![item], &span)),
    }
}

/// Names a volume that is made before the stack is brought up.
fn add_volume(units: &mut [Unit], key: &str, name: &str) {
    let documents = units
        .iter_mut()
        .rfind(|unit| !unit.extended)
        .and_then(|unit| unit.documents.last_mut());
    let Some(document) = documents else { return };
    let span = document.span.clone();
    if tree::entry(document, "volumes").is_none_or(|volumes| volumes.map().is_none()) {
        tree::set(document, "volumes", tree::map(Vec::new(), &span));
    }
    let volume = vec![
        (tree::plain("external", &span), tree::plain("true", &span)),
        (tree::plain("name", &span), tree::text(name, &span)),
    ];
    if let Some(volumes) = tree::entry(document, "volumes") {
        tree::set(volumes, key, tree::map(volume, &span));
    }
}
