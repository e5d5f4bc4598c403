//! `--dry-run`: what would run, in order.

use super::prepare::Prepared;
use super::terminal;
use crate::image::{How, ImagePlan};
use crate::mask::Masks;

/// Prints it; gives the exit code.
pub(super) fn print(prepared: &Prepared) -> u8 {
    let (mut told, of_all) = (String::new(), Masks::default());
    prepared.jobs.iter().for_each(|job| job.plan.hide_everywhere(&of_all));
    for job in &prepared.jobs {
        let (mut text, masks) = (String::new(), of_all.copy());
        job.plan.hide(&masks);
        text.push_str(&format!("{}\n", job.seed.info.name));
        for (phase, steps) in &job.plan.phases {
            for step in steps {
                text.push_str(&format!("  {}: {}\n", phase.word(), step.shown()));
            }
        }
        for image in &job.plan.images {
            text.push_str(&format!("  image {} = {}\n", image.shown(), known(image)));
        }
        // A file is to be found: its path stays, as it does in events.
        told.push_str(&format!("would run  {}  {}", job.seed.info.place, masks.hide(&text)));
    }
    terminal::print(&told);
    0
}

/// An image's reference as far as it is known without an engine: a tag of ours holds the base images' ids, too.
fn known(image: &ImagePlan) -> String {
    match (&image.how, image.reference.rsplit_once(':')) {
        (How::Build(_), Some((name, _))) => format!("{name}:…"),
        _ => image.reference.clone(),
    }
}
