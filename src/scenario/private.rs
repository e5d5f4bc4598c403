//! What is written as a secret in the scenario itself: no picture of its line and no message about it shows it.

use std::ops::Range;

use super::Document;
use crate::diagnostic::Diagnostic;
use crate::mask::unshown::without;
use crate::mask::{FEW_LETTERS, HIDDEN, Masks};
use crate::template::written;
use crate::yaml::{Content, Node};

/// The one word of a secret that is none: its file.
const FILE: &str = "file";

/// The values of a scenario's secrets, as they are written.
#[derive(Default)]
pub(super) struct Private<'n> {
    /// Each with the name of its secret, where it stands in place of the mapping that a secret is.
    values: Vec<(Option<&'n str>, &'n Node)>,
    /// The values of variables and parameters that are masked: of these only what is told of themselves is without them.
    masked: Vec<&'n Node>,
}

impl<'n> Private<'n> {
    /// Of a document, in which the project masks these names; pictures of it show them no more.
    pub(super) fn of(document: &'n Node, of_project: &[String]) -> Private<'n> {
        let mut private = Private {
            masked: masked(document, of_project),
            ..Private::default()
        };
        match document.entry("secrets").map(|secrets| (secrets, secrets.map())) {
            None => {}
            Some((secrets, None)) => private.add(None, secrets),
            Some((_, Some(secrets))) => {
                for (key, secret) in secrets {
                    match secret.map() {
                        None => private.add(key.scalar(), secret),
                        Some(words) => {
                            let words = words.iter().filter(|(key, _)| key.scalar() != Some(FILE));
                            words.for_each(|(_, value)| private.add(None, value));
                        }
                    }
                }
            }
        }
        let masked = private.masked.iter().flat_map(|node| leaves(node));
        let ranges = private
            .values
            .iter()
            .map(|(_, node)| *node)
            .chain(masked)
            .flat_map(|node| written(&node.span));
        let ranges: Vec<Range<usize>> = ranges.collect();
        if !ranges.is_empty() {
            document.span.source.hide(ranges);
        }
        private
    }

    fn add(&mut self, name: Option<&'n str>, node: &'n Node) {
        match &node.content {
            Content::Scalar(_) => self.values.push((name, node)),
            Content::List(items) => items.iter().for_each(|item| self.add(name, item)),
            Content::Map(entries) => entries.iter().for_each(|(_, value)| self.add(None, value)),
        }
    }

    /// What was read, with the values hidden in what is told of it.
    pub(super) fn hidden(&self, read: Result<Document, Vec<Diagnostic>>) -> Result<Document, Vec<Diagnostic>> {
        match read {
            Ok(Document::Scenario(scenario, leaves, mut partial)) => {
                partial.problems = self.without(partial.problems);
                Ok(Document::Scenario(scenario, leaves, partial))
            }
            Ok(other) => Ok(other),
            Err(problems) => Err(self.without(problems)),
        }
    }

    /// What is told, with the values hidden.
    pub(super) fn without(&self, problems: Vec<Diagnostic>) -> Vec<Diagnostic> {
        problems.into_iter().map(|problem| self.hide(problem)).collect()
    }

    fn hide(&self, mut problem: Diagnostic) -> Diagnostic {
        let is_within = |node: &&&Node| node.span.start <= problem.span.start && problem.span.end <= node.span.end;
        let of_masked = self.masked.iter().find(is_within).copied();
        if let Some(node) = of_masked
            && let Some(without) = without([node], vec![problem.clone()]).pop()
        {
            problem = without;
        }
        let short = self.values.iter().find(|(_, node)| node.span == problem.span);
        if let Some((Some(name), _)) = short {
            problem.message =
                format!("the secret `{name}` says how it is meant: as a text, or as a file that holds it");
            problem.help = Some(format!("write `{name}: {{content: …}}`, or `{name}: {{{FILE}: ./…}}`"));
            return problem;
        }
        let masks = Masks::default();
        let texts = self.values.iter().filter_map(|(_, node)| node.scalar());
        let literal = texts.filter(|text| !text.contains("${{"));
        let (long, few): (Vec<&str>, Vec<&str>) = literal.partition(|text| text.trim().chars().count() >= FEW_LETTERS);
        long.iter().for_each(|text| masks.add(&(*text).into()));
        problem.reworded(|text| {
            let quoted = |text: String, few: &&str| text.replace(&format!("`{few}`"), &format!("`{HIDDEN}`"));
            few.iter().fold(masks.hide(text), quoted)
        })
    }
}

/// The values of variables and parameters that are masked.
fn masked<'n>(document: &'n Node, of_project: &[String]) -> Vec<&'n Node> {
    let mask = document.entry("mask");
    let names = mask.map(|mask| mask.list().unwrap_or(std::slice::from_ref(mask)));
    let names = names.unwrap_or_default().iter().filter_map(Node::scalar);
    let names = names.chain(of_project.iter().map(String::as_str));
    let values = names.filter_map(|name| document.entry("vars")?.entry(name));
    let parameters = document.entry("parameters").and_then(Node::map).unwrap_or_default();
    let defaults = parameters.iter().filter_map(|(_, parameter)| {
        let is_masked = parameter.entry("mask")?.scalar() == Some("true");
        parameter.entry("default").filter(|_| is_masked)
    });
    values.chain(defaults).collect()
}

fn leaves(node: &Node) -> Vec<&Node> {
    match &node.content {
        Content::Scalar(_) => vec![node],
        Content::List(items) => items.iter().flat_map(leaves).collect(),
        Content::Map(entries) => entries.iter().flat_map(|(_, value)| leaves(value)).collect(),
    }
}
