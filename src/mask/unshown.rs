//! Values of files that may be somebody's secrets before anybody knows which are: those of a file of variables, and those of
//! a scenario's secrets and variables, or of a compose file's secrets, in a text that is no YAML. No picture of a line and no
//! message shows them.

use std::ops::Range;

use super::{FEW_LETTERS, HIDDEN, Masks};
use crate::diagnostic::{Diagnostic, Source};
use crate::yaml::{Content, Node};

/// The section whose values are hidden, of a scenario and of a compose file.
const SECRETS: &str = "secrets";
/// Those of which `mask` says what is hidden.
const MASKED: [&str; 2] = ["vars", "parameters"];

/// Hides all values of a file of variables.
pub fn hide_values(node: &Node) {
    let place = |node: &Node| node.span.start..node.span.end;
    let entries = node.map().map_or(std::slice::from_ref(node), |_| &[]);
    let values = node.map().into_iter().flatten().map(|(_, value)| value);
    node.span.source.hide(values.chain(entries).map(place).collect());
}

/// The same of one that is no YAML: with what is told of it, all that stands in its lines behind their names is hidden.
pub fn hide_lines(source: &Source, problems: Vec<Diagnostic>) -> Vec<Diagnostic> {
    hide(source, by_line(&source.text, 0), problems)
}

/// The same of a scenario, a template, a project or a compose file that is no YAML, as far as its secrets go; and its
/// variables, where any of them may be masked.
pub fn hide_secrets(source: &Source, is_masked: bool, problems: Vec<Diagnostic>) -> Vec<Diagnostic> {
    let is_masked = is_masked || source.text.contains("mask");
    let is_hidden = |section: &str| section == SECRETS || is_masked && MASKED.contains(&section);
    if !has_sections(&source.text) {
        let hides = source.text.contains(SECRETS) || is_masked;
        return if hides { hide_lines(source, problems) } else { problems };
    }
    let (mut ranges, mut at, mut inside) = (Vec::new(), 0, false);
    for line in source.text.split_inclusive('\n') {
        let begins = line.starts_with(|first: char| first.is_alphanumeric() || matches!(first, '"' | '\''));
        if begins && let Some(value) = behind_name(line) {
            inside = is_hidden(line[..value].trim_matches(['"', '\'', ':', ' ']));
        }
        if inside {
            ranges.extend(by_line(line, at));
        }
        at += line.len();
    }
    match ranges.is_empty() {
        true => problems,
        false => hide(source, ranges, problems),
    }
}

/// Whether sections begin at the margin. Where none does (in JSON, say) nobody knows where one ends.
fn has_sections(text: &str) -> bool {
    let is_content = |line: &&str| !matches!(line.trim().get(..1), None | Some("#" | "%")) && !line.starts_with("---");
    let first = text.lines().find(is_content);
    first.is_some_and(|line| !line.starts_with([' ', '\t', '{', '[']))
}

/// What is told of values that are hidden: without them.
pub fn without_values(node: &Node, problems: Vec<Diagnostic>) -> Vec<Diagnostic> {
    match node.map() {
        Some(entries) => without(entries.iter().map(|(_, value)| value), problems),
        None => without([node], problems),
    }
}

/// The same of these values.
pub fn without<'n>(values: impl IntoIterator<Item = &'n Node>, problems: Vec<Diagnostic>) -> Vec<Diagnostic> {
    let mut texts = Vec::new();
    values.into_iter().for_each(|value| scalars(value, &mut texts));
    told(&texts, problems)
}

fn hide(source: &Source, ranges: Vec<Range<usize>>, problems: Vec<Diagnostic>) -> Vec<Diagnostic> {
    let pieces = ranges.iter().filter_map(|range| source.text.get(range.clone()));
    let pieces: Vec<String> = pieces.map(|piece| piece.trim().to_owned()).collect();
    source.hide(ranges);
    told(&pieces, problems)
}

/// The texts of a value, as they are written, and as what they are read.
fn scalars(node: &Node, texts: &mut Vec<String>) {
    match &node.content {
        Content::Scalar(scalar) => {
            texts.push(scalar.text.clone());
            texts.extend((!node.value().is_string()).then(|| node.value().to_string()));
        }
        Content::List(items) => items.iter().for_each(|item| scalars(item, texts)),
        Content::Map(entries) => {
            for (key, value) in entries {
                // `{{ x }}` is a key, and meant as a value.
                texts.extend(key.map().map(|_| key.span.text().to_owned()));
                scalars(value, texts);
            }
        }
    }
}

/// Messages without these texts, and without the words of them.
fn told(texts: &[String], problems: Vec<Diagnostic>) -> Vec<Diagnostic> {
    let (masks, mut short) = (Masks::default(), Vec::new());
    let bare = |text: &str| text.trim_matches(|sign: char| !sign.is_alphanumeric()).to_owned();
    for text in texts {
        let words = text
            .split_whitespace()
            .map(bare)
            .filter(|word| word.chars().count() >= FEW_LETTERS);
        for text in [text.clone(), bare(text)].into_iter().chain(words) {
            match text.chars().count() {
                0 => {}
                count if count < FEW_LETTERS => short.push(text),
                _ => masks.add(&text.into()),
            }
        }
    }
    let shown = |text: &str| {
        short
            .iter()
            .fold(masks.hide(text), |text, word| without_word(&text, word))
    };
    problems.into_iter().map(|problem| problem.reworded(shown)).collect()
}

/// A text without a short one, where that is not a part of a word.
fn without_word(text: &str, word: &str) -> String {
    let (mut told, mut from) = (String::new(), 0);
    for (at, found) in text.match_indices(word) {
        let before = text[..at].chars().next_back().filter(|sign| sign.is_alphanumeric());
        let behind = text[at + found.len()..]
            .chars()
            .next()
            .filter(|sign| sign.is_alphanumeric());
        if before.is_none() && behind.is_none() && found.contains(char::is_alphanumeric) {
            told.push_str(&text[from..at]);
            told.push_str(HIDDEN);
            from = at + found.len();
        }
    }
    told + &text[from..]
}

/// Where in the lines of a text their values stand.
fn by_line(text: &str, mut at: usize) -> Vec<Range<usize>> {
    let mut ranges = Vec::new();
    for line in text.split_inclusive('\n') {
        let from = behind_name(line).unwrap_or(0);
        ranges.push(at + from..at + line.len());
        at += line.len();
    }
    ranges
}

/// Where the value begins of a line `name: value`.
fn behind_name(line: &str) -> Option<usize> {
    let mut colons = line.match_indices(':').map(|(at, _)| at + 1);
    let end = colons.find(|end| line[*end..].is_empty() || line[*end..].starts_with(char::is_whitespace))?;
    let name = line[..end - 1].trim().trim_start_matches("- ");
    let is_name = name
        .chars()
        .all(|sign| sign.is_alphanumeric() || matches!(sign, '_' | '-' | '.' | '"' | '\''));
    is_name.then_some(end)
}

#[cfg(test)]
mod tests {
    use crate::diagnostic::{Diagnostic, Source};

    /// What is told of a scenario that is no YAML.
    fn told(text: &str) -> String {
        let source = Source::new("a.yaml", text);
        let problems = crate::yaml::parse(&source).unwrap_err();
        let told = super::hide_secrets(&source, false, problems);
        told.iter().map(|problem| problem.draw(false) + "\n").collect()
    }

    #[test]
    fn a_scenario_that_is_no_yaml_tells_no_secret() {
        for text in [
            "scenario: a\nsecrets:\n  word: {content: hunter2-word\nsteps: []\n",
            "scenario: a\nsecrets:\n  word: {content: \"hunter2-word}\nsteps: []\n",
            "scenario: a\nsecrets:\n  word:\n    content: %hunter2-word\nsteps: []\n",
            "scenario: a\nsecrets:\n  word:\n    content: *hunter2-word\nsteps: []\n",
            "scenario: a\nsecrets:\n  word:\n    content: hunter2-word: x\nsteps: []\n",
            "scenario: a\n'secrets': {word: {content: hunter2-word]}}\nsteps: []\n",
            "secrets:\n  word: {content: |\n    hunter2-word\n  }\nscenario: a\n",
            "{scenario: a, secrets: {word: {content: hunter2-word}}, steps: [}\n",
            "---\n{\n  \"secrets\": {\n    \"s\": {\"content\": \"hunter2-word\"}]\n  }\n}\n",
            "# mine\n  scenario: a\n  secrets:\n    word: {content: hunter2-word\n",
        ] {
            let told = told(text);
            assert!(told.contains("error:") && !told.contains("hunter2"), "{told}");
        }
        let told = told("secrets: {a: b}\nscenario: *shown\n");
        assert!(told.contains("scenario: *shown"), "{told}");
    }

    #[test]
    fn where_something_is_masked_what_is_no_yaml_tells_no_variable() {
        for text in [
            "mask: [word]\nvars: {word: *hunter2-word}\n",
            "vars:\n  word: *hunter2-word\nmask: [word]\n",
            "template: a\nparameters:\n  word: {default: *hunter2-word, mask: true}\n",
        ] {
            let told = told(text);
            assert!(told.contains("error:") && !told.contains("hunter2"), "{told}");
        }
        let told = told("scenario: a\nvars: {word: *shown}\n");
        assert!(told.contains("word: *shown"), "{told}");
    }

    #[test]
    fn a_label_of_another_place_tells_no_value_either() {
        let source = Source::new("a.yaml", "word: hunter2\n");
        let node = crate::yaml::parse(&source).unwrap();
        let problem = Diagnostic::error(&node.span, "twice").related(&node.span, "`hunter2` stands here, too");
        let told = super::without_values(&node, vec![problem]);
        assert_eq!(told[0].related[0].1, "`***` stands here, too");
    }

    #[test]
    fn short_values_are_taken_out_of_messages_and_words_stay() {
        assert_eq!(
            super::without_word("`a` is a b, 1a and a.", "a"),
            "`***` is *** b, 1a and ***."
        );
        assert_eq!(super::without_word("an `x` in `=`", "="), "an `x` in `=`");
    }
}
