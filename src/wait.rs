//! Nothing sleeps. Who asks again and again does it here: `every` has a deadline, and `pause` is for those who wait for
//! several things at once and have one themselves.
//!
//! Waits for what an engine does are predicates over the world (`engine::world`) and need none of this. What remains is
//! asking those who do not tell: a web server, a command's answer, an engine that went away, a swarm about its tasks.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, sleep_until};
use tokio_util::task::TaskTracker;
use tokio_util::task::task_tracker::TaskTrackerToken;

/// How long the pauses between two questions are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    first: Duration,
    most: Duration,
}

impl Pace {
    /// The same pause each time.
    pub const fn steady(pause: Duration) -> Pace {
        Pace {
            first: pause,
            most: pause,
        }
    }

    /// Each pause twice the one before, up to the longest.
    pub const fn growing(first: Duration, most: Duration) -> Pace {
        Pace { first, most }
    }
}

/// A pause between two questions, for those who wait for several things at once; whoever loops over it has a deadline.
pub async fn pause(length: Duration) {
    sleep_until(Instant::now() + length).await;
}

/// Asks until it succeeds or the deadline passes; asks at least once, and once more at the deadline itself. What does not
/// succeed is an observation: the last one is given back.
///
/// A question that is under way at the deadline is not cut off: whoever asks gives each question a limit of its own.
pub async fn every<T, E, Asked>(pace: Pace, deadline: Instant, mut ask: impl FnMut() -> Asked) -> Result<T, E>
where
    Asked: Future<Output = Result<T, E>>,
{
    let mut length = pace.first;
    loop {
        let last = Instant::now() >= deadline;
        let answer = ask().await;
        if last || answer.is_ok() {
            return answer;
        }
        pause(length.min(deadline.saturating_duration_since(Instant::now()))).await;
        length = (length * 2).min(pace.most);
    }
}

/// Who waits for work in a task of its own. When it goes before the work's end, the work is abandoned: until its end the
/// tracker holds it, so that whoever tears down can wait for that, and not for the work of others that goes on.
pub(crate) struct Caller {
    held: Held,
    abandoned: TaskTracker,
    ended: bool,
}

/// What the task of the work keeps until its end.
pub(crate) type Held = Arc<Mutex<Option<TaskTrackerToken>>>;

impl Caller {
    /// One who waits now, and what the work's task has to keep until its end.
    pub(crate) fn new(abandoned: &TaskTracker) -> (Caller, Held) {
        let held = Held::default();
        let caller = Caller {
            held: Arc::clone(&held),
            abandoned: abandoned.clone(),
            ended: false,
        };
        (caller, held)
    }

    /// The work has ended while it was waited for.
    pub(crate) fn ended(mut self) {
        self.ended = true;
    }
}

impl Drop for Caller {
    fn drop(&mut self) {
        if !self.ended {
            *self.held.lock().unwrap_or_else(PoisonError::into_inner) = Some(self.abandoned.token());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Asks with a pace until a limit; gives the milliseconds of the questions.
    async fn check(pace: Pace, limit: u64, answer_at: u64) -> (Result<u64, u64>, Vec<u64>) {
        let begun = Instant::now();
        let mut asked = Vec::new();
        let answer = every(pace, begun + Duration::from_millis(limit), || {
            let now = begun.elapsed().as_millis() as u64;
            asked.push(now);
            async move { if now >= answer_at { Ok(now) } else { Err(now) } }
        })
        .await;
        (answer, asked)
    }

    #[tokio::test(start_paused = true)]
    async fn the_first_question_comes_at_once_and_the_last_at_the_deadline() {
        let steady = Pace::steady(Duration::from_millis(200));
        assert_eq!(check(steady, 500, 9000).await, (Err(500), vec![0, 200, 400, 500]));
        assert_eq!(check(steady, 500, 300).await, (Ok(400), vec![0, 200, 400]));
        assert_eq!(check(steady, 0, 9000).await, (Err(0), vec![0]));
    }

    #[tokio::test(start_paused = true)]
    async fn pauses_grow_up_to_the_longest() {
        let growing = Pace::growing(Duration::from_millis(50), Duration::from_millis(200));
        assert_eq!(
            check(growing, 700, 9000).await,
            (Err(700), vec![0, 50, 150, 350, 550, 700])
        );
    }
}
