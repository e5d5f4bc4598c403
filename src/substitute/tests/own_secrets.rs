//! The secrets that a stack's files take from this machine themselves.

use std::path::PathBuf;

use super::super::{Content, Given, OwnSecret, Refused, StackInput};
use super::{Stack, stack, swarm};

const FILE: &str = "services: {web: {image: x, secrets: [key]}}
secrets:
  key: {file: ./key.txt}
  at-home: {file: ~/key.txt}
  late: {file: \"./${LATE}.txt\"}
  word: {environment: WORD}
  unset: {environment: UNSET}
  theirs: {external: true}
  given: {file: ./given.txt}
configs:
  site: {file: ./site.conf}
";

fn told(stack: Stack) -> Vec<String> {
    let stack = stack.late("LATE").env("WORD", "sesame");
    let given = Given {
        section: "secrets",
        name: "given".to_owned(),
        file: PathBuf::from("/private/secret-given"),
        real: "given-1".to_owned(),
    };
    let input = StackInput {
        given: vec![given],
        ..stack.input.clone()
    };
    let rewritten = Stack { input, ..stack }.rewritten();
    rewritten.own_secrets.iter().map(shown).collect()
}

fn shown(secret: &OwnSecret) -> String {
    let content = match &secret.content {
        Some(Content::Path(path)) => path.display().to_string(),
        Some(Content::Text { text, .. }) => format!("{text:?}"),
        None => "known later".to_owned(),
    };
    format!("{}: {content}", secret.name)
}

#[test]
fn each_is_found_that_a_compose_file_has_itself() {
    let expected = [
        "at-home: /home/me/key.txt",
        "key: /app/key.txt",
        "late: known later",
        "unset: known later",
        "word: \"sesame\"",
    ];
    assert_eq!(told(stack(FILE)), expected);
}

#[test]
fn each_is_found_that_a_file_for_a_swarm_has_itself() {
    let file = "services: {web: {image: x, secrets: [key]}}\nsecrets: {key: {file: ./key.txt, name: its-key}, theirs: {external: true}, given: {file: x}}\n";
    assert_eq!(told(swarm(file)), ["key: /app/key.txt"]);
}

#[test]
fn what_a_file_has_as_a_text_is_in_no_picture_of_it() {
    let stack = stack("services: {web: {image: x}}\nsecrets:\n  key: {content: sesame, contents: 1}\n");
    let Err(Refused::Problems(told)) = stack.rewrite() else {
        panic!("a secret's content is taken");
    };
    let drawn: String = told.iter().map(|problem| problem.draw(false)).collect();
    assert!(drawn.contains("key: {content: ******, contents: 1}"), "{drawn}");
}
