//! What was told of a run, as short lines.

use crate::event::{Event, Fault, What};

pub(super) fn line(event: &Event, waits: bool) -> Option<String> {
    match &event.what {
        What::ImageReady { image, how, error, .. } => Some(format!("image {image} {how}{}", after(": ", error))),
        What::Note { text } => Some(format!("note: {text}")),
        What::StepWaiting {
            path,
            waits_for,
            observed,
            ..
        } if waits => Some(format!("{path} waits for {waits_for}: {observed}")),
        What::Retried { path, text } => Some(format!("retried{}: {text}", after(" ", path))),
        What::StepEnded {
            step,
            outcome,
            reason,
            faults,
            ..
        } => Some(format!(
            "{} {}{}{}",
            step.path,
            word(outcome),
            after(": ", reason),
            of(faults)
        )),
        What::ProbeEnded { probe, summary } => Some(format!("probe {probe}: {} failures", summary["failures"])),
        What::Kept { .. } => Some("kept".into()),
        What::CaseEnded {
            outcome,
            reason,
            faults,
            retried,
            ..
        } => Some(format!(
            "= {}{}{}{}",
            word(outcome),
            after(": ", reason),
            of(faults),
            if *retried { ", again" } else { "" }
        )),
        What::RunEnded { interrupted: true, .. } => Some("interrupted".into()),
        What::RunEnded { faults, .. } if !faults.is_empty() => Some(format!("run{}", of(faults))),
        _ => None,
    }
}

pub(super) fn word(outcome: &crate::event::Outcome) -> &'static str {
    crate::report::outcome::word(*outcome)
}

fn after(sign: &str, text: &Option<String>) -> String {
    text.as_ref().map_or_else(String::new, |text| format!("{sign}{text}"))
}

/// The faults' first lines.
fn of(faults: &[Fault]) -> String {
    let told = faults.iter().map(|fault| {
        let soft = if fault.soft { "(soft) " } else { "" };
        let first = fault.message.lines().next().unwrap_or_default();
        let news = |it: &&String| !it.contains('\n') && !first.contains(it.as_str());
        let actual = fault.actual.as_ref().filter(news);
        format!(": {soft}{first}{}", after(" -> ", &actual.cloned()))
    });
    told.collect()
}
