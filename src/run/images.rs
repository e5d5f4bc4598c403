//! Before the first scenario: all images of the run, each built or pulled once however many scenarios use it; and at a
//! later try what only that one wants.

mod build;
mod by;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tokio::time::Instant;

use super::{Env, Job};
use crate::engine::{Reason, ResourceKind};
use crate::event::{Fault, NOT_BUILT, What};
use crate::image::{How, ImagePlan, Pull};
use crate::plan::{Plan, SCRATCH};
use crate::step::{Emitter, inside};
use build::built;
use by::wanted_by;

/// How many images are built or pulled at once: a build keeps a machine busy by itself.
const AT_ONCE: usize = 2;
/// How often a pull is tried when the surroundings fail.
const TRIES: u32 = 3;
/// How long the first pause between two of them is; the second is twice as long.
const PAUSE: Duration = Duration::from_secs(1);

/// The image for asking from `inside`, as it is told of.
const INSIDE: &str = "e2erun/inside";

/// What became of an image.
struct Made {
    /// `pull` or `build`.
    part: &'static str,
    seconds: f64,
    /// Why it cannot be had.
    fault: Option<Fault>,
    /// How the fault calls it, by the name that the first one gives it who wants it.
    shown: String,
}

impl Made {
    /// Why it cannot be had, for one who calls it so.
    fn fault_of(&self, shown: &str) -> Option<Fault> {
        let fault = self.fault.clone()?;
        let message = fault.message.replace(&self.shown, shown);
        Some(Fault { message, ..fault })
    }
}

/// What became of the images of a run.
#[derive(Default)]
pub(super) struct Images {
    made: Mutex<BTreeMap<String, Made>>,
    /// Later tries make theirs one after the other: two may want the same.
    later: tokio::sync::Mutex<()>,
}

/// An image that is to be made, and how it is told of: what one of those who want it hides is hidden.
struct Wanted {
    image: ImagePlan,
    /// What those who want it call it.
    names: BTreeSet<String>,
    emitter: Emitter,
}

impl Images {
    /// Pulls what the first tries of the cases want: what is built may be made from these.
    pub(super) async fn pull(env: &Env, jobs: &[&Job]) -> Images {
        let images = Images::default();
        let mut waiting = wanted(env, &plans(jobs));
        waiting.retain(|_, wanted| matches!(wanted.image.how, How::Existing { .. }));
        images.make_all(env, waiting).await;
        images
    }

    /// Builds what they want.
    pub(super) async fn build(&self, env: &Env, jobs: &[&Job]) {
        self.make(env, &plans(jobs)).await;
    }

    /// Why a try cannot have its images; adds the time that they took to the case's. What an earlier try did not want,
    /// since its values were others, is made now.
    pub(super) async fn of(&self, env: &Env, plan: &Plan, parts: &mut BTreeMap<String, f64>) -> Vec<Fault> {
        if plan.attempt > 1 {
            let _alone = self.later.lock().await;
            self.make(env, &[plan]).await;
        }
        let made = self.made();
        let mut faults = Vec::new();
        for (wanted, by) in wanted_by(plan) {
            let Some(made) = made.get(wanted) else { continue };
            *parts.entry(made.part.to_owned()).or_default() += made.seconds;
            // Another one may have written it elsewhere, and by another name: both are those of who wants it.
            faults.extend(made.fault_of(&by.shown).map(|fault| by.told(fault)));
        }
        faults.dedup();
        faults
    }

    fn made(&self) -> MutexGuard<'_, BTreeMap<String, Made>> {
        self.made.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes what plans want and is not made yet.
    async fn make(&self, env: &Env, plans: &[&Plan]) {
        let mut waiting = wanted(env, plans);
        waiting.retain(|reference, _| !self.made().contains_key(reference));
        if !waiting.is_empty() {
            self.make_all(env, waiting).await;
            // Copies of contexts, with whatever stands in them, are no results.
            for scratch in [env.folder(SCRATCH), env.settings.hidden.join(SCRATCH)] {
                if let Err(why) = env.host.remove_folder(&scratch).await {
                    let told = format!(
                        "cannot remove what images were built from, `{}`: {why}",
                        scratch.display()
                    );
                    env.emitter.note(&told);
                }
            }
        }
        let inside = plans.iter().any(|plan| plan.asks_inside()) && !self.made().contains_key(INSIDE);
        if inside && !env.cancel.is_cancelled() {
            let made = inside_image(env).await;
            self.made().insert(INSIDE.to_owned(), made);
        }
    }

    async fn make_all(&self, env: &Env, mut waiting: BTreeMap<String, Wanted>) {
        let mut running = FuturesUnordered::new();
        let mut unfinished: BTreeSet<String> = waiting.keys().cloned().collect();
        loop {
            while running.len() < AT_ONCE
                && !env.cancel.is_cancelled()
                && let Some(next) = ready(&waiting, &unfinished, running.is_empty())
                && let Some(wanted) = waiting.remove(&next)
            {
                let missing = self.missing_base(&wanted.image);
                running.push(async move {
                    let made = make(env, &wanted, missing).await;
                    (wanted.image.reference, made)
                });
            }
            let Some((reference, made)) = running.next().await else {
                break;
            };
            unfinished.remove(&reference);
            self.made().insert(reference, made);
        }
        for (reference, wanted) in waiting {
            let fault = Fault::error("interrupted before its images were ready");
            self.made().insert(reference, wanted.image.made(0.0, Some(fault)));
        }
    }

    /// Why an image cannot be made: one that it is made from could not.
    fn missing_base(&self, image: &ImagePlan) -> Option<Fault> {
        let made = self.made();
        image.bases().into_iter().find_map(|base| {
            let fault = made.get(&base)?.fault.clone()?;
            let message = format!("its base image `{base}` cannot be had");
            Some(Fault { message, ..fault })
        })
    }
}

fn plans<'j>(jobs: &[&'j Job]) -> Vec<&'j Plan> {
    jobs.iter().map(|job| &job.plan).collect()
}

/// Makes the image for asking from `inside`.
async fn inside_image(env: &Env) -> Made {
    let began = Instant::now();
    if let Ok(program) = env.host.program().await {
        env.lease.wants(&inside::image(&program));
    }
    let made = inside::make_image(env.unplaced().engine.as_ref(), env.host.as_ref()).await;
    let (how, fault) = match made {
        Ok(how) => (how, None),
        Err(fault) => (NOT_BUILT, Some(fault)),
    };
    let seconds = began.elapsed().as_secs_f64();
    env.emitter.emit(What::ImageReady {
        image: INSIDE.to_owned(),
        how: how.to_owned(),
        seconds,
        error: fault.as_ref().map(|fault| fault.message.clone()),
    });
    Made {
        part: "build",
        seconds,
        fault,
        shown: INSIDE.to_owned(),
    }
}

/// What plans want, each reference once.
fn wanted(env: &Env, plans: &[&Plan]) -> BTreeMap<String, Wanted> {
    let mut wanted = BTreeMap::new();
    let mut want = |plan: &Plan, image: ImagePlan| {
        let wanted = wanted.entry(image.reference.clone()).or_insert_with(|| Wanted {
            emitter: env.emitter.hiding(env.emitter.masks.copy()),
            names: BTreeSet::new(),
            image: image.clone(),
        });
        wanted.names.insert(image.shown());
        plan.hide(&wanted.emitter.masks);
    };
    for plan in plans {
        for image in plan.images.iter().filter(|image| !matches!(image.how, How::Blank)) {
            want(plan, image.clone());
        }
    }
    for plan in plans {
        for stack in &plan.stacks {
            for (reference, _, at) in stack.pulled() {
                want(plan, ImagePlan::existing(reference, at));
            }
        }
    }
    wanted
}

/// The next image none of whose bases is still to be made.
fn ready(waiting: &BTreeMap<String, Wanted>, unfinished: &BTreeSet<String>, idle: bool) -> Option<String> {
    let free = waiting
        .iter()
        .find(|(_, wanted)| wanted.image.bases().is_disjoint(unfinished));
    // With nothing under way those that are left are a circle of bases: the first one fails by itself, and says so.
    free.or_else(|| waiting.iter().next().filter(|_| idle))
        .map(|(reference, _)| reference.clone())
}

impl ImagePlan {
    /// What is said of it where it cannot be had.
    fn missing(&self) -> &'static str {
        match self.how {
            How::Build(_) => NOT_BUILT,
            How::Existing { .. } | How::Blank => "failed",
        }
    }

    fn made(&self, seconds: f64, fault: Option<Fault>) -> Made {
        let part = match self.how {
            How::Build(_) => "build",
            How::Existing { .. } | How::Blank => "pull",
        };
        Made {
            part,
            seconds,
            fault,
            shown: self.shown(),
        }
    }
}

async fn make(env: &Env, wanted: &Wanted, missing: Option<Fault>) -> Made {
    let image = &wanted.image;
    let began = Instant::now();
    let work = async {
        match (&image.how, missing) {
            (_, Some(fault)) => Err(fault),
            (How::Blank, None) => Ok("named"),
            (How::Existing { pull, .. }, None) => existing(env, wanted, *pull).await,
            (How::Build(build), None) => built(env, image, build).await,
        }
    };
    let made = tokio::select! {
        made = work => made,
        () = env.cancel.cancelled() => Err(Fault::error("interrupted before its images were ready")),
    };
    let (how, fault) = match made {
        Ok(how) => (how, None),
        Err(fault) => (image.missing(), Some(fault)),
    };
    let seconds = began.elapsed().as_secs_f64();
    wanted.emitter.emit(What::ImageReady {
        image: wanted.names.iter().cloned().collect::<Vec<_>>().join(", "),
        how: how.to_owned(),
        seconds,
        error: fault.as_ref().map(|fault| fault.message.clone()),
    });
    image.made(seconds, fault)
}

async fn existing(env: &Env, wanted: &Wanted, pull: Pull) -> Result<&'static str, Fault> {
    let engine = &env.unplaced().engine;
    let reference = &wanted.image.reference;
    let here = engine
        .image(reference)
        .await
        .map_err(|error| Fault::error(error.to_string()))?
        .is_some();
    match pull {
        Pull::Missing if here => return Ok("present"),
        Pull::Never if here => return Ok("present"),
        Pull::Never => {
            return Err(Fault::error(format!(
                "image `{reference}` is not here, and `pull: never` keeps it from being pulled"
            )));
        }
        Pull::Missing | Pull::Always => {}
    }
    for tries in 1.. {
        let Err(error) = engine.pull(reference).await else {
            break;
        };
        if tries >= TRIES || !of_the_surroundings(&error.answer, error.reason) {
            return Err(not_pulled(reference, here, &error.answer));
        }
        wanted.emitter.emit(What::Retried {
            path: None,
            text: format!("pull `{reference}`: {}", error.answer),
        });
        // A registry that is busy is not asked again at once.
        crate::wait::pause(PAUSE * tries).await;
    }
    Ok("pulled")
}

/// Why an image is not pulled; one that is here is wanted anew.
fn not_pulled(reference: &str, here: bool, answer: &str) -> Fault {
    let (what, hint) = match here {
        true => (
            "is here, but cannot be pulled anew",
            "let `pull: missing` take the one that is here, or look why the registry refuses",
        ),
        false => (
            "is not here and cannot be pulled",
            "pull or build it first, or replace it: `substitute: {images: {…}}`",
        ),
    };
    Fault::error(format!("image `{reference}` {what}: {answer}")).hint(hint)
}

/// A refusal that another try may not meet: a busy registry, a connection that was cut.
fn of_the_surroundings(answer: &str, reason: Reason) -> bool {
    let busy = [
        "429",
        "toomanyrequests",
        "500 ",
        "502",
        "503",
        "504",
        "timeout",
        "connection reset",
        "unexpected EOF",
    ];
    reason != Reason::NotFound && busy.iter().any(|word| answer.contains(word))
}

/// Removes the images that a scenario said it owns; when the run is over nobody uses them any more.
pub(super) async fn remove_own(env: &Env, jobs: &[Job]) -> Vec<Fault> {
    let own = |image: &&ImagePlan| matches!(image.how, How::Existing { own: true, .. });
    let plans = jobs.iter().flat_map(|job| &job.plan.images);
    let own: BTreeSet<&String> = plans.filter(own).map(|image| &image.reference).collect();
    let mut faults = Vec::new();
    for reference in own {
        let removed = env.unplaced().engine.remove(ResourceKind::Image, reference);
        if let Err(error) = removed.await {
            faults.push(Fault::error(format!(
                "image `{reference}` is `own`, and cannot be removed: {error}"
            )));
        }
    }
    faults
}
