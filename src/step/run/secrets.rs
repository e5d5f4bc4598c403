//! The scenario's secrets in a container of its own: files below `/run/secrets`, as services have them.

use std::path::PathBuf;
use std::sync::Arc;

use super::super::{Binder, Cx, Done, NodeHandle};
use super::{Bound, Run};
use crate::diagnostic::Diagnostic;

/// Where a container has them.
const FOLDER: &str = "run/secrets";
/// The longest one.
const LONGEST: usize = 1 << 20;

impl Run {
    pub(super) fn check_secrets(&self, binder: &mut Binder<'_>) {
        for name in &self.secrets {
            if binder.fixed.own.secrets.contains_key(&name.value) {
                binder.handed.insert(name.value.clone());
                continue;
            }
            if binder.fixed.partial.has(&name.value) {
                continue;
            }
            let known = binder.fixed.own.secrets.keys().map(String::as_str);
            let problem = Diagnostic::unknown(&name.span, "secret", &name.value, known);
            binder.problems.push(match binder.fixed.own.secrets.is_empty() {
                true => problem.help("a `run` has those of the scenario: `secrets: {NAME: {content: …}}` at its top level; those of a stack's file are its services' alone"),
                false => problem,
            });
        }
    }
}

impl Bound {
    /// The mounts of those, where the engine has this machine's files.
    pub(super) fn secret_mounts(&self, cx: &Cx, node: &NodeHandle) -> Vec<String> {
        let files = self.secrets(cx).filter(|_| node.is_here);
        let mounts = files.map(|(name, file)| format!("{}:/{FOLDER}/{name}:ro", file.display()));
        mounts.collect()
    }

    /// Puts them into a container that was made and has not been started, where the engine has not this machine's files.
    pub(super) async fn hand_secrets(&self, cx: &Cx, node: &NodeHandle, id: &str) -> Done<()> {
        for (name, file) in self.secrets(cx).filter(|_| !node.is_here) {
            let packed = cx.case.host.pack(file, &format!("{FOLDER}/{name}"), LONGEST).await;
            let tar = packed.map_err(|why| cx.error(format!("the secret `{name}` cannot be read: {why}")))?;
            let (engine, id) = (Arc::clone(&node.engine), id.to_owned());
            cx.changed(async move { engine.write_archive(&id, "/", tar).await })
                .await?;
        }
        Ok(())
    }

    fn secrets<'c>(&'c self, cx: &'c Cx) -> impl Iterator<Item = (&'c str, &'c PathBuf)> {
        let names = self.0.secrets.iter().map(|name| name.value.as_str());
        names.filter_map(|name| Some((name, cx.case.own.secrets.get(name)?)))
    }
}
