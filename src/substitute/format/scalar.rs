//! What a single value may be, and what is told of one that is not.

use super::super::PortRange;
use super::super::interpolate::{Environment, fill};
use super::quantity;
use super::table::Rule;
use crate::diagnostic::{Diagnostic, known_names};
use crate::yaml::{Node, Style};

/// What a value may be.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Kind {
    /// Whatever it is, nobody looks.
    Any,
    Map,
    List,
    /// A list that is a healthcheck's test.
    Test,
    Null,
    Text,
    /// A text, a number, a flag.
    Scalar,
    Flag,
    Number,
    /// A number, 0 or more.
    Count,
    Integer,
    /// An integer, 0 or more.
    Whole,
    /// From 0 to 1.
    Ratio,
    /// A port by itself; what is no port at all is told elsewhere.
    Port,
    /// One that may be less than nothing, which nobody minds.
    Anyway,
    Duration,
    /// Nothing, or a millisecond at least.
    Pause,
    /// A container's restart policy, which stands for one of a service.
    Restart,
    /// A size of memory that a swarm's manager takes.
    Memory,
    Size,
    Cpus,
    Constraint,
    /// One of these words.
    Words(Vec<&'static str>, Spelling),
}

/// How words are looked at.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Spelling {
    Exact,
    /// Capital letters are as good.
    AnyCase,
    /// Any case; and another word is taken for one of them, without a word.
    Loose,
}

impl Kind {
    /// Reads the word of a table.
    pub(super) fn read(word: &'static str) -> Vec<Kind> {
        let words = |listed: &'static str, spelling| vec![Kind::Words(listed.split(',').collect(), spelling)];
        match word {
            "any" => vec![Kind::Any],
            "map" => vec![Kind::Map],
            "list" => vec![Kind::List],
            "test" => vec![Kind::List, Kind::Test],
            "null" => vec![Kind::Null],
            "text" => vec![Kind::Text],
            "scalar" => vec![Kind::Scalar],
            "flag" => vec![Kind::Flag],
            "number" => vec![Kind::Number],
            "count" => vec![Kind::Count],
            "integer" => vec![Kind::Integer],
            "whole" => vec![Kind::Whole],
            "ratio" => vec![Kind::Ratio],
            "port" => vec![Kind::Port],
            "anyway" => vec![Kind::Anyway],
            "duration" => vec![Kind::Duration],
            "pause" => vec![Kind::Pause],
            "restart" => vec![Kind::Restart],
            "memory" => vec![Kind::Memory],
            "size" => vec![Kind::Size],
            "cpus" => vec![Kind::Cpus],
            "constraint" => vec![Kind::Constraint],
            _ => match word.split_at_checked(1) {
                Some(("=", listed)) => words(listed, Spelling::Exact),
                Some(("~", listed)) => words(listed, Spelling::AnyCase),
                Some(("?", listed)) => words(listed, Spelling::Loose),
                _ => Vec::new(),
            },
        }
    }

    /// What a message says is taken.
    fn wanted(&self) -> Option<String> {
        let wanted = match self {
            Kind::Any | Kind::Null | Kind::Test | Kind::Constraint => return None,
            Kind::Map => "a mapping",
            Kind::List => "a list",
            Kind::Text | Kind::Scalar => "a text",
            Kind::Flag => "`true` or `false`",
            Kind::Number => "a number",
            Kind::Count => "a number, 0 or more",
            Kind::Integer | Kind::Port => "a whole number",
            Kind::Whole => "a whole number, 0 or more",
            Kind::Ratio => "a number from 0 to 1",
            Kind::Anyway | Kind::Duration | Kind::Pause => "a duration",
            Kind::Restart => "`always` or `on-failure` or `unless-stopped` or `no`",
            Kind::Memory | Kind::Size => "a size",
            Kind::Cpus => "a number of processors",
            Kind::Words(words, _) => {
                let words = words.iter().filter(|word| !word.is_empty());
                let words: Vec<String> = words.map(|word| format!("`{word}`")).collect();
                return Some(words.join(" or "));
            }
        };
        Some(wanted.to_owned())
    }

    /// What helps.
    fn help(&self, text: &str) -> Option<String> {
        let help = match self {
            Kind::List => "`[…]`, or a line that begins with `- ` for each",
            Kind::Map => "`{KEY: …}`, or a line `KEY: …` for each, indented",
            Kind::Anyway | Kind::Duration | Kind::Pause => {
                "a number with its unit: `500ms`, `10s`, `1m30s`; the units are `ns`, `us`, `ms`, `s`, `m` and `h`"
            }
            Kind::Memory => {
                "a number in quotes or with its unit `b`, `k`, `m`, `g`, `t`, at least 4 MiB: `64m`, `1.5g`"
            }
            Kind::Size => "a number in quotes or with its unit `b`, `k`, `m`, `g`, `t`: `64m`, `1.5g`",
            Kind::Cpus => "a number in quotes, at least a thousandth of one: `'0.5'`",
            Kind::Ratio => "the part of the tasks that may fail: `0.25`",
            Kind::Restart => return Some(known_names(text, &RESTARTS)),
            Kind::Words(words, _) => {
                let words: Vec<&str> = words.iter().copied().filter(|word| !word.is_empty()).collect();
                return Some(known_names(text, &words));
            }
            _ => return None,
        };
        Some(help.to_owned())
    }
}

/// A single value as a tool sees it, `${…}` filled in.
pub(super) struct Seen<'n> {
    node: &'n Node,
    text: String,
    typed: Typed,
    /// Something was filled in: the tool casts it to what it needs.
    filled: bool,
}

/// What YAML makes of it.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Typed {
    Null,
    Flag,
    Number(f64),
    Text,
    /// `yes`, `off`: a text to newer tools, and a flag to older ones.
    Yes,
    /// A number or a date to one reader, and a text to another one: `1_000`, `2020-01-01`.
    Unsure,
}

/// A container's restart policies.
const RESTARTS: [&str; 4] = ["always", "on-failure", "unless-stopped", "no"];

const YES: [&str; 8] = ["y", "yes", "true", "on", "n", "no", "false", "off"];

impl<'n> Seen<'n> {
    /// Nothing while it is known later, or cannot be filled in, which is told elsewhere.
    pub(super) fn of(node: &'n Node, environment: &Environment) -> Option<Seen<'n>> {
        let raw = node.scalar()?;
        let filled = fill(raw, environment);
        let text = filled.value.filter(|_| filled.problems.is_empty())?;
        let is_filled = text != raw;
        Some(Seen {
            node,
            typed: if is_filled { Typed::Text } else { typed(node) },
            text,
            filled: is_filled,
        })
    }

    /// What is wrong with it.
    pub(super) fn judged(&self, key: &str, rule: &Rule) -> Option<Diagnostic> {
        if rule.kinds.iter().any(|kind| self.fits(kind, rule.strict)) || (self.typed == Typed::Null && !rule.strict) {
            return None;
        }
        if rule.kinds.contains(&Kind::Constraint) && self.is_text(true) {
            let (message, help) = quantity::constraint(&self.text)?;
            return Some(Diagnostic::error(&self.node.span, message).help(help));
        }
        let message = format!("`{key}` takes {}, not {}", wanted(rule), self.shown());
        let problem = match rule.kinds.iter().any(|kind| self.is_taken(kind, rule.strict)) {
            true => Diagnostic::warning(&self.node.span, message),
            false => Diagnostic::error(&self.node.span, message),
        };
        Some(told(problem, self.help(rule)))
    }

    /// Whether a tool takes it all the same, for something else: the oldest compose tool passes much on that newer ones refuse.
    fn is_taken(&self, kind: &Kind, strict: bool) -> bool {
        match kind {
            Kind::Words(_, Spelling::Loose) => self.is_text(strict),
            Kind::Duration => !strict && !matches!(self.typed, Typed::Number(_)),
            Kind::Size => !strict,
            Kind::Number | Kind::Integer | Kind::Whole | Kind::Cpus => !strict && self.number(false).is_some(),
            _ => false,
        }
    }

    fn fits(&self, kind: &Kind, strict: bool) -> bool {
        let number = self.number(strict);
        let is_number = |fits: &dyn Fn(f64) -> bool| self.typed == Typed::Unsure || number.is_some_and(fits);
        let of_text = |fits: &dyn Fn(&str) -> bool| self.is_text(strict) && fits(&self.text);
        match kind {
            Kind::Any | Kind::Scalar => self.typed != Typed::Null,
            Kind::Map | Kind::List | Kind::Test => false,
            Kind::Null => self.typed == Typed::Null,
            Kind::Text => self.is_text(strict),
            Kind::Flag => match self.typed {
                Typed::Flag | Typed::Yes => true,
                _ => self.filled && YES.contains(&self.text.to_ascii_lowercase().as_str()),
            },
            Kind::Number => is_number(&|_| true),
            Kind::Count => is_number(&|number| number >= 0.0),
            Kind::Integer => is_number(&|number| number.fract() == 0.0),
            Kind::Whole => is_number(&|number| number.fract() == 0.0 && number >= 0.0),
            Kind::Ratio => is_number(&|number| (0.0..=1.0).contains(&number)),
            Kind::Port => number.is_some() || PortRange::parse(&self.text).is_none(),
            Kind::Anyway => of_text(&|text| quantity::duration(text, !strict).is_some()),
            Kind::Duration => of_text(&|text| quantity::duration(text, !strict).is_some_and(|it| it >= 0.0 || !strict)),
            Kind::Pause => of_text(&|text| quantity::duration(text, false).is_some_and(|it| it == 0.0 || it >= 0.001)),
            Kind::Restart => of_text(&|text| {
                let (word, count) = text.split_once(':').unwrap_or((text, "0"));
                text.is_empty() || (RESTARTS.contains(&word) && count.parse::<u32>().is_ok())
            }),
            Kind::Memory => of_text(&|text| quantity::size(text).is_some_and(|it| it == 0.0 || it >= quantity::LEAST)),
            Kind::Size => of_text(&|text| quantity::size(text).is_some()),
            Kind::Cpus => of_text(&|text| {
                let cpus = quantity::cpus(text);
                cpus.is_some_and(|it| !strict || it == 0.0 || it >= 0.001)
            }),
            Kind::Constraint => of_text(&|text| quantity::constraint(text).is_none()),
            Kind::Words(words, spelling) => of_text(&|text| {
                let is_same = |word: &&str| word.eq_ignore_ascii_case(text);
                words.contains(&text) || (*spelling != Spelling::Exact && words.iter().any(is_same))
            }),
        }
    }

    /// Its number; one in quotes is none, unless the tool casts it.
    fn number(&self, strict: bool) -> Option<f64> {
        match self.typed {
            Typed::Number(number) => Some(number),
            Typed::Text if self.filled || !strict => self.text.parse().ok(),
            _ => None,
        }
    }

    fn is_text(&self, strict: bool) -> bool {
        !strict || matches!(self.typed, Typed::Text | Typed::Yes | Typed::Unsure)
    }

    fn shown(&self) -> String {
        let text = &self.text;
        let is_other = text.parse::<f64>().is_ok() || YES.contains(&text.as_str());
        match self.typed {
            Typed::Null => "nothing".to_owned(),
            Typed::Text if !self.filled && is_other => format!("the text `{}`", self.node.span.text()),
            _ => format!("`{text}`"),
        }
    }

    fn help(&self, rule: &Rule) -> Option<String> {
        let text = &self.text;
        let wants = |kind: &Kind| rule.kinds.contains(kind);
        let of_kind = rule.kinds.iter().find_map(|kind| kind.help(text));
        let quotes = match self.typed {
            Typed::Text if self.filled => None,
            Typed::Text if wants(&Kind::Flag) && YES.contains(&text.as_str()) => {
                Some("without quotes: `true` or `false`".to_owned())
            }
            Typed::Text if text.parse::<f64>().is_ok() && of_kind.is_none() => {
                Some(format!("without quotes: `{text}`"))
            }
            Typed::Number(_) | Typed::Flag if wants(&Kind::Text) => {
                Some(format!("in quotes it is a text: `\"{text}\"`"))
            }
            Typed::Number(_) if [Kind::Cpus, Kind::Memory].iter().any(wants) => {
                Some(format!("in quotes: `\"{text}\"`"))
            }
            Typed::Null => Some("leave the key out, or say what it is".to_owned()),
            _ => None,
        };
        match (quotes.or(of_kind), rule.help) {
            (Some(help), Some(more)) if help.ends_with('?') => Some(format!("{help} {more}")),
            (Some(help), Some(more)) => Some(format!("{help}; {more}")),
            (help, more) => help.or_else(|| more.map(str::to_owned)),
        }
    }
}

/// What is told of a list or mapping where none is to be.
pub(super) fn other(node: &Node, key: &str, rule: &Rule) -> Diagnostic {
    let message = format!("`{key}` takes {}, not {}", wanted(rule), node.noun());
    let help = rule.help.map(str::to_owned);
    let help = help.or_else(|| rule.kinds.iter().find_map(|kind| kind.help("")));
    told(Diagnostic::error(&node.span, message), help)
}

/// What is told of the first word of a healthcheck's test.
pub(super) fn test(items: &[Node], (key, environment): (&str, &Environment), rule: &Rule) -> Option<Diagnostic> {
    let first = items.first().filter(|_| rule.kinds.contains(&Kind::Test))?;
    let text = Seen::of(first, environment)?.text;
    let known = ["CMD", "CMD-SHELL", "NONE"];
    (!known.contains(&text.as_str())).then(|| {
        let message = format!("the list `{key}` begins with `{text}`, and not with `CMD`, `CMD-SHELL` or `NONE`");
        let problem = match rule.strict {
            true => Diagnostic::error(&first.span, message),
            false => Diagnostic::warning(&first.span, message),
        };
        problem.help(format!(
            "`[CMD, {text}, …]` runs it as it is, `[CMD-SHELL, \"…\"]` or a text instead of the list by a shell"
        ))
    })
}

fn told(problem: Diagnostic, help: Option<String>) -> Diagnostic {
    match help {
        Some(help) => problem.help(help),
        None => problem,
    }
}

fn wanted(rule: &Rule) -> String {
    let wanted: Vec<String> = rule.kinds.iter().filter_map(Kind::wanted).collect();
    match wanted.is_empty() {
        true => "a text".to_owned(),
        false => wanted.join(" or "),
    }
}

fn typed(node: &Node) -> Typed {
    use serde_json::Value;
    match node.value() {
        Value::Null => Typed::Null,
        Value::Bool(_) => Typed::Flag,
        Value::Number(number) => number.as_f64().map_or(Typed::Unsure, Typed::Number),
        _ => match &node.content {
            crate::yaml::Content::Scalar(scalar) if scalar.style == Style::Plain && node.tag.is_none() => {
                of_plain(&scalar.text)
            }
            _ => Typed::Text,
        },
    }
}

/// What a plain text is to readers of YAML 1.1.
fn of_plain(text: &str) -> Typed {
    if YES.contains(&text.to_ascii_lowercase().as_str()) {
        return Typed::Yes;
    }
    let begins = text.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '+' | '-' | '.'));
    let is_like = |c: char| c.is_ascii_hexdigit() || matches!(c, '_' | 'x' | 'o' | '+' | '-' | '.' | ':' | 'T' | 'Z');
    match begins && text.chars().all(is_like) {
        true => Typed::Unsure,
        false => Typed::Text,
    }
}
