//! The fake engine's events: told to each subscriber in order, unless one is lost, doubled or cut.

use futures_util::StreamExt;
use futures_util::stream::{self, BoxStream};
use tokio::sync::watch;

use super::Fake;
use super::faults::{EventFault, error};
use crate::engine::{EngineError, EngineEvent, EngineResult, Reason};

impl Fake {
    /// A stream of the events to come, each with its fault.
    pub(super) fn subscribe(&self, since: Option<&str>) -> BoxStream<'static, EngineResult<EngineEvent>> {
        let changed = self.shared.changed.subscribe();
        let state = self.lock();
        let since = since.map(|text| text.parse::<f64>().unwrap_or_default());
        let first = since.map_or(state.events.len(), |seconds| {
            state.events.partition_point(|event| (event.at as f64) < seconds * 1e9)
        });
        let begin = (self.clone(), changed, first, state.event_cut);
        drop(state);
        let next = |(fake, mut changed, at, cut): (Fake, watch::Receiver<u64>, usize, u64)| async move {
            loop {
                changed.borrow_and_update();
                let (event, cut_now) = fake.event_at(at);
                if cut_now != cut {
                    return None;
                }
                if let Some((event, fault)) = event {
                    let items = match fault {
                        None => vec![Ok(event)],
                        Some(EventFault::Lost) => Vec::new(),
                        Some(EventFault::Doubled) => vec![Ok(event.clone()), Ok(event)],
                        Some(EventFault::Cut) => vec![Err(cut_off())],
                    };
                    // After a cut, this number is one that the engine never comes to.
                    let cut = if fault == Some(EventFault::Cut) { u64::MAX } else { cut };
                    return Some((items, (fake, changed, at + 1, cut)));
                }
                if changed.changed().await.is_err() {
                    return None;
                }
            }
        };
        stream::unfold(begin, next).flat_map(stream::iter).boxed()
    }

    /// The event of that number, with its fault: a fault happens once.
    fn event_at(&self, at: usize) -> (Option<(EngineEvent, Option<EventFault>)>, u64) {
        let mut state = self.lock();
        let cut = state.event_cut;
        let Some(event) = state.events.get(at).cloned() else {
            return (None, cut);
        };
        (Some((event, state.event_faults.remove(&(at + 1)))), cut)
    }
}

fn cut_off() -> EngineError {
    error("read events", Reason::Away, "connection reset by peer")
}
