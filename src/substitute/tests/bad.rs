//! Bad input: each problem at its place, with what there is.

use super::{files, stack};

const SHOP: &str = "services:
  web:
    image: acme/shop:1
    build: ./web
    ports: ['8080:80', '9000-9002:1-3']
    volumes: ['./data:/d']
networks:
  back: {external: true}
";

fn shop() -> super::Stack {
    stack(SHOP).file("/app/web/Dockerfile", "FROM python:3\n")
}

#[test]
fn a_key_that_matches_nothing() {
    shop().image("acme/shop", "x").refused("scenario.yaml:1:1: `acme/shop` of `images` matches nothing in the stack's files [did you mean `acme/shop:1`?]\n");
    shop().ports(&["8081", "8080"]).refused("scenario.yaml:1:1: host port `8081` of `ports` is published by no service [there is `8080`, `9000-9002`; did you mean `8080`?]\n");
    shop().path("./dat", "/x").refused(
        "scenario.yaml:1:1: `./dat` of `host-paths` matches nothing in the stack's files [did you mean `./data`?]\n",
    );
    shop().build("./wep", None, &[]).refused(
        "scenario.yaml:1:1: `./wep` of `builds` matches nothing in the stack's files [did you mean `./web`?]\n",
    );
    shop()
        .external("front", "x")
        .refused("scenario.yaml:1:1: `front` of `external` matches nothing in the stack's files [there is `back`]\n");
    shop().text("PREFIX_", "x", None).refused("scenario.yaml:1:1: `PREFIX_` is in no file of the stack [`text` replaces plain text, as it stands in the files; upper and lower case count]\n");
    shop().text("80", "81", Some(1)).refused("scenario.yaml:1:1: `80` is there 3 times, not 1 [change `count`, or the text so that it matches only what is meant]\n");
    // A base image is only looked for in the builds that are listed.
    shop().image("python:3", "x").refused(
        "scenario.yaml:1:1: `python:3` of `images` matches nothing in the stack's files [it stands in `/app/web/Dockerfile`, where nothing is replaced unless its build is listed: `builds: {./web: {}}`]\n",
    );
    let inline = "services:\n  web:\n    build: {dockerfile_inline: FROM python:3}\n";
    stack(inline).file("/app/x", "").image("python:3", "x").refused(
        "scenario.yaml:1:1: `python:3` of `images` matches nothing in the stack's files [it stands in the `dockerfile_inline` of `web`, where nothing is replaced unless its build is listed: `builds: {.: {}}`]\n",
    );
    stack(inline)
        .file("/app/x", "")
        .image("python:3", "x")
        .build(".", None, &[])
        .rewritten();
    shop().image("python:3", "x").build("web", None, &[]).rewritten();
}

#[test]
fn all_at_once() {
    let stack = stack(
        "services:\n  web:\n    image: x:${TAG}\n    command: \"a ${B} ${TAG}\"\n    environment:\n      - |\n        C=\n        $C\n",
    );
    stack.image("y", "z").refused("scenario.yaml:1:1: `y` of `images` matches nothing in the stack's files [there is `x:${TAG}`]\n/app/compose.yml:3:14: `TAG` is not set [put `TAG: …` into the stack's `env`; nothing of this machine's environment is seen]\n/app/compose.yml:4:17: `B` is not set [put `B: …` into the stack's `env`; nothing of this machine's environment is seen]\n/app/compose.yml:4:22: `TAG` is not set [put `TAG: …` into the stack's `env`; nothing of this machine's environment is seen]\n/app/compose.yml:8:9: `C` is not set [put `C: …` into the stack's `env`; nothing of this machine's environment is seen]\n");
}

#[test]
fn variables_that_are_not_there() {
    stack("services:\n  web: {image: '${A:?say which}'}\n")
        .refused("/app/compose.yml:2:17: `A` is required: say which [put `A: …` into the stack's `env`]\n");
    stack("services:\n  web: {image: '${A'}\n")
        .refused("/app/compose.yml:2:17: this is no `${NAME}` [a `$` that shall stay one is written `$$`]\n");
    // The tool has a `HOME` itself, which the file would see.
    stack("services:\n  web: {image: 'x:${HOME:-y}'}\n")
        .refused("/app/compose.yml:2:19: `HOME` would be this machine's, since the compose tool itself has one [put `HOME: …` into the stack's `env`, or give the variable another name]\n");
    // Of an extended file only what is extended.
    let web = "services:\n  web: {extends: {file: b.yml, service: b}}\n";
    let other = "services:\n  b: {image: $B}\n  c: {image: $C}\n";
    stack(web).file("/app/b.yml", other).refused("/app/b.yml:2:14: `B` is not set [put `B: …` into the stack's `env`; nothing of this machine's environment is seen]\n");
    // An anchor is looked at where it is used, once.
    let text = "x-a: &a {image: '$A'}\nx-b: $NOWHERE\nservices:\n  web: *a\n  db: *a\n";
    stack(text).refused("/app/compose.yml:1:18: `A` is not set [put `A: …` into the stack's `env`; nothing of this machine's environment is seen]\n");
    // What an env file fills in is seen by nobody before the tool, which would go on with an empty text.
    stack("services:\n  web: {image: x, env_file: [a.env, {path: raw.env, format: raw}, nowhere.env]}\n")
        .env("B", "b")
        .file("/app/.env", "A=$NO\n")
        .file("/app/a.env", "C=$B\nD=x-${C}-${OTHER}\n")
        .file("/app/raw.env", "E=$RAW\n")
        .refused(
            "/app/.env:1:3: `NO` is not set [put `NO: …` into the stack's `env`; nothing of this machine's environment is seen]\n/app/a.env:2:10: `OTHER` is not set [put `OTHER: …` into the stack's `env`; nothing of this machine's environment is seen]\n",
        );
    stack("services:\n  web: {image: x}\n")
        .file("/app/.env", "A=1\nB='x\n")
        .refused("/app/.env:2:1: the quote of `B` is not closed\n");
}

#[test]
fn files_that_cannot_be_read() {
    files(&["/app/none.yml"], &[]).refused("scenario.yaml:1:1: cannot read `/app/none.yml`: there is no such file\n");
    files(&["/app"], &[("/app/x", "")]).refused("scenario.yaml:1:1: cannot read `/app`: it is a folder\n");
    stack("include: [a.yml]\nservices: {}\n")
        .refused("/app/compose.yml:1:11: cannot read `/app/a.yml`: there is no such file\n");
    stack("services:\n  web: {extends: {file: b.yml, service: x}}\n")
        .refused("/app/compose.yml:2:25: cannot read `/app/b.yml`: there is no such file\n");
    stack("include: [compose.yml]\n")
        .refused("/app/compose.yml:1:11: `/app/compose.yml` is included by itself [take this `include` out]\n");
    stack("include: ['${LATE}.yml']\n")
        .late("LATE")
        .refused("/app/compose.yml:1:11: which file `${LATE}.yml` is must be known before anything starts\n");
}

#[test]
fn files_that_are_no_compose_files() {
    for empty in ["", "---\n", "{}\n"] {
        stack(empty).refused("scenario.yaml:1:1: `/app/compose.yml` is empty [a compose file has a mapping `services:`, with each service below it]\n");
    }
    for services in ["{}", "[]", "~"] {
        stack(&format!("services: {services}\n")).refused("/app/compose.yml:1:11: there are no services in `/app/compose.yml`: `services` is empty [each service stands below it: `web: {image: …}`]\n");
    }
    stack("services:\n  - web: {image: x}\n").refused("/app/compose.yml:2:3: `services` is a list [it is a mapping, with the name of each service as a key: take the `- ` away]\n");
    stack("services: web\n").refused(
        "/app/compose.yml:1:11: `services` is text [it is a mapping, with the name of each service as a key]\n",
    );
    stack("web:\n  image: x\n").refused("scenario.yaml:1:1: there are no services in `/app/compose.yml` [a compose file has a mapping `services:`; the format without it is too old]\n");
    stack("- a\n")
        .refused("/app/compose.yml:1:1: a compose file is a mapping, this is a list [it begins with `services:`]\n");
}

#[test]
fn builds_that_cannot_be_made() {
    stack("services:\n  web: {build: ./web}\n")
        .refused("/app/compose.yml:2:16: there is no folder `/app/web` to build `web` from\n");
    stack("services:\n  web: {build: {context: web}}\n")
        .file("/app/web/x", "")
        .refused("/app/compose.yml:2:26: cannot read `/app/web/Dockerfile`: there is no such file\n");
    stack("services:\n  web: {build: {context: web, args: {A: $LATE}}}\n")
        .late("LATE")
        .file("/app/web/Dockerfile", "")
        .refused("/app/compose.yml:2:41: a build must be known before anything starts, and this is known later\n");
    // One that is not active need not be there.
    stack("services:\n  web: {build: ./web, profiles: [a]}\n").rewritten();
    shop().build("web", Some("/real"), &["D"]).refused("scenario.yaml:1:1: cannot read `/real/D`: there is no such file\n/app/compose.yml:4:12: there is no folder `/real` to build `web` from\n");
}

#[test]
fn a_path_with_a_colon_does_not_fit() {
    shop().path("./data", "/a:b").refused(
        "scenario.yaml:1:1: `/a:b` cannot stand in a volume's short form, since `:` is in it [use another folder]\n",
    );
}
