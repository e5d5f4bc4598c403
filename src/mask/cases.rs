//! What the cases of a run hide, each by itself: at the end what was told of a case before its values were known is told
//! anew.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::Masks;
use crate::event::{CaseId, CaseInfo, Event, What};

/// The masks of each try, by the number of its case.
#[derive(Debug, Default)]
pub struct CaseMasks(Mutex<BTreeMap<usize, Vec<Arc<Masks>>>>);

impl CaseMasks {
    /// A try begins: it hides what is hidden in the whole run, and what it will add itself.
    pub(crate) fn begin(&self, case: &CaseId, of_run: &Masks) -> Arc<Masks> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let masks = Arc::new(of_run.copy());
        all.entry(case.number).or_default().push(Arc::clone(&masks));
        masks
    }

    /// Hides in the whole run: in the tries that have begun, too.
    pub(crate) fn hide_everywhere(&self, of_run: &Masks, hide: impl Fn(&Masks)) {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        hide(of_run);
        all.values().flatten().for_each(|masks| hide(masks));
    }

    /// True when no case hides anything.
    pub fn is_empty(&self) -> bool {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.values().flatten().all(|masks| masks.is_empty())
    }

    /// An event with all hidden that its case has come to hide: the event of a step may be older than the value that a
    /// later one saved. A title of a case that the run told at its beginning is that case's.
    pub fn hidden(&self, event: Event) -> serde_json::Result<Event> {
        let what = match event.what {
            What::RunStarted {
                version,
                command,
                cases,
                nodes,
                passed_over,
                jobs,
                rules,
                shuffle,
            } => What::RunStarted {
                version,
                command,
                cases: self.titles(cases)?,
                nodes,
                passed_over,
                jobs,
                rules,
                shuffle,
            },
            what => match &event.case {
                Some(case) => self
                    .of(case.number)
                    .iter()
                    .try_fold(what, |what, masks| masks.hidden(what))?,
                None => what,
            },
        };
        Ok(Event { what, ..event })
    }

    fn titles(&self, cases: Vec<CaseInfo>) -> serde_json::Result<Vec<CaseInfo>> {
        let titles = cases.into_iter();
        titles
            .map(|case| {
                self.of(case.number)
                    .iter()
                    .try_fold(case, |case, masks| masks.hidden(case))
            })
            .collect()
    }

    fn of(&self, case: usize) -> Vec<Arc<Masks>> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.get(&case).cloned().unwrap_or_default()
    }
}
