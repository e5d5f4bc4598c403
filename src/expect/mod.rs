//! Matchers: value in, verdict and explanation out.
//!
//! An [`Expectation`] is read once, with the fields that a step's result has; judging renders its templates and then
//! judges every field, so that all that fail are told. What is written under a field:
//!
//! * a plain value or a list means equal;
//! * a mapping is matchers, all of which must hold;
//! * under a field of JSON or of names with values (`json`, `headers`), a key that is no matcher is a path into it. A path
//!   that is called like a matcher is reached as `$.length`. Below a path, a mapping is matchers again;
//! * `all` and `any` with a list are matchers put together; with one matcher they judge the items of a list.

mod check;
mod compare;
mod form;
mod golden;
mod line;
mod operand;
mod path;
mod range;
mod read;
mod schema;
mod vacuous;
mod verdict;
mod visible;
mod written;

use std::sync::Arc;

use serde_json::Value;

use self::check::{Check, Subject};
use self::golden::Golden;
use self::verdict::Verdict;
use crate::diagnostic::Span;
use crate::event::Fault;
use crate::template::{Data, Scope, Template, Unrendered};

pub use self::golden::GoldenText;
pub use self::golden::{GoldenFile, GoldenReplace};
pub use self::line::{Allowed, Ignored, LineMatcher, LineOf, LinePattern, LineText, RegexText};
pub use self::read::MATCHER_TABLE;
pub(crate) use self::visible::visible;
pub use crate::template::print as text_of;

/// A field of a step's result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Field {
    /// Its name as an expression sees it; the key may be written with `-` for `_`.
    pub name: &'static str,
    /// What it is.
    pub kind: FieldKind,
    /// What it means, for the manual.
    pub doc: &'static str,
}

/// What a field of a result is: this decides how it is compared, and what is a trap.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FieldKind {
    /// Text, compared one final newline apart.
    Text,
    /// Text that is one of these words: nothing else can be expected of it.
    Words(&'static [&'static str]),
    /// A file's permissions: four octal digits.
    Mode,
    /// Whose a file is: user and group in numbers.
    Owner,
    /// A whole number: at least and at most this.
    Number(u64, u64),
    /// True or false.
    Boolean,
    /// A duration, in seconds in the result.
    Duration,
    /// Any data; keys are paths into it.
    Json,
    /// Names with values, like HTTP headers: keys are names, in either case.
    Map,
    /// A list, compared in order.
    List,
    /// A list of names, whose order does not count.
    Names,
    /// A list of lines of text.
    Lines,
}

impl FieldKind {
    /// How many.
    pub const COUNT: FieldKind = FieldKind::Number(0, u64::MAX);
    /// The exit code of a process.
    pub const EXIT: FieldKind = FieldKind::Number(0, 255);
    /// The status of an HTTP answer.
    pub const STATUS: FieldKind = FieldKind::Number(100, 999);
}

/// What must hold of a field although nothing was said about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Usual {
    /// The field.
    pub field: &'static str,
    /// What must hold.
    pub must: Must,
    /// Fields that lift it, too, when something is expected of them.
    pub unless: &'static [&'static str],
}

/// What usually must hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Must {
    /// It is 0.
    BeZero,
    /// It is 200 to 299.
    BeSuccess,
    /// It is 1 or more.
    BeSome,
    /// It is true.
    BeTrue,
    /// It is not there.
    BeAbsent,
    /// It is this text.
    Be(&'static str),
}

/// `exit` must be 0.
pub const EXIT_ZERO: &[Usual] = &[Usual {
    field: "exit",
    must: Must::BeZero,
    unless: &[],
}];

/// There must be no `error`, and `status` must be 2xx.
pub const HTTP_SUCCESS: &[Usual] = &[
    Usual {
        field: "error",
        must: Must::BeAbsent,
        unless: &[],
    },
    Usual {
        field: "status",
        must: Must::BeSuccess,
        unless: &["error"],
    },
];

/// `count` must be at least 1.
pub const COUNT_SOME: &[Usual] = &[Usual {
    field: "count",
    must: Must::BeSome,
    unless: &[],
}];

/// What a step's result must be.
#[derive(Debug, Clone)]
pub struct Expectation {
    /// Where it is written.
    pub span: Span,
    /// Shared: a step is bound with what it was written with.
    entries: Arc<[Entry]>,
}

#[derive(Debug, Clone)]
struct Entry {
    field: Field,
    matcher: Matcher,
}

/// A condition on a value, as it is written.
#[derive(Debug, Clone)]
struct Matcher {
    span: Span,
    what: MatcherKind,
}

#[derive(Debug, Clone)]
enum MatcherKind {
    /// `exit: any`: it may be what it wants.
    Anything,
    Equals(Data),
    Contains(Data),
    Matches(Regex),
    StartsWith(Template),
    EndsWith(Template),
    OneOf(Data),
    Compare(Order, Data),
    Length(Box<Matcher>),
    Empty(bool),
    Exists(bool),
    Lines(Box<Matcher>),
    Golden(Golden),
    Includes(Data),
    Not(Box<Matcher>),
    All(Vec<Matcher>),
    Any(Vec<Matcher>),
    EachItem(Box<Matcher>),
    SomeItem(Box<Matcher>),
    /// What is at a path.
    At(Path, Box<Matcher>),
}

/// A regular expression: checked when it is read, where it is written literally, and compiled when it is wanted.
#[derive(Debug, Clone)]
struct Regex(Template);

/// A way into data.
#[derive(Debug, Clone)]
enum Path {
    Dotted(String, Vec<String>),
    Json(String, Box<crate::template::JsonPath>),
    /// A name, in either case.
    Name(String),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Order {
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

impl Expectation {
    /// Nothing is expected but what usually is.
    pub fn none(span: &Span) -> Expectation {
        Expectation {
            span: span.clone(),
            entries: [].into(),
        }
    }

    /// True where something is said about a field, be it that it may be anything.
    pub fn expects(&self, field: &str) -> bool {
        self.entries.iter().any(|entry| entry.field.name == field)
    }

    /// What is said about some of the fields.
    pub fn only(&self, fields: &[&str]) -> Expectation {
        let among = |entry: &&Entry| fields.contains(&entry.field.name);
        Expectation {
            span: self.span.clone(),
            entries: self.entries.iter().filter(among).cloned().collect(),
        }
    }

    /// The fields that something is said about, each with the place of what is said.
    pub fn fields(&self) -> impl Iterator<Item = (&'static str, &Span)> {
        self.entries.iter().map(|entry| (entry.field.name, &entry.matcher.span))
    }

    /// True where what holds of a number, or of a list of lines, holds as well when that grows. Of other data it is true:
    /// that does not grow.
    pub fn holds_with_more(&self) -> bool {
        let grows = |entry: &&Entry| matches!(entry.field.kind, FieldKind::Number(..) | FieldKind::Lines);
        let mut growing = self.entries.iter().filter(grows);
        growing.all(|entry| entry.matcher.holds_with_more(entry.field.kind))
    }

    /// Judges a result: every field that something is expected of, and what usually must hold of the others.
    pub fn judge(&self, outputs: &Value, scope: &Scope, usual: &[Usual]) -> Result<Vec<Fault>, Unrendered> {
        let checks = Unrendered::gather(self.entries.iter().map(|entry| Check::of(&entry.matcher, scope)))?;
        let mut faults: Vec<Fault> = usual
            .iter()
            .filter(|usual| !self.expects(usual.field) && !usual.unless.iter().any(|field| self.expects(field)))
            .filter_map(|usual| unusual(usual, outputs.get(usual.field)))
            .map(|fault| fault.at(self.span.place()))
            .collect();
        for (entry, check) in self.entries.iter().zip(checks) {
            let value = outputs.get(entry.field.name);
            let subject = Subject::new(format!("`{}`", entry.field.name), entry.field.kind, value);
            faults.extend(check.judge(&subject).into_iter().map(Verdict::fault));
        }
        Ok(faults)
    }

    /// The faults that stay when numbers and lists of lines grow, as `holds_with_more` is of what holds; those of other
    /// data where that is `known`.
    pub fn lasting(&self, outputs: &Value, scope: &Scope, known: bool) -> Result<Vec<Fault>, Unrendered> {
        let checks = Unrendered::gather(self.entries.iter().map(|entry| Check::of(&entry.matcher, scope)))?;
        let mut faults = Vec::new();
        for (entry, check) in self.entries.iter().zip(checks) {
            let (name, kind) = (entry.field.name, entry.field.kind);
            let subject = Subject::new(format!("`{name}`"), kind, outputs.get(name));
            let lasts = match kind {
                FieldKind::Number(..) | FieldKind::Lines => check.fails_for_good(&subject),
                _ => known,
            };
            if lasts {
                faults.extend(check.judge(&subject).into_iter().map(Verdict::fault));
            }
        }
        Ok(faults)
    }

    /// What golden files would have to be for the expectation to hold: for `--update`. The files themselves are not asked for.
    pub fn goldens(&self, outputs: &Value, scope: &Scope) -> Result<Vec<GoldenText>, Unrendered> {
        let mut texts = Vec::new();
        for entry in self.entries.iter() {
            let actual = (outputs.get(entry.field.name), entry.field.kind);
            golden::gather(&entry.matcher, actual, scope, &mut texts)?;
        }
        Ok(texts)
    }
}

impl Matcher {
    /// See `Expectation::holds_with_more`.
    fn holds_with_more(&self, kind: FieldKind) -> bool {
        match &self.what {
            MatcherKind::Anything
            | MatcherKind::Exists(true)
            | MatcherKind::Empty(false)
            | MatcherKind::Compare(Order::Greater | Order::GreaterOrEqual, _) => true,
            MatcherKind::Contains(_) | MatcherKind::Includes(_) | MatcherKind::SomeItem(_) => kind == FieldKind::Lines,
            MatcherKind::Length(inner) => inner.holds_with_more(FieldKind::COUNT),
            MatcherKind::All(matchers) | MatcherKind::Any(matchers) => {
                matchers.iter().all(|matcher| matcher.holds_with_more(kind))
            }
            _ => false,
        }
    }
}

fn unusual(usual: &Usual, actual: Option<&Value>) -> Option<Fault> {
    let name = usual.field;
    let number = actual.and_then(Value::as_f64);
    let (holds, expected) = match usual.must {
        Must::BeZero => (number == Some(0.0), "0"),
        // Without an answer there is no status: `error` tells that.
        Must::BeSuccess => (
            actual.is_none() || number.is_some_and(|status| (200.0..300.0).contains(&status)),
            "2xx",
        ),
        Must::BeSome => (number.is_some_and(|count| count >= 1.0), "at least 1"),
        Must::BeTrue => (actual == Some(&Value::Bool(true)), "true"),
        Must::BeAbsent => (actual.is_none_or(Value::is_null), "none"),
        Must::Be(text) => (actual.is_some_and(|actual| actual == text), text),
    };
    if holds {
        return None;
    }
    let actual = actual.map_or_else(|| "nothing".to_owned(), |actual| verdict::limited(&text_of(actual)));
    let mut fault = Fault::failure(format!("`{name}` is {actual}"));
    fault.expected = Some(expected.to_owned());
    fault.actual = Some(actual);
    if usual.must == Must::BeZero {
        fault.hint = Some(format!(
            "if that is as it should be, say so: `expect: {{{name}: …}}`, or `{name}: any`"
        ));
    }
    Some(fault)
}

#[cfg(test)]
mod tests;
