//! The last lines of what was read of a log, kept while it is read: of one stream, where they are is known only by all that
//! is before them.

use std::collections::VecDeque;

use super::reader::Block;

/// The most that is kept, but for one line.
const LIMIT: usize = 1 << 20;

/// The last lines of what was read.
#[derive(Debug, Clone, Default)]
pub struct LastLines {
    most: usize,
    lines: VecDeque<String>,
    size: usize,
}

impl LastLines {
    /// Keeps so many.
    pub fn of(most: usize) -> LastLines {
        LastLines {
            most,
            ..LastLines::default()
        }
    }

    /// Further lines; only those that may stay are looked at one by one.
    pub fn add(&mut self, block: &Block) {
        let ends = block.text().rmatch_indices('\n').map(|(at, _)| at + 1);
        let from = ends.skip(self.most).take(1).last().unwrap_or(0);
        for line in block.text()[from..].split_terminator('\n') {
            let line = line.strip_suffix('\r').unwrap_or(line);
            self.size += line.len();
            self.lines.push_back(line.to_owned());
            while self.lines.len() > self.most || self.lines.len() > 1 && self.size > LIMIT {
                self.size -= self.lines.pop_front().map_or(0, |line| line.len());
            }
        }
    }

    /// All of them.
    pub fn text(&self) -> String {
        self.lines.iter().map(String::as_str).collect::<Vec<_>>().join("\n")
    }
}

#[cfg(test)]
mod tests {
    use super::{Block, LIMIT, LastLines};

    fn kept(most: usize, blocks: &[&str]) -> String {
        let mut last = LastLines::of(most);
        blocks.iter().for_each(|block| last.add(&Block::of(block)));
        last.text()
    }

    #[test]
    fn the_last_lines_are_kept_over_blocks() {
        assert_eq!(kept(3, &[]), "");
        assert_eq!(kept(3, &["a\n"]), "a");
        assert_eq!(kept(3, &["a\nb\r\nc\nd\n"]), "b\nc\nd");
        assert_eq!(kept(3, &["a\nb\n", "c\n\n"]), "b\nc\n");
        assert_eq!(kept(2, &["a\nb\nc\n", "d\n"]), "c\nd");
    }

    #[test]
    fn of_long_lines_there_are_fewer() {
        let long = "x".repeat(LIMIT - 1);
        assert_eq!(kept(3, &["a\n", &format!("{long}\n")]), format!("a\n{long}"));
        assert_eq!(kept(3, &["a\nb\n", &format!("{long}\n")]), format!("b\n{long}"));
        assert_eq!(kept(3, &["a\n", &format!("{long}{long}\n")]), format!("{long}{long}"));
    }
}
