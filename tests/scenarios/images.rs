//! Built images on a real engine: what they are made from decides whether they are those of before.

use std::fs;

use super::stage::{Run, Stage, docker};

const BASE: &str = "e2erun-test/made-from:1";
const SCENARIO: &str = r#"
scenario: the base of now
vars: {base: none, content: none}
images:
  base: {image: "${{ base }}"}
  of-now-app: {build: {context: app, from: {"base:1": "${{ images.base }}"}}}
  of-now-next: {build: {context: next, from: {"app:1": "${{ images['of-now-app'] }}"}}}
stacks:
  web: {compose: compose.yml, env: {BASE: "${{ base }}"}}
steps:
  - up: web
  - exec: {service: of-now-web, command: cat /content}
    expect: {stdout: "${{ content }}"}
  - run: {image: "${{ images['of-now-next'] }}", command: cat /content}
    expect: {stdout: "${{ content }}"}
"#;
const COMPOSE: &str = "services:
  of-now-web:
    build: {context: web, args: {BASE: '${BASE}'}}
    command: sleep infinity
    init: true
";

#[test]
fn what_is_made_from_an_image_that_was_made_anew_is_built_again() {
    let stage = Stage::new();
    let files = [
        ("scenario.yaml", SCENARIO),
        ("compose.yml", COMPOSE),
        ("app/Dockerfile", "FROM busybox\nCOPY --from=base:1 /content /content\n"),
        ("next/Dockerfile", "FROM app:1\n"),
        (
            "web/Dockerfile",
            "ARG BASE=busybox\nFROM ${BASE} AS content\nFROM busybox\nCOPY --from=content /content /content\n",
        ),
    ];
    written(&stage, &files);
    let scenario = stage.path("in/scenario.yaml").display().to_string();
    let run = |content: &str| {
        let sets = [format!("base={BASE}"), format!("content={content}")];
        let run = stage.run(content, &[&scenario, "--set", &sets[0], "--set", &sets[1]]);
        run.code(0).left_nothing();
        how(&run)
    };
    // A test that was ended may have left some.
    let remove_made = || ["of-now-app", "of-now-next", "of-now-web", BASE].map(remove_images);
    remove_made();
    make_base(&stage, "one");
    assert_eq!(run("one"), ["built", "built", "built", "present"]);
    assert_eq!(run("one"), ["cached", "cached", "cached", "present"]);
    make_base(&stage, "two");
    assert_eq!(run("two"), ["built", "built", "built", "present"]);
    // A file of a context that is another now, and what is made of that.
    fs::write(stage.path("in/app/note"), "new").unwrap();
    assert_eq!(run("two"), ["built", "built", "cached", "present"]);
    remove_made();
}

#[test]
fn one_image_serves_two_services_and_is_built_without_the_env_file_that_a_step_writes() {
    let stage = Stage::new();
    let files = [
        (
            "scenario.yaml",
            "scenario: an env file of its own
stacks:
  web:
    compose: compose.yml
    substitute: {host-paths: {./shop.env: \"${{ scratch }}/shop.env\"}}
given:
  - copy: {content: \"WORD=tea\\n\", to: \"${{ scratch }}/shop.env\"}
  - up: web
then:
  - exec: {service: of-now-env, command: 'echo $WORD'}
    expect: {stdout: tea}
  - exec: {service: worker, command: cat /made}
    expect: {stdout: here}
  - file-assert: worker:/root-link/made
    expect: {text: \"here\\n\"}
",
        ),
        (
            "compose.yml",
            "services:
  of-now-env: {build: web, image: 'acme/of-now-env:1', env_file: ./shop.env, command: sleep infinity, init: true}
  worker: {image: 'acme/of-now-env:1', command: sleep infinity, init: true}
",
        ),
        ("shop.env", "WORD=coffee\n"),
        (
            "web/Dockerfile",
            "FROM busybox\nRUN echo here > /made && ln -s / /root-link\n",
        ),
    ];
    written(&stage, &files);
    let run = stage.run("results", &[&stage.path("in/scenario.yaml").display().to_string()]);
    run.code(0).left_nothing();
    remove_images("of-now-env");
}

#[test]
fn what_is_made_here_is_asked_of_no_registry() {
    let stage = Stage::new();
    let files = [
        (
            "scenario.yaml",
            "scenario: images of its own\nimages: {of-now-own: {build: base}}
stacks:
  web:
    compose: compose.yml
    env: {OWN: \"${{ images['of-now-own'] }}\"}
    substitute: {images: {'acme/base': \"${{ images['of-now-own'] }}\"}, builds: {./web: {}}}
steps:
  - up: web
  - exec: {service: of-now-pulled, command: cat /made}
    expect: {stdout: here}
  - exec: {service: as-it-is, command: cat /made}
    expect: {stdout: here}
",
        ),
        (
            "compose.yml",
            "services:
  of-now-pulled: {build: {context: ./web, pull: true}, command: sleep infinity, init: true}
  as-it-is: {image: '${OWN}', pull_policy: always, command: sleep infinity, init: true}
",
        ),
        ("base/Dockerfile", "FROM busybox\nRUN echo here > /made\n"),
        ("web/Dockerfile", "FROM acme/base\n"),
    ];
    written(&stage, &files);
    let run = stage.run("results", &[&stage.path("in/scenario.yaml").display().to_string()]);
    run.code(0).left_nothing();
    remove_images("of-now-pulled");
    remove_images("of-now-own");
}

/// How the images of a run came.
fn how(run: &Run) -> Vec<String> {
    let events = run.events();
    let ready = events.iter().filter(|event| event["what"]["event"] == "image-ready");
    let mut how: Vec<String> = ready
        .map(|event| event["what"]["how"].as_str().unwrap().to_owned())
        .collect();
    how.sort();
    how
}

fn make_base(stage: &Stage, content: &str) {
    let folder = stage.path("base");
    fs::create_dir_all(&folder).unwrap();
    let text = format!("FROM busybox\nRUN echo {content} > /content\n");
    fs::write(folder.join("Dockerfile"), text).unwrap();
    docker(&["build", "--tag", BASE, folder.to_str().unwrap()]).unwrap();
}

/// Writes the files of a scenario.
fn written(stage: &Stage, files: &[(&str, &str)]) {
    for (path, text) in files {
        let path = stage.path("in").join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
}

fn remove_images(name: &str) {
    let made = docker(&["image", "ls", "--format", "{{.Repository}}:{{.Tag}}"]).unwrap();
    for image in made.lines().filter(|image| image.contains(name)) {
        docker(&["image", "rm", "--force", image]);
    }
}
