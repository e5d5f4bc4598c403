//! A line of a report: pieces of safe text with a tone each, painted or plain.

use anstyle::{AnsiColor, Style};
use console::measure_text_width;

use crate::event::Outcome;
use crate::report::text;

/// What a piece of a line is, which says how it is painted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    /// Ordinary text.
    Plain,
    /// What matters most in the line.
    Bold,
    /// It went well.
    Good,
    /// It did not.
    Bad,
    /// Look at it.
    Warn,
    /// Less important: places, times.
    Dim,
    /// Line numbers and frames around source text, as the compiler's.
    Frame,
}

impl Tone {
    /// The tone of an outcome's word.
    pub fn of(outcome: Outcome) -> Tone {
        match outcome {
            Outcome::Passed => Tone::Good,
            Outcome::Failed | Outcome::Errored => Tone::Bad,
            Outcome::Flaky | Outcome::NotVerified => Tone::Warn,
            Outcome::Skipped | Outcome::KnownIssue => Tone::Dim,
        }
    }

    fn style(self) -> Style {
        match self {
            Tone::Plain => Style::new(),
            Tone::Bold => Style::new().bold(),
            Tone::Good => AnsiColor::Green.on_default().bold(),
            Tone::Bad => AnsiColor::Red.on_default().bold(),
            Tone::Warn => AnsiColor::Yellow.on_default().bold(),
            Tone::Dim => Style::new().dimmed(),
            Tone::Frame => AnsiColor::Blue.on_default().bold(),
        }
    }
}

/// One line. Whatever goes in is made safe and stays one line, so no program's output can draw on the terminal.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Line {
    pieces: Vec<(Tone, String)>,
    /// Where a narrow terminal goes on with it; none for what is not broken.
    hang: Option<usize>,
}

impl Line {
    /// An empty line.
    pub fn new() -> Line {
        Line::default()
    }

    /// A line of ordinary text.
    pub fn plain(text: impl AsRef<str>) -> Line {
        Line::new().with(Tone::Plain, text)
    }

    /// Adds a piece.
    #[must_use]
    pub fn with(mut self, tone: Tone, piece: impl AsRef<str>) -> Line {
        let piece = text::plain(piece.as_ref()).replace('\n', " ").replace('\t', "    ");
        if !piece.is_empty() {
            self.pieces.push((tone, piece));
        }
        self
    }

    /// Says that a narrow terminal breaks it at blanks, and goes on so far to the right.
    #[must_use]
    pub fn hanging(mut self, indent: usize) -> Line {
        self.hang = Some(indent);
        self
    }

    /// Where it goes on when it is broken.
    pub fn hang(&self) -> Option<usize> {
        self.hang
    }

    /// Adds ordinary text.
    #[must_use]
    pub fn and(self, piece: impl AsRef<str>) -> Line {
        self.with(Tone::Plain, piece)
    }

    /// The line moved to the right.
    #[must_use]
    pub fn indented(mut self, by: usize) -> Line {
        if !self.pieces.is_empty() {
            self.pieces.insert(0, (Tone::Plain, " ".repeat(by)));
        }
        self
    }

    /// The line as several that are no wider, broken at blanks; all but the first stand `indent` columns to the right.
    pub fn wrapped(self, width: usize, indent: usize) -> Vec<Line> {
        let mut lines = vec![Line::new()];
        let mut column = 0;
        for (tone, piece) in &self.pieces {
            for word in piece.split_inclusive(' ') {
                let wide = measure_text_width(word.trim_end());
                if column > indent && column + wide > width {
                    lines.push(Line::plain(" ".repeat(indent)));
                    column = indent;
                }
                column += measure_text_width(word);
                if let Some(last) = lines.last_mut() {
                    *last = std::mem::take(last).with(*tone, word);
                }
            }
        }
        lines
    }

    /// The text alone, without spaces at its end.
    pub fn text(&self) -> String {
        self.pieces
            .iter()
            .map(|(_, piece)| piece.as_str())
            .collect::<String>()
            .trim_end()
            .to_owned()
    }

    /// The text with colours, if they are wanted.
    pub fn painted(&self, color: bool) -> String {
        if !color {
            return self.text();
        }
        let mut out = String::new();
        for (tone, piece) in &self.pieces {
            let style = tone.style();
            out.push_str(&format!("{style}{piece}{style:#}"));
        }
        out
    }
}

/// A text of several lines, one [`Line`] each, at most `limit` bytes of it.
pub fn lines_of(tone: Tone, text: &str, limit: usize) -> Vec<Line> {
    let text = text::plain(&text::clip(text, limit));
    text.trim_end_matches('\n')
        .lines()
        .map(|line| Line::new().with(tone, line))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::{Line, Tone};

    #[test]
    fn a_line_is_broken_at_blanks() {
        let line = Line::new()
            .with(Tone::Bad, "   failed")
            .and("  a long name")
            .with(Tone::Dim, "  x.yaml");
        let texts = |width| {
            let lines = line.clone().wrapped(width, 4).into_iter();
            lines.map(|line| line.text()).collect::<Vec<_>>()
        };
        assert_eq!(texts(80), ["   failed  a long name  x.yaml"]);
        assert_eq!(texts(16), ["   failed  a", "    long name", "    x.yaml"]);
    }

    #[test]
    fn a_line_is_painted_or_plain_and_one_line() {
        let line = Line::new().with(Tone::Bad, "failed").and("  \x1b[2Ja\nb\tc  ");
        assert_eq!(line.text(), "failed  a b    c");
        assert_eq!(line.painted(false), line.text());
        assert_eq!(line.painted(true), "\x1b[1m\x1b[31mfailed\x1b[0m  a b    c  ");
    }
}
