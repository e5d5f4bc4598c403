//! A diagnostic drawn: header, place, source line, caret, other places, help.

use std::ops::Range;

use annotate_snippets::{Annotation, AnnotationKind, Group, Level as Shown, Origin, Renderer, Snippet};

use super::{Diagnostic, Level, Span, line_of};

/// Places of one file that are nearer to each other than this are drawn in one picture, with what lies between folded.
const TOGETHER: usize = 12;

/// Of a longer line only what is around the place is drawn: the renderer reads all of a line to show a piece of it.
const LONG_LINE: usize = 100_000;

/// How much that is on each side, in bytes.
const AROUND: usize = 60;

/// How many characters are marked at most: more would make each picture as wide as they are.
const WIDE_MARK: usize = 100;

impl Diagnostic {
    /// Draws it, without a final newline; `colour` adds the terminal's escapes.
    pub fn draw(&self, colour: bool) -> String {
        let title = match self.level {
            Level::Error => Shown::ERROR,
            Level::Warning => Shown::WARNING,
            Level::Note => Shown::NOTE,
        }
        .primary_title(printable(&self.message));
        let mut group = Group::with_title(title);
        let mut pictures = vec![Picture::new(Mark::new(&self.span, None))];
        for (span, label) in &self.related {
            let mark = Mark::new(span, Some(label));
            match pictures.iter_mut().find(|picture| picture.takes(&mark)) {
                Some(picture) => picture.marks.push(mark),
                None => pictures.push(Picture::new(mark)),
            }
        }
        for picture in &pictures {
            group = picture.add_to(group);
        }
        if let Some(help) = &self.help {
            group = group.element(Shown::HELP.message(printable(help)));
        }
        let renderer = if colour { Renderer::styled() } else { Renderer::plain() };
        renderer.render(&[group])
    }
}

/// What an author wrote may hold escapes for a terminal; a message does not pass them on.
fn printable(text: &str) -> String {
    text.chars()
        .map(|letter| {
            if letter.is_control() && letter != '\n' {
                '\u{fffd}'
            } else {
                letter
            }
        })
        .collect()
}

/// A place and its label; the place clipped to its first line.
struct Mark<'d> {
    span: &'d Span,
    range: Range<usize>,
    /// The line it is on, without its end.
    line: Range<usize>,
    label: Option<&'d str>,
}

impl<'d> Mark<'d> {
    fn new(span: &'d Span, label: Option<&'d str>) -> Self {
        let text = &span.source.text;
        let start = boundary(text, span.start);
        let first = if text.starts_with('\u{feff}') {
            '\u{feff}'.len_utf8().min(start)
        } else {
            0
        };
        let begin = text[..start].rfind('\n').map_or(first, |newline| newline + 1);
        let rest = text[start..].find('\n').map_or(text.len(), |newline| start + newline);
        let end = begin + text[begin..rest].trim_end_matches('\r').len();
        let marked = boundary(text, span.end).clamp(start, end.max(start));
        // Blanks at the end of what is marked would be drawn as carets under nothing.
        let marked = text[start..marked].trim_end();
        let marked = start
            + marked
                .char_indices()
                .nth(WIDE_MARK)
                .map_or(marked.len(), |(end, _)| end);
        Mark {
            span,
            range: start..marked,
            line: begin..end.max(start),
            label,
        }
    }

    /// What is around it on a line of which all is too much.
    fn nearby(&self, number: usize) -> Snippet<'d, Annotation<'d>> {
        let source = &self.span.source;
        let text = &source.text;
        let start = boundary(text, self.range.start.saturating_sub(AROUND).max(self.line.start));
        let end = boundary(text, (self.range.end + AROUND).min(self.line.end)).max(self.range.end);
        let cut = |is_cut: bool| if is_cut { "…" } else { "" };
        let (before, after) = (cut(start > self.line.start), cut(end < self.line.end));
        let shown = format!("{before}{}{after}", source.shown(start..end));
        let at = before.len() + self.range.start - start..before.len() + self.range.end - start;
        Snippet::source(shown)
            .line_start(number)
            .annotation(AnnotationKind::Primary.span(at))
    }

    fn annotation(&self, from: usize) -> Annotation<'d> {
        let kind = if self.label.is_none() {
            AnnotationKind::Primary
        } else {
            AnnotationKind::Context
        };
        let annotation = kind.span(self.range.start - from..self.range.end - from);
        match self.label {
            Some(label) => annotation.label(printable(label)),
            None => annotation,
        }
    }
}

fn boundary(text: &str, at: usize) -> usize {
    let mut at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

/// Marks in one stretch of a file's lines.
struct Picture<'d> {
    marks: Vec<Mark<'d>>,
}

impl<'d> Picture<'d> {
    fn new(mark: Mark<'d>) -> Self {
        Picture { marks: vec![mark] }
    }

    fn stretch(&self) -> Range<usize> {
        let start = self.marks.iter().map(|mark| mark.line.start).min().unwrap_or(0);
        start..self.marks.iter().map(|mark| mark.line.end).max().unwrap_or(start)
    }

    fn takes(&self, mark: &Mark<'_>) -> bool {
        let source = &self.marks[0].span.source;
        let stretch = self.stretch();
        let both = stretch.start.min(mark.line.start)..stretch.end.max(mark.line.end);
        source.path == mark.span.source.path
            && source.text.len() == mark.span.source.text.len()
            && both.len() <= LONG_LINE
            && source.text[both].matches('\n').count() <= TOGETHER
    }

    fn add_to(&self, group: Group<'d>) -> Group<'d> {
        let first = &self.marks[0];
        let source = &first.span.source;
        if source.text.is_empty() {
            // Of a file that cannot be read, or in which nothing is, there is no line to show.
            return group.element(Origin::path(printable(&source.path)));
        }
        let stretch = self.stretch();
        let line = line_of(&source.text, stretch.start);
        let path = printable(&source.path);
        if stretch.len() <= LONG_LINE {
            let snippet = Snippet::source(source.shown(stretch.clone()))
                .line_start(line)
                .path(path);
            return group.element(snippet.annotations(self.marks.iter().map(|mark| mark.annotation(stretch.start))));
        }
        let column = source.text[first.line.start..first.range.start].chars().count() + 1;
        let line = line_of(&source.text, first.line.start);
        let group = group.element(Origin::path(path).line(line).char_column(column));
        group.element(first.nearby(line))
    }
}
