//! `e2erun render`: the rewritten compose and swarm files and their difference from the originals, without Docker.

use std::path::Path;

use super::options::RenderArguments;
use super::{NOTHING, Process, USAGE, prepare, terminal};
use crate::image::Identities;
use crate::mask::Masks;
use crate::plan::Settings;
use crate::run::Job;

/// Prints, or writes with `--output`.
pub(crate) fn render(process: &Process, arguments: &RenderArguments) -> u8 {
    let color = terminal::color(process, arguments.no_color);
    // The copies name each other by where they will be.
    let folder = arguments.output.as_deref().unwrap_or(Path::new("e2erun-results"));
    let results = prepare::results(process, folder);
    let chosen = match prepare::choose(process, &arguments.selection) {
        Ok(chosen) => chosen,
        Err(problems) => {
            terminal::diagnostics(&problems, color);
            return USAGE;
        }
    };
    let shown = super::check::settings(process, &chosen, results.clone());
    let settings = Settings {
        run: "render".to_owned(),
        // What is asked for in a folder is put there, also what a run would hide.
        hidden: arguments.output.as_ref().map_or(shown.hidden, |_| results),
        identities: Identities::Files,
        ..shown
    };
    let prepared = prepare::prepare(process, &chosen, &settings);
    if prepare::refused(&prepared.diagnostics, false) {
        terminal::diagnostics(&prepared.diagnostics, color);
        return USAGE;
    }
    if prepared.jobs.is_empty() {
        terminal::print_error(&prepare::nothing("render", &chosen, prepared.scenarios));
        return NOTHING;
    }
    for job in &prepared.jobs {
        match &arguments.output {
            None => {
                let masks = Masks::default();
                job.plan.hide(&masks);
                terminal::print(&masks.hide(&rendered(job, &process.cwd)));
            }
            Some(folder) => {
                if let Err(why) = write(job) {
                    return terminal::refuse(&format!("cannot write to `{}`: {why}", folder.display()));
                }
            }
        }
    }
    0
}

fn rendered(job: &Job, cwd: &Path) -> String {
    let mut text = format!("# {}: {}\n", job.seed.info.file, job.seed.info.name);
    if job.plan.stacks.is_empty() {
        text.push_str("# it has no stacks\n");
    }
    for stack in &job.plan.stacks {
        for file in &stack.planned.files {
            let original = file.original.strip_prefix(cwd).unwrap_or(&file.original);
            let original = original.display().to_string();
            text.push_str(&format!(
                "\n# stack {}, rewritten from {original}\n{}",
                stack.name, file.text
            ));
            let difference = file.difference(&original);
            if !difference.is_empty() {
                let commented: String = difference.lines().map(|line| format!("# {line}\n")).collect();
                text.push_str(&format!("\n# difference, layout and comments aside\n{commented}"));
            }
        }
        for (service, image) in &stack.built {
            text.push_str(&format!(
                "\n# service {service} is built as {image}; in a run the tag is another one, since the base images count, too\n"
            ));
        }
    }
    text
}

fn write(job: &Job) -> std::io::Result<()> {
    for stack in &job.plan.stacks {
        for file in &stack.planned.files {
            let path = stack.copies.join(&file.path);
            if let Some(parent) = path.parent() {
                std::fs::create_dir_all(parent)?;
            }
            std::fs::write(&path, &file.text)?;
            terminal::print(&format!("{}\n", path.display()));
        }
    }
    Ok(())
}
