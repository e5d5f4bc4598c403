//! Comparisons in an expression: minijinja orders a text and a number by their kinds, and says nothing. So they are ours.

use std::ops::Range;

use serde_json::Value;

use super::{KEYWORDS, Reader};
use crate::diagnostic::Diagnostic;
use crate::template::compare::{self, Side, Sign};
use crate::template::token::Kind;

/// Values with signs between them: `a < b`, or a chain of them, `a < b <= c`.
#[derive(Debug, Clone, Default)]
pub(in crate::template) struct Comparison {
    /// The values' places in the code; one more than there are signs.
    pub(in crate::template) operands: Vec<Range<usize>>,
    /// The signs, and their places in the code.
    pub(in crate::template) signs: Vec<(Sign, Range<usize>)>,
    /// Each value that is written literally.
    pub(in crate::template) literal: Vec<Option<Value>>,
}

impl Comparison {
    /// One of its values, and how the code says it.
    pub(in crate::template) fn side<'a>(&self, at: usize, value: &'a Value, code: &'a str) -> Side<'a> {
        Side {
            value,
            code: Some(&code[self.operands[at].clone()]),
            literal: self.literal[at].is_some(),
        }
    }

    /// Why nobody can judge it, where two of its values are literal and tell so; and where these stand.
    fn never_judged(&self, code: &str) -> Option<(Range<usize>, String)> {
        self.signs.iter().enumerate().find_map(|(at, (sign, _))| {
            let (left, right) = (self.literal.get(at)?.as_ref()?, self.literal.get(at + 1)?.as_ref()?);
            let sides = (self.side(at, left, code), self.side(at + 1, right, code));
            let why = compare::holds(*sign, sides.0, sides.1).err()?;
            Some((self.operands[at].start..self.operands[at + 1].end, why))
        })
    }
}

/// What stands between two brackets, or between what ends a comparison there.
struct Part {
    begin: usize,
    comparison: Comparison,
}

impl Part {
    fn at(begin: usize) -> Part {
        Part {
            begin,
            comparison: Comparison::default(),
        }
    }
}

impl Reader<'_> {
    /// All comparisons, inner ones before those that they stand in. Only brackets, commas and the words that bind more
    /// loosely than a sign end a value, so that no grammar is needed.
    pub(super) fn comparisons(&mut self) -> Vec<Comparison> {
        let mut done = Vec::new();
        let mut parts = vec![Part::at(0)];
        let mut at = 0;
        while at < self.tokens.len() {
            let next = match &self.tokens[at].kind {
                Kind::Sign("(" | "[" | "{") => {
                    parts.push(Part::at(at + 1));
                    at + 1
                }
                Kind::Sign(")" | "]" | "}") => {
                    if let Some(part) = parts.pop() {
                        self.end(part, at, &mut done);
                    }
                    at + 1
                }
                _ => self.within(at, parts.last_mut(), &mut done),
            };
            at = next;
        }
        while let Some(part) = parts.pop() {
            self.end(part, at, &mut done);
        }
        done
    }

    /// A word that is no bracket; gives the place of the next one.
    fn within(&mut self, at: usize, part: Option<&mut Part>, done: &mut Vec<Comparison>) -> usize {
        let Some(part) = part else { return at + 1 };
        if at > 0 && self.sign(at - 1) == Some(".") {
            return at + 1;
        }
        if let Some((sign, length)) = self.comparing(at) {
            self.value(part, at);
            let place = self.tokens[at].range.start..self.tokens[at + length - 1].range.end;
            part.comparison.signs.push((sign, place));
            part.begin = at + length;
            return at + length;
        }
        let ends = match self.ident(at) {
            // `is not in`: the name of a test is no sign.
            Some("is") => {
                let name = at + if self.ident(at + 1) == Some("not") { 2 } else { 1 };
                return name + usize::from(self.ident(name).is_some());
            }
            Some(word) => matches!(word, "and" | "or" | "not" | "if" | "else"),
            None => matches!(self.sign(at), Some("," | ":" | "=")),
        };
        if ends {
            let ended = std::mem::replace(part, Part::at(at + 1));
            self.end(ended, at, done);
        }
        at + 1
    }

    /// The sign at a place, and how many words it is.
    fn comparing(&self, at: usize) -> Option<(Sign, usize)> {
        Some(match (self.sign(at), self.ident(at)) {
            (Some("=="), _) => (Sign::Equal, 1),
            (Some("!="), _) => (Sign::Unequal, 1),
            (Some("<"), _) => (Sign::Less, 1),
            (Some("<="), _) => (Sign::LessOrEqual, 1),
            (Some(">"), _) => (Sign::Greater, 1),
            (Some(">="), _) => (Sign::GreaterOrEqual, 1),
            (_, Some("in")) => (Sign::In, 1),
            (_, Some("not")) if self.ident(at + 1) == Some("in") => (Sign::NotIn, 2),
            _ => return None,
        })
    }

    /// The value before a sign, or after the last one.
    fn value(&mut self, part: &mut Part, end: usize) {
        let begin = part.begin.min(end);
        let tokens = &self.tokens[begin..end];
        let (Some(first), Some(last)) = (tokens.first(), tokens.last()) else {
            let beside = end.min(self.tokens.len() - 1);
            self.is_misread(beside, "a value is missing beside");
            return;
        };
        part.comparison.operands.push(first.range.start..last.range.end);
        part.comparison.literal.push(self.literal(begin, end));
    }

    fn end(&mut self, mut part: Part, at: usize, done: &mut Vec<Comparison>) {
        if !part.comparison.signs.is_empty() {
            self.value(&mut part, at);
            if let Some((range, why)) = part.comparison.never_judged(self.code) {
                let span = self.span(range);
                self.misread.push(Diagnostic::error(&span, why));
            }
            done.push(part.comparison);
        }
    }

    /// A keyword where a value is meant: minijinja takes it for a name there, and then nothing is as it is read.
    pub(super) fn misplaced(&mut self, at: usize, word: &str) {
        // Behind a point, a keyword is an attribute and no keyword.
        let is_attribute = |at: usize| at > 0 && self.sign(at - 1) == Some(".");
        let begins = match at.checked_sub(1).map(|before| &self.tokens[before]) {
            None => true,
            Some(before) => match &before.kind {
                Kind::Sign(sign) => !matches!(*sign, ")" | "]" | "}"),
                Kind::Ident if is_attribute(at - 1) => false,
                Kind::Ident => {
                    let before = &self.code[before.range.clone()];
                    KEYWORDS.contains(&before) && !["true", "false", "none", "True", "False"].contains(&before)
                }
                _ => false,
            },
        };
        let after = |words: &[&str]| {
            let before = at.checked_sub(1).filter(|before| !is_attribute(*before));
            before.is_some_and(|before| self.ident(before).is_some_and(|before| words.contains(&before)))
        };
        let negates = match at.checked_sub(1) {
            None => true,
            Some(before) => {
                matches!(self.sign(before), Some("(" | "[" | "{" | "," | ":" | "="))
                    || after(&["and", "or", "not", "if", "else", "is"])
            }
        };
        let fine = match word {
            "not" => negates || self.ident(at + 1) == Some("in") && !begins,
            "in" => !begins || after(&["not", "is"]),
            "and" | "or" | "if" | "else" | "is" => !begins,
            _ => true,
        };
        if !fine {
            self.is_misread(at, "a value is meant where there is");
        }
    }

    fn is_misread(&mut self, at: usize, what: &str) {
        let range = self.tokens[at].range.clone();
        let message = format!("{what} `{}`", &self.code[range.clone()]);
        let problem = Diagnostic::error(&self.span(range), message);
        self.misread
            .push(problem.help("a part with `not`, `and` or `if` in it goes into brackets; a text is quoted"));
    }
}
