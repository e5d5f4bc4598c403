//! What the compose tool would refuse is told, and what it may know better is not.

use super::{files, shown, stack, swarm};

#[test]
fn a_file_that_the_tool_would_take_unasked_is_told() {
    let told = |files_there: &[(&str, &str)], named: &[&str]| {
        let notes = files(named, files_there).rewritten().notes;
        shown(&notes)
    };
    let text = "services: {web: {image: x}}";
    let two = [
        ("/app/docker-compose.yml", text),
        ("/app/docker-compose.override.yml", text),
    ];
    assert_eq!(
        told(&two, &["/app/docker-compose.yml"]),
        "scenario.yaml:1:1: `docker-compose.override.yml` stands beside `docker-compose.yml`, and is not taken: `docker compose` would take it [where it is wanted, name both: `compose: [docker-compose.yml, docker-compose.override.yml]`]\n"
    );
    assert_eq!(
        told(&two, &["/app/docker-compose.yml", "/app/docker-compose.override.yml"]),
        ""
    );
    assert_eq!(told(&[("/app/shop.yml", text), two[1]], &["/app/shop.yml"]), "");
    assert_eq!(told(&two[..1], &["/app/docker-compose.yml"]), "");
}

#[test]
fn what_is_in_no_file_may_come_from_elsewhere() {
    for whole in [
        "include: ['https://example.org/a.yml']\nservices:\n  web: {image: x, depends_on: [db], networks: [front]}\n",
        "services:\n  web: {extends: {file: 'git@example.org:a', service: base}}\n",
        "services:\n  web: {provider: {type: model}}\n",
        "services:\n  web: {image: x, networks: [default], network_mode: ''}\n",
        "services:\n  web: {image: x, volumes: ['C:/data:/data', './a:/b', /c, '~/d:/e', '\\\\.\\pipe\\x:/y', {type: volume, target: /f}]}\n",
        "services:\n  web: {image: x, volumes_from: ['container:other'], external_links: [other]}\n",
        "services:\n  web: {image: x, ports: [0x50, '127.0.0.1::80', '[::1]:80:80', {target: 80, published: ''}, {target: 1-2}]}\n",
    ] {
        stack(whole).rewritten();
    }
}

#[test]
fn what_is_known_later_is_told_later() {
    let text = "services:\n  web: {image: $LATE, networks: [$LATE], secrets: [$LATE], volumes: ['$LATE:/a'], ports: ['$LATE:80'], network_mode: 'service:$LATE'}\n";
    stack(text).late("LATE").rewritten();
    stack("services:\n  web: {image: x, ports: ['$PORT:80']}\n")
        .env("PORT", "a")
        .refused("/app/compose.yml:2:27: `a:80` is no port [a port is a number up to 65535 or a range, `3000-3005`; before the container's may stand the host's: `8080:80`, `127.0.0.1:8080:80/tcp`]\n");
}

#[test]
fn of_one_destination_the_last_file_decides() {
    let first = "services:\n  web: {image: x, volumes: ['gone:/a/']}\n";
    let second = "services:\n  web: {volumes: ['./here:/a']}\n";
    let both = files(
        &["/app/compose.yml", "/app/second.yml"],
        &[("/app/compose.yml", first), ("/app/second.yml", second)],
    );
    both.rewritten();
    stack(first).refused("/app/compose.yml:2:29: `volumes` names a volume `gone`, which no file of the stack declares [there is none; declare it under `volumes` of the file, beside `services`]\n");
}

#[test]
fn an_extended_service_needs_its_base() {
    let text = "services:\n  web: {extends: {file: b.yml, service: bse}}\n";
    let base = "services:\n  base: {image: x}\n";
    stack(text)
        .file("/app/b.yml", base)
        .refused("/app/compose.yml:2:41: `extends` names a service `bse`, which `/app/b.yml` does not have [did you mean `base`?]\n");
    // What the other file includes may have it.
    stack(text)
        .file("/app/b.yml", &format!("include: [c.yml]\n{base}"))
        .rewritten();
}

#[test]
fn an_unknown_key_keeps_nothing_from_being_rewritten() {
    let told = stack("services:\n  web: {image: x, comand: a}\n").rewritten();
    assert_eq!(told.notes.len(), 1);
    // Nobody is led to what no tool takes.
    for (section, help) in [
        ("secrets", "a compose tool refuses"),
        ("configs", "did you mean `content`?"),
    ] {
        let told = stack(&format!(
            "services: {{web: {{image: x}}}}\n{section}: {{it: {{file: ./it, contents: x}}}}\n"
        ));
        let told = told.file("/app/it", "x").rewritten();
        let unknown = told.notes.iter().find(|note| note.message.contains("`contents`"));
        let unknown = unknown.and_then(|note| note.help.as_deref());
        assert!(unknown.is_some_and(|told| told.starts_with(help)), "{unknown:?}");
    }
    // Beside what does, it is told, too.
    let text = "services:\n  web: {imge: x}\n";
    stack(text).refused("/app/compose.yml:2:3: the service `web` has neither `image` nor `build` [give it one of them: what it runs, or what that is built from]\n/app/compose.yml:2:9: unknown key in a service, `imge` [did you mean `image`? a compose tool refuses a key that it does not know]\n");
}

#[test]
fn services_that_wait_for_each_other_in_a_ring_are_told() {
    let ring = "services:\n  web: {image: x, depends_on: [cache, db]}\n  cache: {image: x}\n  db: {image: x, links: ['mail:post']}\n  mail: {image: x, network_mode: 'service:web'}\n";
    stack(ring).refused("/app/compose.yml:2:39: services wait for each other in a ring: `db` → `mail` → `web` → `db` [none of them could be the first to start: take `db` out of this `depends_on`, or break the ring at another of them]\n");
    stack("services:\n  web: {image: x, depends_on: {web: {condition: service_started}}}\n")
        .refused("/app/compose.yml:2:32: `web` waits for itself [take it out of its `depends_on`]\n");
    // What is waited for twice is no ring, nor is one of services that do not start.
    stack("services:\n  a: {image: x, depends_on: [b, c]}\n  b: {image: x, depends_on: [c]}\n  c: {image: x}\n  d: {image: x, profiles: [p], depends_on: [e]}\n  e: {image: x, profiles: [p], depends_on: [d]}\n").rewritten();
    swarm("services:\n  web: {image: x, depends_on: [web]}\n").rewritten();
}
