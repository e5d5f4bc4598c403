//! A log as the engine keeps it, and how it is asked: patiently, since an engine may be away for a while.

use std::time::Duration;

use futures_util::stream::BoxStream;
use tokio::time::Instant;

use crate::engine::world::nanos;
use crate::engine::{Container, EngineError, EngineResult, Frame, Reason};
use crate::wait::{Pace, every};

/// How long an engine may refuse a log before it is given up.
pub(super) const AWAY: Duration = Duration::from_secs(15);
/// The pause after a reading that ended without a reason.
pub(super) const PAUSE: Duration = Duration::from_millis(50);
/// Where the driver `local` rotates unless it is told otherwise.
const LOCAL: u64 = 20_000_000;
/// Where a log is taken to be rotated when its size cannot be read.
const SMALL: u64 = 1_000_000;

/// What a reading of a log gives.
pub(super) type Frames = BoxStream<'static, EngineResult<Frame>>;

/// A log as the engine keeps it.
pub(super) struct Log {
    /// The container's id and name.
    pub(super) id: String,
    pub(super) name: String,
    pub(super) driver: String,
    /// Whether the container has a terminal; none where that is not known.
    pub(super) tty: Option<bool>,
    /// At how many bytes it is rotated.
    pub(super) rotation: Option<u64>,
    /// When the container's last run ended; none while it goes on.
    pub(super) finished: Option<i64>,
}

impl Log {
    /// The log of a container as it is described.
    pub(super) fn of(container: &Container) -> Log {
        let size = &container.raw["HostConfig"]["LogConfig"]["Config"]["max-size"];
        let rotation = match size.as_str() {
            Some(text) if text.starts_with('-') => None,
            Some(text) => Some(bytes(text).unwrap_or(SMALL)),
            None => (container.log_driver == "local").then_some(LOCAL),
        };
        let goes_on = matches!(container.state.as_str(), "running" | "paused");
        Log {
            id: container.id.clone(),
            name: container.name.clone(),
            driver: container.log_driver.clone(),
            tty: Some(container.tty),
            rotation,
            finished: (!goes_on).then(|| nanos(&container.finished_at)),
        }
    }

    /// What is told of one that is gone.
    pub(super) fn removed(&self) -> String {
        format!("`{}` was removed before its log was read to its end", self.name)
    }

    /// What is told of one that the engine does not give.
    pub(super) fn missed(&self, error: &EngineError) -> String {
        match is_gone(error) {
            true => self.removed(),
            false => format!("the log of `{}` cannot be read: {}", self.name, error.answer),
        }
    }

    /// What is told of one of which the engine has dropped what nobody had read.
    pub(super) fn rotated(&self) -> String {
        format!(
            "the engine rotated a part of the log of `{}` away before it was read; `max-size` and `max-file` of its \
             `logging` say how much it keeps",
            self.name
        )
    }
}

/// Why the last moments of a log may be missing: it went with its end, so nobody has seen whether all of it was read.
pub(super) const WENT: &str = "it was removed by something else as it ended";

/// True when the engine gives a log no more: the container was removed, or its removal has begun.
pub(super) fn is_gone(error: &EngineError) -> bool {
    matches!(error.reason, Reason::NotFound | Reason::Conflict)
}

/// Docker's sizes: `10m`, `1g`, `512k`, `1048576`.
fn bytes(text: &str) -> Option<u64> {
    let text = text.trim().to_ascii_lowercase();
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    // Some drivers count in 1024s: the smaller size is the safe one.
    let unit = match unit.trim_end_matches("ib").trim_end_matches('b') {
        "" => 1,
        "k" => 1_000,
        "m" => 1_000_000,
        "g" => 1_000_000_000,
        _ => return None,
    };
    number.parse::<u64>().ok()?.checked_mul(unit)
}

/// Asks an engine that may be away for a while; any other answer is final.
pub(super) async fn patiently<T, Asked>(mut ask: impl FnMut() -> Asked) -> EngineResult<T>
where
    Asked: Future<Output = EngineResult<T>>,
{
    let pace = Pace::growing(PAUSE, Duration::from_secs(1));
    let asked = every(pace, Instant::now() + AWAY, || {
        let answer = ask();
        async move {
            match answer.await {
                Err(error) if error.reason == Reason::Away => Err(error),
                answer => Ok(answer),
            }
        }
    });
    asked.await?
}

#[cfg(test)]
mod tests {
    use super::bytes;

    #[test]
    fn sizes_are_dockers() {
        let read = ["10m", "1g", "512k", "100", "2MB", "1KiB", "many"].map(bytes);
        let expected = [10_000_000, 1_000_000_000, 512_000, 100, 2_000_000, 1000].map(Some);
        assert_eq!((&read[..6], read[6]), (&expected[..], None));
    }
}
