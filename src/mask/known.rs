//! All values that are looked for, and where they stand in a text: in one pass over it.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::Arc;

use super::begin::Beginnings;
use super::escape::Plain;
use super::form::Form;
use crate::cut;

/// What is looked for. A value that is added leaves what was made of the others as it is.
#[derive(Debug, Clone, Default)]
pub(super) struct Known {
    texts: BTreeSet<Arc<str>>,
    pub(super) forms: Vec<Arc<Form>>,
    beginnings: Beginnings,
}

/// What stands in a text.
#[derive(Default)]
struct Seen {
    /// The values, in order; those that lie in or across one another are one.
    spans: Vec<Range<usize>>,
    /// Where the first one begins that the text's end may cut off.
    cut: Option<usize>,
}

impl Known {
    pub(super) fn is_empty(&self) -> bool {
        self.texts.is_empty()
    }

    /// How many values there are.
    pub(super) fn count(&self) -> usize {
        self.texts.len()
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
            self.beginnings.add(self.forms.len(), &form);
            self.forms.push(Arc::new(form));
        }
    }

    /// Where values stand in a text, and the parts of them beside a cut.
    pub(super) fn spans(&self, text: &str) -> Vec<Range<usize>> {
        if self.is_empty() {
            return Vec::new();
        }
        let spans = self.with_parts(text, self.look(text.as_bytes()).spans);
        let Some(plain) = Plain::of(text, false) else {
            return spans;
        };
        let within = self.with_parts(&plain.text, self.look(plain.text.as_bytes()).spans);
        joined(
            spans
                .into_iter()
                .chain(within.iter().map(|span| plain.back(span)))
                .collect(),
        )
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
        let (mut spans, mut end) = self.begun(text);
        if let Some(plain) = Plain::of(text, true) {
            let (within, plain_end) = self.begun(&plain.text);
            spans.extend(within.iter().map(|span| plain.back(span)));
            spans = joined(spans);
            end = end.min(plain.of).min(plain.end_of(plain_end));
        }
        // What ends with the text may go on.
        while let Some(last) = spans.pop_if(|last| last.end == text.len() || last.end > end) {
            end = end.min(last.start);
        }
        (spans, end)
    }

    fn begun(&self, text: &str) -> (Vec<Range<usize>>, usize) {
        let Seen { spans, cut } = self.look(text.as_bytes());
        let mut end = cut.unwrap_or(text.len());
        if let Some(mark) = cut::begun_mark(text) {
            let cut = self.look(&text.as_bytes()[..mark]).cut;
            end = end.min(cut.unwrap_or(mark));
        }
        (self.with_parts(text, spans), end)
    }

    fn look(&self, text: &[u8]) -> Seen {
        let mut seen = Seen::default();
        // Where each form that was found ended last: it does not begin within itself.
        let mut ended: BTreeMap<usize, usize> = BTreeMap::new();
        self.beginnings.each(text, |at, form| {
            if ended.get(&form).is_some_and(|end| at < *end) {
                return;
            }
            let reach = self.forms[form].reach(text, at);
            if reach.cut {
                seen.cut.get_or_insert(at);
            }
            let Some(end) = reach.end else { return };
            ended.insert(form, end);
            match seen.spans.last_mut().filter(|last| at < last.end) {
                Some(last) => last.end = last.end.max(end),
                None => seen.spans.push(at..end),
            }
        });
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
