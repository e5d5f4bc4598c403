//! `e2erun gc`: removes what dead runs left on the engine.

mod swarm;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::options::GcArguments;
use super::{Process, connect, terminal};
use crate::engine::Resource;
use crate::engine::docker::Docker;
use crate::host::{Host, NoGroups, RealHost};
use crate::lease::{self, GcOptions, GcPlan, Lease, Leases, Why, WhyNot};
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
    if let Err(why) = connect::elsewhere(process, arguments.docker.as_deref()) {
        return terminal::refuse(&why.to_string());
    }
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
    // As a run does it: where this is killed, its sockets go with the next one.
    let lease = connect::lease(process)?;
    let collected = reached(process, arguments, options, &lease).await;
    let ended = lease
        .end()
        .map_err(|why| format!("the lease cannot be given up: {why}"));
    collected.and_then(|code| ended.map(|()| code))
}

async fn reached(process: &Process, arguments: &GcArguments, options: &GcOptions, lease: &Lease) -> Result<u8, String> {
    let way = connect::Way::find(process, arguments.docker.as_deref(), &lease::private(lease.id())).await;
    let way = way.map_err(|error| error.to_string())?;
    let collected = match Docker::connect(&way.dialled).await {
        Ok(engine) => collect_on(process, arguments, options, (&engine, &way.pasted().gc, lease)).await,
        Err(error) => Err(error.to_string()),
    };
    way.close().await;
    collected
}

async fn collect_on(
    process: &Process,
    arguments: &GcArguments,
    options: &GcOptions,
    (engine, own, lease): (&Docker, &str, &Lease),
) -> Result<u8, String> {
    let folder = connect::leases(process);
    let leases =
        Leases::look(&folder).map_err(|why| format!("cannot read the leases in `{}`: {why}", folder.display()))?;
    leases
        .unknown()
        .for_each(|told| terminal::print_error(&format!("error: {told}\n")));
    let plan = lease::plan_gc(engine, &leases, options)
        .await
        .map_err(|error| error.to_string())?;
    let nothing = nothing_labelled(&plan, options);
    if arguments.dry_run {
        let is_meant = nothing.is_none();
        terminal::print(&nothing.unwrap_or_else(|| planned(&plan, (options.now, own))));
        if is_meant {
            terminal::print(&swarm::left(process, (engine, lease), true).await?);
        }
        return Ok(0);
    }
    let host: Arc<dyn Host> = Arc::new(RealHost::new(Arc::new(NoGroups)));
    let kept = untouched(&plan, (options.now, own));
    let swept = lease::gc(engine, host.as_ref(), &leases, plan, options).await;
    let mut text: String = swept
        .removed
        .iter()
        .map(|resource| format!("removed {}\n", named(resource)))
        .collect();
    let counted = || format!("{} removed{kept}\n", swept.removed.len());
    let is_meant = nothing.is_none();
    text.push_str(&nothing.unwrap_or_else(counted));
    // What was kept kept the swarm, too. One who names what is not there has not meant this engine, perhaps.
    if is_meant {
        text.push_str(&swarm::left(process, (engine, lease), false).await?);
    }
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

/// What is told where nothing has the label that was named: it may be mistyped.
fn nothing_labelled(plan: &GcPlan, options: &GcOptions) -> Option<String> {
    let label = options.label.as_ref()?;
    let none = plan.resources.is_empty() && plan.kept.is_empty();
    none.then(|| format!("nothing on this engine has the label `{label}`\n"))
}

/// What would be done. `own` is the command that would do it.
fn planned(plan: &GcPlan, (now, own): (i64, &str)) -> String {
    let mut text = String::new();
    for group in &plan.groups {
        text.push_str(&format!(
            "would end the processes of a dead run: {:?}\n",
            group.members()
        ));
    }
    for (resource, why) in &plan.resources {
        let why = match why {
            Why::Dead => "its run is dead".to_owned(),
            Why::Old => "it is old".to_owned(),
            Why::Labelled => "it has the label".to_owned(),
            Why::Image => format!("a built image{}", built(resource, now)),
        };
        text.push_str(&format!("would remove {} ({why})\n", named(resource)));
    }
    text.push_str(&format!(
        "{} would be removed{}\n",
        plan.resources.len(),
        untouched(plan, (now, own))
    ));
    text
}

/// Why something stays, the same for all of a run, a case or an owner; of what was kept also of what, since when, and how it
/// is removed.
fn left(plan: &GcPlan, (resource, why): (&Resource, WhyNot), (now, own): (i64, &str)) -> String {
    let label = |name: &str| resource.labels.get(name);
    let run = label(lease::LEASE).map_or("", String::as_str);
    match why {
        WhyNot::Kept => match label(lease::CASE).and_then(|case| plan.cases.get(case)) {
            Some(case) => format!(
                "kept of `{}` {} ago: `{own} --label {}={}` removes it",
                case.scenario,
                age_text(now.saturating_sub(case.at)),
                lease::CASE,
                case.case
            ),
            None => "kept for a look".to_owned(),
        },
        WhyNot::Alive => format!("run `{run}` is alive"),
        WhyNot::Elsewhere => format!(
            "run `{run}` is not known here: `--older-than`, or `--label {}={run}`, removes it",
            lease::LEASE
        ),
        WhyNot::Recent => format!(
            "a built image, used within 7 days: `--images` removes it{}",
            owner(resource)
        ),
        WhyNot::Wanted => format!("a built image that a living run wants{}", owner(resource)),
        WhyNot::Used => format!("a built image that a container is made from{}", owner(resource)),
        WhyNot::Named => {
            "an image with a name of its own, made from what is e2erun's: `docker rmi` removes it".to_owned()
        }
        WhyNot::Young => format!("a built image, used since then{}", owner(resource)),
    }
}

fn owner(resource: &Resource) -> String {
    let owner = resource.labels.get(lease::OWNER);
    owner.map_or_else(String::new, |owner| format!(", built for `{owner}`"))
}

/// Whose a built image is, and when it was last used.
fn built(resource: &Resource, now: i64) -> String {
    let owner = owner(resource);
    match resource.created {
        ..=0 => owner,
        used => format!("{owner}, last used {} ago", age_text(now.saturating_sub(used))),
    }
}

fn age_text(seconds: i64) -> String {
    match seconds {
        ..3600 => format!("{} min", seconds.max(0) / 60),
        3600..172_800 => format!("{} h", seconds / 3600),
        _ => format!("{} days", seconds / 86_400),
    }
}

/// How many are not touched, and for which reasons: what nobody removes is no line for each.
fn untouched(plan: &GcPlan, (now, own): (i64, &str)) -> String {
    let mut all: BTreeMap<(WhyNot, String), Vec<&Resource>> = BTreeMap::new();
    for (resource, why) in &plan.kept {
        let told = left(plan, (resource, *why), (now, own));
        all.entry((*why, told)).or_default().push(resource);
    }
    let reasons = all.iter().map(|((_, why), resources)| {
        let counted = lease::counted(resources.iter().copied());
        format!("\n  {counted}: {why}")
    });
    format!(", {} not touched{}", plan.kept.len(), reasons.collect::<String>())
}

fn named(resource: &Resource) -> String {
    format!("{} {}", resource.kind.word(), resource.name)
}

#[cfg(test)]
mod tests {
    use super::{nothing_labelled, planned};
    use crate::engine::{Labels, Resource, ResourceKind};
    use crate::lease::{GcOptions, GcPlan, KeptCase, Why, WhyNot, case_labels, image_labels};

    #[test]
    fn a_built_image_is_told_with_its_owner_and_its_age() {
        let now = 1_800_000_000;
        let image = |name: &str, labels: Labels, age: i64| Resource {
            kind: ResourceKind::Image,
            id: name.to_owned(),
            name: name.to_owned(),
            labels,
            created: now - age,
        };
        let plan = GcPlan {
            resources: vec![(image("e2erun/web:1", image_labels("/shop"), 9 * 86_400 + 7), Why::Image)],
            kept: vec![
                (image("e2erun/web:2", image_labels("/shop"), 7205), WhyNot::Recent),
                (image("e2erun/old:1", Labels::new(), now), WhyNot::Used),
            ],
            ..GcPlan::default()
        };
        let expected = "would remove image e2erun/web:1 (a built image, built for `/shop`, last used 9 days ago)
1 would be removed, 2 not touched
  1 image: a built image, used within 7 days: `--images` removes it, built for `/shop`
  1 image: a built image that a container is made from
";
        assert_eq!(planned(&plan, (now, "e2erun gc")), expected);
    }

    #[test]
    fn what_stays_is_told_by_run_and_case_with_how_it_is_removed() {
        let now = 1_800_000_000;
        let resource = |name: &str, case: &str| Resource {
            kind: ResourceKind::Container,
            id: name.to_owned(),
            name: name.to_owned(),
            labels: case_labels("run", "shop.yaml", case),
            created: now - 9000,
        };
        let volume = Resource {
            kind: ResourceKind::Volume,
            ..resource("data", "alive-1-1")
        };
        let case = KeptCase {
            case: "run-1-1".to_owned(),
            scenario: "shop.yaml".to_owned(),
            at: now - 7300,
        };
        let plan = GcPlan {
            kept: vec![
                (resource("web", "run-1-1"), WhyNot::Kept),
                (resource("db", "run-1-1"), WhyNot::Kept),
                (resource("other", "elsewhere-1-1"), WhyNot::Elsewhere),
                (resource("one", "alive-1-1"), WhyNot::Alive),
                (volume, WhyNot::Alive),
                (resource("two", "alive-1-2"), WhyNot::Alive),
            ],
            cases: [(case.case.clone(), case)].into(),
            ..GcPlan::default()
        };
        let expected = "0 would be removed, 6 not touched
  2 containers, 1 volume: run `run` is alive
  2 containers: kept of `shop.yaml` 2 h ago: `e2erun gc --label e2erun.case=run-1-1` removes it
  1 container: run `run` is not known here: `--older-than`, or `--label e2erun.lease=run`, removes it
";
        let own = "e2erun gc --docker ssh://far";
        assert_eq!(
            planned(&plan, (now, own)),
            expected.replace("e2erun gc --label", &format!("{own} --label"))
        );
    }

    #[test]
    fn a_label_that_nothing_has_is_told() {
        let options = |label: Option<&str>| GcOptions {
            label: label.map(str::to_owned),
            ..GcOptions::default()
        };
        let labelled = options(Some("e2erun.case=nope-1-1"));
        assert_eq!(
            nothing_labelled(&GcPlan::default(), &labelled).as_deref(),
            Some("nothing on this engine has the label `e2erun.case=nope-1-1`\n")
        );
        assert_eq!(nothing_labelled(&GcPlan::default(), &options(None)), None);
        let resource = Resource {
            kind: ResourceKind::Volume,
            id: "data".to_owned(),
            name: "data".to_owned(),
            labels: Labels::new(),
            created: 0,
        };
        let alive = GcPlan {
            kept: vec![(resource, WhyNot::Alive)],
            ..GcPlan::default()
        };
        assert_eq!(nothing_labelled(&alive, &labelled), None);
    }
}
