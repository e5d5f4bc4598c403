//! What of a `run` is looked at before anything starts: its image, its networks, its volumes, its ports.

use std::collections::BTreeMap;

use super::super::Binder;
use super::super::resource::{Mounted, NETWORKS};
use super::Run;
use crate::diagnostic::{Diagnostic, Span};
use crate::image::image_problem;
use crate::shape::Text;

impl Run {
    /// Tells an image that no engine has.
    pub(super) fn check_image(&self, binder: &mut Binder<'_>) {
        let Some(text) = binder.constant_text(&self.image) else {
            return;
        };
        let problem = image_problem(&text, &self.image.span);
        binder.problems.extend(problem);
    }

    /// Tells a path of results that is none of the container: what it would be relative to, nobody knows.
    pub(super) fn check_results(&self, binder: &mut Binder<'_>) {
        let Some(junit) = &self.junit else { return };
        let text = binder.constant_text(junit).filter(|text| !text.starts_with('/'));
        if let Some(text) = text {
            let help = format!("it begins with `/`: `/{}`", text.trim_start_matches("./"));
            binder.error(&junit.span, format!("`{text}` is no path of the container"), help);
        }
    }

    pub(super) fn check_networks(&self, binder: &mut Binder<'_>) {
        let mut known: BTreeMap<String, Span> = BTreeMap::new();
        for (network, _) in &self.networks.0 {
            let Some(text) = binder.constant_text(network) else {
                continue;
            };
            match binder.fixed.resources().real(&text, NETWORKS) {
                Err(unfound) => binder.problems.push(unfound.at(&network.span)),
                Ok(real) => {
                    if let Some(first) = known.insert(real.clone(), network.span.clone()) {
                        let problem =
                            Diagnostic::error(&network.span, format!("the network `{text}` stands here twice"));
                        binder
                            .problems
                            .push(problem.related(&first, "the first").help("take one out"));
                    }
                    let resources = binder.fixed.resources();
                    let near = resources.mistyped((&text, &real), &network.span, NETWORKS);
                    binder.problems.extend(near);
                }
            }
        }
    }

    pub(super) fn check_volumes(&self, binder: &mut Binder<'_>) {
        // Whoever has the engine can make whatever a later step expects to be there.
        if self.engine_socket.as_ref().is_some_and(|socket| socket.value) {
            binder.makes_files();
        }
        for volume in &self.volumes {
            let text = binder.constant_text(volume);
            match text.map(|text| binder.fixed.resources().mounted(&text)) {
                Some(Err(unfound)) => binder.problems.push(unfound.at(&volume.span)),
                Some(Ok(Mounted::Path(source, _))) => {
                    binder.mounted_elsewhere(volume, &source);
                    let is_local = binder.fixed.elsewhere.is_none() && !source.starts_with(['/', '~']);
                    if is_local && binder.is_missing(volume, &source) {
                        binder.problems.push(made(&volume.span, &source));
                    }
                    binder.makes_files();
                }
                None => binder.makes_files(),
                Some(Ok(Mounted::Volume(..) | Mounted::Own(..))) => {}
            }
        }
    }
}

/// A mount of nothing: an engine takes it, and it is seldom what was meant.
fn made(at: &Span, source: &str) -> Diagnostic {
    let message = format!("there is no file or folder `{source}`: the engine makes a folder of it, which root owns");
    Diagnostic::warning(at, message)
        .help("if it is to be there, make it; what only containers have is a volume: `volumes` of the scenario")
}

/// Tells an `expose` that is no port.
pub(super) fn check_exposed(port: &Text, binder: &mut Binder<'_>) {
    let Some(text) = binder.constant_text(port) else {
        return;
    };
    let (number, protocol) = text.split_once('/').unwrap_or((&text, "tcp"));
    let is_port = number.parse::<u16>().is_ok_and(|number| number > 0);
    if is_port && matches!(protocol, "tcp" | "udp" | "sctp") {
        return;
    }
    let help = match number.rsplit_once(':') {
        Some((_, inner)) => {
            format!("write the container's port alone, `{inner}`: the host's is a free one, `url('name', {inner})`")
        }
        None => "write the container's port: `80`, `53/udp`".to_owned(),
    };
    binder.error(&port.span, format!("`{text}` is no port"), help);
}
