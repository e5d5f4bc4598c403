//! Reads what is expected of a result: fields, matchers and paths, each problem at its place.

use super::form;
use super::operand::{boolean, end, equals, kept, one_of, part, quantity, regex};
use super::{Entry, Expectation, Field, FieldKind, Matcher, MatcherKind, Order, Path};
use crate::diagnostic::{Diagnostic, Span, and_more, names_of};
use crate::shape::{Problems, wrong_type};
use crate::template::{Data, JsonPath};
use crate::yaml::{Node, flow_trap, key_trap};

/// The names of all matchers.
pub(super) const MATCHERS: [&str; 19] = names_of(MATCHER_TABLE);

/// The matchers, each with what it means.
pub const MATCHER_TABLE: &[(&str, &str); 19] = &[
    ("equals", "It is this."),
    ("contains", "It has this in it: a text, an item, a key; of a list, all."),
    ("matches", "This regular expression matches somewhere in it."),
    ("starts-with", "It starts with this text."),
    ("ends-with", "It ends with this text."),
    ("one-of", "It is one of these."),
    ("lt", "It is less than this number, size, duration, time or version."),
    ("le", "It is at most this."),
    ("gt", "It is more than this."),
    ("ge", "It is at least this."),
    ("length", "Its length: characters, items or keys."),
    ("empty", "It is empty, or is not."),
    ("exists", "It is there, or is not."),
    ("lines", "Its lines, as a list."),
    (
        "golden",
        "It is what a file says, `[..]` standing for any text within a line: `{file: list.txt, replace: [{matches: '\\d+', with: N}], sort: true}`.",
    ),
    ("includes", "It has at least these keys, recursively."),
    ("not", "It is not this."),
    ("all", "All of these hold; with one matcher: of every item."),
    ("any", "One of these holds; with one matcher: of some item."),
];

/// What a matcher is read for.
#[derive(Clone, Copy)]
pub(super) struct For<'a> {
    /// The field, for messages.
    pub(super) field: &'a str,
    /// What it is.
    pub(super) kind: FieldKind,
    /// True where a key that is no matcher is a path.
    paths: bool,
    /// True where the field's length is judged.
    pub(super) is_length: bool,
}

impl For<'_> {
    fn kind(self, kind: FieldKind) -> Self {
        For {
            kind,
            paths: false,
            ..self
        }
    }
}

impl Expectation {
    /// Reads what is expected of a result with these fields.
    pub fn read(node: &Node, fields: &[Field], problems: &mut Problems) -> Option<Expectation> {
        let names = || fields.iter().map(|field| field.name);
        let Some(entries) = node.map() else {
            let known = names().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
            let example = form::meant(node, fields).map_or(String::new(), |example| format!("write `{example}`; "));
            let problem = wrong_type(node, "a mapping of what is expected");
            problems.push(problem.help(format!("{example}its keys are {known}")));
            return None;
        };
        if entries.is_empty() {
            problems.push(
                Diagnostic::error(&node.span, "nothing is expected here")
                    .help("name a field of the result, or leave `expect` out"),
            );
        }
        let read: Vec<Option<Entry>> = entries
            .iter()
            .map(|(key, value)| entry(key, value, fields, problems))
            .collect();
        let entries = read.into_iter().collect::<Option<Vec<Entry>>>()?;
        (!entries.is_empty()).then(|| Expectation {
            span: node.span.clone(),
            entries: entries.into(),
        })
    }
}

fn entry(key: &Node, value: &Node, fields: &[Field], problems: &mut Problems) -> Option<Entry> {
    let name = match (key_trap(key), key.scalar()) {
        (Some(trap), _) => return tell(problems, trap),
        (None, None) => return tell(problems, wrong_type(key, "a field of the result")),
        (None, Some(name)) => name,
    };
    let Some(field) = fields.iter().find(|field| field.name == name.replace('-', "_")) else {
        let known = fields.iter().map(|field| field.name);
        let unknown = Diagnostic::unknown(&key.span, "field of the result", name, known);
        return tell(
            problems,
            match form::meant_by(name, fields) {
                Some(meant) => unknown.help(meant),
                None => unknown,
            },
        );
    };
    let paths = matches!(field.kind, FieldKind::Json | FieldKind::Map);
    let matcher = matcher(
        value,
        For {
            field: field.name,
            kind: field.kind,
            paths,
            is_length: false,
        },
        problems,
    )?;
    Some(Entry { field: *field, matcher })
}

pub(super) fn tell<T>(problems: &mut Problems, diagnostic: Diagnostic) -> Option<T> {
    problems.push(diagnostic);
    None
}

/// A mapping is matchers; everything else means equal.
fn matcher(node: &Node, what: For<'_>, problems: &mut Problems) -> Option<Matcher> {
    let made = |kind: MatcherKind| Matcher {
        span: node.span.clone(),
        what: kind,
    };
    if let Some(trap) = flow_trap(node) {
        return tell(problems, trap);
    }
    let Some(entries) = node.map() else {
        let anything = matches!(what.kind, FieldKind::Number(..) | FieldKind::Duration) && node.scalar() == Some("any");
        return if anything {
            Some(made(MatcherKind::Anything))
        } else {
            equals(node, what, problems).map(made)
        };
    };
    if entries.is_empty() {
        return tell(
            problems,
            Diagnostic::error(&node.span, "a mapping without a matcher expects nothing")
                .help("to compare with an empty mapping write `{equals: {}}`"),
        );
    }
    // Each is read before the first bad one ends it: all problems are told.
    let read: Vec<Option<Matcher>> = entries
        .iter()
        .map(|(key, value)| keyed(key, value, what, problems))
        .collect();
    let mut matchers = read.into_iter().collect::<Option<Vec<Matcher>>>()?;
    if matchers.len() == 1 {
        matchers.pop()
    } else {
        Some(made(MatcherKind::All(matchers)))
    }
}

fn keyed(key: &Node, value: &Node, what: For<'_>, problems: &mut Problems) -> Option<Matcher> {
    let name = match (key_trap(key), key.scalar()) {
        (Some(trap), _) => return tell(problems, trap),
        (None, None) => return tell(problems, wrong_type(key, "a matcher")),
        (None, Some(name)) => name,
    };
    let span = Span {
        source: key.span.source.clone(),
        start: key.span.start,
        end: value.span.end.max(key.span.end),
    };
    // A merged or aliased value may stand elsewhere.
    let span = if value.span.start < key.span.end {
        key.span.clone()
    } else {
        span
    };
    if !MATCHERS.contains(&name) {
        if !what.paths {
            let mut unknown = Diagnostic::unknown(&key.span, "matcher", name, MATCHERS);
            if let Some(meant) = form::other_matcher(name) {
                unknown.help = Some(format!("write `{meant}`"));
            }
            if what.kind == FieldKind::Json {
                let mapping = "to compare with a mapping write `{equals: …}` or `{includes: …}`";
                unknown.help = unknown.help.map(|help| and_more(&help, mapping));
            }
            return tell(problems, unknown);
        }
        let path = path(key, name, what.kind, problems)?;
        let inner = if what.kind == FieldKind::Map {
            FieldKind::Text
        } else {
            FieldKind::Json
        };
        let matcher = matcher(value, what.kind(inner), problems)?;
        return Some(Matcher {
            span,
            what: MatcherKind::At(path, Box::new(matcher)),
        });
    }
    if !suits(name, what.kind) {
        let message = format!("`{name}` cannot judge `{}`, which is {}", what.field, noun(what.kind));
        return tell(problems, Diagnostic::error(&key.span, message).help(suiting(what.kind)));
    }
    let kind = named(name, value, what, problems)?;
    if let Some(never) = form::fits_no_word(name, value, what) {
        return tell(problems, never);
    }
    Some(Matcher { span, what: kind })
}

fn path(key: &Node, name: &str, kind: FieldKind, problems: &mut Problems) -> Option<Path> {
    if kind == FieldKind::Map {
        return Some(Path::Name(name.to_owned()));
    }
    if name.starts_with('$') {
        return match JsonPath::of(name) {
            Ok(path) => Some(Path::Json(name.to_owned(), Box::new(path))),
            Err(why) => tell(
                problems,
                Diagnostic::error(&key.span, why).help("a path is like `$.members[0].name` (RFC 9535)"),
            ),
        };
    }
    let parts: Vec<String> = name.split('.').map(str::to_owned).collect();
    if parts.iter().any(String::is_empty) {
        let help = "a path is like `members.0.name`; write `$['a.b']` for a key with a dot";
        return tell(
            problems,
            Diagnostic::error(&key.span, format!("`{name}` has an empty part")).help(help),
        );
    }
    if let Some(at) = name.find('[') {
        let help = format!("write `$.{name}`, or `{}.0`", &name[..at]);
        return tell(
            problems,
            Diagnostic::error(&key.span, format!("`{name}` is no dotted path")).help(help),
        );
    }
    Some(Path::Dotted(name.to_owned(), parts))
}

fn named(name: &str, value: &Node, what: For<'_>, problems: &mut Problems) -> Option<MatcherKind> {
    let order = |order: Order, problems: &mut Problems| {
        quantity(value, order, what, problems).map(|data| MatcherKind::Compare(order, data))
    };
    match name {
        "equals" => equals(value, what, problems),
        "contains" => part(value, what, problems).map(MatcherKind::Contains),
        "matches" => regex(value, what, problems).map(MatcherKind::Matches),
        "starts-with" => end(value, what.field, problems).map(MatcherKind::StartsWith),
        "ends-with" => end(value, what.field, problems).map(MatcherKind::EndsWith),
        "one-of" => one_of(value, what, problems),
        "lt" => order(Order::Less, problems),
        "le" => order(Order::LessOrEqual, problems),
        "gt" => order(Order::Greater, problems),
        "ge" => order(Order::GreaterOrEqual, problems),
        "length" => {
            let what = For {
                is_length: true,
                ..what.kind(FieldKind::COUNT)
            };
            matcher(value, what, problems).map(|inner| MatcherKind::Length(Box::new(inner)))
        }
        "empty" => boolean(value, problems).map(MatcherKind::Empty),
        "exists" => boolean(value, problems).map(MatcherKind::Exists),
        "lines" => {
            matcher(value, what.kind(FieldKind::Lines), problems).map(|inner| MatcherKind::Lines(Box::new(inner)))
        }
        "golden" => super::golden::read(value, problems).map(MatcherKind::Golden),
        "includes" => problems
            .take(Data::of(value))
            .map(|data| kept(data, problems))
            .map(MatcherKind::Includes),
        "not" => match matcher(value, what, problems)? {
            inner if matches!(inner.what, MatcherKind::Anything) => tell(
                problems,
                Diagnostic::error(&value.span, "nothing is not `any`").help("say what it must not be"),
            ),
            inner => Some(MatcherKind::Not(Box::new(inner))),
        },
        "all" => combined(value, what, problems, (MatcherKind::All, MatcherKind::EachItem)),
        _ => combined(value, what, problems, (MatcherKind::Any, MatcherKind::SomeItem)),
    }
}

/// What `all` and `any` make of a list of matchers, and of one matcher for items.
type Combined = (fn(Vec<Matcher>) -> MatcherKind, fn(Box<Matcher>) -> MatcherKind);

/// A list is matchers for the value; anything else is one for the items of a list.
fn combined(node: &Node, what: For<'_>, problems: &mut Problems, (together, items): Combined) -> Option<MatcherKind> {
    if let Some(nodes) = node.list() {
        if nodes.is_empty() {
            return tell(problems, Diagnostic::error(&node.span, "no matcher is in this list"));
        }
        let read: Vec<Option<Matcher>> = nodes.iter().map(|node| matcher(node, what, problems)).collect();
        return read.into_iter().collect::<Option<Vec<Matcher>>>().map(together);
    }
    if !is_list(what.kind) && what.kind != FieldKind::Json {
        let help = "with a list of matchers it judges the value, with one matcher the items of a list";
        return tell(
            problems,
            Diagnostic::error(
                &node.span,
                format!("`{}` is {} and has no items", what.field, noun(what.kind)),
            )
            .help(help),
        );
    }
    matcher(node, what.kind(super::check::item_kind(what.kind)), problems)
        .map(Box::new)
        .map(items)
}

/// True for text of every kind.
pub(super) fn is_text(kind: FieldKind) -> bool {
    matches!(
        kind,
        FieldKind::Text | FieldKind::Words(_) | FieldKind::Mode | FieldKind::Owner
    )
}

pub(super) fn is_list(kind: FieldKind) -> bool {
    matches!(kind, FieldKind::List | FieldKind::Names | FieldKind::Lines)
}

/// Whether a matcher can judge a field.
pub(super) fn suits(name: &str, kind: FieldKind) -> bool {
    match name {
        "equals" | "one-of" | "exists" | "not" | "all" | "any" => true,
        "lt" | "le" | "gt" | "ge" => matches!(
            kind,
            FieldKind::Number(..) | FieldKind::Duration | FieldKind::Text | FieldKind::Json
        ),
        "matches" | "starts-with" | "ends-with" => is_text(kind) || kind == FieldKind::Json,
        "golden" => matches!(kind, FieldKind::Text | FieldKind::Json | FieldKind::Lines),
        "lines" => matches!(kind, FieldKind::Text | FieldKind::Json),
        "includes" => matches!(kind, FieldKind::Json | FieldKind::Map | FieldKind::List),
        _ => !matches!(kind, FieldKind::Number(..) | FieldKind::Duration | FieldKind::Boolean),
    }
}

fn suiting(kind: FieldKind) -> String {
    let names: Vec<String> = MATCHERS
        .iter()
        .filter(|name| suits(name, kind))
        .map(|name| format!("`{name}`"))
        .collect();
    format!("it is judged by {}", names.join(", "))
}

pub(super) fn noun(kind: FieldKind) -> &'static str {
    match kind {
        FieldKind::Text => "text",
        FieldKind::Words(_) => "one of a few words",
        FieldKind::Mode => "permissions in four octal digits",
        FieldKind::Owner => "user and group in numbers",
        FieldKind::Number(..) => "a number",
        FieldKind::Boolean => "`true` or `false`",
        FieldKind::Duration => "a duration (`250ms`, `30s`)",
        FieldKind::Json => "data",
        FieldKind::Map => "names with values",
        FieldKind::List => "a list",
        FieldKind::Names => "a list of names",
        FieldKind::Lines => "a list of lines",
    }
}
