//! `state-assert`: what Docker says of a service, container, volume, network, image or probe.

mod fields;
mod look;
mod observe;
mod swarm;

use std::sync::Arc;
use std::time::Duration;

use super::resource::{NETWORKS, Sort as ResourceSort, VOLUMES};
use super::{About, Binder, Body, Later, Sort, Step, Written};
use crate::diagnostic::Diagnostic;
use crate::shape::{Rule, Text, shape};
use crate::yaml::Node;
use fields::{Of, RESULT};
use look::{Looking, Target};

/// See the table.
pub(super) const ABOUT: About = About {
    name: "state-assert",
    does: "Checks what Docker says of a service, container, volume, network, image or probe.",
    manual: "What can be expected: of a `service` `wanted running healthy completed restarts exit image nodes networks`, of one of \
             a swarm also `update tasks` (each task `state desired replica node image error exit`, the newest first; a swarm forgets `update` at `scale`); of \
             a `container` `state health exit restarts image node user mounts`; of a `volume`, a `network` or an `image` \
             `exists nodes driver labels` (no `driver` of an image; of the other two also the real `name`, of a network its `id`); of a `probe` `answers failures max_outage outage first_failure values`. \
             Volumes and networks are named as in the file (`shop/data`) or by their real names, never by a part of one. \
             With `within` it is looked at again at each change that the engine tells of, and an image by `every`.",
    example: "- state-assert: {service: db}\n  within: 60s\n  expect: {healthy: 1, restarts: 0}\n\
              - state-assert: {volume: shop/data}\n  expect: {exists: false}\n\
              - state-assert: {probe: front}\n  expect: {max_outage: {le: 2s}}",
    sort: Sort::Check,
    limit: Duration::from_secs(60),
    results: RESULT,
    defaults: &[],
    locals: &[],
};

shape! {
    /// What to look at: one of its keys.
    pub struct StateAssert ("`state-assert`") rules [Rule::One(&["service", "container", "volume", "network", "image", "probe"])] {
        /// A service: all its replicas, or one: `web.2`.
        service: Option<Text>,
        /// A container: one that a `run` started, or a `container_name` of a compose file.
        container: Option<Text>,
        /// A volume: as in the file (`shop/data`), or by its real name.
        volume: Option<Text>,
        /// A network, likewise.
        network: Option<Text>,
        /// An image's reference.
        image: Option<Text>,
        /// A probe.
        probe: Option<Text>,
        /// A node.
        node: Option<Later>,
        /// The cluster.
        cluster: Option<Later>,
    }
}

impl StateAssert {
    fn targets(&self) -> Vec<(Of, &Text)> {
        let all = [
            (Of::Service, &self.service),
            (Of::Container, &self.container),
            (Of::Volume, &self.volume),
            (Of::Network, &self.network),
            (Of::Image, &self.image),
            (Of::Probe, &self.probe),
        ];
        let given = all.into_iter().filter_map(|(of, text)| Some((of, text.as_ref()?)));
        given.collect()
    }

    /// The one target.
    fn target(&self) -> Option<(Of, &Text)> {
        match self.targets().as_slice() {
            [one] => Some(*one),
            _ => None,
        }
    }
}

impl Written for StateAssert {
    fn title(&self) -> String {
        let target = self.targets().first().map(|(of, text)| match of {
            Of::Service => text.shown(),
            of => format!("{} {}", of.word(), text.shown()),
        });
        target.unwrap_or_default()
    }

    fn results_by() -> &'static [(&'static str, &'static [&'static str])] {
        const {
            &[
                (Of::Service.word(), Of::Service.fields()),
                (Of::Container.word(), Of::Container.fields()),
                (Of::Volume.word(), Of::Volume.fields()),
                (Of::Network.word(), Of::Network.fields()),
                (Of::Image.word(), Of::Image.fields()),
                (Of::Probe.word(), Of::Probe.fields()),
            ]
        }
    }

    fn check(&self, step: &Step, binder: &mut Binder<'_>) {
        let Some((of, _)) = self.target() else { return };
        let Some(expect) = &step.expect else {
            let help = format!(
                "add a line `expect: {{{}}}`; of a {} there is {}",
                of.example(),
                of.word(),
                listed(of.fields())
            );
            let problem = Diagnostic::error(&step.kind_at, "this checks nothing: `expect` is missing").help(help);
            binder.lacks_in(&self.span, problem);
            return;
        };
        for (name, span) in expect.fields() {
            if !of.fields().contains(&name) {
                let what = format!("field of a {}'s state,", of.word());
                let known = of.fields().iter().copied();
                let problem = Diagnostic::unknown(span, &what, name, known);
                binder.problems.push(match of.instead(name) {
                    Some(help) => problem.help(help),
                    None => problem,
                });
            }
        }
    }

    fn bind(&self, binder: &mut Binder<'_>) -> Option<Body> {
        let targets = self.targets();
        let Some((of, text)) = self.target() else {
            let help = "it is one of `service`, `container`, `volume`, `network`, `image`, `probe`";
            match targets.get(1) {
                Some((_, second)) => binder.error(&second.span, "one thing to look at is wanted", help),
                None => binder.lacks(Diagnostic::error(&self.span, "nothing to look at").help(help)),
            }
            return None;
        };
        let target = match of {
            Of::Service => Target::Service(binder.service_or_none(text)?),
            Of::Container => Target::Container(binder.container(text)?),
            Of::Volume => Target::Volume(resource(binder, text, VOLUMES)?),
            Of::Network => Target::Network(resource(binder, text, NETWORKS)?),
            Of::Image => Target::Image(text.clone()),
            Of::Probe => {
                if let Some(name) = text.as_literal()
                    && !binder.probes.iter().any(|probe| probe.value == name)
                    && !binder.fixed.partial.has("probes")
                {
                    let known = binder.probes.iter().map(|probe| probe.value.as_str());
                    let problem = Diagnostic::unknown(&text.span, "probe", name, known);
                    binder.problems.push(problem);
                }
                Target::Probe(text.clone())
            }
        };
        Some(Body::Act(Arc::new(Looking::at(target))))
    }
}

/// What is to be written for a field of the result that stands in the kind itself.
pub(super) fn expected(value: &Node, name: &str, written: &str) -> Option<String> {
    let of = Of::ALL.into_iter().find(|of| value.entry(of.word()).is_some())?;
    let field = of.expected(name, written)?;
    Some(format!("it is a field of the result: `expect: {{{field}}}`"))
}

fn listed(names: &[&str]) -> String {
    let names: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    names.join(", ")
}

/// A name of a volume or network is looked up now, where it is written literally.
fn resource(binder: &mut Binder<'_>, text: &Text, sort: ResourceSort) -> Option<Text> {
    let Some(literal) = text.as_literal() else {
        return Some(text.clone());
    };
    let resources = binder.fixed.resources();
    match resources.real(literal, sort) {
        Ok(real) => {
            let near = resources.mistyped((literal, &real), &text.span, sort);
            binder.problems.extend(near);
            Some(text.clone())
        }
        Err(_) if binder.fixed.is_unsure(literal) => None,
        Err(unfound) => {
            binder.problems.push(unfound.at(&text.span));
            None
        }
    }
}
