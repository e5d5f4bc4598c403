//! What a step reads as it is written: its last lines explain an end from outside, of which the step tells nothing itself.

use std::sync::PoisonError;

use super::Cx;
use crate::event::Detail;

/// Its name, and its last lines.
pub(super) type Followed = (String, Box<dyn Fn() -> String + Send + Sync>);

/// Of so many the last lines are told.
const FOLLOWED: usize = 3;

impl Cx {
    /// Something that it reads; the last lines are looked at only where they are wanted.
    pub fn follows(&self, name: &str, lines: impl Fn() -> String + Send + Sync + 'static) {
        let mut followed = self.followed.lock().unwrap_or_else(PoisonError::into_inner);
        followed.push((name.to_owned(), Box::new(lines)));
    }

    /// The last lines of what it reads.
    pub fn last_lines(&self) -> Vec<Detail> {
        let followed = self.followed.lock().unwrap_or_else(PoisonError::into_inner);
        let lines = followed.iter().map(|(name, lines)| Detail {
            title: format!("last lines of `{name}`"),
            text: lines(),
        });
        lines
            .filter(|detail| !detail.text.trim().is_empty())
            .take(FOLLOWED)
            .collect()
    }
}
