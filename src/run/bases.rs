//! Before anything is built: the images that others are made from, and those that steps run, pulled where they are not
//! here. By the ids it is known what is built of them: the jobs are planned again with these.

use std::collections::BTreeSet;

use futures_util::StreamExt;
use tokio::time::Instant;

use super::{Env, Job};
use crate::event::What;
use crate::image::{Bases, How, Identities, OURS};
use crate::plan;

/// How many are looked at at once.
const AT_ONCE: usize = 2;

/// Looks what the base images of the jobs and those of their steps are, and plans again what is built of them.
pub(super) async fn settle(env: &mut Env, jobs: &mut [&mut Job]) {
    let images = jobs.iter().flat_map(|job| &job.plan.images);
    let mut wanted: BTreeSet<String> = images.flat_map(|image| image.bases()).collect();
    // Images that steps name are here before they begin. One that a step makes is nowhere yet: the step that wants it tells.
    let named = jobs.iter().flat_map(|job| job.plan.step_images());
    wanted.extend(named.map(str::to_owned));
    let asked: &Env = env;
    // Those that are built here are known by their names.
    let others = wanted.into_iter().filter(|base| !base.starts_with(OURS));
    let others = futures_util::stream::iter(others)
        .map(|base| async move { id(asked, &base).await.map(|id| (base, id)) })
        .buffered(AT_ONCE);
    let ids = tokio::select! {
        ids = others.collect::<Vec<_>>() => ids,
        () = env.cancel.cancelled() => return,
    };
    env.settings.identities = Identities::Bases(Bases {
        run: env.settings.run.clone(),
        ids: ids.into_iter().flatten().collect(),
    });
    for job in jobs.iter_mut().filter(|job| builds(job)) {
        // What could be wrong with it was told of the plan before, which was made of the same words.
        if let Ok(plan) = plan::filled(&job.loaded, &job.seed, 1, &env.settings, &env.files) {
            job.plan = plan;
        }
    }
}

fn builds(job: &Job) -> bool {
    let mut images = job.plan.images.iter();
    images.any(|image| matches!(image.how, How::Build(_)))
}

/// The id of an image; none of one that cannot be had: the build or step that wants it tells why.
async fn id(env: &Env, reference: &str) -> Option<String> {
    let engine = &env.unplaced().engine;
    if let Some(image) = engine.image(reference).await.ok()? {
        return Some(image.id);
    }
    let began = Instant::now();
    env.unplaced().pulls.pull(engine.as_ref(), reference).await.ok()?;
    env.emitter.emit(What::ImageReady {
        image: format!("`{reference}`"),
        how: "pulled".to_owned(),
        seconds: began.elapsed().as_secs_f64(),
        error: None,
    });
    Some(engine.image(reference).await.ok()??.id)
}
