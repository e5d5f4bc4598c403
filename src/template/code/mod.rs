//! Reads an expression's words: the names it uses, and what minijinja would only find out when it runs.

mod call;
mod comparison;
mod path;

use std::ops::Range;

pub(super) use comparison::Comparison;

use super::NamePath;
use super::filter::{FILTERS, TESTS};
use super::place::Places;
use super::token::{Kind, Token, tokens};
use crate::diagnostic::{Diagnostic, Span};

/// A name in the code.
#[derive(Debug, Clone)]
pub(super) struct Found {
    /// As others see it.
    pub(super) path: NamePath,
    /// Its place in the code.
    pub(super) range: Range<usize>,
    /// True where it may be missing: before `default(…)` and `is defined`.
    pub(super) optional: bool,
}

/// True for a word of the language itself.
pub(crate) fn is_keyword(name: &str) -> bool {
    KEYWORDS.contains(&name) || name == "None"
}

const KEYWORDS: [&str; 12] = [
    "and", "or", "not", "in", "is", "if", "else", "true", "false", "none", "True", "False",
];

/// What minijinja is not left alone with.
pub(super) struct Words {
    /// The names.
    pub(super) found: Vec<Found>,
    /// The comparisons.
    pub(super) comparisons: Vec<Comparison>,
    /// What minijinja takes, and reads in another way.
    pub(super) misread: Vec<Diagnostic>,
}

/// The names and comparisons of an expression, or what is wrong with it.
pub(super) fn read(code: &str, places: &Places, whole: &Span) -> Result<Words, Vec<Diagnostic>> {
    let tokens = match tokens(code, false) {
        Ok((tokens, _)) => tokens,
        Err(unclosed) => {
            let (at, message) = unclosed.tell(code).unwrap_or_default();
            return Err(vec![Diagnostic::error(&places.span(whole, at, at + 1), message)]);
        }
    };
    let mut reader = Reader {
        code,
        places,
        whole,
        tokens: &tokens,
        calls: Vec::new(),
        found: Vec::new(),
        problems: Vec::new(),
        misread: Vec::new(),
    };
    let mut at = 0;
    while at < tokens.len() {
        at = reader.word(at);
    }
    let comparisons = reader.comparisons();
    if reader.problems.is_empty() {
        Ok(Words {
            found: reader.found,
            comparisons,
            misread: reader.misread,
        })
    } else {
        Err(reader.problems)
    }
}

struct Reader<'c> {
    code: &'c str,
    places: &'c Places,
    whole: &'c Span,
    tokens: &'c [Token],
    /// For each open bracket, whether it holds the arguments of a call.
    calls: Vec<bool>,
    found: Vec<Found>,
    problems: Vec<Diagnostic>,
    misread: Vec<Diagnostic>,
}

impl Reader<'_> {
    fn sign(&self, at: usize) -> Option<&'static str> {
        match self.tokens.get(at)?.kind {
            Kind::Sign(sign) => Some(sign),
            _ => None,
        }
    }

    fn ident(&self, at: usize) -> Option<&str> {
        let token = self.tokens.get(at).filter(|token| token.kind == Kind::Ident)?;
        self.code.get(token.range.clone())
    }

    fn span(&self, range: Range<usize>) -> Span {
        self.places.span(self.whole, range.start, range.end)
    }

    fn problem(&mut self, range: Range<usize>, message: String, help: &str) {
        let span = self.span(range);
        self.problems.push(Diagnostic::error(&span, message).help(help));
    }

    /// Takes the word at a place; gives the place of the next one to look at.
    fn word(&mut self, at: usize) -> usize {
        let token = &self.tokens[at];
        match &token.kind {
            Kind::Sign(sign @ ("(" | "[" | "{")) => {
                let call = *sign == "(" && at > 0 && self.ends_operand(at - 1);
                self.calls.push(call);
            }
            Kind::Sign(")" | "]" | "}") => drop(self.calls.pop()),
            Kind::Sign("|") => return self.filter(at + 1),
            Kind::Sign(sign) => self.foreign_sign(sign, token.range.clone()),
            Kind::Odd(c) => {
                let help = if *c == '$' {
                    "the inside of an expression is never rendered: write the name alone"
                } else {
                    "quote what is text"
                };
                self.problem(token.range.clone(), format!("`{c}` is no part of an expression"), help);
            }
            Kind::Ident => return self.name(at),
            Kind::Str(_) | Kind::Int(_) | Kind::Float => {}
        }
        at + 1
    }

    /// True where what ends here is a value: a bracket after it is a call.
    fn ends_operand(&self, at: usize) -> bool {
        match self.tokens[at].kind {
            Kind::Ident => self.ident(at).is_some_and(|name| !KEYWORDS.contains(&name)),
            Kind::Sign(sign) => matches!(sign, ")" | "]"),
            _ => false,
        }
    }

    fn foreign_sign(&mut self, sign: &str, range: Range<usize>) {
        let help = match sign {
            "&&" => "write `and`",
            "||" => "write `or`",
            "!" => "write `not`",
            "?" => "write `this if condition else that`",
            "=" => "equality is `==`",
            "&" | ";" => "an expression is one value; there are no statements in it",
            _ => return,
        };
        self.problem(range, format!("`{sign}` is no part of an expression"), help);
    }

    fn filter(&mut self, at: usize) -> usize {
        let Some(name) = self.ident(at).map(str::to_owned) else {
            return at;
        };
        self.known("filter", &name, at, FILTERS);
        match name.as_str() {
            "regex" => self.pattern(at + 2),
            "jsonpath" => self.json_path(at + 2),
            "map" => self.named("filter", FILTERS, at + 2),
            "select" | "reject" => self.named("test", TESTS, at + 2),
            "selectattr" | "rejectattr" if self.sign(at + 3) == Some(",") => self.named("test", TESTS, at + 4),
            _ => {}
        }
        at + 1
    }

    /// A filter or test that is named in a text: `map('upper')`.
    fn named(&mut self, what: &str, known: &[&str], at: usize) {
        if let Some(Token {
            kind: Kind::Str(name), ..
        }) = self.tokens.get(at)
        {
            self.known(what, &name.clone(), at, known);
        }
    }

    fn known(&mut self, what: &str, name: &str, at: usize, known: &[&str]) {
        if !known.contains(&name) {
            let span = self.span(self.tokens[at].range.clone());
            self.problems
                .push(Diagnostic::unknown(&span, what, name, known.iter().copied()));
        }
    }

    /// A regular expression that is written literally is right, or is told now.
    fn pattern(&mut self, at: usize) {
        if let Some(Token {
            kind: Kind::Str(pattern),
            range,
        }) = self.tokens.get(at)
            && let Err(error) = super::filter::check_regex(pattern)
        {
            self.problem(
                range.clone(),
                error,
                "`{`, `(`, `[`, `*`, `+`, `?`, `.` and `|` are written with a `\\` before where they mean themselves",
            );
        }
    }

    fn json_path(&mut self, at: usize) {
        if let Some(Token {
            kind: Kind::Str(path),
            range,
        }) = self.tokens.get(at)
            && let Err(error) = super::path::JsonPath::of(path)
        {
            self.problem(range.clone(), error, "a path is like `$.members[0].name` (RFC 9535)");
        }
    }

    fn name(&mut self, at: usize) -> usize {
        let name = self.ident(at).unwrap_or_default().to_owned();
        if at > 0 && self.sign(at - 1) == Some(".") {
            // The attribute of something computed.
            if self.sign(at + 1) == Some("(") {
                self.no_method(at, &name);
            }
            return at + 1;
        }
        if KEYWORDS.contains(&name.as_str()) {
            self.misplaced(at, &name);
        }
        match name.as_str() {
            "is" => return self.test(at + 1),
            name if is_keyword(name) => return at + 1,
            _ => {}
        }
        if self.sign(at + 1) == Some("=") && self.calls.last() == Some(&true) {
            return at + 2;
        }
        if self.sign(at + 1) == Some("(") {
            self.call(at, &name)
        } else {
            self.path(at, &name)
        }
    }

    fn test(&mut self, at: usize) -> usize {
        let at = if self.ident(at) == Some("not") { at + 1 } else { at };
        let Some(name) = self.ident(at).map(str::to_owned) else {
            return at;
        };
        self.known("test", &name, at, TESTS);
        if name == "matching" {
            self.pattern(if self.sign(at + 1) == Some("(") { at + 2 } else { at + 1 });
        }
        at + 1
    }

    fn no_method(&mut self, at: usize, name: &str) {
        let near = FILTERS.contains(&name).then(|| format!("write `… | {name}`"));
        let help =
            near.unwrap_or_else(|| "values have attributes and filters (`… | upper`), but no methods".to_owned());
        self.problem(
            self.tokens[at].range.clone(),
            format!("there is no method `{name}`"),
            &help,
        );
    }
}
