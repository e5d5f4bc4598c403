//! What is told at a case's end of how its containers ended: services that failed behind the steps' back,
//! and programs that their stop signal did not end. Neither is a fault: a step that wants to know has `state-assert`.

use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::future::join_all;

use crate::engine::world::Outlasted;
use crate::event::{duration_text, times_text};
use crate::step::inside::is_helper;
use crate::step::{Case, Crashes};

/// A grace period that is shorter somebody has chosen, and it costs little.
const LONG: Duration = Duration::from_secs(5);

/// Tells of both, before the case's own removal ends what is left.
pub(super) async fn tell(case: &Case) {
    // An engine that is away is told of elsewhere; what was known of it before is true.
    join_all(case.nodes.iter().map(|node| node.world.sync())).await;
    let crashes = case.crashes();
    let crashed = crashes.iter().map(crashed);
    let outlasted = outlasted(case)
        .into_iter()
        .filter_map(|(name, all)| stopped(&name, &all));
    for text in crashed.chain(outlasted) {
        case.emitter.note(&text);
    }
}

/// "`web` ended 4 times with code 9". A case that is over soon sees but the first end of a loop, and what nothing starts again
/// ends once: one is told, too.
fn crashed(crashes: &Crashes) -> String {
    let times = times_text(crashes.codes.values().sum::<usize>() as u64);
    let codes: Vec<String> = crashes.codes.keys().map(i64::to_string).collect();
    let word = if codes.len() == 1 { "code" } else { "codes" };
    let service = &crashes.service;
    format!(
        "`{service}` ended {times} with {word} {} after it had come up, and no step expected that; \
         `state-assert: {{service: {service}}}` judges it by `restarts` or `exit`",
        codes.join(", ")
    )
}

/// The stops that took their whole grace period, by service, or by name where there is none.
fn outlasted(case: &Case) -> BTreeMap<String, Vec<Outlasted>> {
    let mut all = BTreeMap::<String, Vec<Outlasted>>::new();
    for node in &case.nodes {
        let own = node.world.snapshot().ever_with_label(crate::lease::CASE, &case.id);
        for container in own.iter().filter(|container| !is_helper(container)) {
            let name = match container.service.as_str() {
                "" => container.shown(),
                service => case.called(&container.project, service),
            };
            let long = container.outlasted().into_iter().filter(|one| one.grace >= LONG);
            all.entry(name).or_default().extend(long);
        }
    }
    all
}

/// "`web` went on after SIGTERM and was killed 10s later".
fn stopped(name: &str, all: &[Outlasted]) -> Option<String> {
    let longest = all.iter().max_by_key(|one| one.grace)?;
    let signal = match longest.signal {
        2 => "SIGINT".to_owned(),
        3 => "SIGQUIT".to_owned(),
        15 => "SIGTERM".to_owned(),
        number => format!("signal {number}"),
    };
    let later = duration_text(longest.grace.as_secs_f64().round());
    let times = match all.len() {
        1 => String::new(),
        count => format!(", {count} times"),
    };
    Some(format!(
        "`{name}` went on after {signal} and was killed {later} later{times}: the first process of a container ignores a signal \
         that it does not handle (`init: true`, `exec` before the program in a shell's line, or another `stop_signal` helps); \
         what needs longer has `stop_grace_period`"
    ))
}
