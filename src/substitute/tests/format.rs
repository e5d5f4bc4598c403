//! Values and keys that a tool refuses, and those that it takes: each was tried on the real ones.

use super::{Stack, files, stack, swarm};
use crate::diagnostic::Level;

/// A service of a stack, with one more line.
fn of(line: &str) -> String {
    format!("services:\n  web:\n    image: x\n    {line}\n")
}

/// What is told of a stack, one a line, without help.
fn told(stack: &Stack) -> Vec<String> {
    match stack.rewrite() {
        Ok(rewritten) => {
            let notes = rewritten.notes.into_iter().filter(|note| note.level == Level::Warning);
            notes.map(|note| format!("warning: {}", note.message)).collect()
        }
        Err(super::Refused::Problems(problems)) => problems.into_iter().map(|problem| problem.message).collect(),
        Err(needs) => panic!("{needs:?}"),
    }
}

#[track_caller]
fn check(stack: &Stack, expected: &[&str]) {
    assert_eq!(told(stack), expected);
}

#[test]
fn values_that_docker_stack_takes_are_not_told() {
    for line in [
        "deploy: {replicas: 2, mode: replicated-job}",
        "deploy: {replicas: 2.0}",
        "deploy: {replicas: 0x2}",
        "deploy: {replicas: 1_0}",
        "deploy: {mode: global-job, endpoint_mode: VIP}",
        "deploy:",
        "deploy: {restart_policy: {condition: on-failure, delay: '0', window: 1.5h30µs, max_attempts: 3}}",
        "deploy: {update_config: {max_failure_ratio: 1, failure_action: rollback, order: start-first, parallelism: 0}}",
        "deploy: {resources: {limits: {memory: 64m, cpus: '0.5', pids: -1}, reservations: {memory: '67108864'}}}",
        "deploy: {resources: {reservations: {generic_resources: [{discrete_resource_spec: {kind: gpu, value: 2}}]}}}",
        "deploy: {placement: {constraints: [node.role==manager, NODE.LABELS.a != b], preferences: [{spread: node.role}]}}",
        "deploy: {labels: {a: 1, b: }}",
        "deploy: {labels: [a=b]}",
        "healthcheck: {test: [CMD, a], interval: 1m30s, retries: 3, start_interval: 5s}",
        "healthcheck: {test: [NONE]}",
        "healthcheck: {disable: true}",
        "environment: {A: 1, B: 2020-01-01, C: , D: 1_000, E: yes}",
        "environment: [A, B=c]",
        "command: [yes, 1.2.3, !!str 5, '~']",
        "init: true",
        "tty: yes",
        "ports: ['8080:80/TCP', 53, '[::1]:81:81', {target: 80, published: 8080, mode: host, protocol: udp}]",
        "ports: [':80', '127.0.0.1::82']",
        "ulimits: {nofile: {soft: -1, hard: -1}, nproc: 5}",
        "volumes: [{type: tmpfs, target: /b, tmpfs: {size: 64}}, /c, '/d:/e:ro']",
        "networks: {default: {aliases: [a], driver_opts: {x: 1}}}",
        "secrets: []",
        "x-mine: 1",
        "logging: {driver: none, options: {a: 1, b: }}",
        "pid:",
        "extra_hosts: {a: 1.2.3.4}",
        "restart: on-failure:3",
        "stop_grace_period: -1s",
        "deploy: {mode: '', restart_policy: {condition: ''}, rollback_config: {failure_action: rollback}}",
        "shm_size: 64m",
        "shm_size: '67108864'",
    ] {
        let told = told(&swarm(&of(line)));
        assert!(told.is_empty(), "{line}: {told:?}");
    }
}

/// Lines of a service that `docker stack` or a manager refuses, and what is told.
const REFUSED: &[(&str, &str)] = &[
    ("group_add: [a]", "`docker stack` refuses a service with `group_add`"),
    ("shm_size: 67108864", "`shm_size` takes a text, not `67108864`"),
    (
        "deploy: {replicas: '2'}",
        "`replicas` takes a whole number, 0 or more, not the text `'2'`",
    ),
    (
        "deploy: {replicas: }",
        "`replicas` takes a whole number, 0 or more, not nothing",
    ),
    (
        "deploy: {replicas: 1.5}",
        "`replicas` takes a whole number, 0 or more, not `1.5`",
    ),
    (
        "deploy: {replicas: -1}",
        "`replicas` takes a whole number, 0 or more, not `-1`",
    ),
    ("deploy: []", "`deploy` takes a mapping, not a list"),
    (
        "deploy: {resources: {limits: {memory: 1m}}}",
        "`memory` takes a size, not `1m`",
    ),
    (
        "deploy: {resources: {limits: {cpus: '0.0001'}}}",
        "`cpus` takes a number of processors, not the text `'0.0001'`",
    ),
    (
        "deploy: {placement: {constraints: node.role == manager}}",
        "`constraints` takes a list, not `node.role == manager`",
    ),
    ("healthcheck:", "`healthcheck` takes a mapping, not nothing"),
    ("healthcheck: {interval: -1s}", "`interval` takes a duration, not `-1s`"),
    ("environment: {A: true}", "`A` takes a text or a number, not `true`"),
    ("command: [0x10]", "`command` takes a text, not `0x10`"),
    ("tty: 'true'", "`tty` takes `true` or `false`, not the text `'true'`"),
    (
        "secrets: [{source: a, mode: '0440'}]",
        "`mode` takes a number, not the text `'0440'`",
    ),
    ("cap_add: [A, A]", "`A` stands twice in `cap_add`"),
    ("ulimits: {nofile: {soft: 5}}", "`nofile` is without `hard`"),
    (
        "restart: allways",
        "`restart` takes `always` or `on-failure` or `unless-stopped` or `no`, not `allways`",
    ),
    ("healthcheck: {timeout: 1us}", "`timeout` takes a duration, not `1us`"),
    (
        "healthcheck: {test: a, disable: True}",
        "a healthcheck with `disable: true` has no `test`",
    ),
    (
        "secrets: [a, {source: b, target: a}]",
        "a swarm refuses a service with the file `a` twice",
    ),
    (
        "volumes: ['/a:/b', '/c:/b']",
        "a swarm refuses a service with a mount at `/b` twice",
    ),
    (
        "ports: ['80:80:80:80']",
        "`80:80` in `80:80:80:80` is no address of the host",
    ),
    (
        "ports: [{target: 80, mode: hosts}]",
        "`mode` takes `ingress` or `host`, not `hosts`",
    ),
    ("ports: ['80', '80']", "`80` stands twice in `ports`"),
    ("ports: ['8080:80', '8080:80']", "`8080:80` stands twice in `ports`"),
    (
        "ports: [{target: 80}, {target: 80}]",
        "the same port stands twice in `ports`",
    ),
    (
        "ports: ['8080-8082:80-82', {target: 90, published: 8081}]",
        "a swarm refuses a service with the published port 8081/tcp twice",
    ),
    ("volumes: [{source: /a, target: /b}]", "`volumes` is without `type`"),
    ("healthcheck: {x-a: 1}", "unknown key in `healthcheck`, `x-a`"),
    (
        "pull_policy: always",
        "`docker stack` refuses a service with `pull_policy`",
    ),
];

#[test]
fn values_that_docker_stack_refuses_are_told() {
    for (line, expected) in REFUSED {
        let stack = swarm(&format!("{}secrets: {{a: {{file: /a}}, b: {{file: /b}}}}\n", of(line)));
        assert_eq!(told(&stack), [*expected], "{line}");
    }
}

#[test]
fn what_a_swarm_takes_for_something_else_is_a_warning() {
    let ports = "ports: [{target: 81, mode: HOST, protocol: tpc}]";
    check(
        &swarm(&of(ports)),
        &["warning: `protocol` takes `tcp` or `udp` or `sctp`, not `tpc`"],
    );
}

#[test]
fn values_are_judged_as_they_are_filled_in() {
    let text = of("deploy: {replicas: \"${N}\", mode: \"${M:-globl}\", restart_policy: {delay: \"${LATE}\"}}");
    let why = "`mode` takes `replicated` or `global` or `replicated-job` or `global-job`, not `globl`";
    check(&swarm(&text).env("N", "2").late("LATE"), &[why]);
    check(
        &swarm(&text).env("N", "two").env("M", "global").late("LATE"),
        &[
            "`replicas` takes a whole number, 0 or more, not `two`",
            "`mode: global` has one task on each node, and no `replicas`",
        ],
    );
}

#[test]
fn a_key_is_known_from_its_version_on() {
    let file = |version: &str| format!("version: '{version}'\n{}", of("init: true"));
    check(&swarm(&file("3.7")), &[]);
    swarm(&file("3.6")).refused(
        "/app/stack.yml:5:5: `docker stack` knows `init` from version 3.7 on, and this file is of version 3.6 [write `version: '3.8'`]\n",
    );
    check(
        &swarm(&format!("version: '3.3'\nx-a: 1\n{}", of("user: a"))),
        &["`docker stack` knows `x-…` from version 3.4 on, and this file is of version 3.3"],
    );
}

#[test]
fn what_a_substitution_makes_right_is_right() {
    let text =
        "version: '3.3'\nservices:\n  web: {image: x, networks: [a]}\nnetworks:\n  a: {external: true, name: b}\n";
    check(
        &swarm(text),
        &["`docker stack` knows `name` from version 3.5 on, and this file is of version 3.3"],
    );
    check(&swarm(text).external("a", "c"), &[]);
    check(&swarm(&of("deploy: {mode: MODE}")).text("MODE", "global", None), &[]);
}

#[test]
fn parts_of_several_files_go_together_or_not() {
    let both = |one: &str, other: &str| {
        let mut stack = files(
            &["/app/a.yml", "/app/b.yml"],
            &[("/app/a.yml", one), ("/app/b.yml", other)],
        );
        stack.input.kind = super::StackKind::Swarm;
        stack.input.contexts = None;
        stack
    };
    let global = of("deploy: {mode: global}");
    check(
        &both(&global, "services: {web: {deploy: {replicas: 2}}}\n"),
        &["`mode: global` has one task on each node, and no `replicas`"],
    );
    check(
        &both("version: '3.8'\nservices: {}\n", &global),
        &["the stack's files are of different versions, 3.8 and 3"],
    );
    // Of one destination the last file decides.
    check(
        &both(&of("volumes: ['/a:/b']"), "services: {web: {volumes: ['/c:/b']}}\n"),
        &[],
    );
}

#[test]
fn networks_of_one_engine_are_told_where_services_are_on_them() {
    let text =
        |networks: &str| format!("services:\n  web: {{image: x{networks}}}\nnetworks:\n  a: {{driver: bridge}}\n");
    check(&swarm(&text("")), &[]);
    check(
        &swarm(&text(", networks: [a]")),
        &["the network `a` is of one engine alone, and a swarm's services are on all of them"],
    );
}

#[test]
fn a_port_is_published_by_one_service_of_a_stack() {
    let both = |one: &str, other: &str| {
        swarm(&format!(
            "services:\n  web: {{image: x, ports: [{one}]}}\n  api: {{image: x, ports: [{other}]}}\n"
        ))
    };
    let on_nodes = "{target: 80, published: 8080, mode: host}";
    for (one, other) in [
        ("'8080:80'", "'8081:80'"),
        ("'8080:80'", "'8080:80/udp'"),
        ("'80'", "'80'"),
        (on_nodes, on_nodes),
    ] {
        check(&both(one, other), &[]);
    }
    for (one, other) in [
        ("'8080:80'", "'8080:81'"),
        ("'8079-8080:80-81'", "'8080:80'"),
        (on_nodes, "'8080:80'"),
    ] {
        check(
            &both(one, other),
            &["`api` publishes the port 8080/tcp, too: a swarm has each once"],
        );
        check(&both(one, other).all_ports(), &[]);
    }
}

#[test]
fn what_is_external_is_made_by_somebody_else() {
    let of = |section: &str, thing: &str| format!("services:\n  web: {{image: x}}\n{section}:\n  a: {{{thing}}}\n");
    for (section, thing, of_swarm, of_compose) in [
        ("volumes", "external: true, name: b, x-c: d", "", ""),
        ("volumes", "external: false, driver: local", "", ""),
        ("networks", "external: {name: b}", "", ""),
        (
            "secrets",
            "external: true, file: ",
            "`file` takes a text, not nothing",
            "",
        ),
        (
            "volumes",
            "external: true, driver: local",
            "the volume `a` is external, so that `driver` says nothing of it",
            "the volume `a` is external, so that `driver` says nothing of it",
        ),
        (
            "networks",
            "external: true, internal: true",
            "warning: the network `a` is external, so that `internal` says nothing of it",
            "warning: the network `a` is external, so that `internal` says nothing of it",
        ),
        (
            "secrets",
            "external: true, file: /b",
            "warning: the secret `a` is external, so that `file` says nothing of it",
            "",
        ),
        (
            "configs",
            "external: {name: b}, name: c",
            "the config `a` has two real names: one under `external`, and one beside it",
            "warning: the config `a` has two real names: one under `external`, and one beside it",
        ),
    ] {
        let text = of(section, thing);
        for (stack, expected) in [(swarm(&text), of_swarm), (stack(&text), of_compose)] {
            let expected: Vec<&str> = [expected].into_iter().filter(|told| !told.is_empty()).collect();
            assert_eq!(told(&stack), expected, "{text}");
        }
    }
}

#[test]
fn compose_tools_take_more() {
    for line in [
        "deploy: {replicas: '2', resources: {limits: {cpus: 0.5, memory: 64, pids: '5'}}}",
        "deploy: {mode: globl, restart_policy: {condition: always}}",
        "deploy: {resources: {reservations: {devices: [{capabilities: [gpu]}]}}, x-a: 1}",
        "healthcheck: {retries: '3', disable: 'yes', interval: 1d}",
        "environment: {A: true}",
        "stop_grace_period: 1w",
    ] {
        let told = told(&stack(&of(line)));
        assert!(told.is_empty(), "{line}: {told:?}");
    }
    for (line, expected) in [
        ("deploy: {replicas: two}", "`replicas` takes a whole number, not `two`"),
        ("healthcheck: {interval: 10}", "`interval` takes a duration, not `10`"),
        (
            "healthcheck: {test: [curl, x]}",
            "warning: the list `test` begins with `curl`, and not with `CMD`, `CMD-SHELL` or `NONE`",
        ),
        (
            "deploy: {resources: {limits: {memory: 10Q}}}",
            "warning: `memory` takes a size, not `10Q`",
        ),
        (
            "deploy: {update_config: {order: start_first}}",
            "`order` takes `start-first` or `stop-first`, not `start_first`",
        ),
        (
            "ports: ['80:80:80']",
            "warning: `80` in `80:80:80` is no address of the host",
        ),
        ("ports: ['80:80/tpc']", "`80:80/tpc` is no port"),
        (
            "ports: [{target: 80, mode: hosts}]",
            "warning: `mode` takes `ingress` or `host`, not `hosts`",
        ),
    ] {
        check(&stack(&of(line)), &[expected]);
    }
}
