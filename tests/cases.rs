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
    assert_eq!(checked(folder.path(), name), expected.trim_start(), "{name}");
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
        "",
    );
    let mut block = String::new();
    for level in 0..3_000 {
        let _ = write!(block, "\n{}b:", " ".repeat(level + 3));
    }
    check("block.yaml", scenario(&block), "");
}

#[test]
fn refuses_aliases_that_grow_without_end() {
    let mut laughs = String::from("\n    l0: &l0 [ha, ha, ha, ha, ha, ha, ha, ha, ha, ha]");
    for level in 1..10 {
        let below = format!("*l{}, ", level - 1).repeat(10);
        let _ = write!(laughs, "\n    l{level}: &l{level} [{below}]");
    }
    check("laughs.yaml", scenario(&laughs), "");
}

#[test]
fn names_the_byte_that_is_no_text() {
    check("bytes.yaml", b"scenario: caf\xe9\nsteps: []\n", "");
    check("nul.yaml", b"scenario: a\0b\nsteps: []\n", "");
    check("wide.yaml", b"\xff\xfes\0c\0e\0n\0", "");
}

#[test]
fn checks_a_large_scenario() {
    let step = "  - assert: \"'abcdefghijklmnopqrstuvwxyz' != title\"\n";
    let mut text = scenario("1").replace("  a: 1", "  title: Tea");
    text.push_str(&step.repeat(9_000));
    check("large.yaml", &text, "");
    let comment = format!("# {}\n", "x".repeat(98)).repeat(105_000);
    check("comments.yaml", text + &comment, "");
    let many = scenario("1") + &"  - assert: 1 == 1\n".repeat(10_001);
    check("many.yaml", many, "");
    check("huge.yaml", "x".repeat((64 << 20) + 1), "");
}

#[test]
fn tells_of_files_that_cannot_be_read() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(checked(folder.path(), "nowhere.yaml"), "");
    assert_eq!(checked(folder.path(), "."), "");
    fs::create_dir(folder.path().join("folder.yaml")).unwrap();
    assert_eq!(checked(folder.path(), "."), "");
    std::os::unix::fs::symlink("nowhere", folder.path().join("link.yaml")).unwrap();
    assert_eq!(checked(folder.path(), "."), "");
}
