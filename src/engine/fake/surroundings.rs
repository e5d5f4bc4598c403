//! The fake engine's networks and volumes, and what has a label.

use std::collections::BTreeMap;

use super::faults::error;
use super::machine::Machine;
use super::{EPOCH, Fake, State, matches};
use crate::engine::{EngineEvent, EngineResult, Labels, Network, Reason, Resource, ResourceKind, Volume};

impl Fake {
    pub(super) fn add_network(&self, state: &mut State, name: &str, driver: &str, labels: Labels) -> String {
        self.check_label(state, &format!("network `{name}`"), &labels);
        let id = state.next_id();
        let driver = if driver.is_empty() { "bridge" } else { driver };
        let network = Network {
            id: id.clone(),
            name: name.into(),
            driver: driver.into(),
            scope: if driver == "overlay" { "swarm" } else { "local" }.into(),
            labels,
            ..Network::default()
        };
        state.networks.insert(name.into(), network);
        self.tell_resource(state, ("network", "create"), &id, name);
        id
    }

    pub(super) fn add_volume(&self, state: &mut State, name: &str, driver: &str, labels: Labels) {
        self.check_label(state, &format!("volume `{name}`"), &labels);
        let driver = if driver.is_empty() { "local" } else { driver };
        state.volumes.insert(
            name.into(),
            Volume {
                name: name.into(),
                driver: driver.into(),
                labels,
            },
        );
        self.tell_resource(state, ("volume", "create"), name, name);
    }

    fn tell_resource(&self, state: &mut State, (of, action): (&str, &str), id: &str, name: &str) {
        let attributes = BTreeMap::from([("name".to_owned(), name.to_owned())]);
        self.tell(
            state,
            EngineEvent {
                of: of.into(),
                action: action.into(),
                id: id.into(),
                attributes,
                at: 0,
            },
        );
    }

    pub(super) fn remove_network(&self, id: &str) -> EngineResult<()> {
        self.change(|state| {
            let found = state
                .networks
                .values()
                .find(|network| network.id == id || network.name == id)
                .cloned();
            let Some(network) = found else { return Ok(()) };
            let in_use = |machine: &Machine| machine.runs() && machine.networks.contains_key(&network.name);
            if state.machines.values().any(in_use) {
                let answer = format!("network {} has active endpoints", network.name);
                return Err(error(
                    &format!("remove network `{}`", network.name),
                    Reason::Conflict,
                    answer,
                ));
            }
            state.networks.remove(&network.name);
            self.tell_resource(state, ("network", "destroy"), &network.id, &network.name);
            Ok(())
        })
    }

    pub(super) fn remove_volume(&self, name: &str) -> EngineResult<()> {
        self.change(|state| {
            let uses = |machine: &Machine| {
                machine
                    .mounts
                    .iter()
                    .any(|(kind, source, ..)| kind == "volume" && source == name)
            };
            if state.machines.values().any(uses) {
                let answer = format!("volume {name} is in use");
                return Err(error(&format!("remove volume `{name}`"), Reason::Conflict, answer));
            }
            if state.volumes.remove(name).is_some() {
                self.tell_resource(state, ("volume", "destroy"), name, name);
            }
            Ok(())
        })
    }

    pub(super) fn resources(&self, label: &str) -> Vec<Resource> {
        let state = self.lock();
        let resource = |kind, id: &str, name: &str, labels: &Labels| {
            let labels = labels.clone();
            matches(&labels, label).then(|| Resource {
                kind,
                id: id.into(),
                name: name.into(),
                labels,
                created: EPOCH,
            })
        };
        let containers = state
            .machines
            .values()
            .filter_map(|it| resource(ResourceKind::Container, &it.id, &it.name, &it.labels));
        let networks = state
            .networks
            .values()
            .filter_map(|it| resource(ResourceKind::Network, &it.id, &it.name, &it.labels));
        let volumes = state
            .volumes
            .values()
            .filter_map(|it| resource(ResourceKind::Volume, &it.name, &it.name, &it.labels));
        let images = state
            .images
            .iter()
            .filter_map(|(name, it)| resource(ResourceKind::Image, &it.id, name, &it.labels));
        let all = containers.chain(networks).chain(volumes).chain(images);
        let mut all: Vec<Resource> = all
            .chain(Fake::resources_in_swarm(&state, |labels| matches(labels, label)))
            .collect();
        all.sort_by_key(|resource| resource.kind);
        all
    }
}
