//! What a probe has seen: its answers and outages, counted up to the moment in which they are asked for.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::Value;
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::event::{Detail, Fault, duration_text, times_text};

/// So many bytes of different answers are kept: each answer tells them anew.
const MAX_VALUES: usize = 1 << 20;
/// What an answer that is kept takes beside its text.
const AROUND: usize = 16;
/// A question that has had no answer for longer than this, and than the time between two of them, is late.
const PATIENCE: Duration = Duration::from_millis(200);

/// What a probe has seen, shared by those who ask and those who look.
#[derive(Debug)]
pub struct Seen {
    record: Mutex<Record>,
    /// A question has come to an end.
    came: Notify,
}

impl Seen {
    /// Nothing yet, of a question that is asked so often.
    pub fn every(every: Duration) -> Seen {
        Seen {
            record: Mutex::new(Record {
                patience: every.max(PATIENCE),
                ..Record::default()
            }),
            came: Notify::new(),
        }
    }

    /// As it is now; held only briefly, never across an await.
    pub fn now(&self) -> MutexGuard<'_, Record> {
        self.record.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until the first question has come to an end.
    pub async fn first(&self) {
        // What comes from here on wakes: nothing is lost between the look and the wait.
        let came = self.came.notified();
        if self.now().is_empty() {
            came.await;
        }
    }

    /// A question begins; and what the steps do then.
    pub fn begins(&self, at_work: String) {
        self.now().begins(at_work);
    }

    /// An answer as it should be; one that came late ends an outage, too.
    pub fn answered(&self, outputs: &Value) {
        self.now().answered(outputs);
        self.came.notify_waiters();
    }

    /// No answer, or not as it should be; and what the steps did then.
    pub fn failed(&self, fault: &Fault, at_work: String) {
        self.now().failed(fault, at_work);
        self.came.notify_waiters();
    }
}

/// What a probe has seen so far.
#[derive(Debug, Default)]
pub struct Record {
    /// The questions that were answered as expected.
    pub answers: u64,
    /// Those that were not.
    pub failures: u64,
    /// The first of these.
    pub first_failure: Option<Fault>,
    /// When that was.
    first_failed: Option<When>,
    /// When the first question began.
    begun: Option<Instant>,
    /// The question that is open now.
    asking: Option<Asked>,
    /// For how long a question may be open before it is late.
    patience: Duration,
    /// The outage that goes on now, and the longest one; an outage is from the last answer to the next one.
    last_answer: Option<Instant>,
    failing: bool,
    /// What the steps did at the first failure of the outage.
    at_work: String,
    max_outage: Duration,
    /// When the longest one began.
    longest: Option<When>,
    total_outage: Duration,
    /// The answers that are others than the one before them, as far as they were not told yet. All of those are in the
    /// summary alone; none once they are too long, and never only a part.
    new_values: Vec<Value>,
    last_value: Option<Value>,
    /// The bytes that all of these take.
    size: usize,
}

/// A question that has had no answer yet.
#[derive(Debug)]
struct Asked {
    at: Instant,
    /// What the steps did when it was asked.
    at_work: String,
}

/// When a probe saw something.
#[derive(Debug, Clone)]
struct When {
    /// How long after its first question.
    after: Duration,
    /// What the steps did then.
    at_work: String,
}

impl When {
    fn text(&self) -> String {
        let after = duration_text(self.after.as_secs_f64());
        let at_work = match self.at_work.as_str() {
            "" => String::new(),
            at_work => format!(", {at_work}"),
        };
        format!("{after} after its first question{at_work}")
    }
}

impl Record {
    /// True until the first question has come to an end.
    fn is_empty(&self) -> bool {
        self.answers + self.failures == 0
    }

    fn begins(&mut self, at_work: String) {
        let now = Instant::now();
        self.asking = Some(Asked { at: now, at_work });
        // Before the first answer, from the first question on.
        self.last_answer.get_or_insert(now);
        self.begun.get_or_insert(now);
    }

    fn answered(&mut self, outputs: &Value) {
        let now = Instant::now();
        self.answers += 1;
        self.count_outage(now);
        self.asking = None;
        self.failing = false;
        self.last_answer = Some(now);
        let value = outputs
            .get("json")
            .or_else(|| outputs.get("stdout"))
            .or_else(|| outputs.get("body"));
        if let Some(value) = value.filter(|value| !value.is_null() && self.last_value.as_ref() != Some(value)) {
            self.keep(value.clone());
        }
    }

    fn keep(&mut self, value: Value) {
        self.size = self.size.saturating_add(value.to_string().len() + AROUND);
        if self.size > MAX_VALUES {
            self.new_values.clear();
        } else {
            self.new_values.push(value.clone());
        }
        self.last_value = Some(value);
    }

    fn failed(&mut self, fault: &Fault, at_work: String) {
        self.failures += 1;
        // What was done when a question was given up that had hung for long has nothing to do with it.
        let late = self.asking.take().filter(|asked| asked.at.elapsed() > self.patience);
        let (at, at_work) = late.map_or((Instant::now(), at_work), |asked| (asked.at, asked.at_work));
        if !std::mem::replace(&mut self.failing, true) {
            self.at_work.clone_from(&at_work);
        }
        let after = self.since_first(at);
        self.first_failed.get_or_insert(When { after, at_work });
        self.first_failure.get_or_insert_with(|| fault.clone());
    }

    /// No more is asked: what is open counts until now.
    pub fn ends(&mut self) {
        self.count_outage(Instant::now());
        (self.asking, self.failing, self.last_answer) = (None, false, None);
    }

    /// True when the question that is open has had no answer for too long.
    pub fn is_late(&self) -> bool {
        let asked = self.asking.as_ref();
        asked.is_some_and(|asked| asked.at.elapsed() > self.patience)
    }

    fn count_outage(&mut self, now: Instant) {
        self.longest = self.longest(now);
        (self.max_outage, self.total_outage) = self.outages(now);
        self.at_work.clear();
    }

    fn since_first(&self, at: Instant) -> Duration {
        self.begun
            .map_or(Duration::ZERO, |begun| at.saturating_duration_since(begun))
    }

    /// When the longest outage began, also where it goes on.
    fn longest(&self, now: Instant) -> Option<When> {
        let last = self.last_answer.filter(|_| self.failing || self.is_late());
        let is_longer = |last: &Instant| now - *last > self.max_outage;
        match last.filter(is_longer) {
            Some(last) => Some(When {
                after: self.since_first(last),
                at_work: self.begun_at_work().to_owned(),
            }),
            None => self.longest.clone(),
        }
    }

    /// What the steps did at the first failure of the outage, or when the question was asked that is late.
    fn begun_at_work(&self) -> &str {
        match &self.asking {
            Some(asked) if !self.failing => &asked.at_work,
            _ => &self.at_work,
        }
    }

    /// When it first failed, and when its longest outage was.
    pub fn told(&self) -> Vec<Detail> {
        let now = Instant::now();
        let first = self.first_failed.as_ref().zip(self.first_failure.as_ref());
        let first = first.map(|(when, fault)| format!("{}: {}", when.text(), fault.message));
        let longest = self.longest(now).map(|when| {
            let lasted = duration_text(self.outages(now).0.as_secs_f64());
            format!("{lasted}, from the last answer before it: {}", when.text())
        });
        let told = [("first failure", first), ("longest outage", longest)];
        let told = told.into_iter().filter_map(|(title, text)| Some((title, text?)));
        let detail = |(title, text): (&str, String)| Detail {
            title: title.to_owned(),
            text,
        };
        told.map(detail).collect()
    }

    /// Why it did not hold, if it did not.
    pub fn fault(&self, name: &str) -> Option<Fault> {
        let failures = self.failures;
        let told = |first: &Fault| Fault {
            message: format!(
                "probe `{name}` must hold, and failed {}: {}",
                times_text(failures),
                first.message
            ),
            details: self.told().into_iter().chain(first.details.clone()).collect(),
            ..first.clone()
        };
        let silent = || Fault::error(format!("probe `{name}` never had an answer"));
        let first = self.first_failure.as_ref().map(told);
        first.or_else(|| (self.answers == 0).then(silent))
    }

    /// The longest outage and all together, with the one that goes on.
    fn outages(&self, now: Instant) -> (Duration, Duration) {
        let last = self.last_answer.filter(|_| self.failing || self.is_late());
        let outage = last.map_or(Duration::ZERO, |last| now - last);
        (self.max_outage.max(outage), self.total_outage + outage)
    }

    /// What expressions and `state-assert` see of it now, its values apart.
    fn counts(&self) -> [(&'static str, Value); 5] {
        let (max_outage, outage) = self.outages(Instant::now());
        let shown = |outage: Duration| crate::event::duration_text(outage.as_secs_f64()).into();
        let first = self.first_failure.as_ref().map(|fault| fault.message.as_str());
        [
            ("answers", self.answers.into()),
            ("failures", self.failures.into()),
            ("max_outage", shown(max_outage)),
            ("outage", shown(outage)),
            ("first_failure", first.into()),
        ]
    }

    /// Brings a probe's part of all summaries up to now. They are touched only where there is news, since they are copied
    /// then while a scope has them; the values that are told already stay as they are.
    pub fn tell(&mut self, name: &str, summaries: &mut Arc<Value>) {
        let counts = self.counts();
        let known = &summaries[name];
        let is_new = |(count, now): &(&str, Value)| known.get(*count) != Some(now);
        if self.new_values.is_empty() && !counts.iter().any(is_new) {
            return;
        }
        let summary = &mut Arc::make_mut(summaries)[name];
        for (count, now) in counts {
            summary[count] = now;
        }
        let values = &mut summary["values"];
        let fresh = std::mem::take(&mut self.new_values);
        if self.size > MAX_VALUES {
            *values = Value::Null;
        } else if let Some(values) = values.as_array_mut() {
            values.extend(fresh);
        } else {
            *values = Value::Array(fresh);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use futures_util::poll;
    use serde_json::json;

    use super::Seen;
    use crate::event::Fault;

    #[tokio::test]
    async fn the_end_of_the_first_question_wakes_who_waits_for_it() {
        let ends: [fn(&Seen); 2] = [
            |seen| seen.answered(&json!({})),
            |seen| seen.failed(&Fault::failure("no"), String::new()),
        ];
        for end in ends {
            let seen = Seen::every(Duration::ZERO);
            let first = seen.first();
            tokio::pin!(first);
            seen.begins(String::new());
            assert!(poll!(&mut first).is_pending());
            end(&seen);
            assert!(poll!(&mut first).is_ready());
            assert!(poll!(std::pin::pin!(seen.first())).is_ready());
        }
    }
}
