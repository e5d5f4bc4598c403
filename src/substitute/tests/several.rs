//! Stacks of several files: named, included and extended ones.

use super::files;

const INCLUDING: &[(&str, &str)] = &[
    (
        "/app/compose.yml",
        "include:\n  - inc/a.yml\n  - path: [inc/b.yml, ./c.yml]\n    env_file: inc/b.env\nservices:\n  web: {image: x, ports: ['1:1']}\n",
    ),
    (
        "/app/inc/a.yml",
        "services:\n  a: {image: '${V}', ports: ['2:2'], volumes: ['./d:/d']}\n",
    ),
    ("/app/inc/.env", "V=old"),
    (
        "/app/inc/b.yml",
        "include: [deep/compose.yml]\nservices:\n  b: {image: '$B', container_name: b1}\n",
    ),
    ("/app/inc/b.env", "B=old"),
    (
        "/app/c.yml",
        "services:\n  c: {image: x, network_mode: 'container:b1'}\n",
    ),
    (
        "/app/inc/deep/compose.yml",
        "name: deep\nservices:\n  d: {image: old}\n",
    ),
];

#[test]
fn includes_are_rewritten_too() {
    let stack = files(&["/app/compose.yml"], INCLUDING);
    let stack = stack.image("old", "new").all_ports();
    let rewritten = stack.rewritten();
    let order: Vec<_> = rewritten
        .files
        .iter()
        .map(|file| (file.path.as_str(), file.named))
        .collect();
    assert_eq!(
        order,
        [
            ("a.yml", false),
            ("compose.yml", false),
            ("b.yml", false),
            ("c.yml", false),
            ("compose.2.yml", true)
        ]
    );
    let copies = stack.copies();
    assert_eq!(
        copies["compose.2.yml"],
        "include:\n  - path:\n      - \"/copies/a.yml\"\n    project_directory: \"/app/inc\"\n  - path:\n      - \"/copies/b.yml\"\n      - \"/copies/c.yml\"\n    env_file: inc/b.env\n    project_directory: \"/app/inc\"\nservices:\n  web:\n    image: x\n    ports:\n      - \"1\"\n"
    );
    assert_eq!(
        copies["a.yml"],
        "services:\n  a:\n    image: \"new\"\n    ports:\n      - \"2\"\n    volumes:\n      - \"./d:/d\"\n"
    );
    assert_eq!(copies["compose.yml"], "services:\n  d:\n    image: \"new\"\n");
    assert!(copies["c.yml"].contains("network_mode: \"service:b\""));
    assert_eq!(
        rewritten.services.keys().collect::<Vec<_>>(),
        ["a", "b", "c", "d", "web"]
    );
    let arguments = rewritten.arguments("/copies".as_ref()).join(" ");
    assert_eq!(
        arguments,
        "--project-name p1 --project-directory /app --file /copies/compose.2.yml"
    );
}

#[test]
fn extended_files_keep_their_own_folder() {
    let stack = files(
        &["/app/compose.yml"],
        &[
            (
                "/app/compose.yml",
                "services:\n  web:\n    extends: {file: ../common/base.yml, service: base}\n    volumes: ['./own:/o']\nvolumes:\n  named:\n    external: true\n",
            ),
            (
                "/common/base.yml",
                "services:\n  base:\n    extends: {file: more.yml, service: more}\n    image: old\n    container_name: b\n    ports: ['1:1']\n    volumes: ['./d:/d', 'named:/n', '/abs:/a', '~/h:/h', './x', {type: bind, source: ../s, target: /s}, '${REL}:/r']\n    env_file: [e.env, /abs.env]\n    build: {context: ctx, additional_contexts: [a=../a, b=docker-image://x]}\n",
            ),
            (
                "/common/more.yml",
                "services:\n  more:\n    build: https://example.org/x.git\n",
            ),
            ("/common/ctx/Dockerfile", "FROM x"),
        ],
    );
    let stack = stack.all_ports().env("REL", "./r");
    let copies = stack.copies();
    assert_eq!(
        copies["compose.yml"],
        "services:\n  web:\n    extends:\n      file: \"/copies/base.yml\"\n      service: base\n    volumes:\n      - \"./own:/o\"\n    networks:\n      default:\n        aliases:\n          - b\nvolumes:\n  named:\n    external: true\n"
    );
    assert_eq!(
        copies["base.yml"],
        "services:\n  base:\n    extends:\n      file: \"/copies/more.yml\"\n      service: more\n    image: old\n    ports:\n      - \"1\"\n    volumes:\n      - \"/common/d:/d\"\n      - \"named:/n\"\n      - \"/abs:/a\"\n      - \"~/h:/h\"\n      - \"./x\"\n      - type: bind\n        source: \"/s\"\n        target: /s\n      - \"/common/r:/r\"\n    env_file:\n      - \"/common/e.env\"\n      - /abs.env\n    build:\n      context: \"/common/ctx\"\n      additional_contexts:\n        - \"a=/a\"\n        - b=docker-image://x\n"
    );
    let rewritten = stack.rewritten();
    assert_eq!(rewritten.builds[0].context.as_deref(), Some("/common/ctx".as_ref()));
    assert_eq!(rewritten.builds[0].contexts["a"], std::path::Path::new("/a"));
    assert_eq!(rewritten.services["web"].container_name.as_deref(), Some("b"));
}

#[test]
fn a_replaced_image_drops_the_build_of_another_file() {
    let stack = files(
        &["/app/a.yml", "/app/b.yml"],
        &[
            ("/app/a.yml", "services:\n  web:\n    build: ./nowhere\n"),
            ("/app/b.yml", "services:\n  web:\n    image: old\n"),
        ],
    );
    let copies = stack.image("old", "new").copies();
    assert_eq!(copies["a.yml"], "services:\n  web: {}\n");
    assert_eq!(copies["b.yml"], "services:\n  web:\n    image: \"new\"\n");
}

#[test]
fn the_last_file_wins_and_resets_count() {
    let stack = files(
        &["/app/a.yml", "/app/sub/b.yml"],
        &[
            (
                "/app/a.yml",
                "services:\n  web: {image: a, ports: ['1:1', '2:2'], depends_on: [db], build: .}\n  db: {image: d}\n  old: {image: o}\n",
            ),
            (
                "/app/sub/b.yml",
                "services:\n  web: {image: b, ports: !override ['3:3'], depends_on: {db: {condition: service_healthy}}, build: !reset null}\n  old: !reset null\n",
            ),
        ],
    );
    let rewritten = stack.rewritten();
    let web = &rewritten.services["web"];
    assert_eq!(web.image.as_deref(), Some("b"));
    assert_eq!(web.ports.len(), 1);
    assert_eq!(web.depends_on["db"].condition, "service_healthy");
    assert!(!web.built && rewritten.builds.is_empty());
    assert!(!rewritten.services.contains_key("old"));
    assert_eq!(rewritten.directory, std::path::Path::new("/app"));
}

#[test]
fn several_documents_in_one_file() {
    let copies = files(
        &["/app/c.yml"],
        &[(
            "/app/c.yml",
            "services:\n  a: {image: old}\n---\nservices:\n  b: {image: old}\n",
        )],
    );
    assert_eq!(
        copies.image("old", "new").copies()["c.yml"],
        "services:\n  a:\n    image: \"new\"\n---\nservices:\n  b:\n    image: \"new\"\n"
    );
}

#[test]
fn env_files_in_their_order() {
    let compose = ("/app/c.yml", "services:\n  a: {image: '${A}-${B}-${C}'}\n");
    let image = |stack: &super::Stack| stack.rewritten().services["a"].image.clone().unwrap();
    // The stack's own env wins over the file beside it.
    let stack = files(&["/app/c.yml"], &[compose, ("/app/.env", "A=1\nB=${A}\nC=3\n")]).env("C", "own");
    assert_eq!(image(&stack), "1-1-own");
    let mut stack = files(
        &["/app/c.yml"],
        &[
            compose,
            ("/app/.env", "A=1\n"),
            ("/x.env", "A=x\nB=x"),
            ("/y.env", "B=y\nC=$A"),
        ],
    );
    for file in ["/x.env", "/y.env"] {
        let at = stack.word(file);
        stack
            .input
            .env_files
            .push(crate::diagnostic::Spanned::new(file.into(), at));
    }
    assert_eq!(image(&stack), "x-y-x");
    assert!(
        stack
            .rewritten()
            .arguments("/".as_ref())
            .join(" ")
            .contains("--env-file /x.env --env-file /y.env")
    );
}
