//! The format of swarm files: the schemas of `docker stack` (versions 3.0 to 3.14), and what of a value it or the manager of a
//! swarm refuses beyond them.

use std::sync::LazyLock;

use super::table::Table;

/// The newest version that is known: a file that names none is of the tool's newest.
pub(in super::super) const NEWEST: u32 = 14;

/// The second part of a version 3 that is known; of `3` alone the newest.
pub(in super::super) fn minor(version: &str) -> Option<u32> {
    let minor = match version {
        "3" | "" => return Some(NEWEST),
        _ => version.strip_prefix("3.")?,
    };
    let is_plain = minor == "0" || !minor.starts_with('0');
    minor.parse().ok().filter(|minor| is_plain && *minor <= NEWEST)
}

pub(super) static TABLE: LazyLock<Table> = LazyLock::new(|| Table::read(KEYS, &INSTEAD, true));

const KEYS: &str = "
version                                   any
services                                  map
networks                                  map
volumes                                   map
secrets                                   map @1
configs                                   map @3
x-                                        any @4

services.*                                map
services.*.x-                             any @7
services.*.build                          any
services.*.cap_add                        set
services.*.cap_drop                       set
services.*.cgroup_parent                  text
services.*.cgroupns_mode                  text @9
services.*.command                        text|texts
services.*.configs                        list @3
services.*.configs[]                      text|map
services.*.container_name                 text
services.*.credential_spec                map @3
services.*.depends_on                     set # `docker stack` takes a list of names, which it ignores
services.*.devices                        set
services.*.dns                            text|set
services.*.dns_search                     text|set
services.*.domainname                     text
services.*.entrypoint                     text|texts
services.*.env_file                       text|set
services.*.environment                    pairs
services.*.expose                         list
services.*.expose[]                       text|number
services.*.external_links                 set
services.*.extra_hosts                    pairs
services.*.hostname                       text
services.*.image                          text
services.*.init                           flag @7
services.*.ipc                            text
services.*.isolation                      text @5
services.*.labels                         pairs
services.*.links                          set
services.*.mac_address                    text
services.*.network_mode                   text
services.*.oom_score_adj                  integer @13
services.*.pid                            text|null
services.*.privileged                     flag
services.*.read_only                      flag
services.*.restart                        restart # `on-failure:3` has a limit
services.*.security_opt                   set
services.*.shm_size                       text # in quotes: `shm_size: 64m`
services.*.stdin_open                     flag
services.*.stop_grace_period              anyway
services.*.stop_signal                    text
services.*.sysctls                        pairs
services.*.tmpfs                          text|set
services.*.tty                            flag
services.*.user                           text
services.*.userns_mode                    text
services.*.working_dir                    text

services.*.configs[].source               text
services.*.configs[].target               text
services.*.configs[].uid                  text
services.*.configs[].gid                  text
services.*.configs[].mode                 number # the mode of the file, without quotes: `mode: 0440`
services.*.configs[].*                    any
services.*.secrets                        list @1
services.*.secrets[]                      text|map
services.*.secrets[].source               text
services.*.secrets[].target               text
services.*.secrets[].uid                  text
services.*.secrets[].gid                  text
services.*.secrets[].mode                 number # the mode of the file, without quotes: `mode: 0440`
services.*.secrets[].*                    any
services.*.credential_spec.config         text @8
services.*.credential_spec.file           text
services.*.credential_spec.registry       text

services.*.healthcheck                    map
services.*.healthcheck.disable            flag
services.*.healthcheck.interval           pause
services.*.healthcheck.retries            count
services.*.healthcheck.start_interval     pause @12
services.*.healthcheck.start_period       pause @4
services.*.healthcheck.test               text|test
services.*.healthcheck.test[]             text
services.*.healthcheck.timeout            pause

services.*.logging                        map
services.*.logging.driver                 text
services.*.logging.options                map
services.*.logging.options.*              text|number|null

services.*.networks                       set|map
services.*.networks.*                     map|null
services.*.networks.*.aliases             set
services.*.networks.*.driver_opts         map @13
services.*.networks.*.driver_opts.*       text|number
services.*.networks.*.ipv4_address        text
services.*.networks.*.ipv6_address        text

services.*.ports                          list
services.*.ports[]                        scalar|map
services.*.ports[].mode                   ~,ingress,host @2 # a swarm takes any other word for `ingress`, and says nothing
services.*.ports[].protocol               ?,tcp,udp,sctp @2 # a swarm takes it for `tcp`
services.*.ports[].published              port @2
services.*.ports[].target                 port @2

services.*.ulimits                        map
services.*.ulimits.*                      integer|map:soft,hard
services.*.ulimits.*.hard                 integer
services.*.ulimits.*.soft                 integer

services.*.volumes                        list
services.*.volumes[]                      text|map:type
services.*.volumes[].type                 =volume,bind,tmpfs,npipe,cluster @2
services.*.volumes[].source               text @2
services.*.volumes[].target               text @2
services.*.volumes[].read_only            flag @2
services.*.volumes[].consistency          text @2
services.*.volumes[].bind                 map @2
services.*.volumes[].bind.propagation     text
services.*.volumes[].bind.*               any
services.*.volumes[].volume               map @2
services.*.volumes[].volume.nocopy        flag
services.*.volumes[].volume.*             any
services.*.volumes[].tmpfs                map @6
services.*.volumes[].tmpfs.size           whole # in bytes
services.*.volumes[].tmpfs.*              any

services.*.deploy                         map|null
services.*.deploy.endpoint_mode           ~,vip,dnsrr @2
services.*.deploy.labels                  pairs
services.*.deploy.mode                    =,replicated,global,replicated-job,global-job
services.*.deploy.placement               map
services.*.deploy.placement.constraints   list
services.*.deploy.placement.constraints[] constraint
services.*.deploy.placement.preferences   list @3
services.*.deploy.placement.preferences[] map # `- spread: node.labels.zone`
services.*.deploy.placement.preferences[].spread text
services.*.deploy.placement.max_replicas_per_node whole @8
services.*.deploy.replicas                whole
services.*.deploy.resources               map
services.*.deploy.resources.limits        map
services.*.deploy.resources.limits.cpus   cpus
services.*.deploy.resources.limits.memory memory
services.*.deploy.resources.limits.pids   integer @9
services.*.deploy.resources.memory_swap   any @14
services.*.deploy.resources.memory_swappiness any @14
services.*.deploy.resources.reservations  map
services.*.deploy.resources.reservations.cpus cpus
services.*.deploy.resources.reservations.memory memory
services.*.deploy.resources.reservations.generic_resources list @5
services.*.deploy.resources.reservations.generic_resources[] map
services.*.deploy.resources.reservations.generic_resources[].discrete_resource_spec map
services.*.deploy.resources.reservations.generic_resources[].discrete_resource_spec.kind text
services.*.deploy.resources.reservations.generic_resources[].discrete_resource_spec.value number
services.*.deploy.restart_policy          map # `restart_policy: {condition: on-failure}`
services.*.deploy.restart_policy.condition =,none,on-failure,any # a container's `always` is `any` here, and its `no` is `none`
services.*.deploy.restart_policy.delay    duration
services.*.deploy.restart_policy.max_attempts whole
services.*.deploy.restart_policy.window   duration
services.*.deploy.rollback_config         map @7
services.*.deploy.rollback_config.delay   duration
services.*.deploy.rollback_config.failure_action =,continue,pause,rollback
services.*.deploy.rollback_config.max_failure_ratio ratio
services.*.deploy.rollback_config.monitor duration
services.*.deploy.rollback_config.order   =start-first,stop-first
services.*.deploy.rollback_config.parallelism whole
services.*.deploy.update_config           map
services.*.deploy.update_config.delay     duration
services.*.deploy.update_config.failure_action =,continue,pause,rollback
services.*.deploy.update_config.max_failure_ratio ratio
services.*.deploy.update_config.monitor   duration
services.*.deploy.update_config.order     =start-first,stop-first @4
services.*.deploy.update_config.parallelism whole

networks.*                                map|null
networks.*.x-                             any @7
networks.*.attachable                     flag @2
networks.*.driver                         text
networks.*.driver_opts                    map
networks.*.driver_opts.*                  text|number
networks.*.external                       flag|map
networks.*.external.name                  text
networks.*.internal                       flag
networks.*.ipam                           map
networks.*.ipam.config                    list
networks.*.ipam.config[]                  map
networks.*.ipam.config[].subnet           text
networks.*.ipam.driver                    text
networks.*.labels                         pairs
networks.*.name                           text @5

volumes.*                                 map|null
volumes.*.x-                              any @7
volumes.*.driver                          text
volumes.*.driver_opts                     map
volumes.*.driver_opts.*                   text|number
volumes.*.external                        flag|map
volumes.*.external.name                   text
volumes.*.labels                          pairs
volumes.*.name                            text @4

secrets.*                                 map
secrets.*.x-                              any @7
secrets.*.driver                          text @8
secrets.*.driver_opts                     map @8
secrets.*.driver_opts.*                   text|number
secrets.*.external                        flag|map
secrets.*.external.*                      any
secrets.*.file                            text
secrets.*.labels                          pairs
secrets.*.name                            text @5
secrets.*.template_driver                 text @8

configs.*                                 map
configs.*.x-                              any @7
configs.*.external                        flag|map
configs.*.external.*                      any
configs.*.file                            text
configs.*.labels                          pairs
configs.*.name                            text @5
configs.*.template_driver                 text @8
";

/// What a compose tool knows and `docker stack` refuses, and what says the same.
const INSTEAD: [(&str, &str, &str); 43] = [
    ("", "name", "the scenario's stack has a name: leave it out"),
    (
        "",
        "include",
        "name all files in the scenario: `swarm: [stack.yml, more.yml]`",
    ),
    ("", "models", NOTHING),
    ("services.*", "extends", "write out what the service has from there"),
    ("services.*", "volumes_from", "mount a volume that both services name"),
    (
        "services.*",
        "volume_driver",
        "give the driver to the volume, under `volumes` of the file",
    ),
    (
        "services.*",
        "mem_limit",
        "`deploy: {resources: {limits: {memory: …}}}`",
    ),
    (
        "services.*",
        "mem_reservation",
        "`deploy: {resources: {reservations: {memory: …}}}`",
    ),
    ("services.*", "memswap_limit", "a swarm has no limit of swap"),
    ("services.*", "mem_swappiness", "a swarm has no limit of swap"),
    ("services.*", "cpus", "`deploy: {resources: {limits: {cpus: '…'}}}`"),
    (
        "services.*",
        "cpu_count",
        "`deploy: {resources: {limits: {cpus: '…'}}}`",
    ),
    (
        "services.*",
        "cpu_percent",
        "`deploy: {resources: {limits: {cpus: '…'}}}`",
    ),
    (
        "services.*",
        "cpu_period",
        "`deploy: {resources: {limits: {cpus: '…'}}}`",
    ),
    ("services.*", "cpu_quota", "`deploy: {resources: {limits: {cpus: …}}}`"),
    (
        "services.*",
        "cpu_shares",
        "`deploy: {resources: {reservations: {cpus: …}}}`",
    ),
    (
        "services.*",
        "cpuset",
        "`deploy: {placement: {constraints: […]}}` chooses nodes; a swarm pins no processors",
    ),
    ("services.*", "pids_limit", "`deploy: {resources: {limits: {pids: …}}}`"),
    (
        "services.*",
        "gpus",
        "`deploy: {resources: {reservations: {generic_resources: […]}}}`",
    ),
    ("services.*", "scale", "`deploy: {replicas: …}`"),
    (
        "services.*",
        "platform",
        "`deploy: {placement: {constraints: [node.platform.arch == …]}}`",
    ),
    (
        "services.*",
        "profiles",
        "leave it out; what is deployed only sometimes stands in a file of its own",
    ),
    (
        "services.*",
        "pull_policy",
        "leave it out: images are taken as they are on the engine",
    ),
    ("services.*", "label_file", "write them under `labels`"),
    ("services.*", "annotations", "`labels` are known"),
    ("services.*", "cgroup", "`cgroupns_mode`, which a swarm ignores"),
    ("services.*", "dns_opt", NOTHING),
    ("services.*", "group_add", "`user: UID:GID` names one group"),
    ("services.*", "runtime", "a node's engine has a default one"),
    (
        "services.*",
        "attach",
        "leave it out: nothing is attached to a swarm's service",
    ),
    ("services.*", "develop", NOTHING),
    ("services.*", "blkio_config", NOTHING),
    ("services.*", "device_cgroup_rules", NOTHING),
    ("services.*", "oom_kill_disable", NOTHING),
    ("services.*", "storage_opt", NOTHING),
    ("services.*", "uts", NOTHING),
    ("services.*", "post_start", NOTHING),
    ("services.*", "pre_stop", NOTHING),
    ("services.*", "provider", NOTHING),
    ("networks.*", "enable_ipv6", "a swarm's networks are of IPv4"),
    ("secrets.*", "content", GIVEN),
    ("secrets.*", "environment", GIVEN),
    ("configs.*", "content", GIVEN),
];

const NOTHING: &str = "leave it out: a swarm has nothing like it";
const GIVEN: &str = "name a `file`; or let the scenario give it, under `secrets` or `configs`: `{NAME: {content: …}}`";

#[cfg(test)]
mod tests {
    use super::{KEYS, NEWEST, TABLE, minor};

    #[test]
    fn every_line_of_the_table_is_read() {
        for line in KEYS.lines().filter(|line| !line.is_empty()) {
            let path = line.split_whitespace().next().unwrap();
            assert!(TABLE.rule(path).is_some_and(|rule| !rule.kinds.is_empty()), "{line}");
        }
    }

    #[test]
    fn versions_that_docker_stack_reads() {
        for (text, expected) in [
            ("3", Some(NEWEST)),
            ("3.0", Some(0)),
            ("3.8", Some(8)),
            ("3.13", Some(13)),
            ("3.99", None),
            ("3.08", None),
            ("2.4", None),
            ("3.x", None),
            ("", Some(NEWEST)),
        ] {
            assert_eq!(minor(text), expected, "{text}");
        }
    }
}
