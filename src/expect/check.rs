//! Matchers with their templates rendered: pure judges of a value.

mod items;
mod lasting;
mod value;
mod words;

use serde_json::Value;

use self::items::each_item;
use super::verdict::{Verdict, Why, shown};
use super::{FieldKind, Matcher, MatcherKind, Order, Path, vacuous};
use crate::diagnostic::Span;
use crate::template::{Data, Scope, Unrendered, printed};

pub(super) use self::items::item_kind;

/// A condition on a value, ready to judge.
#[derive(Debug)]
pub(super) struct Check {
    span: Span,
    what: What,
}

#[derive(Debug)]
enum What {
    Anything,
    Equals(Value),
    Contains(Vec<Value>),
    Matches(regex::Regex),
    StartsWith(String),
    EndsWith(String),
    OneOf(Vec<Value>),
    Compare(Order, Value),
    Length(Box<Check>),
    Empty(bool),
    Exists(bool),
    Lines(Box<Check>),
    Golden(GoldenCheck),
    Includes(Value),
    Not(Box<Check>),
    All(Vec<Check>),
    Any(Vec<Check>),
    EachItem(Box<Check>),
    SomeItem(Box<Check>),
    At(Path, Box<Check>),
}

#[derive(Debug)]
struct GoldenCheck {
    file: String,
    text: String,
    replacements: Vec<(regex::Regex, String)>,
    sort: bool,
}

/// What is judged.
pub(super) struct Subject<'a> {
    /// What it is called in messages.
    pub(super) label: String,
    pub(super) kind: FieldKind,
    /// Its value; none where it is not there.
    pub(super) value: Option<&'a Value>,
    /// True for a path that may find several values and found none.
    pub(super) matches_nothing: bool,
}

impl<'a> Subject<'a> {
    pub(super) fn new(label: String, kind: FieldKind, value: Option<&'a Value>) -> Self {
        Subject {
            label,
            kind,
            value,
            matches_nothing: false,
        }
    }

    fn absent(&self) -> String {
        let is = if self.matches_nothing {
            "matches nothing"
        } else {
            "is not there"
        };
        format!("{} {is}", self.label)
    }
}

impl Check {
    /// Renders the templates of a matcher; all its questions are asked at once.
    pub(super) fn of(matcher: &Matcher, scope: &Scope) -> Result<Check, Unrendered> {
        let boxed = |matcher: &Matcher| Check::of(matcher, scope).map(Box::new);
        let each = |matchers: &[Matcher]| Unrendered::gather(matchers.iter().map(|matcher| Check::of(matcher, scope)));
        let what = match &matcher.what {
            MatcherKind::Anything => What::Anything,
            MatcherKind::Equals(data) => What::Equals(data.render(scope)?),
            MatcherKind::Contains(data) => What::Contains(vacuous::parts(list(data, scope)?, &matcher.span)?),
            MatcherKind::Matches(regex) => {
                What::Matches(vacuous::regex(regex.ready(&matcher.span, scope)?, &matcher.span)?)
            }
            MatcherKind::StartsWith(text) => What::StartsWith(vacuous::end(text.text(scope)?, &matcher.span)?),
            MatcherKind::EndsWith(text) => What::EndsWith(vacuous::end(text.text(scope)?, &matcher.span)?),
            MatcherKind::OneOf(data) => What::OneOf(list(data, scope)?),
            MatcherKind::Compare(order, data) => What::Compare(*order, data.render(scope)?),
            MatcherKind::Length(inner) => What::Length(boxed(inner)?),
            MatcherKind::Empty(empty) => What::Empty(*empty),
            MatcherKind::Exists(exists) => What::Exists(*exists),
            MatcherKind::Lines(inner) => What::Lines(boxed(inner)?),
            MatcherKind::Golden(golden) => What::Golden(GoldenCheck {
                file: golden.file(scope)?,
                text: golden.expected(scope)?,
                replacements: golden.replacements(scope)?,
                sort: golden.sort,
            }),
            MatcherKind::Includes(data) => What::Includes(data.render(scope)?),
            MatcherKind::Not(inner) => What::Not(boxed(inner)?),
            MatcherKind::All(matchers) => What::All(each(matchers)?),
            MatcherKind::Any(matchers) => What::Any(each(matchers)?),
            MatcherKind::EachItem(inner) => What::EachItem(boxed(inner)?),
            MatcherKind::SomeItem(inner) => What::SomeItem(boxed(inner)?),
            MatcherKind::At(path, inner) => What::At(path.clone(), boxed(inner)?),
        };
        Ok(Check {
            span: matcher.span.clone(),
            what,
        })
    }

    /// Judges a value, or that there is none; everything that does not fit is told.
    pub(super) fn judge(&self, subject: &Subject<'_>) -> Vec<Verdict> {
        let mut verdicts = self.judged(subject);
        if let Some(word) = self.shadows(subject.value) {
            let hint = format!(
                "`{word}` is the matcher here: for the key of that name write its path from the root, like `$.{word}`, or \
                 compare the whole by `equals`"
            );
            let told = verdicts.iter_mut().filter(|verdict| verdict.hint.is_none());
            told.for_each(|verdict| verdict.hint = Some(hint.clone()));
        }
        verdicts
    }

    /// The word that it is written as, where what is judged has a key of that name, which may have been meant.
    fn shadows(&self, value: Option<&Value>) -> Option<&'static str> {
        let word = match &self.what {
            What::Length(_) => "length",
            What::Empty(_) => "empty",
            What::Lines(_) => "lines",
            What::Contains(_) => "contains",
            What::Includes(_) => "includes",
            What::Matches(_) => "matches",
            _ => return None,
        };
        value?.get(word).map(|_| word)
    }

    fn judged(&self, subject: &Subject<'_>) -> Vec<Verdict> {
        let label = &subject.label;
        match (&self.what, subject.value) {
            (What::Anything, _) => Vec::new(),
            (What::Exists(wanted), value) if *wanted == value.is_some() => Vec::new(),
            (What::Exists(false), value) => vec![self.verdict(format!("{label} is there"), value)],
            (What::All(checks), _) => checks.iter().flat_map(|check| check.judge(subject)).collect(),
            (What::Any(checks), _) => self.any(checks, subject),
            (What::Not(check), _) => self.not(check, subject),
            (What::At(path, check), _) => path.judge(check, subject),
            (_, None) if subject.matches_nothing && self.asks_emptiness() => self.judge(&Subject::new(
                label.clone(),
                subject.kind,
                Some(&Value::Array(Vec::new())),
            )),
            (_, None) => vec![self.verdict(subject.absent(), None)],
            (What::Length(check), Some(value)) => self.length(check, label, value),
            (What::Lines(check), Some(value)) => {
                let lines: Value = printed(value).lines().map(Value::from).collect();
                let label = format!("the lines of {label}");
                check.judge(&Subject::new(label, FieldKind::Lines, Some(&lines)))
            }
            (What::EachItem(check), Some(value)) => each_item(check, subject, value),
            (_, Some(value)) => self.judge_value(subject, value).into_iter().collect(),
        }
    }

    /// What is at a path, where there is nothing to look into: nothing holds of it, not even that it is not there.
    pub(super) fn nowhere(&self, path: &str, label: &str) -> Verdict {
        let why = match label {
            "`json`" => "what was given is no JSON".to_owned(),
            _ => format!("there is no {label} at all"),
        };
        Verdict {
            why: Why::Unjudged,
            ..self.verdict(format!("`{path}` of {label} is not there: {why}"), None)
        }
    }

    fn verdict(&self, message: String, value: Option<&Value>) -> Verdict {
        Verdict {
            span: self.span.clone(),
            message,
            expected: self.describe(),
            actual: value.map_or_else(|| "nothing".to_owned(), shown),
            diff: None,
            hint: None,
            why: Why::Unfit,
        }
    }

    /// What cannot be judged.
    fn unjudged(&self, message: String, value: &Value) -> Verdict {
        Verdict {
            why: Why::Unjudged,
            ..self.verdict(message, Some(value))
        }
    }

    fn not(&self, check: &Check, subject: &Subject<'_>) -> Vec<Verdict> {
        // What is not there is not anything, except where that is what is asked.
        let asks = check.asks_existence() || subject.matches_nothing && check.asks_emptiness();
        if subject.value.is_none() && !asks {
            return vec![self.verdict(subject.absent(), None)];
        }
        let inner = check.judge(subject);
        if inner.is_empty() {
            return vec![self.verdict(format!("{} is what it must not be", subject.label), subject.value)];
        }
        inner.into_iter().filter(|verdict| verdict.why != Why::Unfit).collect()
    }

    /// Whether it is asked if the value is there; a path asks for what is in it, and that there is something to look into.
    fn asks_existence(&self) -> bool {
        match &self.what {
            What::Exists(_) => true,
            What::Not(check) => check.asks_existence(),
            What::All(checks) | What::Any(checks) => checks.iter().any(Check::asks_existence),
            _ => false,
        }
    }

    /// Whether it is asked if a list is empty: nothing else holds of one in which nothing is.
    fn asks_emptiness(&self) -> bool {
        let empty = |value: &Value| value.as_array().is_some_and(Vec::is_empty);
        match &self.what {
            What::Empty(_) | What::Length(_) => true,
            What::Equals(value) => empty(value),
            What::OneOf(values) => values.iter().any(empty),
            What::Not(check) => check.asks_emptiness(),
            What::All(checks) | What::Any(checks) => checks.iter().any(Check::asks_emptiness),
            _ => false,
        }
    }

    fn any(&self, checks: &[Check], subject: &Subject<'_>) -> Vec<Verdict> {
        let judged: Vec<Vec<Verdict>> = checks.iter().map(|check| check.judge(subject)).collect();
        if judged.iter().any(Vec::is_empty) {
            return Vec::new();
        }
        let message = format!("{} fits none of the {} matchers", subject.label, checks.len());
        let none = self.verdict(message, subject.value);
        let errors = judged.into_iter().flatten().filter(|verdict| verdict.why == Why::Error);
        std::iter::once(none).chain(errors).collect()
    }
}

fn list(data: &Data, scope: &Scope) -> Result<Vec<Value>, Unrendered> {
    Ok(match data.render(scope)? {
        Value::Array(values) => values,
        other => vec![other],
    })
}
