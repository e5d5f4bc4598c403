//! Relative paths of extended files: they belong to the file's own folder, which its copy has left, so they are made
//! absolute. (Those of all other files stay as they are: the compose tool is told the folder that they belong to.)
//!
//! `docker stack` cannot be told: all paths of a swarm file are made absolute, apart from what a volume's driver is told.

use std::path::Path;

use super::files::join;
use super::gather::is_remote;
use super::host_paths::{env_files, is_path, split_source};
use super::input::StackKind;
use super::interpolate::{Environment, escape, fill};
use super::unit::Unit;
use super::view::Around;
use super::{contexts, tree, view};
use crate::yaml::{Content, Node};

/// Makes the relative paths of extended files absolute, and all of a swarm stack's.
pub(super) fn make_absolute(units: &mut [Unit], kind: StackKind) {
    let is_swarm = kind == StackKind::Swarm;
    view::each(units, "services", |around, _, service| {
        if around.extended || is_swarm {
            Prefix::of(around).service(service);
        }
    });
    for section in ["secrets", "configs"] {
        view::each(units, section, |around, _, thing| {
            let file = tree::entry(thing, "file").filter(|_| is_swarm);
            file.into_iter().for_each(|file| Prefix::of(around).path(file));
        });
    }
}

struct Prefix<'a> {
    base: &'a Path,
    environment: &'a Environment,
}

impl<'a> Prefix<'a> {
    fn of(around: &'a Around) -> Self {
        Prefix {
            base: &around.base,
            environment: &around.environment,
        }
    }

    fn service(&self, service: &mut Node) {
        for volume in tree::entry(service, "volumes").map(tree::items).unwrap_or_default() {
            self.volume(volume);
        }
        for key in ["env_file", "label_file"] {
            if let Some(files) = tree::entry(service, key) {
                env_files(files, &mut |file| self.path(file));
            }
        }
        if let Some(build) = tree::entry(service, "build") {
            self.build(build);
        }
        let watch = tree::entry(service, "develop").and_then(|develop| tree::entry(develop, "watch"));
        for rule in watch.map(tree::items).unwrap_or_default() {
            tree::entry(rule, "path").into_iter().for_each(|path| self.path(path));
        }
        let credentials = tree::entry(service, "credential_spec").and_then(|spec| tree::entry(spec, "file"));
        credentials.into_iter().for_each(|file| self.path(file));
    }

    fn build(&self, build: &mut Node) {
        if build.scalar().is_some() {
            return self.path(build);
        }
        tree::entry(build, "context")
            .into_iter()
            .for_each(|context| self.path(context));
        contexts::turn(build, &mut |context| self.absolute(context));
    }

    fn volume(&self, volume: &mut Node) {
        if let Content::Map(_) = volume.content {
            let kind = volume
                .entry("type")
                .and_then(Node::scalar)
                .and_then(|text| fill(text, self.environment).value);
            let source = tree::entry(volume, "source").filter(|_| kind.as_deref() == Some("bind"));
            return source.into_iter().for_each(|source| self.path(source));
        }
        let Some(text) = volume.scalar() else { return };
        let value = fill(text, self.environment).value.unwrap_or_default();
        let ((source, Some(target)), (_, rest)) = (split_source(&value), split_source(text)) else {
            return;
        };
        if !is_path(source) {
            return;
        }
        let Some(absolute) = self.absolute(&escape(source)) else {
            return;
        };
        // With the colon inside of a variable the rest is what it filled in.
        let rest = rest.map_or_else(|| escape(target), str::to_owned);
        tree::set_text(volume, format!("{absolute}:{rest}"));
    }

    fn path(&self, node: &mut Node) {
        let absolute = node
            .scalar()
            .filter(|_| !node.is_null())
            .and_then(|text| self.absolute(text));
        if let Some(absolute) = absolute {
            tree::set_text(node, absolute);
        }
    }

    /// A path made absolute as the tool would make it; none if it is absolute, or known later.
    fn absolute(&self, text: &str) -> Option<String> {
        let value = fill(text, self.environment).value?;
        let kept = value.is_empty() || value.starts_with(['/', '~']) || is_remote(&value) || value.contains(':');
        (!kept).then(|| escape(&join(self.base, &value).to_string_lossy()))
    }
}
