//! `golden`: a text is compared with a file, after replacements, `[..]` standing for any text within a line.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::PathBuf;

use serde_json::Value;

use super::{FieldKind, Matcher, MatcherKind, Regex, text_of};
use crate::diagnostic::{Diagnostic, Span, Spanned};
use crate::shape::{Problems, Shape};
use crate::template::{Question, Scope, Template, Unrendered};
use crate::yaml::Node;

crate::shape! {
    /// A file that a text is compared with.
    pub struct GoldenFile ("a golden file") short file {
        /// The file, relative to the scenario's.
        file: Template,
        /// What is replaced in the text before it is compared.
        replace: Vec<GoldenReplace>,
        /// Whether the lines are put in order before they are compared: of what several write, in any order.
        sort: Option<Spanned<bool>>,
    }
}

crate::shape! {
    /// What is replaced before a text is compared.
    pub struct GoldenReplace ("a replacement") {
        /// A regular expression.
        matches: Template,
        /// What stands in its place; `$1` is its first group.
        with: Template,
    }
}

/// A comparison with a file, as it is written.
#[derive(Debug, Clone)]
pub(super) struct Golden {
    pub(super) file: Template,
    pub(super) replace: Vec<Replace>,
    pub(super) sort: bool,
}

/// What is replaced in the text before it is compared.
#[derive(Debug, Clone)]
pub(super) struct Replace {
    pub(super) matches: Regex,
    pub(super) with: Template,
    pub(super) span: Span,
}

/// What a golden file would have to be.
#[derive(Debug, Clone, PartialEq)]
pub struct GoldenText {
    /// The file as it is written.
    pub file: String,
    /// The folder that it is relative to, where it was given in another file than the step.
    pub folder: Option<PathBuf>,
    /// Its text, with a final newline.
    pub text: String,
    /// Whether its lines were put in order.
    pub sorted: bool,
    /// Where it is written.
    pub span: Span,
}

impl GoldenText {
    /// Its text as it is written over what stands in the file: lines that fit a line there stay as that is, `[..]` and all.
    pub fn over(&self, standing: &str) -> String {
        match self.sorted {
            true => fitted_anywhere(standing, &self.text),
            false => fitted(standing, &self.text),
        }
    }
}

/// Reads one; its regular expressions are checked where they are literal.
pub(super) fn read(node: &Node, problems: &mut Problems) -> Option<Golden> {
    let read = GoldenFile::read(node, problems)?;
    let mut replace = Vec::new();
    for rule in read.replace {
        let literal = rule.matches.as_literal();
        if let Some(Err(why)) = literal.map(crate::template::check_regex) {
            problems.push(Diagnostic::error(&rule.matches.span, why));
            return None;
        }
        replace.push(Replace {
            matches: Regex(rule.matches.clone()),
            with: rule.with,
            span: rule.matches.span,
        });
    }
    Some(Golden {
        file: read.file,
        replace,
        sort: read.sort.is_some_and(|sort| sort.value),
    })
}

impl Golden {
    /// The file's name, its text where it is asked for, and the text to compare with it.
    pub(super) fn file(&self, scope: &Scope) -> Result<String, Unrendered> {
        self.file.text(scope)
    }

    /// Where its name was given, where that is in another file.
    pub(super) fn folder(&self, scope: &Scope) -> Option<PathBuf> {
        scope.folder_of(self.file.leading_name())
    }

    /// What the file says.
    pub(super) fn expected(&self, scope: &Scope) -> Result<String, Unrendered> {
        let question = Question::File(self.file(scope)?, self.folder(scope));
        match scope.answers.get(&question) {
            Some(text) => Ok(text_of(text)),
            None => Err(Unrendered::Needs(vec![question])),
        }
    }

    /// The replacements, ready.
    pub(super) fn replacements(&self, scope: &Scope) -> Result<Vec<(regex::Regex, String)>, Unrendered> {
        Unrendered::gather(
            self.replace
                .iter()
                .map(|replace| Ok((replace.matches.ready(&replace.span, scope)?, replace.with.text(scope)?))),
        )
    }
}

/// What of a value is compared with a golden file: its text; of lines, these.
pub(super) fn compared(kind: FieldKind, value: &Value) -> String {
    match value {
        Value::Array(lines) if kind == FieldKind::Lines => lines.iter().map(|line| text_of(line) + "\n").collect(),
        other => text_of(other),
    }
}

/// The lines of a text, put in order.
pub(super) fn sorted(text: &str) -> String {
    let mut lines: Vec<&str> = text.lines().collect();
    lines.sort_unstable();
    lines.iter().map(|line| format!("{line}\n")).collect()
}

/// A text after its replacements.
pub(super) fn replaced(text: &str, replacements: &[(regex::Regex, String)]) -> String {
    replacements.iter().fold(text.to_owned(), |text, (regex, with)| {
        regex.replace_all(&text, with.as_str()).into_owned()
    })
}

/// The actual text with every line that fits the expected one replaced by it: what is left differs.
///
/// Lines are matched in order, so that one line more or less does not make all that follow differ.
pub(super) fn fitted(expected: &str, actual: &str) -> String {
    let patterns: Vec<&str> = expected.lines().collect();
    let mut next = 0;
    let mut fitted = String::new();
    for line in actual.lines() {
        // The nearest wildcard line ahead that fits; a plain line that fits is the same already.
        let found = patterns
            .iter()
            .enumerate()
            .skip(next)
            .take(MAX_AHEAD)
            .find(|(_, pattern)| fits(pattern, line));
        match found {
            Some((at, pattern)) => {
                fitted.push_str(pattern);
                next = at + 1;
            }
            None => fitted.push_str(line),
        }
        fitted.push('\n');
    }
    fitted
}

/// The actual lines in order, as many of them as can be replaced by a line of the expected text that they fit, wherever it
/// stands: what `[..]` stands for says where a line comes in an order.
pub(super) fn fitted_anywhere(expected: &str, actual: &str) -> String {
    let mut left: BTreeMap<&str, usize> = BTreeMap::new();
    expected.lines().for_each(|line| *left.entry(line).or_default() += 1);
    // A line that stands there word for word takes the place of no other.
    let is_there = |line: &&str| match left.get_mut::<str>(line) {
        Some(count) if *count > 0 => {
            *count -= 1;
            true
        }
        _ => false,
    };
    let (mut found, others): (Vec<&str>, Vec<&str>) = actual.lines().partition(is_there);
    let left = left
        .into_iter()
        .filter(|(line, count)| *count > 0 && line.contains(ANY));
    let (patterns, room): (Vec<&str>, Vec<usize>) = left.unzip();
    let fitting = |line: &&str| (0..patterns.len()).filter(|at| fits(patterns[*at], line)).collect();
    let given = Matching::of(others.iter().map(fitting).collect(), room);
    let others = others.iter().zip(given);
    found.extend(others.map(|(line, pattern)| pattern.map_or(*line, |at| patterns[at])));
    found.sort_unstable();
    found.iter().map(|line| format!("{line}\n")).collect()
}

/// Which line is given which pattern, so that as many as can be have one that they fit.
struct Matching {
    /// The patterns that each line fits.
    fitting: Vec<Vec<usize>>,
    /// How many lines more each pattern takes.
    room: Vec<usize>,
    /// The lines that each pattern was given to.
    lines: Vec<BTreeSet<usize>>,
    /// The pattern of each line.
    given: Vec<Option<usize>>,
    /// Patterns that no line gives up: from them none with room can be come to.
    closed: BTreeSet<usize>,
}

impl Matching {
    /// The pattern of each line, by what each fits and how many lines each pattern takes.
    fn of(fitting: Vec<Vec<usize>>, room: Vec<usize>) -> Vec<Option<usize>> {
        let mut matching = Matching {
            lines: vec![BTreeSet::new(); room.len()],
            given: vec![None; fitting.len()],
            closed: BTreeSet::new(),
            fitting,
            room,
        };
        (0..matching.fitting.len()).for_each(|line| matching.place(line));
        matching.given
    }

    /// Gives a line a pattern with room; where it fits none, that of another line, which then takes another one, and so on.
    fn place(&mut self, line: usize) {
        // By which line each pattern was come to.
        let mut by: BTreeMap<usize, usize> = BTreeMap::new();
        let mut asked = VecDeque::from([line]);
        while let Some(line) = asked.pop_front() {
            let fitting = self.fitting[line].iter().copied();
            let new: Vec<usize> = fitting
                .filter(|pattern| !by.contains_key(pattern) && !self.closed.contains(pattern))
                .collect();
            by.extend(new.iter().map(|pattern| (*pattern, line)));
            if let Some(free) = new.iter().find(|pattern| self.room[**pattern] > 0) {
                return self.move_up(*free, &by);
            }
            asked.extend(new.iter().flat_map(|pattern| &self.lines[*pattern]));
        }
        self.closed.extend(by.into_keys());
    }

    /// Gives the pattern with room to the line that came to it, that line's to the one that came to that, and so on.
    fn move_up(&mut self, free: usize, by: &BTreeMap<usize, usize>) {
        self.room[free] -= 1;
        let mut next = Some(free);
        while let Some(pattern) = next {
            let line = by[&pattern];
            self.lines[pattern].insert(line);
            next = self.given[line].replace(pattern);
            if let Some(before) = next {
                self.lines[before].remove(&line);
            }
        }
    }
}

/// What stands for any text within a line.
const ANY: &str = "[..]";
/// How many lines may be missing before lines are no longer put beside each other.
const MAX_AHEAD: usize = 100;

/// Whether a line is what the pattern says, `[..]` standing for any text.
pub(super) fn fits(pattern: &str, line: &str) -> bool {
    let mut parts = pattern.split(ANY);
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = line.strip_prefix(first) else {
        return false;
    };
    let parts: Vec<&str> = parts.collect();
    let Some((last, middle)) = parts.split_last() else {
        return rest.is_empty();
    };
    for part in middle {
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    rest.ends_with(last)
}

/// The golden texts of a matcher and of those in it.
pub(super) fn gather(
    matcher: &Matcher,
    (actual, kind): (Option<&Value>, FieldKind),
    scope: &Scope,
    texts: &mut Vec<GoldenText>,
) -> Result<(), Unrendered> {
    match &matcher.what {
        MatcherKind::Golden(golden) => {
            if let Some(actual) = actual {
                let mut text = replaced(&compared(kind, actual), &golden.replacements(scope)?);
                if golden.sort {
                    text = sorted(&text);
                }
                if !text.ends_with('\n') {
                    text.push('\n');
                }
                texts.push(GoldenText {
                    file: golden.file(scope)?,
                    folder: golden.folder(scope),
                    text,
                    sorted: golden.sort,
                    span: golden.file.span.clone(),
                });
            }
            Ok(())
        }
        MatcherKind::All(matchers) => matchers
            .iter()
            .try_for_each(|matcher| gather(matcher, (actual, kind), scope, texts)),
        MatcherKind::At(path, matcher) => {
            let found = actual.and_then(|actual| path.find(actual));
            gather(matcher, (found.as_ref(), FieldKind::Json), scope, texts)
        }
        _ => Ok(()),
    }
}

impl Regex {
    /// The regular expression, compiled.
    pub(super) fn ready(&self, span: &Span, scope: &Scope) -> Result<regex::Regex, Unrendered> {
        let Regex(template) = self;
        crate::template::regex(&template.text(scope)?).map_err(|message| Unrendered::failed(span.clone(), message))
    }
}
