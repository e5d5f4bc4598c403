//! Names, aliases and labels: what is isolated without being asked.

use super::{Stack, files, stack};

#[test]
fn the_projects_name_is_dropped() {
    stack("name: shop\nservices:\n  web:\n    image: x\n").gives("services:\n  web:\n    image: x\n");
}

#[test]
fn a_container_name_becomes_an_alias() {
    for (networks, expected) in [
        ("", "      default:\n        aliases:\n          - db1\n"),
        (
            "    networks: [front, back]\n",
            "      front:\n        aliases:\n          - db1\n      back:\n        aliases:\n          - db1\n",
        ),
        (
            "    networks:\n      front:\n      back: {aliases: [x], ipv4_address: 10.0.0.2}\n",
            "      front:\n        aliases:\n          - db1\n      back:\n        aliases:\n          - x\n          - db1\n        ipv4_address: 10.0.0.2\n",
        ),
    ] {
        let declared = "networks:\n  front:\n    external: true\n  back:\n    external: true\n";
        let text = format!("services:\n  db:\n    image: x\n    container_name: db1\n{networks}{declared}");
        stack(&text).gives(&format!(
            "services:\n  db:\n    image: x\n    networks:\n{expected}{declared}"
        ));
    }
    // Where it has no network of its own, it has no name there.
    stack("services:\n  db:\n    image: x\n    container_name: db1\n    network_mode: host\n")
        .gives("services:\n  db:\n    image: x\n    network_mode: host\n");
    stack("services:\n  db:\n    image: x\n    container_name: ${N}-1\n")
        .env("N", "a")
        .gives("services:\n  db:\n    image: x\n    networks:\n      default:\n        aliases:\n          - ${N}-1\n");
}

#[test]
fn the_name_of_a_container_is_not_inherited() {
    let text = "version: '3'\nservices:\n  one: {image: x, container_name: c1, networks: [n]}\n  two: {extends: one, container_name: c2}\nnetworks: {n: }\n";
    let rewritten = stack(text).rewritten();
    let texts: Vec<&str> = rewritten.files.iter().map(|file| file.text.as_str()).collect();
    let [own, aliases] = texts[..] else { panic!("{texts:?}") };
    assert!(
        own.contains("  one:\n    image: x\n    networks:\n      - n\n"),
        "{own}"
    );
    assert!(own.contains("- c2") && !own.contains("- c1"), "{own}");
    assert_eq!(
        aliases,
        "version: \"3\"\nservices:\n  one:\n    networks:\n      n:\n        aliases:\n          - c1\n"
    );
    assert!(rewritten.files.iter().all(|file| file.named));
}

#[test]
fn what_names_a_container_names_its_service() {
    let text = "services:\n  db: {image: x, container_name: d1}\n  web:\n    image: x\n    network_mode: container:d1\n    pid: \"container:d1\"\n    ipc: container:other\n    volumes_from:\n      - container:d1:ro\n      - container:other\n    external_links:\n      - d1:database\n      - other:o\n  two: {image: x, external_links: [d1], links: [web]}\n";
    let rewritten = stack(text).rewritten();
    let expected = "  web:\n    image: x\n    network_mode: \"service:db\"\n    pid: \"service:db\"\n    ipc: container:other\n    volumes_from:\n      - \"db:ro\"\n      - container:other\n    external_links:\n      - other:o\n    links:\n      - \"db:database\"\n  two:\n    image: x\n    links:\n      - web\n      - \"db:d1\"\n";
    assert!(
        rewritten.files[0].text.ends_with(expected),
        "{}",
        rewritten.files[0].text
    );
    assert_eq!(rewritten.services["db"].container_name.as_deref(), Some("d1"));
}

#[test]
fn explicit_names_are_prefixed() {
    let text = "services:\n  web:\n    image: x\nnetworks:\n  a:\n    name: front\n  b:\n    external: true\n    name: front\n  c:\n    name: ${X}_net\n  d:\n    name: ${COMPOSE_PROJECT_NAME}_net\nvolumes:\n  v:\n    name: data\nsecrets:\n  s:\n    file: ./s\n    name: s1\nconfigs:\n  c:\n    content: x\n    name: c1\n";
    let rewritten = stack(text).env("X", "x").rewritten();
    let expected = "networks:\n  a:\n    name: \"p1_front\"\n  b:\n    external: true\n    name: front\n  c:\n    name: \"p1_${X}_net\"\n  d:\n    name: ${COMPOSE_PROJECT_NAME}_net\nvolumes:\n  v:\n    name: \"p1_data\"\nsecrets:\n  s:\n    file: ./s\n    name: \"p1_s1\"\nconfigs:\n  c:\n    content: x\n    name: \"p1_c1\"\n";
    assert!(
        rewritten.files[0].text.ends_with(expected),
        "{}",
        rewritten.files[0].text
    );
    let names: Vec<_> = rewritten
        .networks
        .iter()
        .map(|(key, name)| (key.as_str(), name.as_deref().unwrap()))
        .collect();
    assert_eq!(
        names,
        [
            ("a", "p1_front"),
            ("b", "front"),
            ("c", "p1_x_net"),
            ("d", "p1_net"),
            ("default", "p1_default")
        ]
    );
    assert_eq!(rewritten.volumes["v"].as_deref(), Some("p1_data"));
}

#[test]
fn everything_made_is_labelled() {
    let text = "services:\n  a:\n    build: .\n  b:\n    image: x\n    labels: [k=v]\n  c:\n    image: x\n    labels: {k: v}\n    build: {context: ., labels: {x: y}}\nnetworks:\n  n:\n  e: {external: true}\nvolumes:\n  v: {labels: {run: old}}\n";
    let expected = "services:\n  a:\n    build:\n      context: .\n      labels:\n        \"owner\": \"e2e\"\n    labels:\n      \"run\": \"r1\"\n  b:\n    image: x\n    labels:\n      - k=v\n      - \"run=r1\"\n  c:\n    image: x\n    labels:\n      k: v\n      \"run\": \"r1\"\n    build:\n      context: .\n      labels:\n        x: y\n        \"owner\": \"e2e\"\nnetworks:\n  n:\n    labels:\n      \"run\": \"r1\"\n  e:\n    external: true\n  default:\n    labels:\n      \"run\": \"r1\"\nvolumes:\n  v:\n    labels:\n      \"run\": \"r1\"\n";
    stack(text).labels().file("/app/Dockerfile", "FROM x").gives(expected);
    // A default network that nobody is on is not made.
    let text = "services:\n  a:\n    image: x\n    network_mode: none\n";
    stack(text)
        .labels()
        .gives("services:\n  a:\n    image: x\n    network_mode: none\n    labels:\n      \"run\": \"r1\"\n");
}

#[test]
fn a_build_gets_the_image_of_its_content() {
    let mut stack = stack(
        "services:\n  web:\n    build: {context: ., tags: [shop:prod]}\n    image: shop:1\n    pull_policy: build\n",
    )
    .file("/app/Dockerfile", "FROM x");
    stack.input.built = [
        ("web".to_owned(), "e2e/abc:1".to_owned()),
        ("gone".to_owned(), "x".to_owned()),
    ]
    .into();
    stack.gives("services:\n  web:\n    build:\n      context: .\n    image: \"e2e/abc:1\"\n");
}

#[test]
fn services_that_name_an_image_that_is_built_get_it() {
    let text = "services:\n  api:\n    build: .\n    image: acme/shop:${TAG}\n  jobs:\n    image: acme/shop:1\n    \
                pull_policy: always\n  migrate:\n    profiles: [tools]\n    image: \"${IMAGE:-acme/shop:${TAG}}\"\n  \
                other:\n    image: acme/shop:2\n  page:\n    build: .\n    image: acme/page\n  pages:\n    image: \
                acme/page:latest\n";
    let stack = || {
        let mut stack = stack(text).env("TAG", "1").file("/app/Dockerfile", "FROM x");
        let built = [("api", "e2erun/api:a"), ("page", "e2erun/page:b")];
        stack.input.built = built
            .map(|(service, image)| (service.to_owned(), image.to_owned()))
            .into();
        stack
    };
    let images = |stack: Stack| {
        let services = stack.rewritten().services.into_iter();
        services
            .map(|(name, service)| format!("{name} {}", service.image.unwrap()))
            .collect::<Vec<_>>()
    };
    let rest = ["other acme/shop:2", "page e2erun/page:b", "pages e2erun/page:b"];
    let given = ["api e2erun/api:a", "jobs e2erun/api:a", "migrate e2erun/api:a"];
    assert_eq!(images(stack()), [given, rest].concat());
    assert!(!stack().copies()["compose.yml"].contains("pull_policy"));
    // What the scenario says of it counts more.
    let replaced = ["api x:1", "jobs x:1", "migrate x:1"];
    assert_eq!(images(stack().image("acme/shop:1", "x:1")), [replaced, rest].concat());
}

#[test]
fn aliases_and_labels_go_to_the_last_file() {
    let stack = files(
        &["/app/a.yml", "/app/b.yml"],
        &[
            (
                "/app/a.yml",
                "services:\n  db:\n    image: x\n    container_name: d\n    networks: [n]\n  web:\n    image: x\n    network_mode: container:d\nnetworks:\n  n: {}\n",
            ),
            (
                "/app/b.yml",
                "services:\n  db:\n    labels: !reset null\nnetworks:\n  n: {driver: bridge}\n",
            ),
        ],
    );
    let copies = stack.labels().copies();
    assert_eq!(
        copies["a.yml"],
        "services:\n  db:\n    image: x\n    networks:\n      - n\n  web:\n    image: x\n    network_mode: \"service:db\"\n    labels:\n      \"run\": \"r1\"\nnetworks:\n  n: {}\n"
    );
    assert_eq!(
        copies["b.yml"],
        "services:\n  db:\n    labels: !override\n      \"run\": \"r1\"\n    networks:\n      n:\n        aliases:\n          - d\nnetworks:\n  n:\n    driver: bridge\n    labels:\n      \"run\": \"r1\"\n"
    );
}
