//! What `e2erun check` tells, word for word: each case is a scenario file, or a folder, of `cases/check`.
//!
//! Beside each stands what is expected, in a file with `.txt` for its ending; `UPDATE=1 cargo test --test cases` writes
//! them anew, to be read before they are committed. What is too large or too strange for a file is made here.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on ends")]
#![expect(
    clippy::disallowed_methods,
    clippy::print_stderr,
    reason = "the program is what is tested, and UPDATE is for people"
)]

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Texts of the machine that differ from one to the next.
fn stable(text: &str, folder: &Path) -> String {
    text.replace(&folder.display().to_string(), "[FOLDER]")
}

/// Checks a path in a folder; gives all that is printed, and the exit code.
fn checked(folder: &Path, path: &str) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_e2erun"))
        .args(["check", "--no-color", path])
        .current_dir(folder)
        .env_clear()
        .output()
        .unwrap();
    let mut told = stable(&String::from_utf8(output.stderr).unwrap(), folder);
    told.push_str(&stable(&String::from_utf8(output.stdout).unwrap(), folder));
    let _ = writeln!(told, "exit code {}", output.status.code().unwrap());
    told
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/check")
}

/// Compares, or writes what is expected; gives the name of a case that differs.
fn compare(name: &str, told: &str) -> Option<String> {
    let file = root().join(format!("{name}.txt"));
    let expected = fs::read_to_string(&file).unwrap_or_default();
    if expected == told {
        return None;
    }
    if std::env::var_os("UPDATE").is_some() {
        fs::write(&file, told).unwrap();
        return None;
    }
    let difference = similar::TextDiff::from_lines(expected.as_str(), told);
    eprintln!("{}", difference.unified_diff().header(name, "told now"));
    Some(name.to_owned())
}

fn cases() -> Vec<String> {
    let entries = fs::read_dir(root()).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> = names
        .filter(|name| !name.ends_with(".txt") && !name.ends_with(".md") && name != "fixtures")
        .collect();
    names.sort();
    names
}

#[test]
fn tells_each_problem_at_its_place() {
    let failed: Vec<String> = cases()
        .iter()
        .filter_map(|case| compare(case.trim_end_matches(".yaml"), &checked(&root(), case)))
        .collect();
    assert!(
        failed.is_empty(),
        "told otherwise than expected (UPDATE=1 accepts it): {failed:?}"
    );
}

/// Checks a text that is no file of the repository.
fn check(name: &str, text: impl AsRef<[u8]>, expected: &str) {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join(name), text).unwrap();
    told(folder.path(), name, expected);
}

/// Compares what is told of a path with the expected lines; their ends do not count.
fn told(folder: &Path, path: &str, expected: &str) {
    let lines = |text: &str| text.trim().lines().map(str::trim_end).collect::<Vec<_>>().join("\n");
    assert_eq!(lines(&checked(folder, path)), lines(expected), "{path}");
}

fn scenario(steps: &str) -> String {
    format!("scenario: made\nvars:\n  a: {steps}\nsteps:\n  - assert: 1 == 1\n")
}

#[test]
fn refuses_deep_nesting_at_the_level_that_is_too_deep() {
    let deep = 50_000;
    check(
        "flow.yaml",
        scenario(&format!("{}{}", "[".repeat(deep), "]".repeat(deep))),
        &format!(
            "
error: nested more than 128 levels deep
 --> flow.yaml:3:134
  |
 :::
3 | ...{}...
  |                   {}
  |
  = help: this is more than any of our files needs: is a bracket or an indentation wrong above?

invalid: 1 error
exit code 2",
            "[".repeat(130),
            "^".repeat(100)
        ),
    );
    let mut block = String::new();
    for level in 0..3_000 {
        let _ = write!(block, "\n{}b:", " ".repeat(level + 3));
    }
    check(
        "block.yaml",
        scenario(&block),
        "
error: nested more than 128 levels deep
   --> block.yaml:130:130
    |
130 | ...                   b:
    |                       ^^
    |
    = help: this is more than any of our files needs: is a bracket or an indentation wrong above?

invalid: 1 error
exit code 2",
    );
}

#[test]
fn refuses_aliases_that_grow_without_end() {
    let mut laughs = String::from("\n    l0: &l0 [ha, ha, ha, ha, ha, ha, ha, ha, ha, ha]");
    for level in 1..10 {
        let below = format!("*l{}, ", level - 1).repeat(10);
        let _ = write!(laughs, "\n    l{level}: &l{level} [{below}]");
    }
    check(
        "laughs.yaml",
        scenario(&laughs),
        "
error: the aliases of this file expand to too much
 --> laughs.yaml:9:19
  |
9 |     l5: &l5 [*l4, *l4, *l4, *l4, *l4, *l4, *l4, *l4, *l4, *l4, ]
  |                   ^^^
  |
  = help: all together they may bring in 250000 values and 16 MiB of text

invalid: 1 error
exit code 2",
    );
}

#[test]
fn names_the_byte_that_is_no_text() {
    check(
        "bytes.yaml",
        b"scenario: caf\xe9\nsteps: []\n",
        "
error: the file is not UTF-8: byte 0xe9 here
 --> bytes.yaml:1:14
  |
1 | scenario: caf\u{fffd}
  |              ^
  |
  = help: save it as UTF-8

invalid: 1 error
exit code 2",
    );
    check(
        "nul.yaml",
        b"scenario: a\0b\nsteps: []\n",
        "
error: a NUL byte is in the file, so it is no YAML text
 --> nul.yaml:1:12
  |
1 | scenario: a\u{2400}b
  |            ^
  |
  = help: was the file written as UTF-16, or is it no text at all?

invalid: 1 error
exit code 2",
    );
    check(
        "wide.yaml",
        b"\xff\xfes\0c\0e\0n\0",
        "
error: the file is not UTF-8: byte 0xff here
 --> wide.yaml:1:1
  |
1 | \u{fffd}\u{fffd}s\u{2400}c\u{2400}e\u{2400}n\u{2400}
  | ^
  |
  = help: save it as UTF-8

invalid: 1 error
exit code 2",
    );
}

#[test]
fn checks_a_large_scenario() {
    let step = "  - assert: \"'abcdefghijklmnopqrstuvwxyz' != title\"\n";
    let mut text = scenario("1").replace("  a: 1", "  title: Tea");
    text.push_str(&step.repeat(9_000));
    let fine = "
ok: 1 scenario, 1 case
exit code 0";
    check("large.yaml", &text, fine);
    let comment = format!("# {}\n", "x".repeat(98)).repeat(105_000);
    check("comments.yaml", text + &comment, fine);
    let many = scenario("1") + &"  - assert: 1 == 1\n".repeat(10_001);
    check(
        "many.yaml",
        many,
        "
error: more than 10000 steps in one scenario
     --> many.yaml:10005:5
      |
10005 |   - assert: 1 == 1
      |     ^^^^^^^^^^^^^^

invalid: 1 error
exit code 2",
    );
    check(
        "huge.yaml",
        "x".repeat((64 << 20) + 1),
        "
error: cannot read `huge.yaml`: it has more than 64 MiB, which is the limit
--> huge.yaml

invalid: 1 error
exit code 2",
    );
}

#[test]
fn tells_of_files_that_cannot_be_read() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let missing = "
error: there is no file or folder `nowhere.yaml`
--> nowhere.yaml

exit code 2";
    told(folder, "nowhere.yaml", missing);
    let nothing = "
nothing to check: there is no YAML file; a scenario is one with the key `scenario`
exit code 4";
    told(folder, ".", nothing);
    fs::create_dir(folder.join("folder.yaml")).unwrap();
    told(folder, ".", nothing);
    std::os::unix::fs::symlink("nowhere", folder.join("link.yaml")).unwrap();
    let broken = "
error: cannot read `link.yaml`: No such file or directory (os error 2)
--> link.yaml

invalid: 1 error
exit code 2";
    told(folder, ".", broken);
}
