//! Draws the status below the lines on a live terminal; the one effect among the reports, kept thin.

use std::io::{self, Write};

use console::{Term, truncate_str};
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::report::line::Line;

/// The bottom of the terminal. Standard output must be a terminal: `cli` decides that.
pub struct Progress {
    multi: MultiProgress,
    bars: Vec<ProgressBar>,
    style: ProgressStyle,
    color: bool,
}

impl Progress {
    /// On standard output.
    pub fn new(color: bool) -> Progress {
        Progress::on(ProgressDrawTarget::stdout(), color)
    }

    fn on(target: ProgressDrawTarget, color: bool) -> Progress {
        // Not `wide_msg`: it fills the line up, so that the echo of Ctrl-C would begin a line that nobody takes away.
        let style = ProgressStyle::with_template("{msg}").unwrap_or_else(|_| ProgressStyle::default_spinner());
        Progress {
            multi: MultiProgress::with_draw_target(target),
            bars: Vec::new(),
            style,
            color,
        }
    }

    /// How many columns a line may have now: those of the terminal, but for the echo of Ctrl-C.
    pub fn width(&self) -> usize {
        usize::from(Term::stdout().size().1).saturating_sub("^C ".len())
    }

    /// Writes lines above the status.
    pub fn print(&self, lines: &[String]) -> io::Result<()> {
        let text: String = lines.iter().flat_map(|line| [line.as_str(), "\n"]).collect();
        self.multi.suspend(|| {
            let mut out = io::stdout().lock();
            out.write_all(text.as_bytes())?;
            out.flush()
        })
    }

    /// Shows these lines as the status, instead of those before.
    pub fn draw(&mut self, lines: &[Line]) {
        for bar in self.bars.drain(lines.len().min(self.bars.len())..) {
            bar.finish_and_clear();
            self.multi.remove(&bar);
        }
        while self.bars.len() < lines.len() {
            let bar = ProgressBar::new_spinner().with_style(self.style.clone());
            self.bars.push(self.multi.add(bar));
        }
        let width = self.width();
        for (bar, line) in self.bars.iter().zip(lines) {
            bar.set_message(truncate_str(&line.painted(self.color), width, "…").into_owned());
        }
    }

    /// Takes the status away.
    pub fn clear(&mut self) {
        self.draw(&[]);
    }
}

#[cfg(test)]
mod tests {
    use indicatif::ProgressDrawTarget;

    use super::Progress;
    use crate::report::line::Line;

    #[test]
    fn has_a_bar_for_each_line() {
        let mut progress = Progress::on(ProgressDrawTarget::hidden(), true);
        for lines in [2, 5, 1, 0] {
            progress.draw(&vec![Line::plain("x"); lines]);
            assert_eq!(progress.bars.len(), lines);
        }
    }
}
