//! Calls in an expression: their arguments, as far as they are literal, and whether they can be right.

use serde_json::Value;

use super::{Found, Reader};
use crate::diagnostic::{Diagnostic, Span};
use crate::template::NamePath;
use crate::template::function::{FUNCTIONS, Signature, ask, port_of};
use crate::template::token::Kind;

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
        let span = self.span(range.clone());
        if let Err((argument, message)) = fits(known, &arguments) {
            let usage = format!("it is called as `{}`", known.usage);
            let message = message.trim_end_matches(&format!("; {usage}")).to_owned();
            let at = argument.and_then(|argument| argument_spans.get(argument));
            self.problems
                .push(Diagnostic::error(at.unwrap_or(&span), message).help(usage));
        }
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

    /// What is written from one word to another one, where that is one literal.
    pub(super) fn literal(&self, begin: usize, end: usize) -> Option<Value> {
        let (tokens, is_negative) = match self.tokens[begin..end].split_first()? {
            (sign, rest) if sign.kind == Kind::Sign("-") => (rest, true),
            _ => (&self.tokens[begin..end], false),
        };
        let [token] = tokens else { return None };
        let written = &self.code[token.range.clone()];
        let literal = match &token.kind {
            Kind::Int(Some(number)) if is_negative => Value::from(-number),
            Kind::Float if is_negative => written.parse::<f64>().ok().map(|number| Value::from(-number))?,
            _ if is_negative => return None,
            Kind::Str(text) => Value::from(text.as_str()),
            Kind::Int(Some(number)) => Value::from(*number),
            Kind::Float => written.parse::<f64>().ok().map(Value::from)?,
            Kind::Ident => match written {
                "true" | "True" => true.into(),
                "false" | "False" => false.into(),
                "none" | "None" => Value::Null,
                _ => return None,
            },
            _ => return None,
        };
        Some(literal)
    }
}

/// Whether a call's arguments can be right, as far as they are known; else which is wrong, and why.
fn fits(known: &Signature, arguments: &[Option<Value>]) -> Result<(), (Option<usize>, String)> {
    let count = arguments.len();
    if !known.takes.contains(&count) {
        let (least, most) = (known.takes.start(), known.takes.end());
        let wanted = if least == most {
            least.to_string()
        } else {
            format!("{least} to {most}")
        };
        let values = if *most == 1 { "value" } else { "values" };
        return Err((None, format!("`{}` takes {wanted} {values}, not {count}", known.name)));
    }
    let port = arguments.get(1).filter(|_| known.port).and_then(Option::as_ref);
    if let Some(Err(message)) = port.map(port_of) {
        return Err((Some(1), message));
    }
    match arguments.iter().cloned().collect::<Option<Vec<Value>>>() {
        Some(values) if known.ours => ask(known.name, &values, ("", ""), "")
            .map(drop)
            .map_err(|message| (Some(0), message)),
        _ => Ok(()),
    }
}
