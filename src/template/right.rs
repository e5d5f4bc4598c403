//! Texts that were found to be right, so that what many files say is checked once.

use std::cell::RefCell;
use std::collections::BTreeSet;

/// How many texts are kept, and how long ones.
const MOST: usize = 4096;
const LONGEST: usize = 256;

/// Texts of one kind that were found to be right. Each thread has its own: nothing is waited for.
#[derive(Debug, Default)]
pub(super) struct Right(RefCell<BTreeSet<Box<str>>>);

impl Right {
    /// Checks a text, unless it was found to be right before.
    pub(super) fn check<E>(&self, text: &str, check: impl FnOnce() -> Result<(), E>) -> Result<(), E> {
        if self.0.borrow().contains(text) {
            return Ok(());
        }
        check()?;
        let mut known = self.0.borrow_mut();
        if known.len() < MOST && text.len() <= LONGEST {
            known.insert(text.into());
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    #[test]
    fn what_is_right_is_checked_once_and_what_is_wrong_each_time() {
        let (right, asked) = (Right::default(), Cell::new(0));
        let check = |text: &str| {
            right.check(text, || {
                asked.set(asked.get() + 1);
                if text == "wrong" { Err("told") } else { Ok(()) }
            })
        };
        assert_eq!([check("a"), check("a"), check("b")], [Ok(()); 3]);
        assert_eq!(asked.get(), 2);
        assert_eq!([check("wrong"), check("wrong")], [Err("told"); 2]);
        assert_eq!(asked.get(), 4);
    }

    #[test]
    fn long_texts_and_too_many_are_not_kept() {
        let right = Right::default();
        let long = "x".repeat(LONGEST + 1);
        let _: Result<(), ()> = right.check(&long, || Ok(()));
        assert!(right.0.borrow().is_empty());
        for number in 0..=MOST {
            let _: Result<(), ()> = right.check(&number.to_string(), || Ok(()));
        }
        assert_eq!(right.0.borrow().len(), MOST);
    }
}
