//! Draws the status below the lines on a live terminal; the one effect among the reports, kept thin.

use std::io::{self, Write};

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
        // `wide_msg` cuts the line at the terminal's width, whatever it becomes.
        let style = ProgressStyle::with_template("{wide_msg}").unwrap_or_else(|_| ProgressStyle::default_spinner());
        Progress {
            multi: MultiProgress::with_draw_target(target),
            bars: Vec::new(),
            style,
            color,
        }
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
        for (bar, line) in self.bars.iter().zip(lines) {
            bar.set_message(line.painted(self.color));
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
