//! `e2erun list`: the cases with their tags.

use super::options::ListArguments;
use super::{NOTHING, Process, USAGE, prepare, terminal};
use crate::load::{self, Document, Projects};
use crate::plan::CaseSeed;

/// Prints a line for each case, or all of them as JSON.
pub(crate) fn list(process: &Process, arguments: &ListArguments) -> u8 {
    let color = terminal::color(process, false);
    let chosen = match prepare::choose(process, &arguments.selection) {
        Ok(chosen) => chosen,
        Err(problems) => {
            terminal::diagnostics(&problems, color);
            return USAGE;
        }
    };
    let projects = Projects::seen_from(&process.cwd);
    let (mut seeds, mut problems) = (Vec::<CaseSeed>::new(), Vec::new());
    let mut scenarios = 0;
    for found in &chosen.found {
        match load::read(found, &projects) {
            Ok(Document::Scenario(loaded)) => {
                scenarios += 1;
                seeds.extend(chosen.cases(&loaded, seeds.len() + 1).0);
                problems.extend(loaded.partial.problems);
            }
            Ok(_) => {}
            Err(told) => problems.extend(told),
        }
    }
    terminal::print(&if arguments.json { json(&seeds) } else { lines(&seeds) });
    terminal::diagnostics(&projects.ignored(), color);
    terminal::diagnostics(&problems, color);
    match (problems.is_empty(), seeds.is_empty()) {
        (false, _) => USAGE,
        (true, true) => {
            terminal::print_error(&prepare::nothing("list", &chosen, scenarios));
            NOTHING
        }
        (true, false) => 0,
    }
}

fn json(seeds: &[CaseSeed]) -> String {
    let infos: Vec<_> = seeds.iter().map(CaseSeed::data).collect();
    serde_json::to_string_pretty(&infos).unwrap_or_default() + "\n"
}

fn lines(seeds: &[CaseSeed]) -> String {
    let lines = seeds.iter().map(|seed| {
        let info = &seed.info;
        let tags = if info.tags.is_empty() {
            String::new()
        } else {
            format!("  ({})", info.tags.join(", "))
        };
        format!("{}  {}{tags}\n", info.place, seed.shown(&info.name))
    });
    lines.collect()
}
