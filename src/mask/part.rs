//! Which parts of a value are looked for beside all of it: one of several lines is printed a line at a time.

use std::collections::BTreeSet;

use super::FEW_LETTERS;

/// So many lines tell together at most what none of them tells alone.
const TOGETHER: usize = 8;
/// Of a long line beside a short one so many letters are enough.
const BESIDE: usize = 32;
/// What stands around values and between them: the lines of all JSON and of all YAML have it.
const AROUND: &str = "{}[](),;:";
/// Values that anybody may have.
const NOBODYS: [&str; 3] = ["true", "false", "null"];

/// What of a text is looked for: all of it, and of several lines each that tells enough to be known again. `}`, `},` and
/// `---` stand in everybody's files: such lines are looked for with those beside them.
pub(super) fn parts(text: &str) -> BTreeSet<String> {
    let text = text.trim();
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    let weights: Vec<usize> = lines.iter().map(|line| weight(line)).collect();
    let mut parts = BTreeSet::from([text.to_owned()]);
    if lines.len() > 1 {
        // Where all lines are short ones, they are what the value is.
        let least = match weights.iter().any(|weight| *weight >= FEW_LETTERS) {
            true => FEW_LETTERS,
            false => 1,
        };
        for (at, line) in lines.iter().enumerate() {
            match weights[at] {
                0 => {}
                weight if weight >= least => parts.extend((line.len() > 1).then(|| (*line).to_owned())),
                _ => parts.extend(beside((&lines, &weights), at)),
            }
        }
    }
    parts.remove("");
    parts
}

/// How much a line tells: its letters and digits, and whatever other signs it has, each once. A word by itself is less likely to
/// be there for the form of it.
fn weight(line: &str) -> usize {
    let bare = line.trim_matches(|sign: char| AROUND.contains(sign) || sign.is_whitespace());
    if NOBODYS.contains(&bare) {
        return 0;
    }
    let letters = line.chars().filter(|letter| letter.is_alphanumeric()).count();
    if letters + 1 == FEW_LETTERS && line.chars().all(char::is_alphanumeric) {
        return FEW_LETTERS;
    }
    let signs = line
        .chars()
        .filter(|sign| !sign.is_alphanumeric() && !sign.is_whitespace());
    let signs: BTreeSet<char> = signs.filter(|sign| !AROUND.contains(*sign)).collect();
    letters + signs.len()
}

/// A line with as many before it as tell enough, and the same with those behind it.
fn beside((lines, weights): (&[&str], &[usize]), at: usize) -> Vec<String> {
    let mut found = Vec::new();
    let mut told = 0;
    let before = (0..=at).rev().take(TOGETHER).find(|from| {
        told += weights[*from];
        told >= FEW_LETTERS
    });
    if let Some(from) = before {
        let first = lines[from];
        let cut = first.char_indices().rev().nth(BESIDE - 1).map_or(0, |(cut, _)| cut);
        found.push([&[&first[cut..]], &lines[from + 1..=at]].concat().join("\n"));
    }
    let mut told = 0;
    let behind = (at..lines.len()).take(TOGETHER).find(|to| {
        told += weights[*to];
        told >= FEW_LETTERS
    });
    if let Some(to) = behind {
        let last = lines[to];
        let cut = last.char_indices().nth(BESIDE).map_or(last.len(), |(cut, _)| cut);
        found.push([&lines[at..to], &[&last[..cut]]].concat().join("\n"));
    }
    found
}
