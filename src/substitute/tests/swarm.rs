//! Swarm files: what is isolated, replaced, refused and noted otherwise than in compose files.

use super::super::{Lock, LockKind, Mode, PortMode};
use std::path::PathBuf;

use super::{Given, Stack, nowhere, shown, swarm};
use crate::diagnostic::Level;

/// The notes of a stack, one a line.
fn notes(stack: &Stack) -> String {
    let notes = stack.rewritten().notes;
    assert!(notes.iter().all(|note| note.level != Level::Error));
    shown(&notes)
}

#[test]
fn everything_that_is_made_carries_the_labels() {
    let text = "services:\n  web:\n    image: x\n    deploy:\n      labels: [a=b]\n  db:\n    image: y\n    labels: {c: d}\nnetworks:\n  front:\n  other: {external: true}\nvolumes:\n  data: {}\nsecrets:\n  s.properties: {file: /s}\nconfigs:\n  c: {file: /c}\n";
    let label = "labels:\n      \"run\": \"r1\"\n";
    swarm(text).labels().gives(&format!(
        "services:\n  web:\n    image: x\n    deploy:\n      labels:\n        - a=b\n        - \"run=r1\"\n    labels:\n      \"run\": \"r1\"\n  db:\n    image: y\n    labels:\n      c: d\n      \"run\": \"r1\"\n    deploy:\n      labels:\n        \"run\": \"r1\"\nnetworks:\n  front:\n    {label}  other:\n    external: true\n  default:\n    {label}volumes:\n  data:\n    {label}secrets:\n  s.properties:\n    file: /s\n    {label}configs:\n  c:\n    file: /c\n    {label}"
    ));
}

#[test]
fn a_freed_port_keeps_its_mode() {
    let text = "services:\n  web:\n    image: x\n    ports:\n      - \"8080:80\"\n      - 3000-3001:3000-3001\n      - 127.0.0.1:53:53/udp\n      - {target: 81, published: 8081, protocol: tcp, mode: host}\n      - {target: 82, mode: host}\n      - {target: 83, published: 8083}\n";
    let stack = swarm(text).all_ports();
    stack.gives("services:\n  web:\n    image: x\n    ports:\n      - \"80\"\n      - \"3000-3001\"\n      - \"127.0.0.1::53/udp\"\n      - target: 81\n        protocol: tcp\n        mode: host\n      - target: 82\n        mode: host\n      - target: 83\n");
    let rewritten = stack.rewritten();
    let ports = &rewritten.services["web"].ports;
    let seen: Vec<_> = ports.iter().map(|port| (port.target.first, port.mode)).collect();
    let (mesh, host) = (PortMode::Ingress, PortMode::Host);
    assert_eq!(
        seen,
        [(80, mesh), (3000, mesh), (53, mesh), (81, host), (82, host), (83, mesh)]
    );
    assert!(rewritten.locks.is_empty());
    assert_eq!(
        notes(&stack),
        format!(
            "/app/stack.yml:7:9: a swarm ignores the host's address of a port [a swarm publishes a port on all addresses]\n{UNVERSIONED}"
        )
    );
}

/// What is noted of a file without a version.
const UNVERSIONED: &str = "/app/stack.yml:1:1: a `docker` older than 23.0 refuses a file without a `version` [newer ones take it for the newest format that they know; for all of them write `version: '3.8'`]\n";

#[test]
fn ports_of_one_port_of_the_container_become_one() {
    let text = "services:\n  web:\n    image: x\n    ports: [\"8080:80\", 8081:80, \"80\", \"8082:80/udp\", {target: 81, published: 1}, {target: 81, published: 2}]\n";
    let ports = "services:\n  web:\n    image: x\n    ports:\n      - \"80\"\n      - \"80/udp\"\n      - target: 81\n";
    swarm(text).all_ports().gives(ports);
    // Each is still known by the port that it was.
    let freed = swarm(text).all_ports().rewritten().freed;
    let freed: Vec<_> = freed.iter().map(|(host, (_, target))| (*host, *target)).collect();
    assert_eq!(freed, [(1, 81), (2, 81), (8080, 80), (8081, 80), (8082, 80)]);
    super::stack(text).all_ports().gives(ports);
    let twice = "services:\n  web:\n    image: x\n    ports: [\"8080:80\", \"8080:80\"]\n";
    swarm(twice)
        .all_ports()
        .refused("/app/stack.yml:4:24: `8080:80` stands twice in `ports` [`docker stack` refuses it; take one out]\n");
}

#[test]
fn freed_ports_of_several_files_stand_in_the_last_one() {
    let first = "services:\n  web:\n    image: x\n    ports: [\"8080:80\", \"8081:81\", \"9000:90\"]\n  db:\n    image: x\n    ports: [\"5432:5432\"]\n";
    let last = "services:\n  web:\n    ports: [\"9000:91\"]\n    tty: true\n";
    let both = || {
        let mut stack = super::files(
            &["/app/a.yml", "/app/b.yml"],
            &[("/app/a.yml", first), ("/app/b.yml", last)],
        );
        stack.input.kind = super::StackKind::Swarm;
        stack
    };
    let copies = both().ports(&["8080", "8081", "5432"]).copies();
    assert_eq!(
        copies["a.yml"],
        "services:\n  web:\n    image: x\n  db:\n    image: x\n    ports:\n      - \"5432\"\n"
    );
    assert_eq!(
        copies["b.yml"],
        "services:\n  web:\n    tty: true\n    ports:\n      - \"80\"\n      - \"81\"\n      - \"9000:91\"\n"
    );
    // What nothing frees the tool merges as it always did.
    assert!(both().copies()["a.yml"].contains("8080:80"));
}

#[test]
fn ports_that_stay_and_the_hosts_network_are_locks() {
    let text = "services:\n  web:\n    image: x\n    ports: [\"8080:80\", {target: 81, published: 8081, mode: host}]\n    networks: [outside]\nnetworks:\n  outside: {external: {name: host}}\n";
    let locks = swarm(text).rewritten().locks;
    let kinds: Vec<String> = locks.iter().map(|Lock { kind, .. }| kind.to_string()).collect();
    assert_eq!(
        kinds,
        ["host port 8080/tcp", "host port 8081/tcp", "the host's network"]
    );
    assert!(matches!(locks[2].kind, LockKind::HostNetwork));
}

#[test]
fn relative_paths_mean_what_they_meant_beside_the_original() {
    let text = "services:\n  web:\n    image: x\n    env_file: [web.env, ./other.env]\n    volumes:\n      - ./data:/data:ro\n      - named:/named\n      - /abs:/abs\n      - {type: bind, source: ./conf, target: /conf}\n    build: .\nvolumes: {named: }\nsecrets:\n  secret.properties: {file: ./secrets/a}\nconfigs:\n  c: {file: ../c.conf}\n";
    swarm(text).file("/app/Dockerfile", "FROM x\n").path("./conf", "/ours/conf").gives("services:\n  web:\n    image: x\n    env_file:\n      - \"/app/web.env\"\n      - \"/app/other.env\"\n    volumes:\n      - \"/app/data:/data:ro\"\n      - named:/named\n      - /abs:/abs\n      - type: bind\n        source: \"/ours/conf\"\n        target: /conf\nvolumes:\n  named:\nsecrets:\n  secret.properties:\n    file: \"/app/secrets/a\"\nconfigs:\n  c:\n    file: \"/c.conf\"\n");
}

#[test]
fn external_things_are_named_as_every_version_of_the_format_takes_it() {
    let text = "version: '3.3'\nservices:\n  web: {image: x, networks: [a, b, c], volumes: [\"vol:/v\"]}\nnetworks:\n  a: {external: {name: \"${PREFIX}_qry\"}}\n  b: {external: true}\n  c: {external: true, name: other}\nvolumes:\n  vol: {external: true, name: theirs}\n";
    let stack = swarm(text)
        .env("PREFIX", "tc")
        .external("tc_qry", "real$1")
        .external("c", "real2")
        .external("theirs", "real3");
    stack.gives("version: \"3.3\"\nservices:\n  web:\n    image: x\n    networks:\n      - a\n      - b\n      - c\n    volumes:\n      - \"vol:/v\"\nnetworks:\n  a:\n    external:\n      name: \"real$$1\"\n  b:\n    external: true\n  c:\n    external:\n      name: \"real2\"\nvolumes:\n  vol:\n    external:\n      name: \"real3\"\n");
    let rewritten = stack.rewritten();
    let names: Vec<_> = rewritten.networks.values().flatten().map(String::as_str).collect();
    assert_eq!(names, ["real$1", "b", "real2"]);
}

#[test]
fn external_secrets_and_configs_are_mapped_too() {
    let text = "services:\n  web: {image: x, secrets: [s], configs: [c]}\nsecrets: {s: {external: true}}\nconfigs: {c: {external: {name: theirs}}}\n";
    swarm(text).external("s", "real1").external("theirs", "real2").gives("services:\n  web:\n    image: x\n    secrets:\n      - s\n    configs:\n      - c\nsecrets:\n  s:\n    external:\n      name: \"real1\"\nconfigs:\n  c:\n    external:\n      name: \"real2\"\n");
}

#[test]
fn values_that_docker_stack_fills_in_otherwise_are_told() {
    let text =
        "services:\n  web: {image: \"x:${A:+1}\", user: \"${B:-}${B-}\", command: \"$${C:+1} ${D:-1}${E:-${D:-2}}\"}\n";
    let why = "[`docker stack` knows `${NAME}`, `${NAME:-default}` and `${NAME:?error}`, with a plain text]";
    swarm(text).env("A", "1").refused(&format!(
        "/app/stack.yml:2:19: `docker stack` cannot fill in `${{A:+1}}` {why}\n/app/stack.yml:2:76: `docker stack` cannot fill in `${{E:-${{` {why}\n"
    ));
}

#[test]
fn of_a_value_that_is_replaced_nothing_is_told() {
    let file = swarm("services:\n  web: {image: \"${A:+b/}web\"}\n").env("A", "1");
    let replaced = file.image("b/web", "ours:1").rewritten();
    assert_eq!(replaced.services["web"].image.as_deref(), Some("ours:1"));
}

#[test]
fn values_that_may_be_empty_are_filled_in() {
    let stack = swarm("services:\n  web: {image: \"x${A:-}${A-}\", hostname: \"${B:?}${B?}\"}\n").env("B", "b");
    let rewritten = stack.rewritten();
    assert_eq!(rewritten.services["web"].image.as_deref(), Some("x"));
}

#[test]
fn the_default_network_is_labelled_in_the_document_that_is_read() {
    let label = "labels:\n      \"run\": \"r1\"\n";
    let stack = swarm("version: '3.8'\nservices:\n  web: {image: x}\n---\n").labels();
    assert_eq!(notes(&stack), "");
    let text = &stack.rewritten().files[0].text;
    let (read, _) = text.split_once("---").unwrap();
    assert!(read.ends_with(&format!("networks:\n  default:\n    {label}")), "{text}");
    let more = swarm("version: '3.8'\nservices:\n  web: {image: x}\n---\n---\nnetworks: {n: }\n");
    assert!(notes(&more).starts_with("/app/stack.yml:6:1: `docker stack` reads only the first document of a file ["));
}

/// A secret and a config that the scenario gives, as the file has them.
fn given(thing: &str) -> Stack {
    let text = format!(
        "version: '3.8'\nservices:\n  web: {{image: x, secrets: [a], configs: [a]}}\nsecrets:\n  a: {{{thing}}}\nconfigs:\n  a: {{{thing}}}\n"
    );
    let mut stack = swarm(&text).labels();
    let given = |section: &'static str| Given {
        section,
        name: "a".to_owned(),
        file: PathBuf::from("/private/a"),
        real: format!("c_{section}_a"),
    };
    stack.input.given = vec![given("secrets"), given("configs")];
    stack
}

#[test]
fn of_what_is_given_nothing_else_of_the_file_counts() {
    let stack = given("file: ./a, labels: {team: a}, driver: vault, x-own: 1");
    assert_eq!(notes(&stack), "");
    let text = &stack.rewritten().files[0].text;
    let thing =
        |section: &str| format!("{section}:\n  a:\n    x-own: 1\n    external:\n      name: \"c_{section}_a\"\n");
    assert!(text.contains(&(thing("secrets") + &thing("configs"))), "{text}");
    given("file: ./a, template_driver: golang").refused(
        "/app/stack.yml:5:35: the secret `a` is a template, and what the scenario gives in its place is none [let the stack make it of another file: `substitute: {host-paths: {…: ./a}}` of the stack, in place of `secrets` of the scenario]\n\
         /app/stack.yml:7:35: the config `a` is a template, and what the scenario gives in its place is none [let the stack make it of another file: `substitute: {host-paths: {…: ./a}}` of the stack, in place of `configs` of the scenario]\n",
    );
}

#[test]
fn addresses_in_networks_are_ignored() {
    let text = "version: '3.9'\nservices:\n  web:\n    image: x\n    cgroupns_mode: host\n    networks:\n      n: {ipv4_address: 10.1.1.2}\n      m: {aliases: [w], ipv6_address: 'fd00::2'}\nnetworks: {n: , m: }\n";
    let why = "[services find each other by the service's name]";
    assert_eq!(
        notes(&swarm(text)),
        format!(
            "/app/stack.yml:5:5: a swarm ignores `cgroupns_mode`\n\
             /app/stack.yml:7:11: a swarm ignores `ipv4_address` {why}\n\
             /app/stack.yml:8:25: a swarm ignores `ipv6_address` {why}\n"
        )
    );
}

#[test]
fn a_service_may_begin_with_any_of_its_characters() {
    swarm("version: '3.8'\nservices:\n  _web: {image: x}\n  -db: {image: x}\n").rewritten();
    swarm("services:\n  web_: {image: x}\n").refused(
        "/app/stack.yml:2:3: a service of a swarm cannot be called `web_` [its name is of letters, digits, `-` and `_`, and ends with a letter or digit]\n",
    );
}

#[test]
fn explicit_names_are_prefixed_and_the_others_have_the_stacks() {
    let text = "services:\n  web: {image: x}\nnetworks: {front: {name: front-net}}\nsecrets:\n  s.properties: {file: /s}\n  named: {file: /s, name: top-secret}\nconfigs: {c: {file: /c, name: c1}}\nvolumes: {v: {name: vol}}\n";
    let rewritten = swarm(text).rewritten();
    assert!(rewritten.files[0].text.contains("name: \"p1_top-secret\""));
    let all = [
        &rewritten.networks,
        &rewritten.secrets,
        &rewritten.configs,
        &rewritten.volumes,
    ];
    let names: Vec<_> = all
        .into_iter()
        .flatten()
        .map(|(_, name)| name.as_deref().unwrap())
        .collect();
    assert_eq!(
        names,
        [
            "p1_default",
            "p1_front-net",
            "p1_top-secret",
            "p1_s.properties",
            "p1_c1",
            "p1_vol"
        ]
    );
}

#[test]
fn a_secret_that_the_scenario_makes_is_an_external_one() {
    let text = "services:\n  web: {image: x, secrets: [s.properties, own], configs: [c]}\nsecrets:\n  s.properties: {file: ./missing, name: theirs}\n  own: {file: /own}\nconfigs:\n  c: {file: /c}\n";
    let mut stack = swarm(text);
    let given = |section, name: &str, real: &str| Given {
        section,
        name: name.to_owned(),
        file: PathBuf::new(),
        real: real.to_owned(),
    };
    stack.input.given = vec![
        given("secrets", "s.properties", "e2e-s"),
        given("configs", "c", "e2e-c"),
    ];
    stack.gives("services:\n  web:\n    image: x\n    secrets:\n      - s.properties\n      - own\n    configs:\n      - c\nsecrets:\n  s.properties:\n    external:\n      name: \"e2e-s\"\n  own:\n    file: /own\nconfigs:\n  c:\n    external:\n      name: \"e2e-c\"\n");
}

#[test]
fn what_is_built_is_named_and_the_build_is_left_out() {
    let text = "services:\n  web:\n    build: {context: ./web/, additional_contexts: {a: b}}\n    image: acme/web\n  job: {image: acme/web:latest}\n";
    let mut stack = swarm(text).labels().file("/app/web/Dockerfile", "FROM x\n");
    stack.input.labels.clear();
    stack.input.built = [("web".to_owned(), "e2erun/web:1".to_owned())].into();
    stack.gives("services:\n  web:\n    image: \"e2erun/web:1\"\n  job:\n    image: \"e2erun/web:1\"\n");
    assert!(stack.rewritten().services["web"].built);
    // The compose tool builds it from a copy that still says how.
    stack.input.contexts = Some("/contexts".into());
    assert!(stack.rewritten().files[0].text.contains("build:"));
}

#[test]
fn what_deploy_says_is_known() {
    let text = "services:\n  plain: {image: x}\n  job: {image: x, depends_on: [plain], deploy: {mode: replicated-job, replicas: 3}}\n  all: {image: x, deploy: {mode: \"${M}\", endpoint_mode: dnsrr}}\n";
    let services = swarm(text).env("M", "global").rewritten().services;
    let deploy = |name: &str| services[name].deploy;
    assert_eq!((deploy("plain").mode, deploy("plain").dnsrr), (Mode::Replicated, false));
    assert!(deploy("job").mode.is_job() && !deploy("job").mode.is_global());
    assert_eq!(services["job"].replicas, 3);
    assert!(services["job"].depends_on.is_empty());
    assert!(deploy("all").mode.is_global() && deploy("all").dnsrr);
}

#[test]
fn the_tool_is_given_what_the_env_files_say() {
    let text = "services:\n  web: {image: \"${IMAGE}:${TAG}\"}\n";
    let stack = swarm(text).file("/app/.env", "IMAGE=busybox\nTAG=1\n").env("TAG", "2");
    let rewritten = stack.rewritten();
    assert_eq!(rewritten.services["web"].image.as_deref(), Some("busybox:2"));
    let seen: Vec<_> = ["IMAGE", "TAG"].map(|name| rewritten.tool_env[name].as_str()).to_vec();
    assert_eq!(seen, ["busybox", "2"]);
    let arguments = rewritten.deploy_arguments("/copies".as_ref()).join(" ");
    assert_eq!(
        arguments,
        "stack deploy --prune --with-registry-auth --resolve-image never --compose-file /copies/stack.yml p1"
    );
}

#[test]
fn a_volume_of_one_letter_is_no_volume_in_a_short_form() {
    let text = "services:\n  web:\n    image: x\n    volumes: [ALL]\nvolumes: {d: {}, dd: {}}\n";
    let file = |volumes: &str| text.replace("ALL", volumes);
    swarm(&file(
        "'dd:/d', '/d:/e', '/f', '${D:-dd}:/g', {type: volume, source: d, target: /h}",
    ))
    .rewritten();
    swarm(&file("'d:/d', '${D:-d}:/e:ro'")).refused(
        "/app/stack.yml:4:15: `docker stack` takes `d:` for a drive of Windows, and not for the volume `d` [in the long form: `{type: volume, source: d, target: /d}`, or give the volume a longer name]\n\
         /app/stack.yml:4:23: `docker stack` takes `d:` for a drive of Windows, and not for the volume `d` [in the long form: `{type: volume, source: d, target: /e, read_only: true}`, or give the volume a longer name]\n",
    );
}

#[test]
fn what_docker_stack_refuses_is_told() {
    swarm("version: \"2.4\"\nservices:\n  web: {image: x, mem_limit: 1g}\n  a.b: {image: x, extends: web}\n").refused(
        "/app/stack.yml:1:10: `docker stack` reads files of version 3, and this one is of version 2.4 [write `version: '3.8'`, or leave it out; a file that is to stay as it is: `substitute: {text: [{from: …, to: …}]}` of the stack]\n\
         /app/stack.yml:4:3: a service of a swarm cannot be called `a.b` [its name is of letters, digits, `-` and `_`, and ends with a letter or digit]\n\
         /app/stack.yml:3:19: `docker stack` refuses a service with `mem_limit` [`deploy: {resources: {limits: {memory: …}}}`]\n\
         /app/stack.yml:4:19: `docker stack` refuses a service with `extends` [write out what the service has from there]\n",
    );
}

#[test]
fn what_a_swarm_ignores_is_noted_once() {
    let text = "services:\n  web: {image: x, restart: 'no', depends_on: [nobody], container_name: w}\n  db: {image: x, tmpfs: /x, restart: always}\n  c: {image: x, tmpfs: [/y], restart: 'no', deploy: {restart_policy: {condition: none}}}\n  d: {image: x, tmpfs: /z}\n";
    assert_eq!(
        notes(&swarm(text)),
        "/app/stack.yml:2:28: a swarm ignores `restart: no` [a task that ends is followed by another one; `deploy: {restart_policy: {condition: none}}`]\n\
         /app/stack.yml:2:56: a swarm ignores `container_name` [services find each other by the service's name]\n\
         /app/stack.yml:2:34: a swarm ignores `depends_on` [all services start at once; one that needs another has to wait for it by itself]\n\
         /app/stack.yml:3:18: a swarm ignores `tmpfs` here and in 2 other services [mount one, under `volumes`: `{type: tmpfs, target: /tmp}`]\n"
            .to_owned()
            + UNVERSIONED
    );
}

#[test]
fn a_path_that_is_not_there_keeps_the_tasks_from_starting() {
    let absent = swarm("services:\n  web: {image: x, volumes: [\"./data:/data\"]}\n")
        .rewritten()
        .absent;
    assert_eq!(absent.len(), 1);
    assert_eq!(absent[0].level, Level::Error);
    assert_eq!(
        absent[0].message,
        "there is no file or folder `./data`: a swarm makes none, and rejects every task of the service"
    );
    assert_ne!(absent[0].span, nowhere());
}
