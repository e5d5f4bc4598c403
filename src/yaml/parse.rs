//! Text → tree: aliases expanded within a budget, repeated keys refused, nothing ever nested deeply.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::ops::Range;
use std::sync::Arc;

use super::alias::{MAX_ALIASED_BYTES, MAX_ALIASED_NODES, came_by, weigh};
use super::events::{Event, Marks, Shape, events};
use super::syntax::{Opened, Surroundings, explain};
use super::{Content, Node, Scalar, Style};
use crate::diagnostic::{Diagnostic, Source, Span};

/// How deeply lists and mappings may be nested, aliases expanded.
pub const MAX_DEPTH: usize = 128;

/// Parses a text of one document. An empty text is a null node; a second document is an error.
pub fn parse(source: &Arc<Source>) -> Result<Node, Vec<Diagnostic>> {
    let mut documents = documents(source)?.into_iter();
    let Some((first, _)) = documents.next() else {
        return Ok(nothing(source));
    };
    // `---` at the end of a file begins a document in which nothing is.
    match documents.find(|(node, _)| !node.is_null()) {
        None => Ok(first),
        Some((_, place)) => Err(vec![
            Diagnostic::error(
                &span(source, place),
                "a second document begins here, where one was expected",
            )
            .help("remove the line `---`, or put what follows into a file of its own"),
        ]),
    }
}

/// Parses a text of any number of documents; an empty text has none.
pub fn parse_all(source: &Arc<Source>) -> Result<Vec<Node>, Vec<Diagnostic>> {
    Ok(documents(source)?.into_iter().map(|(node, _)| node).collect())
}

fn nothing(source: &Arc<Source>) -> Node {
    let content = Content::Scalar(Scalar {
        text: String::new(),
        style: Style::Plain,
    });
    Node {
        span: span(source, 0..0),
        alias: None,
        tag: None,
        content,
    }
}

fn span(source: &Arc<Source>, range: Range<usize>) -> Span {
    Span {
        source: Arc::clone(source),
        start: range.start,
        end: range.end,
    }
}

/// The documents, each with the place of its `---` if it has one.
fn documents(source: &Arc<Source>) -> Result<Vec<(Node, Range<usize>)>, Vec<Diagnostic>> {
    let mut builder = Builder::new(source);
    if let Some(at) = source.text.find('\0') {
        return Err(vec![
            Diagnostic::error(
                &span(source, at..at + 1),
                "a NUL byte is in the file, so it is no YAML text",
            )
            .help("was the file written as UTF-16, or is it no text at all?"),
        ]);
    }
    let ended = events(&source.text, |event, range| builder.take(event, range));
    if let Err((trouble, at)) = ended {
        let problem = explain(&trouble, at, &builder.surroundings());
        builder.problems.push(problem);
    }
    if builder.problems.is_empty() {
        Ok(builder.documents)
    } else {
        Err(builder.problems)
    }
}

/// A list or mapping that is not closed yet.
struct Frame {
    shape: Shape,
    start: usize,
    tag: Option<String>,
    /// Where its children begin among all that wait for their parents.
    first: usize,
}

/// What is open, from the outside in, with its children so far.
fn open<'f>(frames: &'f [Frame], children: &'f [Node]) -> impl Iterator<Item = (&'f Frame, &'f [Node])> {
    let ends = frames.iter().skip(1).map(|inner| inner.first);
    let ends = ends.chain([children.len()]);
    frames
        .iter()
        .zip(ends)
        .map(|(frame, end)| (frame, &children[frame.first..end]))
}

struct Builder<'s> {
    source: &'s Arc<Source>,
    frames: Vec<Frame>,
    /// The children of all that is open, one after the other; keys and values of a mapping in turn.
    children: Vec<Node>,
    documents: Vec<(Node, Range<usize>)>,
    document: Range<usize>,
    /// Where the node of each anchor is in the tree: the child's index at each level.
    anchors: HashMap<usize, Vec<usize>>,
    nodes_left: usize,
    bytes_left: usize,
    /// What the last event covered, for the explanation of an error after it.
    last: Range<usize>,
    problems: Vec<Diagnostic>,
}

impl<'s> Builder<'s> {
    fn new(source: &'s Arc<Source>) -> Self {
        Builder {
            source,
            frames: Vec::new(),
            children: Vec::new(),
            documents: Vec::new(),
            document: 0..0,
            anchors: HashMap::new(),
            nodes_left: MAX_ALIASED_NODES,
            bytes_left: MAX_ALIASED_BYTES,
            last: 0..0,
            problems: Vec::new(),
        }
    }

    fn surroundings(&self) -> Surroundings<'_> {
        let opened = open(&self.frames, &self.children).map(|(frame, children)| Opened {
            map: frame.shape.map,
            flow: frame.shape.flow,
            start: frame.start,
            first: children.first().map(|node| node.span.start..node.span.end),
        });
        Surroundings {
            source: self.source,
            opened: opened.collect(),
            last: self.last.clone(),
        }
    }

    /// Takes an event; false ends the reading.
    fn take(&mut self, event: Event<'_>, range: Range<usize>) -> bool {
        match event {
            Event::Document => {
                self.document = range;
                self.anchors.clear();
                true
            }
            Event::Scalar(text, style, marks) => {
                self.last = range.clone();
                self.anchor(&marks);
                self.scalar(text, style, marks.tag, range);
                true
            }
            Event::Start(shape, marks) => {
                self.last = range.clone();
                if self.frames.len() >= MAX_DEPTH {
                    self.problems.push(too_deep(&span(self.source, range)));
                    return false;
                }
                self.anchor(&marks);
                self.frames.push(Frame {
                    shape,
                    start: range.start,
                    tag: marks.tag,
                    first: self.children.len(),
                });
                true
            }
            Event::End => {
                self.last = range.clone();
                self.close(range);
                true
            }
            Event::Alias(id) => {
                self.last = range.clone();
                self.alias(id, range)
            }
        }
    }

    fn anchor(&mut self, marks: &Marks) {
        if marks.anchor != 0 {
            let open = open(&self.frames, &self.children);
            let path = open.map(|(_, children)| children.len()).collect();
            self.anchors.insert(marks.anchor, path);
        }
    }

    fn scalar(&mut self, text: Cow<'_, str>, style: Style, tag: Option<String>, range: Range<usize>) {
        let place = match style {
            Style::Literal | Style::Folded => block_text(&self.source.text, range),
            Style::Plain if range.is_empty() && !self.at_key() => after_colon(&self.source.text, range),
            _ => range,
        };
        let content = Content::Scalar(Scalar {
            text: text.into_owned(),
            style,
        });
        self.add(Node {
            span: span(self.source, place),
            alias: None,
            tag,
            content,
        });
    }

    fn at_key(&self) -> bool {
        self.frames
            .last()
            .is_some_and(|frame| frame.shape.map && (self.children.len() - frame.first).is_multiple_of(2))
    }

    fn add(&mut self, node: Node) {
        if self.frames.is_empty() {
            self.documents.push((node, self.document.clone()));
        } else {
            self.children.push(node);
        }
    }

    fn close(&mut self, range: Range<usize>) {
        let Some(frame) = self.frames.pop() else {
            return;
        };
        let mut children = self.children.drain(frame.first..);
        // A block collection is told to end at the next token, lines below.
        let end = match children.as_slice().last() {
            _ if frame.shape.flow => range.end,
            Some(last) => last.alias.as_ref().unwrap_or(&last.span).end.max(frame.start),
            None => frame.start,
        };
        let content = if frame.shape.map {
            let mut entries = Vec::with_capacity(children.len() / 2);
            while let (Some(key), Some(value)) = (children.next(), children.next()) {
                entries.push((key, value));
            }
            repeated_keys(&entries, &mut self.problems);
            Content::Map(entries)
        } else {
            Content::List(children.by_ref().collect())
        };
        drop(children);
        let span = span(self.source, frame.start..end);
        self.add(Node {
            span,
            alias: None,
            tag: frame.tag,
            content,
        });
    }

    fn alias(&mut self, id: usize, range: Range<usize>) -> bool {
        let at = span(self.source, range);
        let path = self.anchors.get(&id).map_or(&[][..], Vec::as_slice);
        let Some(target) = find(open(&self.frames, &self.children), path) else {
            self.problems.push(
                Diagnostic::error(&at, format!("`{}` stands inside of what it refers to", at.text()))
                    .help("an alias can only repeat what ended before it"),
            );
            return false;
        };
        let Some(height) = weigh(target, &mut self.nodes_left, &mut self.bytes_left) else {
            self.problems.push(
                Diagnostic::error(&at, "the aliases of this file expand to too much").help(format!(
                    "all together they may bring in {MAX_ALIASED_NODES} values and 16 MiB of text"
                )),
            );
            return false;
        };
        if self.frames.len() + height > MAX_DEPTH {
            self.problems.push(too_deep(&at));
            return false;
        }
        let mut node = target.clone();
        came_by(&mut node, &at);
        self.add(node);
        true
    }
}

fn too_deep(at: &Span) -> Diagnostic {
    Diagnostic::error(at, format!("nested more than {MAX_DEPTH} levels deep"))
        .help("this is more than any of our files needs: is a bracket or an indentation wrong above?")
}

/// The node at a path below the open frames; none while it is open itself.
fn find<'f>(open: impl Iterator<Item = (&'f Frame, &'f [Node])>, path: &[usize]) -> Option<&'f Node> {
    let (level, node) = path
        .iter()
        .zip(open)
        .enumerate()
        .find_map(|(level, (index, (_, children)))| children.get(*index).map(|node| (level, node)))?;
    path[level + 1..]
        .iter()
        .try_fold(node, |node, index| match &node.content {
            Content::List(items) => items.get(*index),
            Content::Map(entries) => entries
                .get(index / 2)
                .map(|(key, value)| if index % 2 == 0 { key } else { value }),
            Content::Scalar(_) => None,
        })
}

/// Where an empty value belongs: after the key's colon, not before it.
fn after_colon(text: &str, range: Range<usize>) -> Range<usize> {
    let colon = text.as_bytes().get(range.start) == Some(&b':');
    let at = range.start + usize::from(colon);
    at..at
}

/// A block scalar's place from its text's first line to its last, so that its lines are the text's lines.
fn block_text(text: &str, range: Range<usize>) -> Range<usize> {
    let end = range.start + text[range.clone()].trim_end().len();
    let end = end.max(range.start);
    // Leading empty lines belong to the text, but not to the parser's range.
    let header_end = text[..range.start].trim_end().len();
    let skipped = &text[header_end..range.start];
    let start = match skipped.find('\n') {
        Some(newline) if skipped.matches('\n').count() > 1 => header_end + newline + 1,
        _ => range.start,
    };
    start..end
}

/// Of so few entries each is compared with each: most mappings are small.
const FEW: usize = 12;

fn repeated_keys(entries: &[(Node, Node)], problems: &mut Vec<Diagnostic>) {
    if entries.len() <= FEW && all_differ(entries) {
        return;
    }
    let mut seen: BTreeMap<Cow<'_, str>, &Node> = BTreeMap::new();
    for (key, _) in entries {
        if key.is_merge() {
            continue;
        }
        let name = key.identity();
        match seen.get(&name) {
            Some(first) => problems.push(
                Diagnostic::error(
                    &key.span,
                    format!("key `{}` is written twice in one mapping", key.span.text()),
                )
                .related(&first.span, "first written here")
                .help("remove one of the two, or rename it"),
            ),
            None => {
                seen.insert(name, key);
            }
        }
    }
}

fn all_differ(entries: &[(Node, Node)]) -> bool {
    let mut keys = entries.iter().map(|(key, _)| key.identity());
    while let Some(key) = keys.next() {
        if keys.clone().any(|other| other == key) {
            return false;
        }
    }
    true
}
