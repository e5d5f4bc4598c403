//! Each form of each substitution.

use super::{Given, StackKind, Value, stack};

/// A service with one item in a list.
fn listed(key: &str, item: &str) -> String {
    format!("services:\n  web:\n    image: x\n    {key}:\n      - {item}\n")
}

#[test]
fn images_in_every_form() {
    for (written, replaced) in [
        ("acme/shop", true),
        ("acme/shop:latest", true),
        ("\"acme/shop\"", true),
        ("${IMG}", true),
        ("$IMG:${TAG:-latest}", true),
        ("acme/shop:1", false),
        ("acme/shop:${V}", false),
        ("acme/shopper", false),
    ] {
        let text = format!(
            "services:\n  web: {{image: acme/shop}}\n  it:\n    image: {written}\n    build: .\n    pull_policy: always\n"
        );
        let stack = stack(&text)
            .env("IMG", "acme/shop")
            .env("V", "2")
            .image("acme/shop:latest", "new:1")
            .file("/app/Dockerfile", "FROM x");
        let text = &stack.rewritten().files[0].text;
        assert_eq!(
            text.contains("  it:\n    image: \"new:1\"\n"),
            replaced,
            "{written}: {text}"
        );
        assert_eq!(
            text.contains("build: .\n    pull_policy: always"),
            !replaced,
            "{written}: {text}"
        );
    }
}

#[test]
fn an_image_matches_as_written_though_its_variable_is_not_set() {
    stack("services:\n  web:\n    image: ${CORR_IMAGE}\n")
        .image("${CORR_IMAGE}", "a$b")
        .gives("services:\n  web:\n    image: \"a$$b\"\n");
}

#[test]
fn a_late_image_is_a_hole() {
    let mut late = stack("services:\n  web:\n    image: ${IMG}\n")
        .late("IMG")
        .image("acme/shop", "new:1");
    // It may match once it is known.
    late.gives("services:\n  web:\n    image: ${IMG}\n");
    late.input.env.insert("IMG".into(), Value::from("acme/shop"));
    late.gives("services:\n  web:\n    image: \"new:1\"\n");
    let mut hole = stack("services:\n  web:\n    image: a\n").image("a", "");
    hole.input.substitutions.images[0].to = Value::Late;
    hole.gives("services:\n  web:\n    image: \"known-later\"\n");
}

#[test]
fn ports_in_every_form() {
    for (written, freed) in [
        ("8080:80", "\"80\""),
        ("\"8080:80\"", "\"80\""),
        ("22:22", "\"22\""),
        ("127.0.0.1:8080:80/tcp", "\"127.0.0.1::80/tcp\""),
        ("\"[::1]:8080:80\"", "\"[::1]::80\""),
        ("8080:80/udp", "\"80/udp\""),
        ("${PORT}:80", "\"80\""),
        ("\"${IP:-127.0.0.1}:${PORT}:80\"", "\"127.0.0.1::80\""),
        ("$MAPPING", "\"80\""),
        ("9090-9091:8080-8081", "\"8080-8081\""),
        ("127.0.0.1:5000-5002:5000-5002", "\"127.0.0.1::5000-5002\""),
        ("8000-8010:80", "\"80\""),
        // Nothing is fixed in these.
        ("8080", "8080"),
        ("\"80\"", "\"80\""),
        ("3000-3005", "3000-3005"),
        ("127.0.0.1::80", "127.0.0.1::80"),
        ("53/udp", "53/udp"),
        ("target: 80\n        mode: host", "target: 80\n        mode: host"),
        (
            "target: 80\n        published: 8080\n        mode: host",
            "target: 80\n        mode: host",
        ),
        (
            "{target: 80, published: \"8080\", protocol: udp, host_ip: 127.0.0.1}",
            "target: 80\n        protocol: udp\n        host_ip: 127.0.0.1",
        ),
        ("{target: 80, published: \"${PORT}\"}", "target: 80"),
        ("{target: 80, published: 8080-8090}", "target: 80"),
        ("target: 80\n        published: 0", "target: 80\n        published: 0"),
    ] {
        let stack = stack(&listed("ports", written))
            .env("PORT", "8080")
            .env("MAPPING", "8080:80")
            .all_ports();
        stack.gives(&listed("ports", freed));
    }
}

#[test]
fn listed_ports_only() {
    for (listed_ports, written, freed) in [
        (&["8080"][..], "8080:80\n      - 9090:90", "\"80\"\n      - 9090:90"),
        (
            &["3001"],
            "3000-3002:4000-4002\n      - 1:1",
            "\"3000:4000\"\n      - \"4001\"\n      - \"3002:4002\"\n      - 1:1",
        ),
        (&["3000-3002"], "3000-3002:4000-4002", "\"4000-4002\""),
        (
            &["3000-3005"],
            "3001:1/udp\n      - 3006:1",
            "\"1/udp\"\n      - 3006:1",
        ),
        (&["8005"], "8000-8010:80", "\"80\""),
        (&["80"], "80:8080\n      - 8080:80", "\"8080\"\n      - 8080:80"),
    ] {
        stack(&listed("ports", written))
            .ports(listed_ports)
            .gives(&listed("ports", freed));
    }
    stack(&listed("ports", "8080:80")).gives(&listed("ports", "8080:80"));
}

#[test]
fn ports_through_anchors_and_merges() {
    let text = "x-p: &p\n  ports: [\"8080:80\"]\nservices:\n  web:\n    <<: *p\n    image: x\n";
    let expected = "x-p:\n  ports:\n    - \"8080:80\"\nservices:\n  web:\n    image: x\n    ports:\n      - \"80\"\n";
    stack(text).all_ports().gives(expected);
}

#[test]
fn host_paths_in_volumes() {
    for (written, replaced) in [
        ("./data:/d", "\"/new:/d\""),
        ("./data/:/d:ro", "\"/new:/d:ro\""),
        ("\"./data:/d:ro,z\"", "\"/new:/d:ro,z\""),
        ("${DATA}:/d:${MODE:-ro}", "\"/new:/d:${MODE:-ro}\""),
        ("$BOTH", "\"/new:/d\""),
        // A name is no path.
        ("data:/d", "data:/d"),
        ("./data2:/d", "./data2:/d"),
        ("./data/sub:/d", "./data/sub:/d"),
        ("/d", "/d"),
        (
            "{type: bind, source: ./data, target: /d, read_only: true}",
            "type: bind\n        source: \"/new\"\n        target: /d\n        read_only: true",
        ),
        (
            "{type: volume, source: data, target: /d}",
            "type: volume\n        source: data\n        target: /d",
        ),
    ] {
        let declared = "volumes:\n  data:\n    external: true\n";
        let text = format!("{}      - ./data:/always\n{declared}", listed("volumes", written));
        let expected = format!("{}      - \"/new:/always\"\n{declared}", listed("volumes", replaced));
        stack(&text)
            .env("DATA", "./data")
            .env("BOTH", "./data:/d")
            .path("data/", "/new")
            .gives(&expected);
    }
}

#[test]
fn host_paths_elsewhere() {
    let text = "services:\n  web:\n    image: x\n    env_file: a.env\n  db:\n    image: x\n    env_file:\n      - ./a.env\n      - path: a.env\n        required: false\nsecrets:\n  s:\n    file: ./a.env\nconfigs:\n  c:\n    file: other\nvolumes:\n  v:\n    driver_opts:\n      o: bind\n      device: ./a.env\n";
    let expected = "services:\n  web:\n    image: x\n    env_file: \"/n\"\n  db:\n    image: x\n    env_file:\n      - \"/n\"\n      - path: \"/n\"\n        required: false\nsecrets:\n  s:\n    file: \"/n\"\nconfigs:\n  c:\n    file: other\nvolumes:\n  v:\n    driver_opts:\n      o: bind\n      device: \"/n\"\n";
    stack(text).path("./a.env", "/n").gives(expected);
}

#[test]
fn builds_are_turned_to_copies() {
    for (written, turned) in [
        ("./web/", "\"/copies/contexts/1\""),
        ("web", "\"/copies/contexts/1\""),
        ("${DIR}", "\"/copies/contexts/1\""),
        (
            "{context: ./web, target: t}",
            "\n      context: \"/copies/contexts/1\"\n      target: t",
        ),
    ] {
        let text = format!("services:\n  web:\n    build: {written}\n");
        let stack = stack(&text)
            .env("DIR", "web/")
            .build("./web", None, &[])
            .image("base", "b:1");
        let stack = stack.file("/app/web/Dockerfile", "FROM base\n");
        let rewritten = stack.rewritten();
        let between = if turned.starts_with('\n') { "" } else { " " };
        assert_eq!(
            rewritten.files[0].text,
            format!("services:\n  web:\n    build:{between}{turned}\n")
        );
        let build = &rewritten.builds[0];
        assert_eq!(build.context.as_deref(), Some("/app/web".as_ref()));
        assert_eq!(build.dockerfile_text, "FROM b:1\n");
        assert_eq!(build.bases.iter().collect::<Vec<_>>(), ["b:1"]);
        let prepare = build.prepare.as_ref().unwrap();
        assert_eq!(prepare.copy, "1");
        assert_eq!(prepare.dockerfiles["Dockerfile"], "FROM b:1\n");
    }
}

#[test]
fn where_nothing_is_built_the_contexts_stand_for_their_copies() {
    let text = "services:\n  web:\n    build: ./web\n  db:\n    build: {context: db}\n";
    let mut stack = stack(text)
        .build("./web", Some("/real"), &[])
        .build("./db", None, &[])
        .file("/real/Dockerfile", "FROM base")
        .file("/app/db/Dockerfile", "FROM base");
    let copied = stack.rewritten().builds;
    stack.input.contexts = None;
    let rewritten = stack.rewritten();
    assert_eq!(
        rewritten.files[0].text,
        "services:\n  web:\n    build: \"/real\"\n  db:\n    build:\n      context: \"/app/db\"\n"
    );
    assert_eq!(rewritten.builds, copied);
}

#[test]
fn a_build_of_another_folder_with_other_dockerfiles() {
    let text = "services:\n  web:\n    build:\n      dockerfile: deps/D\n      args: {I: base}\n";
    let stack = stack(text)
        .build(".", Some("/real"), &["deps/D", "Dockerfile"])
        .image("base", "b:1");
    let stack = stack
        .file("/real/deps/D", "ARG I\nFROM $I")
        .file("/real/Dockerfile", "FROM base");
    let rewritten = stack.rewritten();
    let prepare = rewritten.builds[0].prepare.clone().unwrap();
    assert_eq!(prepare.dockerfiles["deps/D"], "ARG I\nFROM b:1");
    assert_eq!(prepare.dockerfiles["Dockerfile"], "FROM b:1");
    assert_eq!(rewritten.builds[0].context.as_deref(), Some("/real".as_ref()));
    assert_eq!(
        rewritten.files[0].text,
        "services:\n  web:\n    build:\n      dockerfile: deps/D\n      args:\n        I: base\n      context: \"/copies/contexts/1\"\n"
    );
}

#[test]
fn images_that_are_contexts_of_a_build() {
    for (written, expected) in [
        ("{basis: 'docker-image://base:1'}", "basis: \"docker-image://b:2\""),
        ("['basis=docker-image://base:1']", "- \"basis=docker-image://b:2\""),
        ("{basis: 'docker-image://$IMAGE'}", "basis: \"docker-image://b:2\""),
    ] {
        let text = format!("services:\n  web:\n    build: {{context: ., additional_contexts: {written}}}\n");
        let stack = stack(&text).env("IMAGE", "base:1").image("base:1", "b:2");
        let rewritten = stack
            .file("/app/Dockerfile", "FROM basis\nCOPY --from=other a b")
            .rewritten();
        assert!(
            rewritten.files[0].text.contains(expected),
            "{}",
            rewritten.files[0].text
        );
        // The context's name is no image.
        let bases: Vec<&String> = rewritten.builds[0].bases.iter().collect();
        assert_eq!(bases, ["b:2", "other"]);
    }
}

#[test]
fn what_is_made_here_is_pulled_from_nowhere() {
    let text = "services:\n  web:\n    image: $IMAGE\n    pull_policy: always\n  db:\n    build:\n      context: .\n      pull: true\n";
    let check = |image: &str, stays: bool| {
        let dockerfile = format!("FROM {image}");
        let stack = stack(text).env("IMAGE", image).file("/app/Dockerfile", &dockerfile);
        let text = &stack.rewritten().files[0].text;
        assert_eq!(text.contains("pull_policy: always"), stays, "{text}");
        assert_eq!(text.contains("pull: true"), stays, "{text}");
    };
    check("e2erun/app:1", false);
    check("acme/app:1", true);
}

#[test]
fn external_ones_are_mapped() {
    for written in [
        "external: true",
        "external: true\n    name: ${PREFIX}_net",
        "external:\n      name: ${PREFIX}_net",
        "external: {name: front}",
    ] {
        for key in ["receiver", "old_net"] {
            if key == "old_net" && !written.contains("PREFIX") {
                continue;
            }
            let text = format!("services:\n  web:\n    image: x\nnetworks:\n  receiver:\n    {written}\n");
            let rewritten = stack(&text).env("PREFIX", "old").external(key, "real").rewritten();
            let text = &rewritten.files[0].text;
            assert!(
                text.contains("external: true\n") && text.contains("name: \"real\"\n"),
                "{written}: {text}"
            );
            assert!(!text.contains("PREFIX"), "{text}");
            assert_eq!(rewritten.networks["receiver"].as_deref(), Some("real"));
        }
    }
    let text = "services:\n  web:\n    image: x\nvolumes:\n  data:\n    external: true\n";
    let rewritten = stack(text).external("data", "real").rewritten();
    assert_eq!(rewritten.volumes["data"].as_deref(), Some("real"));
}

#[test]
fn text_is_replaced_before_parsing() {
    let text = "services:\n  PREFIX_web:\n    image: PREFIX_x\n";
    stack(text)
        .text("PREFIX_", "a", Some(2))
        .text("ax", "y", None)
        .gives("services:\n  aweb:\n    image: y\n");
}

#[test]
fn what_no_substitution_names_is_not_touched() {
    let text = "services:\n  web:\n    image: x\n    mode: 0440\n    a: [yes, on, 0o17, 1_000, 2001-12-14, '012', 22:22, ~, !reset null]\n    b: \"a$$b\"\n    c: |\n      two\n      lines\n    d: !override\n      - e\n";
    let expected = "services:\n  web:\n    image: x\n    mode: 0440\n    a:\n      - yes\n      - on\n      - 0o17\n      - 1_000\n      - 2001-12-14\n      - \"012\"\n      - 22:22\n      - ~\n      - !reset null\n    b: \"a$$b\"\n    c: |\n      two\n      lines\n    d: !override\n      - e\n";
    stack(text).gives(expected);
}

/// A stack with secrets and configs from everywhere, of which one is given.
fn given(kind: StackKind) -> super::Stack {
    let mut stack = stack(
        "services:\n  web:\n    image: x\n    secrets: [word, {source: other, target: it}]\nsecrets:\n  word:\n    external: true\n    \
         name: production_word\n    x-mine: 1\n  other: {file: /other}\nconfigs:\n  word: {file: /mine}\n",
    );
    stack.input.kind = kind;
    stack.input.given = vec![Given {
        section: "secrets",
        name: "word".to_owned(),
        file: "/tmp/a$b/word".into(),
        real: "c_word".to_owned(),
    }];
    stack
}

#[test]
fn a_given_secret_takes_the_place_of_the_stacks_own_and_services_have_it_as_ever() {
    let rest = "  other:\n    file: /other\nconfigs:\n  word:\n    file: /mine\n";
    let service = "services:\n  web:\n    image: x\n    secrets:\n      - word\n      - source: other\n        target: it\nsecrets:\n  word:\n    x-mine: 1\n";
    given(StackKind::Compose).gives(&format!("{service}    file: \"/tmp/a$$b/word\"\n{rest}"));
    given(StackKind::Swarm).gives(&format!("{service}    external:\n      name: \"c_word\"\n{rest}"));
}

#[test]
fn the_names_of_secrets_and_configs_are_told() {
    let contents = given(StackKind::Compose).rewritten().contents;
    let names = |section: &str| contents[section].iter().map(String::as_str).collect::<Vec<_>>();
    assert_eq!(
        (names("secrets"), names("configs")),
        (vec!["other", "word"], vec!["word"])
    );
}
