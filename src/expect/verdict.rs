//! What is said of a value that does not fit: bounded, with a difference where it is longer than a line.

use std::time::Duration;

use serde_json::Value;
use similar::TextDiff;

use super::compare::trimmed;
use super::visible::{apart, lines_apart, visible};
use super::written::{self, Ends, pretty};
use crate::cut::{boundary, mark, shortened};
use crate::diagnostic::Span;
use crate::event::Fault;

/// Why a value does not fit.
#[derive(Debug)]
pub(super) struct Verdict {
    pub(super) span: Span,
    pub(super) message: String,
    pub(super) expected: String,
    /// What was found, as `shown`.
    pub(super) actual: String,
    pub(super) diff: Option<String>,
    pub(super) hint: Option<String>,
    pub(super) why: Why,
}

/// What kind of no it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Why {
    /// The value is another one.
    Unfit,
    /// The value is nothing that can be judged so: its contrary does not hold either.
    Unjudged,
    /// What was expected is nothing that a value can be judged by.
    Error,
}

impl Verdict {
    /// The fault that it is.
    pub(super) fn fault(self) -> Fault {
        let fault = match self.why {
            Why::Unfit | Why::Unjudged => Fault::failure(self.message),
            Why::Error => Fault::error(self.message),
        };
        let (expected, actual) = apart(&limited(&self.expected), &self.actual);
        Fault {
            expected: Some(expected),
            actual: Some(actual),
            diff: self.diff,
            hint: self.hint,
            ..fault
        }
        .at(self.span.place())
    }
}

/// A value in backticks.
pub(super) fn brief(value: &Value) -> String {
    format!("`{}`", visible(&shown(value)))
}

/// A value as text, of which a fault shows not more. Of a long list no text is made but of its beginning and its end: it
/// may be judged again and again.
pub(super) fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => limited(text),
        // Each item takes more than one byte.
        Value::Array(items) if items.len() > 2 * MAX_SHOWN => {
            let head = Ends::of(&items[..MAX_SHOWN]).head();
            let tail = Ends::of(&items[items.len() - MAX_SHOWN..]).tail();
            let left_out = mark(format_args!("most of {} items", items.len()));
            format!("{head}{left_out}{tail}")
        }
        other => json(other),
    }
}

/// A value as JSON, of which a fault shows not more.
pub(super) fn json(value: &Value) -> String {
    Ends::of(value).text()
}

/// Whether two values are the same text.
pub(super) fn reads_as(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::String(text), value) | (value, Value::String(text)) => written::is(value, text),
        _ => one == other,
    }
}

/// The difference of data. Of two lists only what may be shown of it is made into text.
pub(super) fn data_diff(expected: &Value, actual: &Value) -> Option<String> {
    let (Value::Array(one), Value::Array(other)) = (expected, actual) else {
        return diff(&pretty(expected), &pretty(actual));
    };
    let most = one.len().min(other.len()) + ITEMS_AROUND;
    if one.len().max(other.len()) <= most {
        return diff(&pretty(expected), &pretty(actual));
    }
    let part = |items: &[Value]| pretty(&items[..items.len().min(most)]);
    diff(&part(one), &part(other))
}

/// How much of a value a fault shows.
pub(super) const MAX_SHOWN: usize = 4 << 10;

/// How many more items of a longer list than there are in the other one are compared.
const ITEMS_AROUND: usize = 100;

/// How much is compared for a diff, from the first difference on.
const MAX_COMPARED: usize = 128 << 10;

/// How long a diff may be.
const MAX_DIFF: usize = 16 << 10;

/// A text's head and tail, with a note of what is left out.
pub(super) fn limited(text: &str) -> String {
    shortened(text, ends(MAX_SHOWN))
}

/// How much of the beginning and of the end is shown of so much.
pub(super) const fn ends(most: usize) -> (usize, usize) {
    (most * 2 / 3, most / 3)
}

/// The difference of two texts, where one of them is longer than a line.
pub(super) fn diff(expected: &str, actual: &str) -> Option<String> {
    if !trimmed(expected).contains('\n') && !trimmed(actual).contains('\n') {
        return None;
    }
    let common = expected
        .lines()
        .zip(actual.lines())
        .take_while(|(one, other)| one == other);
    let common: usize = common.map(|(line, _)| line.len() + 1).sum();
    // Some lines before the first difference are shown; the rest of what is equal need not be compared.
    let from = if expected.len().max(actual.len()) > MAX_COMPARED {
        common.saturating_sub(1000)
    } else {
        0
    };
    let part = |text: &str| {
        let begin = boundary(text, from);
        let begin = if begin == 0 {
            0
        } else {
            text[..begin].rfind('\n').map_or(0, |at| at + 1)
        };
        match boundary(text, begin + MAX_COMPARED) {
            end if end < text.len() => {
                let left_out = mark(format_args!("{} bytes", text.len() - end));
                format!("{}{left_out}", &text[begin..end])
            }
            _ => format!("{}\n", trimmed(&text[begin..])),
        }
    };
    let (expected, actual) = lines_apart(&part(expected), &part(actual));
    let diff = TextDiff::configure()
        .timeout(Duration::from_millis(300))
        .diff_lines(&expected, &actual);
    let text = diff
        .unified_diff()
        .context_radius(3)
        .header("expected", "actual")
        .to_string();
    Some(shortened(&text, ends(MAX_DIFF)))
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use serde_json::{Value, json};

    use super::{MAX_COMPARED, MAX_DIFF, MAX_SHOWN, diff, ends, limited, shown};
    use crate::mask::Masks;

    const SECRET: &str = "p/w s3cret+wordy";

    /// A secret, in each of its forms, is put so that what is made of the text is cut anywhere in it: nothing of it is told.
    fn check(text: impl Fn(&str, usize) -> String, told: impl Fn(&str) -> String) {
        let masks = Masks::default();
        masks.add(&json!(SECRET));
        let url = SECRET.replace('/', "%2F").replace(' ', "%20").replace('+', "%2b");
        let base64 = base64::prelude::BASE64_STANDARD.encode(format!("me{SECRET}"));
        for form in [SECRET, &url, &base64[3..]] {
            for at in 0..=form.len() + 1 {
                let told = told(&text(form, at));
                assert!(told.contains(" left out …"), "{told}");
                let hidden = masks.hide(&told).replace(['.', '*', '\n', '+'], "");
                let marks = hidden.split('…').skip(1).step_by(2);
                let rest = marks.fold(hidden.clone(), |rest, mark| rest.replace(&format!("…{mark}…"), ""));
                assert_eq!(rest, "", "{form} at {at}");
            }
        }
    }

    fn behind(form: &str, dots: usize, after: usize) -> String {
        format!("{}{form}{}", ".".repeat(dots), ".".repeat(after))
    }

    #[test]
    fn of_a_secret_over_a_cut_no_part_is_told() {
        let (head, tail) = ends(MAX_SHOWN);
        check(|form, at| behind(form, head - at, 3 * MAX_SHOWN), limited);
        check(|form, at| behind(form, 3 * MAX_SHOWN, tail - at), limited);
        check(
            |form, at| behind(form, head - at, 3 * MAX_SHOWN),
            |text| shown(&json!(text)),
        );
        let without_brackets = |list: &Value| shown(list).replace(['[', ']', '"', ','], "");
        let list = |text: &str| {
            let items = std::iter::repeat_n(json!("."), 3 * MAX_SHOWN);
            [json!(text)].into_iter().chain(items).collect::<Value>()
        };
        check(
            |form, at| behind(form, head - at - 2, 9),
            |text| without_brackets(&list(text)),
        );
    }

    #[test]
    fn of_a_secret_over_a_cut_of_a_difference_no_part_is_told() {
        let header = "--- expected\n+++ actual\n@@ -1 +1,2 @@\n-one\n";
        let told = |text: &str| {
            let told = diff("one", text).unwrap();
            let lines = told.lines().filter(|line| !line.starts_with(['-', '@', ' ']));
            let lines: Vec<&str> = lines.filter(|line| !line.starts_with("+++")).collect();
            lines.join("\n")
        };
        let (head, tail) = ends(MAX_DIFF);
        let begin = header.len() + "+.\n+".len();
        check(
            |form, at| format!(".\n{}", behind(form, head - begin - at, 2 * MAX_DIFF)),
            told,
        );
        check(
            |form, at| format!(".\n{}\n", behind(form, 2 * MAX_DIFF, tail - at)),
            told,
        );
        check(
            |form, at| format!(".\n{}", behind(form, MAX_COMPARED - 2 - at, MAX_DIFF)),
            told,
        );
    }
}
