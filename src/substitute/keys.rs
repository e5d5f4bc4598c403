//! Keys that the Compose specification does not have. The tools refuse what they do not know; but newer ones learn new keys,
//! so it is only a warning: what they learn must not keep a file from being used.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use super::input::StackKind;
use super::refused::written;
use super::tree;
use super::unit::Unit;
use super::view::{self, Layers};
use crate::diagnostic::{Diagnostic, did_you_mean};
use crate::yaml::Node;

/// Keys that are known.
type Keys = LazyLock<BTreeSet<&'static str>>;

static TOP: Keys = Keys::new(|| words("configs include models name networks secrets services version volumes"));
static SERVICE: Keys = Keys::new(|| {
    words(
        "annotations attach blkio_config build cap_add cap_drop cgroup cgroup_parent command configs \
    container_name cpu_count cpu_percent cpu_period cpu_quota cpu_rt_period cpu_rt_runtime cpu_shares cpus cpuset \
    credential_spec depends_on deploy develop device_cgroup_rules devices dns dns_opt dns_search domainname entrypoint \
    env_file environment expose extends external_links extra_hosts gpus group_add healthcheck hostname image init ipc \
    isolation label_file labels links logging mac_address mem_limit mem_reservation mem_swappiness memswap_limit models \
    network_mode networks oom_kill_disable oom_score_adj pid pids_limit platform ports post_start pre_stop privileged \
    profiles provider pull_policy pull_refresh_after read_only restart runtime scale secrets security_opt shm_size \
    stdin_open stop_grace_period stop_signal storage_opt sysctls tmpfs tty ulimits use_api_socket user userns_mode uts \
    volumes volumes_from working_dir",
    )
});
static NETWORK: Keys =
    Keys::new(|| words("attachable driver driver_opts enable_ipv4 enable_ipv6 external internal ipam labels name"));
static VOLUME: Keys = Keys::new(|| words("driver driver_opts external labels name"));
static SECRET: Keys =
    Keys::new(|| words("content driver driver_opts environment external file labels name template_driver"));
static BUILD: Keys = Keys::new(|| {
    words(
        "additional_contexts args cache_from cache_to context dockerfile dockerfile_inline entitlements \
    extra_hosts isolation labels network no_cache no_cache_filter platforms privileged provenance pull sbom secrets \
    shm_size ssh tags target ulimits",
    )
});
static DEPLOY: Keys = Keys::new(|| {
    words("endpoint_mode labels mode placement replicas resources restart_policy rollback_config update_config")
});
static HEALTHCHECK: Keys = Keys::new(|| words("disable interval retries start_interval start_period test timeout"));

/// Keys of these that no tool takes, as is told of each in words of its own: nobody is led there.
const REFUSED: [(&str, &str); 1] = [("a secret", "content")];

/// The top-level sections whose entries have keys of their own.
static SECTIONS: [(&str, &str, &Keys); 4] = [
    ("networks", "a network", &NETWORK),
    ("volumes", "a volume", &VOLUME),
    ("secrets", "a secret", &SECRET),
    ("configs", "a config", &SECRET),
];

/// The parts of a service that have keys of their own. Builds are the compose tool's for every stack.
static PARTS: [(&str, &Keys); 3] = [("build", &BUILD), ("deploy", &DEPLOY), ("healthcheck", &HEALTHCHECK)];

fn words(words: &'static str) -> BTreeSet<&'static str> {
    words.split_whitespace().collect()
}

/// The keys that a service of a compose file may have.
pub fn service_keys() -> &'static BTreeSet<&'static str> {
    &SERVICE
}

/// Tells each key that is unknown; of a swarm file those of builds, which the compose tool reads: `format` tells the others.
pub(super) fn unknown(units: &[Unit], services: &BTreeMap<String, Layers>, kind: StackKind) -> Vec<Diagnostic> {
    let mut told = Vec::new();
    if kind == StackKind::Compose {
        let documents = units.iter().filter(|unit| !unit.extended);
        documents.flat_map(|unit| &unit.documents).for_each(|document| {
            told_in(document, ("a compose file", &TOP), &mut told);
            for (section, what, keys) in SECTIONS {
                let things = document.entry(section).and_then(Node::map).unwrap_or_default();
                things
                    .iter()
                    .for_each(|(_, thing)| told_in(thing, (what, keys), &mut told));
            }
        });
    }
    let services = written(units, services).into_iter();
    for service in services.filter_map(|place| view::node(units, "services", &place)) {
        if kind == StackKind::Compose {
            told_in(service, ("a service", &SERVICE), &mut told);
        }
        let parts = PARTS
            .iter()
            .filter(|(key, _)| kind == StackKind::Compose || *key == "build");
        for (key, keys) in parts {
            if let Some(part) = service.entry(key) {
                told_in(part, (&format!("`{key}`"), keys), &mut told);
            }
        }
    }
    told
}

fn told_in(node: &Node, (what, known): (&str, &Keys), told: &mut Vec<Diagnostic>) {
    let entries = node.map().unwrap_or_default().iter();
    let keys = entries.filter(|(_, value)| !tree::resets(value));
    let keys = keys.filter_map(|(key, _)| Some((key, key.scalar()?)));
    for (key, name) in keys.filter(|(_, name)| !name.starts_with("x-") && !known.contains(name)) {
        let taken = known.iter().copied().filter(|key| !REFUSED.contains(&(what, *key)));
        let near = did_you_mean(name, &taken.collect::<Vec<_>>());
        let help = match near {
            Some(near) => format!("did you mean `{near}`? a compose tool refuses a key that it does not know"),
            None => "a compose tool refuses a key that it does not know; one of your own begins with `x-`".to_owned(),
        };
        told.push(Diagnostic::warning(&key.span, format!("unknown key in {what}, `{name}`")).help(help));
    }
}
