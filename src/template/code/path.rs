//! Names in an expression, with the attributes that are written literally.

use std::ops::Range;

use super::{Found, Reader};
use crate::template::NamePath;
use crate::template::token::Kind;

/// Names whose attributes are names that an author chose: a `-` after one is no subtraction.
const NAMING: [&str; 9] = [
    "stacks",
    "images",
    "networks",
    "volumes",
    "secrets",
    "configs",
    "nodes",
    "got",
    "deployments",
];

/// Names of which only the first attribute is one that an author chose.
const NAMING_ONCE: [&str; 2] = ["matrix", "probes"];

impl Reader<'_> {
    pub(super) fn path(&mut self, at: usize, name: &str) -> usize {
        let mut parts = vec![name.to_owned()];
        let mut end = at + 1;
        loop {
            let (part, next) = match self.sign(end) {
                Some(".") => (self.attribute(end + 1), end + 2),
                Some("[") if self.sign(end + 2) == Some("]") => (self.subscript(end + 1), end + 3),
                Some("[") if self.sign(end + 1) == Some("-") && self.sign(end + 3) == Some("]") => {
                    (self.subscript(end + 2).map(|part| format!("-{part}")), end + 4)
                }
                _ => break,
            };
            let Some(part) = part else { break };
            if self.sign(end) == Some(".") && self.sign(next) == Some("(") {
                // Told when the attribute is met.
                break;
            }
            parts.push(part);
            end = next;
        }
        let range = self.tokens[at].range.start..self.tokens[end - 1].range.end;
        self.hyphen(&parts, &range, end);
        let path = NamePath {
            parts,
            span: self.span(range.clone()),
            call: false,
            arguments: Vec::new(),
            argument_spans: Vec::new(),
        };
        self.found.push(Found {
            path,
            range,
            optional: self.may_be_missing(at, end),
        });
        end
    }

    fn attribute(&self, at: usize) -> Option<String> {
        match &self.tokens.get(at)?.kind {
            Kind::Ident => self.ident(at).map(str::to_owned),
            Kind::Int(number) => number.map(|number| number.to_string()),
            _ => None,
        }
    }

    fn subscript(&self, at: usize) -> Option<String> {
        match &self.tokens.get(at)?.kind {
            Kind::Str(text) => Some(text.clone()),
            Kind::Int(number) => number.map(|number| number.to_string()),
            _ => None,
        }
    }

    /// `stacks.shop-standby` is a subtraction to the grammar, and never meant as one.
    fn hyphen(&mut self, parts: &[String], range: &Range<usize>, mut at: usize) {
        let [head, .., last] = parts else { return };
        let named = NAMING.contains(&head.as_str());
        let once = NAMING_ONCE.contains(&head.as_str()) && parts.len() == 2;
        let mut end = range.end;
        while let (Some("-"), Some(token)) = (self.sign(at), self.tokens.get(at + 1)) {
            let word = named && matches!(token.kind, Kind::Int(_)) || (named || once) && token.kind == Kind::Ident;
            if !word || self.tokens[at].range.start != end || token.range.start != end + 1 {
                break;
            }
            end = token.range.end;
            at += 2;
        }
        if end > range.end {
            let name = format!("{last}{}", &self.code[range.end..end]);
            let before = self.code[range.clone()]
                .strip_suffix(&format!(".{last}"))
                .unwrap_or(head);
            let help = format!("write `{before}['{name}']`");
            self.problem(
                range.start..end,
                format!("`{}` is a subtraction", &self.code[range.start..end]),
                &help,
            );
        }
    }

    /// True before `default(…)` and `is defined`, brackets around the name or not.
    fn may_be_missing(&self, mut begin: usize, mut end: usize) -> bool {
        while begin > 0 && self.sign(begin - 1) == Some("(") && self.sign(end) == Some(")") {
            if begin > 1 && self.ends_operand(begin - 2) {
                break;
            }
            begin -= 1;
            end += 1;
        }
        match (self.sign(end), self.ident(end)) {
            (Some("|"), _) => matches!(self.ident(end + 1), Some("default" | "d")),
            (_, Some("is")) => {
                let test = if self.ident(end + 1) == Some("not") {
                    end + 2
                } else {
                    end + 1
                };
                matches!(self.ident(test), Some("defined" | "undefined"))
            }
            _ => false,
        }
    }
}
