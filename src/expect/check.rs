//! Matchers with their templates rendered: pure judges of a value.

mod lasting;

use serde_json::Value;

use super::compare::{Incomparable, compare, equal, has, includes, is_empty, length, trimmed};
use super::golden::{fitted, replaced};
use super::verdict::{Verdict, Why, brief, data_diff, diff, reads_as, shown};
use super::{FieldKind, Matcher, MatcherKind, Order, Path, text_of, vacuous};
use crate::diagnostic::Span;
use crate::template::{Data, Scope, Unrendered, noun, printed};

/// So many items of a list that are not as expected are told.
const MAX_ITEMS_TOLD: usize = 20;

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

    /// The matchers that look at the value alone.
    fn judge_value(&self, subject: &Subject<'_>, value: &Value) -> Option<Verdict> {
        let (label, kind) = (&subject.label, subject.kind);
        let message = match &self.what {
            What::Equals(expected) => {
                return (!equal(kind, expected, value)).then(|| self.unequal(label, expected, value));
            }
            What::Includes(expected) => {
                let message = format!("{label} does not include what was expected");
                return (!includes(expected, value)).then(|| Verdict {
                    diff: data_diff(expected, value),
                    ..self.verdict(message, Some(value))
                });
            }
            What::Golden(golden) => return self.golden(golden, label, value),
            What::SomeItem(check) => return self.some_item(check, subject, value),
            What::Contains(parts) => {
                let missing = parts.iter().find(|part| !has(value, part))?;
                format!("{label} does not contain {}", brief(missing))
            }
            // `$` may stand before a final newline, as one apart is equal, too.
            What::Matches(regex) if !regex.is_match(&printed(value)) && !regex.is_match(trimmed(&printed(value))) => {
                format!("{label} does not match `{regex}`")
            }
            What::StartsWith(begin) if !printed(value).starts_with(begin) => {
                format!("{label} does not start with `{begin}`")
            }
            What::EndsWith(end) if !trimmed(&printed(value)).ends_with(trimmed(end)) => {
                format!("{label} does not end with `{end}`")
            }
            What::OneOf(values) if !values.iter().any(|one| equal(kind, one, value)) => {
                format!("{label} is {}, which is none of those expected", brief(value))
            }
            What::Empty(true) if !is_empty(value) => format!("{label} is not empty"),
            What::Empty(false) if is_empty(value) => format!("{label} is empty"),
            What::Compare(order, expected) => match compare(*order, kind, expected, value) {
                Ok(true) => return None,
                Ok(false) => format!("{label} is {}, not {}", brief(value), self.describe()),
                Err(Incomparable::Actual(why)) => {
                    return Some(self.unjudged(format!("{label} cannot be compared: {why}"), value));
                }
                Err(Incomparable::Expected(why)) => {
                    let error = self.unjudged(format!("{label} cannot be compared: {why}"), value);
                    return Some(Verdict {
                        why: Why::Error,
                        ..error
                    });
                }
            },
            _ => return None,
        };
        Some(self.verdict(message, Some(value)))
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

    fn unequal(&self, label: &str, expected: &Value, value: &Value) -> Verdict {
        let (one, other) = (noun(expected), noun(value));
        // A text and a number may look the same.
        let hint = (one != other && reads_as(expected, value))
            .then(|| format!("expected is {one}, found is {other}: quote what is text, and only that"));
        let diff = if expected.is_array() || expected.is_object() {
            data_diff(expected, value)
        } else {
            diff(&printed(expected), &printed(value))
        };
        Verdict {
            hint,
            diff,
            ..self.verdict(format!("{label} is not what was expected"), Some(value))
        }
    }

    fn golden(&self, golden: &GoldenCheck, label: &str, value: &Value) -> Option<Verdict> {
        let (file, expected) = (&golden.file, &golden.text);
        let text = replaced(&printed(value), &golden.replacements);
        let fitted = fitted(expected, &text);
        let differs = trimmed(expected).lines().ne(trimmed(&fitted).lines());
        differs.then(|| Verdict {
            expected: expected.clone(),
            diff: diff(expected, &fitted),
            hint: Some(format!("`--update` makes `{file}` what was found")),
            ..self.verdict(format!("{label} differs from `{file}`"), Some(&text.into()))
        })
    }

    fn length(&self, check: &Check, label: &str, value: &Value) -> Vec<Verdict> {
        let Some(length) = length(value) else {
            return vec![self.unjudged(format!("{label} has no length: it is {}", noun(value)), value)];
        };
        check.judge(&Subject::new(
            format!("the length of {label}"),
            FieldKind::Number,
            Some(&length.into()),
        ))
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

    fn some_item(&self, check: &Check, subject: &Subject<'_>, value: &Value) -> Option<Verdict> {
        let label = &subject.label;
        let Value::Array(items) = value else {
            return Some(self.no_items(label, value));
        };
        let fits = |item| {
            check
                .judge(&Subject::new(label.clone(), item_kind(subject.kind), Some(item)))
                .is_empty()
        };
        (!items.iter().any(fits)).then(|| self.verdict(format!("no item of {label} is as expected"), Some(value)))
    }

    fn no_items(&self, label: &str, value: &Value) -> Verdict {
        self.unjudged(format!("{label} has no items: it is {}", noun(value)), value)
    }

    /// What it wants, in words.
    fn describe(&self) -> String {
        let put =
            |checks: &[Check], between: &str| checks.iter().map(Check::describe).collect::<Vec<_>>().join(between);
        let values = |values: &[Value]| values.iter().map(brief).collect::<Vec<_>>().join(", ");
        match &self.what {
            What::Anything => "anything".to_owned(),
            What::Equals(value) => text_of(value),
            What::Contains(parts) => format!("contains {}", values(parts)),
            What::Matches(regex) => format!("matches `{regex}`"),
            What::StartsWith(text) => format!("starts with `{text}`"),
            What::EndsWith(text) => format!("ends with `{text}`"),
            What::OneOf(these) => format!("one of {}", values(these)),
            What::Compare(order, value) => format!("{} {}", order.words(), text_of(value)),
            What::Length(check) => format!("length {}", check.describe()),
            What::Empty(true) => "empty".to_owned(),
            What::Empty(false) => "not empty".to_owned(),
            What::Exists(true) => "is there".to_owned(),
            What::Exists(false) => "is not there".to_owned(),
            What::Lines(check) => format!("lines: {}", check.describe()),
            What::Golden(golden) => format!("as in `{}`", golden.file),
            What::Includes(value) => format!("includes {}", text_of(value)),
            What::Not(check) => format!("not: {}", check.describe()),
            What::All(checks) => put(checks, ", and "),
            What::Any(checks) => put(checks, ", or "),
            What::EachItem(check) => format!("every item {}", check.describe()),
            What::SomeItem(check) => format!("an item {}", check.describe()),
            What::At(path, check) => format!("`{}` {}", path.text(), check.describe()),
        }
    }
}

impl Order {
    fn words(self) -> &'static str {
        match self {
            Order::Less => "less than",
            Order::LessOrEqual => "at most",
            Order::Greater => "more than",
            Order::GreaterOrEqual => "at least",
        }
    }
}

fn each_item(check: &Check, subject: &Subject<'_>, value: &Value) -> Vec<Verdict> {
    let label = &subject.label;
    match value {
        // Zero is never a pass.
        Value::Array(items) if items.is_empty() => {
            vec![check.verdict(format!("{label} is empty, so no item is as expected"), Some(value))]
        }
        Value::Array(items) => {
            let named = |number: usize| format!("item {} of {label}", number + 1);
            let judge = |(number, item)| check.judge(&Subject::new(named(number), item_kind(subject.kind), Some(item)));
            first_of(items.iter().enumerate().flat_map(judge))
        }
        _ => vec![check.no_items(label, value)],
    }
}

/// The first of many verdicts, and how many more there are; what cannot be judged comes before what does not fit.
fn first_of(verdicts: impl Iterator<Item = Verdict>) -> Vec<Verdict> {
    let (mut errors, mut unfit, mut more) = (Vec::new(), Vec::new(), 0);
    for verdict in verdicts {
        let list = if verdict.why == Why::Error {
            &mut errors
        } else {
            &mut unfit
        };
        if list.len() < MAX_ITEMS_TOLD {
            list.push(verdict);
        } else {
            more += 1;
        }
    }
    more += (errors.len() + unfit.len()).saturating_sub(MAX_ITEMS_TOLD);
    errors.extend(unfit);
    errors.truncate(MAX_ITEMS_TOLD);
    if let Some(last) = errors.last_mut().filter(|_| more > 0) {
        last.message = format!("{}; so it is with {more} more", last.message);
    }
    errors
}

/// What the items of a list are.
pub(super) fn item_kind(kind: FieldKind) -> FieldKind {
    match kind {
        FieldKind::Names | FieldKind::Lines => FieldKind::Text,
        _ => FieldKind::Json,
    }
}

fn list(data: &Data, scope: &Scope) -> Result<Vec<Value>, Unrendered> {
    Ok(match data.render(scope)? {
        Value::Array(values) => values,
        other => vec![other],
    })
}
