//! Calls in an expression: their arguments, as far as they are literal, and whether they can be right.

use serde_json::Value;

use super::{Found, Reader};
use crate::diagnostic::{Diagnostic, Span};
use crate::template::NamePath;
use crate::template::function::{FUNCTIONS, Signature, port_of};
use crate::template::token::{Kind, Token};

impl Reader<'_> {
    pub(super) fn call(&mut self, at: usize, name: &str) -> usize {
        let (arguments, argument_spans): (Vec<_>, Vec<_>) = self.arguments(at + 2).into_iter().unzip();
        let range = self.tokens[at].range.clone();
        let Some(known) = FUNCTIONS.iter().find(|known| known.name == name) else {
            let span = self.span(range);
            let names = FUNCTIONS.iter().map(|known| known.name);
            self.problems.push(Diagnostic::unknown(&span, "function", name, names));
            return at + 1;
        };
        if let Err(message) = fits(known, &arguments) {
            self.problem(range.clone(), message, &format!("it is called as `{}`", known.usage));
        }
        let span = self.span(range.clone());
        let path = NamePath {
            parts: vec![name.to_owned()],
            span,
            call: true,
            arguments,
            argument_spans,
        };
        self.found.push(Found {
            path,
            range,
            optional: false,
        });
        at + 1
    }

    /// The arguments from here to the closing bracket; those that are one literal are known.
    fn arguments(&self, mut at: usize) -> Vec<(Option<Value>, Span)> {
        let mut arguments = Vec::new();
        let (mut depth, mut begin) = (0_usize, at);
        while let Some(token) = self.tokens.get(at) {
            match token.kind {
                Kind::Sign("(" | "[" | "{") => depth += 1,
                Kind::Sign(")" | "]" | "}") if depth > 0 => depth -= 1,
                Kind::Sign("," | ")") if depth == 0 => {
                    if at > begin {
                        let (first, last) = (&self.tokens[begin], &self.tokens[at - 1]);
                        let span = self.span(first.range.start..last.range.end);
                        arguments.push((self.literal(begin, at), span));
                    }
                    begin = at + 1;
                    if self.sign(at) == Some(")") {
                        break;
                    }
                }
                _ => {}
            }
            at += 1;
        }
        arguments
    }

    fn literal(&self, begin: usize, end: usize) -> Option<Value> {
        match &self.tokens[begin..end] {
            [
                Token {
                    kind: Kind::Str(text), ..
                },
            ] => Some(Value::from(text.as_str())),
            [
                Token {
                    kind: Kind::Int(number),
                    ..
                },
            ] => number.map(Value::from),
            _ => None,
        }
    }
}

/// Whether a call's arguments can be right, as far as they are known.
fn fits(known: &Signature, arguments: &[Option<Value>]) -> Result<(), String> {
    let count = arguments.len();
    if !known.takes.contains(&count) {
        let (least, most) = (known.takes.start(), known.takes.end());
        let wanted = if least == most {
            least.to_string()
        } else {
            format!("{least} to {most}")
        };
        return Err(format!(
            "`{}` takes {wanted} value{}, not {count}",
            known.name,
            if *most == 1 { "" } else { "s" }
        ));
    }
    let port = arguments.get(1).filter(|_| known.port).and_then(Option::as_ref);
    match port.map(port_of) {
        Some(Err(message)) => Err(message),
        _ => Ok(()),
    }
}
