//! Dockerfiles before and after, in every form in which they name images.

use std::collections::BTreeMap;

use super::{Rewritten, rewrite, same_image};

fn rewritten(text: &str, args: &[(&str, &str)]) -> Rewritten {
    let pair = |(key, value): &(&str, &str)| ((*key).to_owned(), (*value).to_owned());
    let from = [
        ("python:3", "NEW"),
        ("apama", "APAMA"),
        ("reg:5000/a/b:10.15", "AB"),
        ("build", "WRONG"),
    ];
    rewrite(
        text,
        &from.iter().map(pair).collect(),
        &args.iter().map(pair).collect::<BTreeMap<_, _>>(),
    )
}

fn check(text: &str, expected: &str) {
    assert_eq!(rewritten(text, &[]).text, expected, "{text}");
}

fn unchanged(text: &str) {
    check(text, text);
}

#[test]
fn from_in_every_form() {
    check("FROM python:3\n", "FROM NEW\n");
    check("from   python:3   AS  x", "from   NEW   AS  x");
    check(
        "FROM --platform=$BUILDPLATFORM python:3 AS x\r\nRUN a\r\n",
        "FROM --platform=$BUILDPLATFORM NEW AS x\r\nRUN a\r\n",
    );
    check("FROM apama:latest", "FROM APAMA");
    check(
        "FROM apama\nFROM python:3 as b\nFROM other",
        "FROM APAMA\nFROM NEW as b\nFROM other",
    );
    check(
        "FROM \\\n  # why\n\n  python:3 \\\n AS x\n",
        "FROM \\\n  # why\n\n  NEW \\\n AS x\n",
    );
    check("FROM \"python:3\"", "FROM NEW");
    unchanged("FROM python:3.9\nFROM python\nFROM apama:1\nFROM apama@sha256:00\n");
}

#[test]
fn stages_are_no_images() {
    unchanged("FROM x AS build\nFROM build\nCOPY --from=build /a /b\nCOPY --from=0 /a /b\n");
    unchanged("FROM x AS Build\nFROM bUILD AS y\nCOPY --from=BUILD /a /b\n");
    check(
        "FROM build AS x\nCOPY --from=build a b",
        "FROM WRONG AS x\nCOPY --from=WRONG a b",
    );
}

#[test]
fn copy_and_mount() {
    check(
        "FROM x\nCOPY --chown=a:b --from=python:3 /a /b\n",
        "FROM x\nCOPY --chown=a:b --from=NEW /a /b\n",
    );
    check(
        "FROM x\nRUN --mount=type=cache,target=/c --mount=type=bind,from=apama,source=/x,target=/y ls\n",
        "FROM x\nRUN --mount=type=cache,target=/c --mount=type=bind,from=APAMA,source=/x,target=/y ls\n",
    );
    check(
        "FROM x\nONBUILD COPY --from=apama a b\n",
        "FROM x\nONBUILD COPY --from=APAMA a b\n",
    );
    unchanged("FROM x\nRUN echo FROM python:3 --mount=from=apama && COPY --from=apama\n");
    unchanged("FROM x\nLABEL a=\"\\\nFROM python:3\"\n");
}

#[test]
fn args_are_filled_in() {
    check("ARG I=python:3\nFROM ${I}\n", "ARG I=python:3\nFROM NEW\n");
    check(
        "ARG V=10.15\nARG I=reg:5000/a/b:${V}\nFROM $I AS x\n",
        "ARG V=10.15\nARG I=reg:5000/a/b:${V}\nFROM AB AS x\n",
    );
    check("ARG I=\"python:3\" J\nFROM $I\n", "ARG I=\"python:3\" J\nFROM NEW\n");
    check("FROM ${I:-python:3}\n", "FROM NEW\n");
    check("ARG V=3\nFROM python:$V\n", "ARG V=3\nFROM NEW\n");
    // An ARG inside of a stage is not seen by the next FROM.
    unchanged("FROM x\nARG I=python:3\nFROM ${I}\n");
    unchanged("ARG I=python:3\nFROM ${I}-slim\n");
}

#[test]
fn the_builds_arguments_win() {
    let text = "ARG I=other\nFROM $I\n";
    assert_eq!(rewritten(text, &[("I", "python:3")]).text, "ARG I=other\nFROM NEW\n");
    assert_eq!(
        rewritten("ARG I\nFROM $I\n", &[("I", "apama")]).text,
        "ARG I\nFROM APAMA\n"
    );
    assert_eq!(
        rewritten("ARG I=python:3\nFROM $I\n", &[("I", "x")]).text,
        "ARG I=python:3\nFROM $I\n"
    );
}

#[test]
fn heredocs_and_directives() {
    unchanged("FROM x\nRUN <<EOF\nFROM python:3\nEOF\n");
    unchanged("FROM x\nCOPY <<-\"A\" <<B /x/\nFROM python:3\n\tA\nFROM apama\nB\n");
    check(
        "FROM x\nRUN cat <<EOF\nEOF\nFROM python:3\n",
        "FROM x\nRUN cat <<EOF\nEOF\nFROM NEW\n",
    );
    check(
        "# escape=`\nFROM `\n  python:3\nRUN a\\\nFROM apama\n",
        "# escape=`\nFROM `\n  NEW\nRUN a\\\nFROM APAMA\n",
    );
    check(
        "# syntax=docker/dockerfile:1\n#FROM apama\n\tFROM apama",
        "# syntax=docker/dockerfile:1\n#FROM apama\n\tFROM APAMA",
    );
    unchanged("");
    unchanged("FROM\nFROM --platform=x\nARG\n\\\n");
}

#[test]
fn tells_what_there_is() {
    let found = rewritten(
        "ARG V=3\nFROM python:$V AS a\nFROM a\nCOPY --from=apama x y\nFROM other:1",
        &[],
    );
    assert_eq!(found.used.into_iter().collect::<Vec<_>>(), ["apama", "python:3"]);
    assert_eq!(
        found.images.into_iter().collect::<Vec<_>>(),
        ["apama", "other:1", "python:3"]
    );
}

#[test]
fn latest_is_the_default_tag() {
    assert!(same_image("a", "a:latest") && same_image("a:latest", "a") && same_image("h:5/a", "h:5/a:latest"));
    assert!(!same_image("a", "a:1") && !same_image("a", "b"));
}
