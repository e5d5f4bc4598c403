//! Signals as they are written: by name, in capitals or not, or by number.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use super::Binder;
use crate::diagnostic::{Diagnostic, known_names};
use crate::shape::{Problems, Shape, Text, computed_schema};
use crate::yaml::Node;

/// The signals that Docker knows by name, on Linux; a number and `RTMIN+3` do as well.
const SIGNALS: [&str; 35] = [
    "ABRT", "ALRM", "BUS", "CHLD", "CLD", "CONT", "FPE", "HUP", "ILL", "INT", "IO", "IOT", "KILL", "PIPE", "POLL",
    "PROF", "PWR", "QUIT", "SEGV", "STKFLT", "STOP", "SYS", "TERM", "TRAP", "TSTP", "TTIN", "TTOU", "URG", "USR1",
    "USR2", "VTALRM", "WINCH", "XCPU", "XFSZ", "UNUSED",
];
/// The highest signal's number.
const LAST_SIGNAL: u32 = 64;

/// A signal as it is written: by its name, with or without `SIG`, or by its number.
#[derive(Debug, Clone)]
pub(crate) struct Signal(pub(super) Text);

impl Shape for Signal {
    fn read(node: &Node, problems: &mut Problems) -> Option<Self> {
        Text::read(node, problems).map(Signal)
    }
}

impl JsonSchema for Signal {
    fn schema_name() -> Cow<'static, str> {
        "Signal".into()
    }
    fn inline_schema() -> bool {
        true
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        // As it is read: in capitals or not. The names alone are what an editor offers.
        let either = |letter: char| format!("[{letter}{}]", letter.to_ascii_lowercase());
        let known = |name: &&str| -> String {
            let letters = name.chars();
            letters
                .map(|letter| {
                    if letter.is_ascii_digit() {
                        letter.to_string()
                    } else {
                        either(letter)
                    }
                })
                .collect()
        };
        let names: Vec<String> = SIGNALS.iter().map(known).collect();
        let number = "0*([1-9]|[1-5][0-9]|6[0-4])";
        let pattern = format!(
            r"^\s*([Ss][Ii][Gg])?({}|[Rr][Tt][Mm]([Ii][Nn]|[Aa][Xx]).*|{number})\s*$",
            names.join("|")
        );
        json_schema!({"anyOf": [
            {"enum": SIGNALS.as_slice()},
            {"type": "string", "pattern": pattern},
            {"type": "integer", "minimum": 1, "maximum": LAST_SIGNAL},
            computed_schema(),
        ]})
    }
}

/// Tells a signal that is none, where it is known before the step.
pub(super) fn check_signal(signal: &Text, binder: &mut Binder<'_>) {
    let Some(text) = binder.constant_text(signal) else {
        return;
    };
    let name = signal_name(&text);
    let real_time = name.starts_with("RTMIN") || name.starts_with("RTMAX");
    let is_number = name
        .parse()
        .is_ok_and(|number: u32| (1..=LAST_SIGNAL).contains(&number));
    if !real_time && !is_number && !SIGNALS.contains(&name.as_str()) {
        let problem = Diagnostic::error(&signal.span, format!("unknown signal `{text}`"));
        binder.problems.push(problem.help(match name.as_str() {
            "CRASH" => "a crash is a key of its own: `crash: true`".to_owned(),
            _ => known_names(&name, &SIGNALS),
        }));
    }
}

/// A signal's name as the engine and we compare it: `KILL`, whether it was written `9`, `SIGKILL` or `kill`.
pub(super) fn signal_name(text: &str) -> String {
    let name = text.trim().to_ascii_uppercase();
    let name = name.strip_prefix("SIG").unwrap_or(&name);
    if name == "9" {
        "KILL".to_owned()
    } else {
        name.to_owned()
    }
}
