//! What compose tools refuse of a value, and of what the oldest one takes a warning. A number in quotes is one to them, and
//! what they may learn is not judged.

use std::sync::LazyLock;

use super::table::Table;

pub(super) static TABLE: LazyLock<Table> = LazyLock::new(|| Table::read(KEYS, &[], false));

const KEYS: &str = "
services                                  map
services.*                                map
services.*.stop_grace_period              duration

services.*.healthcheck                    map
services.*.healthcheck.interval           duration
services.*.healthcheck.retries            whole
services.*.healthcheck.start_interval     duration
services.*.healthcheck.start_period       duration
services.*.healthcheck.test               text|test
services.*.healthcheck.timeout            duration

services.*.ports                          list
services.*.ports[]                        scalar|map
services.*.ports[].mode                   ?,ingress,host # a compose tool passes over it: only a swarm has both

services.*.deploy                         map
services.*.deploy.placement               map
services.*.deploy.placement.max_replicas_per_node whole
services.*.deploy.replicas                integer
services.*.deploy.resources               map
services.*.deploy.resources.limits        map
services.*.deploy.resources.limits.cpus   cpus
services.*.deploy.resources.limits.memory size
services.*.deploy.resources.reservations  map
services.*.deploy.resources.reservations.cpus cpus
services.*.deploy.resources.reservations.memory size
services.*.deploy.restart_policy          map
services.*.deploy.restart_policy.delay    duration
services.*.deploy.restart_policy.max_attempts whole
services.*.deploy.restart_policy.window   duration
services.*.deploy.rollback_config         map
services.*.deploy.rollback_config.delay   duration
services.*.deploy.rollback_config.max_failure_ratio number
services.*.deploy.rollback_config.monitor duration
services.*.deploy.rollback_config.order   =start-first,stop-first
services.*.deploy.rollback_config.parallelism whole
services.*.deploy.update_config           map
services.*.deploy.update_config.delay     duration
services.*.deploy.update_config.max_failure_ratio number
services.*.deploy.update_config.monitor   duration
services.*.deploy.update_config.order     =start-first,stop-first
services.*.deploy.update_config.parallelism whole
";
