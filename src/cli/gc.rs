//! `e2erun gc`: removes what dead runs left on the engine.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::options::GcArguments;
use super::{Process, connect, terminal};
use crate::engine::docker::Docker;
use crate::engine::{Resource, ResourceKind};
use crate::host::{Host, NoGroups, RealHost};
use crate::lease::{self, GcOptions, GcPlan, Leases, Why, WhyNot};
use crate::shape::Word;

/// Removes, or shows what would be removed.
pub(crate) fn gc(process: &Process, arguments: &GcArguments) -> u8 {
    let older_than = match arguments.older_than.as_deref().map(age) {
        None => None,
        Some(Some(age)) => Some(age),
        Some(None) => return terminal::refuse("--older-than wants an age, like `24h` or `7d`"),
    };
    if arguments.label.as_ref().is_some_and(|label| !label.contains('=')) {
        return terminal::refuse("--label wants a name and its value, as a kept scenario told it: `e2erun.case=…`");
    }
    let options = GcOptions {
        older_than,
        label: arguments.label.clone(),
        images: arguments.images,
        now: jiff::Timestamp::now().as_second(),
    };
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(why) => return terminal::refuse(&format!("cannot start: {why}")),
    };
    match runtime.block_on(collect(process, arguments, &options)) {
        Ok(code) => code,
        Err(why) => {
            terminal::print_error(&format!("error: {why}\n"));
            3
        }
    }
}

/// A duration, or days: what is old is.
fn age(text: &str) -> Option<Duration> {
    match text.strip_suffix('d') {
        Some(days) => days.parse::<u64>().ok().map(|days| Duration::from_secs(days * 86_400)),
        None => Duration::from_text(text),
    }
}

async fn collect(process: &Process, arguments: &GcArguments, options: &GcOptions) -> Result<u8, String> {
    let endpoint = connect::meant(process, arguments.docker.as_deref()).map_err(|error| error.to_string())?;
    let engine = Docker::connect(&endpoint).await.map_err(|error| error.to_string())?;
    let folder = connect::leases(process);
    let leases =
        Leases::look(&folder).map_err(|why| format!("cannot read the leases in `{}`: {why}", folder.display()))?;
    leases
        .unknown()
        .for_each(|told| terminal::print_error(&format!("error: {told}\n")));
    let plan = lease::plan_gc(&engine, &leases, options)
        .await
        .map_err(|error| error.to_string())?;
    if arguments.dry_run {
        terminal::print(&planned(&plan));
        return Ok(0);
    }
    let host: Arc<dyn Host> = Arc::new(RealHost::new(Arc::new(NoGroups)));
    let kept = untouched(&plan);
    let swept = lease::gc(&engine, host.as_ref(), &leases, plan, options).await;
    let mut text: String = swept
        .removed
        .iter()
        .map(|resource| format!("removed {}\n", named(resource)))
        .collect();
    text.push_str(&format!("{} removed{kept}\n", swept.removed.len()));
    terminal::print(&text);
    for left in &swept.left {
        terminal::print_error(&format!("error: {} cannot be removed: {}\n", left.what, left.why));
    }
    Ok(if swept.left.is_empty() && leases.unreadable.is_empty() {
        0
    } else {
        3
    })
}

fn planned(plan: &GcPlan) -> String {
    let mut text = String::new();
    for group in &plan.groups {
        text.push_str(&format!(
            "would end the processes of a dead run: {:?}\n",
            group.members()
        ));
    }
    for (resource, why) in &plan.resources {
        let why = match why {
            Why::Dead => "its run is dead",
            Why::Old => "it is old",
            Why::Labelled => "it has the label",
            Why::Image => "a built image",
        };
        text.push_str(&format!("would remove {} ({why})\n", named(resource)));
    }
    for (resource, why) in &plan.kept {
        text.push_str(&format!("would leave {} ({})\n", named(resource), why_not(*why)));
    }
    text.push_str(&format!(
        "{} would be removed{}\n",
        plan.resources.len(),
        untouched(plan)
    ));
    text
}

fn why_not(why: WhyNot) -> &'static str {
    match why {
        WhyNot::Alive => "its run is alive",
        WhyNot::Elsewhere => "its run is not known here: `--older-than` or its `--label` removes it",
        WhyNot::Image => "a built image, kept for the next run: `--images` removes it",
        WhyNot::ImageInUse => "a built image, and a run is alive that may want it",
        WhyNot::Young => "a built image, younger than that",
    }
}

/// How many are not touched, and for which reasons.
fn untouched(plan: &GcPlan) -> String {
    let mut counted: BTreeMap<WhyNot, usize> = BTreeMap::new();
    for (_, why) in &plan.kept {
        *counted.entry(*why).or_default() += 1;
    }
    let reasons: String = counted
        .iter()
        .map(|(why, count)| format!("\n  {count}: {}", why_not(*why)))
        .collect();
    format!(", {} not touched{reasons}", plan.kept.len())
}

fn named(resource: &Resource) -> String {
    let kind = match resource.kind {
        ResourceKind::Container => "container",
        ResourceKind::Network => "network",
        ResourceKind::Volume => "volume",
        ResourceKind::Image => "image",
    };
    format!("{kind} {}", resource.name)
}
