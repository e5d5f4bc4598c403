//! All values that are looked for, and where they stand in a text: in one pass over it.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::Arc;

use super::form::Form;
use crate::cut;

/// What is looked for. A value that is added leaves what was made of the others as it is.
#[derive(Debug, Clone)]
pub(super) struct Known {
    texts: BTreeSet<Arc<str>>,
    pub(super) forms: Vec<Arc<Form>>,
    /// By the byte that it begins with: which form may.
    beginnings: [Vec<Beginning>; 256],
}

#[derive(Debug, Clone, Copy)]
struct Beginning {
    form: usize,
    /// What stands behind it, or else an end of a line.
    second: Option<u8>,
}

/// What stands in a text.
#[derive(Default)]
struct Seen {
    /// The values, in order; those that lie in or across one another are one.
    spans: Vec<Range<usize>>,
    /// Where the first one begins that the text's end may cut off.
    cut: Option<usize>,
}

impl Default for Known {
    fn default() -> Self {
        Known {
            texts: BTreeSet::new(),
            forms: Vec::new(),
            beginnings: std::array::from_fn(|_| Vec::new()),
        }
    }
}

impl Known {
    pub(super) fn is_empty(&self) -> bool {
        self.texts.is_empty()
    }

    pub(super) fn has(&self, text: &str) -> bool {
        self.texts.contains(text)
    }

    /// Looks for a value from now on, in these forms.
    pub(super) fn add(&mut self, text: Arc<str>, forms: Vec<Form>) {
        if !self.texts.insert(text) {
            return;
        }
        for form in forms {
            let beginning = Beginning {
                form: self.forms.len(),
                second: form.second_byte(),
            };
            for byte in form.first_bytes() {
                self.beginnings[usize::from(byte)].push(beginning);
            }
            self.forms.push(Arc::new(form));
        }
    }

    /// Where values stand in a text, and the parts of them beside a cut.
    pub(super) fn spans(&self, text: &str) -> Vec<Range<usize>> {
        if self.is_empty() {
            return Vec::new();
        }
        self.with_parts(text, self.look(text.as_bytes()).spans)
    }

    fn with_parts(&self, text: &str, mut spans: Vec<Range<usize>>) -> Vec<Range<usize>> {
        let marks = cut::marks(text);
        let mut from = 0;
        for (nth, mark) in marks.iter().enumerate() {
            if let Some(at) = self.look(&text.as_bytes()[from..mark.start]).cut {
                spans.push(from + at..mark.start);
            }
            let next = marks.get(nth + 1).map_or(text.len(), |next| next.start);
            let behind = &text[mark.end..next];
            let rests = self.forms.iter().filter_map(|form| form.rest(behind));
            if let Some(end) = rests.max() {
                spans.push(mark.end..mark.end + end);
            }
            from = mark.end;
        }
        match marks.is_empty() {
            true => spans,
            false => joined(spans),
        }
    }

    /// Where values stand in as much of a text's beginning as does not depend on what follows it, and how much that is.
    pub(super) fn spans_begun(&self, text: &str) -> (Vec<Range<usize>>, usize) {
        let Seen { spans, cut } = self.look(text.as_bytes());
        let mut spans = self.with_parts(text, spans);
        let mut end = cut.unwrap_or(text.len());
        if let Some(mark) = cut::begun_mark(text) {
            let cut = self.look(&text.as_bytes()[..mark]).cut;
            end = end.min(cut.unwrap_or(mark));
        }
        // What ends with the text may go on.
        while let Some(last) = spans.pop_if(|last| last.end == text.len() || last.end > end) {
            end = end.min(last.start);
        }
        (spans, end)
    }

    fn look(&self, text: &[u8]) -> Seen {
        let mut seen = Seen::default();
        // Where each form that was found ended last: it does not begin within itself.
        let mut ended: BTreeMap<usize, usize> = BTreeMap::new();
        for (at, byte) in text.iter().enumerate() {
            let next = text.get(at + 1);
            let may =
                |wanted: u8| next.is_none_or(|next| *next == wanted || matches!(next, b'\\' | b' ' | b'\t'..=b'\r'));
            for Beginning { form, second } in &self.beginnings[usize::from(*byte)] {
                if !second.is_none_or(may) || ended.get(form).is_some_and(|end| at < *end) {
                    continue;
                }
                let reach = self.forms[*form].reach(text, at);
                if reach.cut {
                    seen.cut.get_or_insert(at);
                }
                let Some(end) = reach.end else { continue };
                ended.insert(*form, end);
                match seen.spans.last_mut().filter(|last| at < last.end) {
                    Some(last) => last.end = last.end.max(end),
                    None => seen.spans.push(at..end),
                }
            }
        }
        seen
    }
}

/// Spans in order, those that lie in or across one another as one.
fn joined(mut spans: Vec<Range<usize>>) -> Vec<Range<usize>> {
    spans.sort_by_key(|span| span.start);
    let mut all: Vec<Range<usize>> = Vec::new();
    for span in spans {
        match all.last_mut().filter(|last| span.start < last.end) {
            Some(last) => last.end = last.end.max(span.end),
            None => all.push(span),
        }
    }
    all
}
