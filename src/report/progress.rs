//! Draws the status below the lines on a live terminal; the one effect among the reports, kept thin.
//!
//! Not with a library for progress bars: the cursor has to rest on a line of its own below the status, so that what the
//! terminal echoes there (`^C`) is taken away with it, and how many rows the status has is counted anew each time, since a
//! window that was made narrower has wrapped it.

use std::io::{self, Write};

use console::{Term, measure_text_width, truncate_str};

use crate::report::line::Line;

/// In the whole line, to the end of the line, and to the end of the screen, nothing. A line that is only cleared behind its
/// new end is as long as before to a terminal (tmux) that wraps it anew in a narrower window: it takes more rows than
/// anybody sees.
const CLEAR_WHOLE: &str = "\x1b[2K";
const CLEAR_LINE: &str = "\x1b[K";
const CLEAR_BELOW: &str = "\x1b[J";

/// The bottom of the terminal. Standard output must be a terminal: `cli` decides that.
pub struct Progress {
    color: bool,
    /// The status as it is drawn.
    drawn: Vec<String>,
}

impl Progress {
    /// On standard output.
    pub fn new(color: bool) -> Progress {
        Progress {
            color,
            drawn: Vec::new(),
        }
    }

    /// How many columns a line may have now: with one less than the terminal has it never wraps.
    pub fn width(&self) -> usize {
        usize::from(Term::stdout().size().1).saturating_sub(1)
    }

    /// Writes lines above the status.
    pub fn print(&self, lines: &[String]) -> io::Result<()> {
        self.write(lines, &self.drawn)
    }

    /// Shows these lines as the status, instead of those before.
    pub fn draw(&mut self, lines: &[Line]) {
        let (rows, width) = (Term::stdout().size().0, self.width());
        // What has left the screen cannot be taken back.
        let fitting = lines.iter().take(usize::from(rows).saturating_sub(1));
        let new: Vec<String> = fitting
            .map(|line| truncate_str(&line.painted(self.color), width, "…").into_owned())
            .collect();
        if new != self.drawn {
            // A terminal that takes nothing more is no reason to end the run.
            let _ = self.write(&[], &new);
            self.drawn = new;
        }
    }

    /// Takes the status away.
    pub fn clear(&mut self) {
        self.draw(&[]);
    }

    /// From where the status begins now: lines that stay, and a status.
    fn write(&self, lines: &[String], status: &[String]) -> io::Result<()> {
        let columns = usize::from(Term::stdout().size().1);
        let mut out = io::stdout().lock();
        out.write_all(drawing(&self.drawn, columns, lines, status).as_bytes())?;
        out.flush()
    }
}

/// What is written to a terminal of so many columns, with the cursor below the old status.
fn drawing(old: &[String], columns: usize, lines: &[String], status: &[String]) -> String {
    let rows = |line: &String| measure_text_width(line).div_ceil(columns.max(1)).max(1);
    let up: usize = old.iter().map(rows).sum();
    let mut text = match up {
        0 => String::new(),
        up => format!("\r\x1b[{up}A"),
    };
    for line in lines.iter().chain(status) {
        text.push_str(CLEAR_WHOLE);
        text.push_str(line);
        // Of a line that takes several rows.
        text.push_str(CLEAR_LINE);
        text.push('\n');
    }
    text + CLEAR_BELOW
}

#[cfg(test)]
mod tests {
    use super::drawing;

    fn check(old: &[&str], columns: usize, lines: &[&str], status: &[&str], expected: &str) {
        let owned = |lines: &[&str]| lines.iter().map(|line| (*line).to_owned()).collect::<Vec<_>>();
        let text = drawing(&owned(old), columns, &owned(lines), &owned(status));
        assert_eq!(text.replace('\x1b', "^"), expected);
    }

    #[test]
    fn lines_stand_above_the_status_which_is_drawn_over_itself() {
        check(&[], 80, &[], &["a"], "^[2Ka^[K\n^[J");
        check(&["a", "b"], 80, &["line"], &["a"], "\r^[2A^[2Kline^[K\n^[2Ka^[K\n^[J");
        check(&["a"], 80, &[], &[], "\r^[1A^[J");
    }

    #[test]
    fn a_status_that_a_narrower_window_has_wrapped_is_taken_away_whole() {
        check(&["0123456789", ""], 4, &[], &["0"], "\r^[4A^[2K0^[K\n^[J");
        check(&["\u{1b}[31m1234\u{1b}[0m"], 4, &[], &[], "\r^[1A^[J");
    }
}
