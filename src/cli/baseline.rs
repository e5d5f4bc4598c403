//! `--update-baseline`: the measured values of the cases that passed, written into the files that others are compared with.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::{Value, json};

use super::output::replace;
use super::terminal;
use crate::event::count_text;
use crate::report::Artifact;
use crate::report::measures::{Series, series};
use crate::report::tally::Tally;
use crate::run::Job;
use crate::step::Baseline;

/// The files, each with what it held before, by the names of the cases whose values they have.
pub(crate) struct Baselines(BTreeMap<String, (PathBuf, Option<Arc<Baseline>>)>);

impl Baselines {
    /// Of what is to run.
    pub(crate) fn of(jobs: &[Job]) -> Baselines {
        let files = jobs.iter().filter_map(|job| {
            let measuring = &job.plan.measuring;
            let file = (measuring.file.clone()?, measuring.baseline.clone());
            Some((measuring.case.clone(), file))
        });
        Baselines(files.collect())
    }

    /// True when there is no file to write.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Writes the values, and tells of it; false where a file cannot be written.
    pub(crate) fn update(&self, tally: &Tally) -> bool {
        let (mut told, mut well) = (Vec::new(), true);
        let mut of_file: BTreeMap<&Path, Vec<Series<'_>>> = BTreeMap::new();
        let (good, bad): (Vec<_>, Vec<_>) = series(tally).into_iter().partition(Series::is_good);
        for series in good {
            match self.0.get(series.case) {
                Some((file, _)) => of_file.entry(file).or_default().push(series),
                None => told.push(unnamed(&series)),
            }
        }
        for (file, values) in of_file {
            let shown = file.display();
            match written(file, &values) {
                Ok(()) => {
                    let values = count_text(values.len() as u64, "value", "values");
                    told.push(format!("{values} written to the baseline `{shown}`"));
                }
                Err(why) => {
                    well = false;
                    terminal::print_error(&format!("error: cannot write the baseline `{shown}`: {why}\n"));
                }
            }
        }
        told.extend(bad.iter().map(|series| self.unwritten(series)));
        told.iter().for_each(|line| terminal::print(&format!("{line}\n")));
        well
    }

    /// What becomes of a value whose case did not pass.
    fn unwritten(&self, series: &Series<'_>) -> String {
        let (name, case) = (series.name(), series.case);
        let Some((_, before)) = self.0.get(case) else {
            return unnamed(series);
        };
        if before.as_ref().is_some_and(|before| before.has(case, name)) {
            format!("`{name}` of `{case}` stays as it was in the baseline: the case did not pass")
        } else {
            format!("`{name}` of `{case}` is not written to the baseline: the case did not pass")
        }
    }
}

fn unnamed(series: &Series<'_>) -> String {
    format!("no baseline is named for `{}` of `{}`", series.name(), series.case)
}

/// Puts values into a file, beside those that it has of others.
fn written(file: &Path, values: &[Series<'_>]) -> io::Result<()> {
    let text = match fs::read_to_string(file) {
        Err(why) if why.kind() == io::ErrorKind::NotFound => String::new(),
        text => text?,
    };
    let old: Value = serde_json::from_str(&text).unwrap_or_default();
    let old = old["measures"].as_array().cloned().unwrap_or_default();
    let key = |entry: &Value| {
        let of = |key: &str| entry[key].as_str().unwrap_or_default().to_owned();
        (of("case"), of("name"))
    };
    let old = old.into_iter().map(|entry| (key(&entry), entry));
    let mut all: BTreeMap<(String, String), Value> = old.collect();
    for series in values {
        let (case, name, unit) = (series.case, series.name(), series.unit());
        let entry = json!({"case": case, "name": name, "value": series.mean(), "unit": unit});
        all.insert(key(&entry), entry);
    }
    let entries = all.values().map(|entry| format!("    {entry}"));
    // A line for each: a change of one is a change of a line.
    let entries = entries.collect::<Vec<_>>().join(",\n");
    replace(&Artifact {
        path: file.to_owned(),
        bytes: format!("{{\n  \"measures\": [\n{entries}\n  ]\n}}\n").into_bytes(),
    })
}
