//! What a step sees while it is done: its case, the names, its limit; templates are rendered and targets found here.

mod followed;
mod found;
mod over;

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde_json::Value;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::{Case, NodeHandle, RunOf, SetBy};
use crate::diagnostic::Span;
use crate::engine::{EngineError, EngineResult, Reason};
use crate::event::{Detail, Fault, StepInfo, What};
use crate::expect::Expectation;
use crate::shape::{Computed, Word};
use crate::template::{Absent, Data, Expression, Scope, Template, Unrendered};

/// What a step sees while it is done.
pub struct Cx {
    /// Its case.
    pub case: Arc<Case>,
    /// The names and their values.
    pub scope: Scope,
    /// Which step it is.
    pub step: StepInfo,
    /// Where its kind is written.
    pub span: Span,
    /// What relative paths in it are relative to.
    pub folder: PathBuf,
    /// The limit of this attempt.
    pub limit: Duration,
    /// What sets it.
    pub limit_by: SetBy,
    /// When this attempt must end.
    pub deadline: Instant,
    /// When its expectation must have become true, if it may become so.
    pub within: Option<Instant>,
    /// How long that is, where it ends this attempt before its own limit.
    pub cut: Option<Duration>,
    /// True where it may be asked again after this answer: by a probe, or until it holds.
    pub again: bool,
    /// How long it must hold once it does, of a kind that waits for that itself.
    pub holds: Option<Duration>,
    /// What its result must be; judged by the interpreter, and by kinds that wait for it themselves.
    pub expect: Option<Expectation>,
    /// The names that what it saves uses, those of its result among them.
    pub saves: BTreeSet<String>,
    /// Ends it.
    pub cancel: CancellationToken,
    parts: Mutex<BTreeMap<String, f64>>,
    observed: Mutex<String>,
    futile: AtomicBool,
    concerned: Mutex<Vec<(NodeHandle, String)>>,
    /// What explains the result, should it fail.
    of_failure: Mutex<Vec<Detail>>,
    followed: Mutex<Vec<followed::Followed>>,
    /// What has ended, as its faults tell.
    ended: Mutex<Vec<RunOf>>,
}

/// The result of a step's part: a value, or why there is none.
pub type Done<T> = Result<T, Vec<Fault>>;

impl Cx {
    /// A step of a case; the limits are set by the interpreter.
    pub fn new(case: Arc<Case>, scope: Scope, step: StepInfo, span: Span, cancel: CancellationToken) -> Self {
        let folder = case.folder.clone();
        Cx {
            case,
            scope,
            step,
            span,
            folder,
            limit: Duration::ZERO,
            limit_by: SetBy::Default,
            deadline: Instant::now(),
            within: None,
            cut: None,
            again: false,
            holds: None,
            expect: None,
            saves: BTreeSet::new(),
            cancel,
            parts: Mutex::default(),
            observed: Mutex::default(),
            futile: AtomicBool::new(false),
            concerned: Mutex::default(),
            of_failure: Mutex::default(),
            followed: Mutex::default(),
            ended: Mutex::default(),
        }
    }

    /// Renders something; what it asks is answered afresh.
    pub async fn rendered<T>(&self, render: impl Fn(&Scope) -> Result<T, Unrendered>) -> Done<T> {
        self.looked(render, |_| false).await
    }

    /// The same, where it is the system's fault, and no error, that something is not there.
    async fn looked<T>(
        &self,
        render: impl Fn(&Scope) -> Result<T, Unrendered>,
        fails: impl Fn(Absent) -> bool,
    ) -> Done<T> {
        let mut scope = self.scope.clone();
        if scope.values.contains_key("probes") {
            // As they are now, not as they were when the attempt began.
            scope.values.insert("probes".to_owned(), self.case.probes());
        }
        // Each round answers all that could be found out to be needed; a question may lead to another.
        for _ in 0..32 {
            match render(&scope) {
                Ok(value) => return Ok(value),
                Err(Unrendered::Failed { span, message, absent }) => {
                    let fault = match absent.is_some_and(&fails) {
                        true => Fault::failure(message),
                        false => Fault::error(message),
                    };
                    return Err(vec![fault.at(span.place())]);
                }
                Err(Unrendered::Needs(questions)) => {
                    for question in questions {
                        let answer = self.answer(&question).await?;
                        scope.answers.insert(question, answer);
                    }
                }
            }
        }
        Err(vec![
            Fault::error("the expression asks again and again").at(self.span.place()),
        ])
    }

    /// Renders a text.
    pub async fn text(&self, template: &Template) -> Done<String> {
        self.rendered(|scope| template.text(scope)).await
    }

    /// Renders a text that may be absent.
    pub async fn optional(&self, template: Option<&Template>) -> Done<Option<String>> {
        match template {
            Some(template) => self.text(template).await.map(Some),
            None => Ok(None),
        }
    }

    /// Renders data.
    pub async fn data(&self, data: &Data) -> Done<Value> {
        self.rendered(|scope| data.render(scope)).await
    }

    /// Evaluates an expression.
    pub async fn expression(&self, expression: &Expression) -> Done<Value> {
        self.rendered(|scope| expression.value(scope)).await
    }

    /// Evaluates an expression over what was observed: what is not in a known value is the system's fault, and no error.
    pub async fn looked_up(&self, expression: &Expression) -> Done<Value> {
        let fails = |absent| absent == Absent::Part;
        self.looked(|scope| expression.value(scope), fails).await
    }

    /// Evaluates an expression over a result, of which a name may be missing, too: it is another result than was meant.
    pub async fn found_in_result(&self, expression: &Expression) -> Done<Value> {
        self.looked(|scope| expression.value(scope), |_| true).await
    }

    /// The value of a typed leaf.
    pub async fn computed<T: Word>(&self, leaf: &Computed<T>) -> Done<T> {
        match leaf {
            Computed::Known(value) => Ok(value.value.clone()),
            Computed::Late(template) => {
                let text = self.text(template).await?;
                T::from_text(&text).ok_or_else(|| {
                    vec![Fault::error(format!("expected {}, found `{text}`", T::WHAT)).at(template.span.place())]
                })
            }
        }
    }

    /// The same of one that may be absent.
    pub async fn computed_if_any<T: Word>(&self, leaf: Option<&Computed<T>>) -> Done<Option<T>> {
        match leaf {
            Some(leaf) => self.computed(leaf).await.map(Some),
            None => Ok(None),
        }
    }

    /// A path from the file that it is written in; one that begins with a parameter's value, from where that was written.
    pub fn path(&self, written: &Template, text: &str) -> PathBuf {
        self.asked_path(text, self.scope.folder_of(written.leading_name()).as_deref())
    }

    /// A path from the folder that it was given in; without one from the file that asks for it.
    pub fn asked_path(&self, text: &str, given: Option<&Path>) -> PathBuf {
        crate::scenario::normal(&given.unwrap_or(&self.folder).join(text))
    }

    /// An engine call that only asks.
    pub async fn asked<T>(&self, call: impl Future<Output = EngineResult<T>>) -> Done<T> {
        call.await.map_err(|error| vec![self.engine_fault(&error)])
    }

    /// An engine call that changes something: it is never dropped half way, and tearing down waits for it.
    pub async fn changed<T: Send + 'static>(
        &self,
        call: impl Future<Output = EngineResult<T>> + Send + 'static,
    ) -> Done<T> {
        match self.case.changes.spawn(call).await {
            Ok(result) => result.map_err(|error| vec![self.engine_fault(&error)]),
            Err(_) => Err(self.error("the call was ended")),
        }
    }

    /// An engine's refusal as a fault: what is not there or not running is the system's state, the rest an error.
    pub fn engine_fault(&self, error: &EngineError) -> Fault {
        let fault = match error.reason {
            Reason::NotFound | Reason::Conflict => Fault::failure(error.to_string()),
            Reason::Away | Reason::Limit | Reason::Other => Fault::error(error.to_string()),
        };
        fault.at(self.span.place())
    }

    /// What an attempt did not end within, as a message says it, and what sets that.
    pub fn passed_limit(&self) -> (String, String) {
        let shown = |limit: Duration| crate::event::duration_text(limit.as_secs_f64());
        match self.cut {
            Some(within) => (
                format!("the {} of `within`", shown(within)),
                "`within` ended it".to_owned(),
            ),
            None => (shown(self.limit), self.limit_by.to_string()),
        }
    }

    /// A list of one failure here.
    pub fn failure(&self, message: impl Into<String>) -> Vec<Fault> {
        vec![Fault::failure(message).at(self.span.place())]
    }

    /// A list of one failure here, with what to do.
    pub fn failure_with_hint(&self, message: impl Into<String>, hint: impl Into<String>) -> Vec<Fault> {
        vec![Fault::failure(message).at(self.span.place()).hint(hint)]
    }

    /// Faults of what held until now and has to for longer: with how long it did.
    pub fn not_held(&self, mut faults: Vec<Fault>, held: Duration) -> Vec<Fault> {
        let shown = |duration: Duration| crate::event::duration_text(duration.as_secs_f64());
        if let Some(first) = faults.first_mut() {
            let wanted = self
                .holds
                .map_or(String::new(), |wanted| format!(" of {}", shown(wanted)));
            let text = format!("it held for {}{wanted}, then no longer", shown(held));
            let title = "held".to_owned();
            first.details.insert(0, Detail { title, text });
        }
        faults
    }

    /// A list of one error here.
    pub fn error(&self, message: impl Into<String>) -> Vec<Fault> {
        vec![Fault::error(message).at(self.span.place())]
    }

    /// A list of one error here, with what to do.
    pub fn error_with_hint(&self, message: impl Into<String>, hint: impl Into<String>) -> Vec<Fault> {
        vec![Fault::error(message).at(self.span.place()).hint(hint)]
    }

    /// Counts the time of a part: `pull build create wait remove`.
    pub async fn timed<T>(&self, part: &str, work: impl Future<Output = T>) -> T {
        let began = Instant::now();
        let done = work.await;
        *self
            .parts
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .entry(part.to_owned())
            .or_default() += began.elapsed().as_secs_f64();
        done
    }

    /// The time of the parts so far.
    pub fn parts(&self) -> BTreeMap<String, f64> {
        self.parts.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Tells what the step waits for, when that or what was last seen has changed.
    pub fn waiting(&self, waits_for: &str, observed: &str) {
        let mut last = self.observed.lock().unwrap_or_else(PoisonError::into_inner);
        let now = format!("{waits_for}\n{observed}");
        if *last == now {
            return;
        }
        *last = now;
        drop(last);
        let until = self.within.unwrap_or(self.deadline);
        self.case.emitter.emit(What::StepWaiting {
            path: self.step.path.clone(),
            waits_for: waits_for.to_owned(),
            limit: until.saturating_duration_since(Instant::now()).as_secs_f64(),
            observed: observed.to_owned(),
        });
    }

    /// What is done with one of these fields of its result, if anything is: for that it has to be whole.
    pub fn needs_whole(&self, fields: &[&str]) -> Option<&'static str> {
        let expects = |field: &&str| self.expect.as_ref().is_some_and(|expect| expect.expects(field));
        match fields {
            fields if fields.iter().any(expects) => Some("judged"),
            fields if fields.iter().any(|field| self.saves.contains(*field)) => Some("saved"),
            _ => None,
        }
    }

    /// What was last seen while it waited.
    pub fn observed(&self) -> Option<String> {
        let last = self.observed.lock().unwrap_or_else(PoisonError::into_inner);
        last.split_once('\n').map(|(_, observed)| observed.to_owned())
    }

    /// Remembers a container that the step is about beside what its kind knows: it was asked for its port.
    pub fn concerns(&self, node: &NodeHandle, id: &str) {
        let mut concerned = self.concerned.lock().unwrap_or_else(PoisonError::into_inner);
        if !concerned.iter().any(|(_, known)| known == id) {
            concerned.push((node.clone(), id.to_owned()));
        }
    }

    /// The containers that the step is about beside what its kind knows.
    pub fn concerned(&self) -> Vec<(NodeHandle, String)> {
        self.concerned.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Keeps what explains the result, should an expectation of it fail.
    pub(super) fn tells_of_failure(&self, title: &str, text: String) {
        let title = title.to_owned();
        let mut told = self.of_failure.lock().unwrap_or_else(PoisonError::into_inner);
        told.push(Detail { title, text });
    }

    /// What was kept so.
    pub(super) fn told_of_failure(&self) -> Vec<Detail> {
        self.of_failure.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Says that asking again cannot help: what it is about is gone for good.
    pub fn set_futile(&self) {
        self.futile.store(true, Ordering::Relaxed);
    }

    /// True when asking again cannot help.
    pub fn is_futile(&self) -> bool {
        self.futile.load(Ordering::Relaxed)
    }
}
