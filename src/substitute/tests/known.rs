//! What is known of a stack after its rewriting.

use super::{files, stack};
use crate::substitute::{Files, Found, Refused, rewrite};

const SHOP: &str = "services:
  db:
    image: postgres:${V:-15}
    healthcheck: {test: [CMD, pg_isready]}
    restart: always
    volumes: [data:/var, ./x:/y, '/anon', {type: volume, source: more, target: /z}]
    tty: true
    expose: ['5432', '6000-6001/udp']
  init:
    image: x
    healthcheck: {disable: true}
  web:
    image: x
    ports: ['127.0.0.1:8080:80', '53/udp', {target: 443, mode: host}]
    depends_on:
      db: {condition: service_healthy}
      init: {condition: service_completed_successfully}
    deploy: {replicas: 2, restart_policy: {condition: on-failure}}
    healthcheck: {interval: 5s}
    networks: [front]
  debug:
    image: x
    profiles: [debug]
    scale: 3
    depends_on: [web]
    network_mode: host
networks:
  front: {ipam: {config: [{subnet: 10.9.0.0/24}]}}
volumes:
  data:
  more:
  there: {external: true, name: shared}
";

#[test]
fn a_volume_that_is_a_folder_is_a_path() {
    let mounts = |options: &str| {
        let volume = format!("services: {{db: {{image: x, volumes: ['data:/d']}}}}\nvolumes: {{data: {options}}}\n");
        stack(&volume).rewritten().services["db"].mounts_paths
    };
    assert!(mounts("{driver_opts: {type: none, o: bind, device: /srv/data}}"));
    assert!(!mounts("{driver_opts: {o: size=1m}}"));
    assert!(!mounts("{}"));
}

#[test]
fn a_service_is_known_by_its_aliases_on_each_network() {
    let text = "services:\n  db:\n    image: x\n    networks:\n      front: {aliases: [store, \"${WHO:-who}\"]}\n      back:\nnetworks: {front: , back: }\n";
    let rewritten = stack(text).rewritten();
    let networks = rewritten.services["db"].networks.iter();
    let shown: Vec<String> = networks.map(|(name, aliases)| format!("{name} {aliases:?}")).collect();
    assert_eq!(shown, ["back {}", "front {\"store\", \"who\"}"]);
}

#[test]
fn services_as_far_as_they_are_written() {
    let rewritten = stack(SHOP).rewritten();
    let db = &rewritten.services["db"];
    assert_eq!(db.image.as_deref(), Some("postgres:15"));
    assert_eq!((db.healthcheck, db.tty, db.replicas), (Some(true), true, 1));
    assert_eq!(db.volumes.iter().collect::<Vec<_>>(), ["data", "more"]);
    assert_eq!(db.networks.keys().collect::<Vec<_>>(), ["default"]);
    let ports = |name: &str| -> Vec<String> {
        let show = |port: &crate::substitute::Port| {
            let fixed = port
                .fixed
                .as_ref()
                .map(|fixed| format!("{}:", fixed.value))
                .unwrap_or_default();
            format!("{fixed}{}/{} {}", port.target, port.protocol, port.published)
        };
        rewritten.services[name].ports.iter().map(show).collect()
    };
    assert_eq!(ports("db"), ["5432/tcp false", "6000-6001/udp false"]);
    assert_eq!(ports("web"), ["8080:80/tcp true", "53/udp true", "443/tcp true"]);
    assert_eq!(rewritten.services["init"].healthcheck, Some(false));
    let web = &rewritten.services["web"];
    assert_eq!((web.healthcheck, web.replicas), (None, 2));
    assert_eq!(web.depends_on["db"].condition, "service_healthy");
    assert_eq!(rewritten.completes.iter().collect::<Vec<_>>(), ["init"]);
    let debug = &rewritten.services["debug"];
    assert_eq!(
        (debug.active, debug.replicas, debug.depends_on["web"].condition.as_str()),
        (false, 3, "service_started")
    );
    let locks: Vec<String> = rewritten
        .locks
        .iter()
        .map(|lock| format!("{}: {}", lock.at.place().line, lock.kind))
        .collect();
    assert_eq!(
        locks,
        [
            "14: host port 8080/tcp",
            "28: subnet 10.9.0.0/24",
            "32: external volume shared"
        ]
    );
}

/// As the compose tool reads it.
#[test]
fn what_is_not_required_may_be_written_in_other_letters() {
    let text = "services:\n  web: {image: x, depends_on: {db: {condition: service_started, required: False}}}\n  db: {image: x}\n";
    assert!(!stack(text).rewritten().services["web"].depends_on["db"].required);
}

#[test]
fn active_profiles_and_their_locks() {
    let text = "services:\n  web: {image: x, ports: ['8080:80', '9-10:9-10/udp']}\n  debug: {image: x, profiles: [debug], network_mode: host}\n";
    let mut stack = stack(text).ports(&["8080"]);
    stack.input.profiles.insert("debug".into());
    let rewritten = stack.rewritten();
    assert!(rewritten.services["debug"].active);
    let locks: Vec<String> = rewritten.locks.iter().map(|lock| lock.kind.to_string()).collect();
    assert_eq!(locks, ["the host's network", "host port 9-10/udp"]);
    assert!(
        rewritten
            .arguments("/c".as_ref())
            .ends_with(&["--profile".to_owned(), "debug".to_owned()])
    );
}

#[test]
fn profiles_of_the_env_file_where_the_stack_names_none() {
    let text = "services:\n  a: {image: x, profiles: [a]}\n  b: {image: x, profiles: [b]}\n";
    let mut stack = stack(text).file("/app/.env", "COMPOSE_PROFILES=a,c");
    let active = |stack: &super::Stack| -> Vec<String> {
        let services = stack.rewritten().services.into_iter();
        services
            .filter(|(_, service)| service.active)
            .map(|(name, _)| name)
            .collect()
    };
    assert_eq!(active(&stack), ["a"]);
    stack.input.profiles.insert("b".into());
    assert_eq!(active(&stack), ["b"]);
    stack.input.profiles.insert("*".into());
    assert_eq!(active(&stack), ["a", "b"]);
}

#[test]
fn late_ports_are_not_known() {
    let rewritten = stack("services:\n  web: {image: x, ports: ['${P}:80']}\n")
        .late("P")
        .all_ports()
        .rewritten();
    assert!(!rewritten.services["web"].ports_known);
}

#[test]
fn what_a_build_is_made_of() {
    let text = "services:\n  web:\n    build:\n      context: web\n      dockerfile: ../D.$S\n      args: [A=1, B, C]\n      target: t\n      platforms: [linux/amd64]\n";
    let rewritten = stack(text)
        .env("S", "x")
        .env("B", "b")
        .file("/app/D.x", "FROM a AS b\nFROM b")
        .file("/app/web/f", "")
        .rewritten();
    let build = &rewritten.builds[0];
    let args: Vec<_> = build
        .args
        .iter()
        .map(|(k, v)| (k.as_str(), v.as_ref().and_then(|v| v.known())))
        .collect();
    assert_eq!(args, [("A", Some("1")), ("B", Some("b")), ("C", None)]);
    assert_eq!(
        (build.dockerfile.as_deref(), build.target.as_deref()),
        (Some("../D.x"), Some("t"))
    );
    assert_eq!(build.options, "platforms:\n  - linux/amd64\n");
    assert_eq!(build.bases.iter().collect::<Vec<_>>(), ["a"]);
    let inline = "services:\n  web:\n    build: {dockerfile_inline: \"FROM $$X\", context: .}\n";
    let rewritten = stack(inline).rewritten();
    assert_eq!(
        (
            rewritten.builds[0].dockerfile.as_deref(),
            rewritten.builds[0].dockerfile_text.as_str()
        ),
        (None, "FROM $X")
    );
    let remote = stack("services:\n  web:\n    build: https://example.org/x.git#main\n").rewritten();
    assert_eq!(
        remote.builds[0].remote.as_deref(),
        Some("https://example.org/x.git#main")
    );
}

#[test]
fn asks_for_what_it_has_to_know() {
    struct Nothing;
    impl Files for Nothing {
        fn look(&self, _: &std::path::Path) -> Option<Found> {
            None
        }
    }
    let stack = files(&["/app/a.yml", "/app/b.yml"], &[]);
    let Err(Refused::Needs(needs)) = rewrite(&stack.input, &Nothing) else {
        panic!()
    };
    let needs: Vec<_> = needs.iter().map(|path| path.to_str().unwrap()).collect();
    assert_eq!(needs, ["/app/.env", "/app/a.yml", "/app/b.yml"]);
}

#[test]
fn the_difference_shows_only_what_was_changed() {
    let rewritten = stack("services:\n  # a comment\n  web: {image:    old, x: &a 1, y: *a}\n")
        .image("old", "new")
        .rewritten();
    let expected = "--- compose.yml\n+++ compose.yml (rewritten)\n@@ -1,5 +1,5 @@\n services:\n   web:\n-    image: old\n+    image: \"new\"\n     x: 1\n     y: 1\n";
    assert_eq!(rewritten.files[0].difference("compose.yml"), expected);
}
