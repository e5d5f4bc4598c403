//! `${X}` as the compose tool fills it in: for matching what an author wrote, and to tell what is not set.
//!
//! The compose tool does the filling in by itself; here a value is only computed where a substitution needs it.

use std::collections::BTreeMap;
use std::ops::Range;

/// A value that is known, or will be known only when the stack is brought up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// Known.
    Known(String),
    /// A hole: known later.
    Late,
}

impl Value {
    /// The text, if it is known.
    pub fn known(&self) -> Option<&str> {
        match self {
            Value::Known(text) => Some(text),
            Value::Late => None,
        }
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Value::Known(text.to_owned())
    }
}

/// What `${…}` sees.
pub type Environment = BTreeMap<String, Value>;

/// A text after filling in.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Filled {
    /// The value; none while a part of it is known later.
    pub(super) value: Option<String>,
    /// What is wrong with it.
    pub(super) problems: Vec<Problem>,
}

/// What is wrong with one `${…}`.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Problem {
    /// Which bytes of the text.
    pub(super) range: Range<usize>,
    /// What it is.
    pub(super) kind: ProblemKind,
}

/// What can be wrong with a `${…}`.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum ProblemKind {
    /// The variable is not set.
    Unset(String),
    /// The variable is required, with the file's own words for it.
    Required(String, String),
    /// The compose tool has one of its own, which the file would see instead of none.
    OfTheTool(String),
    /// It is no `${NAME}`.
    Malformed,
}

/// What the compose tool itself needs in its environment, and so the file sees of it: where the stack gives none it is this
/// machine's.
const OF_THE_TOOL: [&str; 6] = [
    "HOME",
    "PATH",
    "DOCKER_HOST",
    "DOCKER_CONFIG",
    "DOCKER_TLS_VERIFY",
    "DOCKER_CERT_PATH",
];

/// Nested defaults deeper than this are not followed.
const MAX_NESTING: usize = 16;

/// Whether a text is a flag that is set, as any reader of a file takes it.
pub(super) fn is_true(text: &str) -> bool {
    matches!(text.to_ascii_lowercase().as_str(), "true" | "yes" | "on" | "y" | "1")
}

/// Whether it is one that is taken back.
pub(super) fn is_false(text: &str) -> bool {
    matches!(text.to_ascii_lowercase().as_str(), "false" | "no" | "off" | "n" | "0")
}

/// Fills in a text.
pub(super) fn fill(text: &str, environment: &Environment) -> Filled {
    let mut filling = Filling {
        environment,
        problems: Vec::new(),
    };
    let value = filling.text(text, 0, 0);
    Filled {
        value,
        problems: filling.problems,
    }
}

/// A text that stands for itself when it is filled in.
pub(super) fn escape(text: &str) -> String {
    text.replace('$', "$$")
}

struct Filling<'e> {
    environment: &'e Environment,
    problems: Vec<Problem>,
}

impl Filling<'_> {
    /// The value of a text that begins at `offset` of the whole.
    fn text(&mut self, text: &str, offset: usize, depth: usize) -> Option<String> {
        let mut value = Some(String::new());
        let mut at = 0;
        while let Some(dollar) = text[at..].find('$').map(|found| at + found) {
            push(&mut value, Some(&text[at..dollar]));
            let rest = &text[dollar + 1..];
            let (length, part) = if rest.starts_with('$') {
                (1, Some("$".to_owned()))
            } else if let Some(inside) = rest.strip_prefix('{') {
                match closing(inside) {
                    Some(end) => (end + 2, self.braced(&inside[..end], offset + dollar, depth)),
                    None => {
                        self.problem(offset + dollar, text.len() - dollar, ProblemKind::Malformed);
                        (rest.len(), Some(String::new()))
                    }
                }
            } else {
                match name_length(rest) {
                    // A dollar before anything else stays one.
                    0 => (0, Some("$".to_owned())),
                    end => (end, self.plain(&rest[..end], offset + dollar, end + 1)),
                }
            };
            push(&mut value, part.as_deref());
            at = dollar + 1 + length;
        }
        push(&mut value, Some(&text[at..]));
        value
    }

    /// `NAME`, `NAME:-default`, … of a `${…}` that begins at `start`.
    fn braced(&mut self, inside: &str, start: usize, depth: usize) -> Option<String> {
        let whole = inside.len() + 3;
        let end = name_length(inside);
        let (name, rest) = inside.split_at(end);
        let operator = ["", ":-", "-", ":+", "+", ":?", "?"].into_iter().find(|operator| {
            if operator.is_empty() {
                rest.is_empty()
            } else {
                rest.starts_with(operator)
            }
        });
        let Some(operator) = operator.filter(|_| end > 0 && depth < MAX_NESTING) else {
            self.problem(start, whole, ProblemKind::Malformed);
            return Some(String::new());
        };
        if operator.is_empty() {
            return self.plain(name, start, whole);
        }
        let word = &rest[operator.len()..];
        let word_at = start + 2 + end + operator.len();
        let value = self.environment.get(name).cloned();
        if value.is_none() && OF_THE_TOOL.contains(&name) {
            self.problem(start, whole, ProblemKind::OfTheTool(name.to_owned()));
        }
        let given = match &value {
            Some(Value::Late) => return None,
            Some(Value::Known(text)) => !(operator.starts_with(':') && text.is_empty()),
            None => false,
        };
        match (operator.trim_start_matches(':'), given) {
            ("+", true) | ("-", false) => self.text(word, word_at, depth + 1),
            ("+", false) => Some(String::new()),
            ("?", false) => {
                self.problem(start, whole, ProblemKind::Required(name.to_owned(), word.to_owned()));
                Some(String::new())
            }
            _ => value.as_ref().and_then(Value::known).map(str::to_owned),
        }
    }

    fn plain(&mut self, name: &str, start: usize, length: usize) -> Option<String> {
        match self.environment.get(name) {
            Some(value) => value.known().map(str::to_owned),
            None => {
                self.problem(start, length, ProblemKind::Unset(name.to_owned()));
                Some(String::new())
            }
        }
    }

    fn problem(&mut self, start: usize, length: usize, kind: ProblemKind) {
        self.problems.push(Problem {
            range: start..start + length,
            kind,
        });
    }
}

/// A hole anywhere makes the whole a hole.
fn push(value: &mut Option<String>, part: Option<&str>) {
    match (value.as_mut(), part) {
        (Some(text), Some(part)) => text.push_str(part),
        _ => *value = None,
    }
}

fn name_length(text: &str) -> usize {
    if text.starts_with(|c: char| c.is_ascii_digit()) {
        return 0;
    }
    text.find(|c: char| !c.is_ascii_alphanumeric() && c != '_')
        .unwrap_or(text.len())
}

/// Where the brace closes that was opened before the text; braces inside are counted, as compose counts them.
fn closing(text: &str) -> Option<usize> {
    let mut depth = 1usize;
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'{' => depth += 1,
            b'}' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return Some(at);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::{Environment, ProblemKind, Value, fill};

    fn environment() -> Environment {
        let known = [("A", "1"), ("EMPTY", ""), ("IMG", "acme/shop"), ("D", "a$b")];
        let mut environment: Environment = known.iter().map(|(k, v)| ((*k).to_owned(), Value::from(*v))).collect();
        environment.insert("LATE".to_owned(), Value::Late);
        environment
    }

    #[test]
    fn fills_in_as_compose_does() {
        // What the compose tool (2.26, 2.40) makes of each was tried.
        for (text, expected) in [
            ("plain", "plain"),
            ("${A}", "1"),
            ("$A", "1"),
            ("x$A-y", "x1-y"),
            ("$$A", "$A"),
            ("$${A}", "${A}"),
            ("echo $1 $ end$", "echo $1 $ end$"),
            ("${X:-d}", "d"),
            ("${X-d}", "d"),
            ("${EMPTY:-d}", "d"),
            ("${EMPTY-d}", ""),
            ("${A:-d}", "1"),
            ("${X:-}", ""),
            ("${X:+q}", ""),
            ("${A:+q}", "q"),
            ("${EMPTY+q}", "q"),
            ("${EMPTY:+q}", ""),
            ("${X:-x${B:-y}}", "xy"),
            ("${X:-${IMG}:${A}}", "acme/shop:1"),
            ("${X:-a}b}", "ab}"),
            ("${X:-$$z}", "$z"),
            ("${X:-{\"k\":1}}", "{\"k\":1}"),
            ("${A:?bad}", "1"),
            ("$D", "a$b"),
            ("{{.State}}$", "{{.State}}$"),
            ("é${A}é", "é1é"),
            ("${A:-${UNSET}}", "1"),
        ] {
            let filled = fill(text, &environment());
            assert_eq!(
                (filled.value.as_deref(), &filled.problems[..]),
                (Some(expected), &[][..]),
                "{text}"
            );
        }
    }

    #[test]
    fn a_late_part_makes_a_hole() {
        for text in ["${LATE}", "a${LATE}b${A}", "${LATE:-d}", "${X:-${LATE}}", "$LATE"] {
            assert_eq!(fill(text, &environment()).value, None, "{text}");
        }
        assert_eq!(fill("${A:-${LATE}}", &environment()).value.as_deref(), Some("1"));
    }

    #[test]
    fn tells_what_is_wrong_and_where() {
        let unset = |name: &str| ProblemKind::Unset(name.to_owned());
        for (text, at, kind) in [
            ("a ${X} b", "${X}", unset("X")),
            ("a $XY b", "$XY", unset("XY")),
            ("${A}${X:-${Y}}", "${Y}", unset("Y")),
            (
                "${X:?give it}",
                "${X:?give it}",
                ProblemKind::Required("X".into(), "give it".into()),
            ),
            (
                "${EMPTY:?no}",
                "${EMPTY:?no}",
                ProblemKind::Required("EMPTY".into(), "no".into()),
            ),
            ("x ${A", "${A", ProblemKind::Malformed),
            ("${}", "${}", ProblemKind::Malformed),
            ("${1}", "${1}", ProblemKind::Malformed),
            ("${A B}", "${A B}", ProblemKind::Malformed),
            ("${A!}", "${A!}", ProblemKind::Malformed),
        ] {
            let problems = fill(text, &environment()).problems;
            assert_eq!(problems.len(), 1, "{text}: {problems:?}");
            assert_eq!(
                (&text[problems[0].range.clone()], &problems[0].kind),
                (at, &kind),
                "{text}"
            );
        }
    }

    #[test]
    fn deep_nesting_ends() {
        let text = "${X:-".repeat(10_000) + &"}".repeat(10_000);
        assert_eq!(fill(&text, &environment()).problems[0].kind, ProblemKind::Malformed);
    }
}
