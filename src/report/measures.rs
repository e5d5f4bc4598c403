//! The measured values: a JSON file with their statistics, a CSV file with a line for each, and lines for the terminal.

use std::path::PathBuf;

use indexmap::IndexMap;
use serde_json::{Value, json};

use crate::event::{Measure, Outcome, change_text, figure_text};
use crate::report::case::{Case, Measured};
use crate::report::line::{Line, Tone};
use crate::report::tally::{Run, Tally};
use crate::report::{Artifact, Reporter, Settings, text};

/// The files' names, in the results folder.
pub const FILES: [&str; 2] = ["measures.json", "measures.csv"];

/// Gives the whole files, whenever they are asked; none where nothing was measured.
pub struct Measures {
    folder: PathBuf,
}

impl Measures {
    /// Makes the reporter.
    pub fn new(settings: &Settings) -> Measures {
        Measures {
            folder: settings.measures.clone().unwrap_or_default(),
        }
    }
}

impl Reporter for Measures {
    fn artifacts(&self, tally: &Tally) -> Vec<Artifact> {
        let all = series(tally);
        if all.is_empty() {
            return Vec::new();
        }
        let texts = [json_text(&all), csv_text(&all)];
        let files = FILES.iter().zip(texts);
        files
            .map(|(name, text)| Artifact {
                path: self.folder.join(name),
                bytes: text.into_bytes(),
            })
            .collect()
    }
}

/// The values of one name in one case, of all its repetitions.
pub struct Series<'a> {
    /// The run.
    run: &'a Run,
    /// The case's name, the same for all its repetitions.
    pub case: &'a str,
    /// The values, in the order of the files, each with the case that it is of.
    values: Vec<(&'a Case, &'a Measured)>,
}

/// All values that the last tries of the cases measured.
pub fn series(tally: &Tally) -> Vec<Series<'_>> {
    let mut all: IndexMap<(usize, &str, &str, &str), Series<'_>> = IndexMap::new();
    for (number, run) in tally.runs.values().enumerate() {
        for case in run.cases.values() {
            let measures = case.last().into_iter().flat_map(|attempt| attempt.measures.values());
            for measured in measures {
                let (name, unit) = (&measured.measure.name, &measured.measure.unit);
                let (case_name, values) = (case.info.base(), Vec::new());
                let series = all.entry((number, case_name, name, unit)).or_insert(Series {
                    run,
                    case: case_name,
                    values,
                });
                series.values.push((case, measured));
            }
        }
    }
    all.into_values().collect()
}

impl Series<'_> {
    /// The first of them: what is the same for all.
    fn first(&self) -> &Measure {
        &self.values[0].1.measure
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.first().name
    }

    /// Its unit.
    pub fn unit(&self) -> &str {
        &self.first().unit
    }

    /// True where every case passed in which it was measured, and no value was bad.
    pub fn is_good(&self) -> bool {
        let passed = |case: &Case| matches!(case.outcome(), Outcome::Passed | Outcome::Flaky);
        let mut values = self.values.iter();
        values.all(|(case, measured)| passed(case) && measured.measure.good)
    }

    fn numbers(&self) -> impl Iterator<Item = f64> {
        self.values.iter().map(|(_, measured)| measured.measure.value)
    }

    /// The mean of its values.
    #[expect(clippy::cast_precision_loss, reason = "nobody measures so often")]
    pub fn mean(&self) -> f64 {
        self.numbers().sum::<f64>() / self.values.len() as f64
    }

    /// The standard deviation of a sample; none of a single value.
    #[expect(clippy::cast_precision_loss, reason = "nobody measures so often")]
    fn deviation(&self) -> Option<f64> {
        let others = self.values.len().checked_sub(2)? + 1;
        let mean = self.mean();
        let squares: f64 = self.numbers().map(|value| (value - mean).powi(2)).sum();
        Some((squares / others as f64).sqrt())
    }

    fn min(&self) -> f64 {
        self.numbers().fold(f64::INFINITY, f64::min)
    }

    fn max(&self) -> f64 {
        self.numbers().fold(f64::NEG_INFINITY, f64::max)
    }

    fn json(&self) -> Value {
        let first = self.first();
        let values = self.values.iter().map(|(case, measured)| {
            let good = measured.measure.good;
            json!({"case": case.info.name, "value": measured.measure.value, "time": measured.at, "good": good})
        });
        let (case, name, unit) = (self.case, self.name(), self.unit());
        json!({
            "case": case, "name": name, "value": self.mean(), "unit": unit, "count": self.values.len(),
            "min": self.min(), "max": self.max(), "stddev": self.deviation(),
            "baseline": first.baseline, "better": if first.higher { "higher" } else { "lower" },
            "limits": {"min": first.min, "max": first.max, "baseline": first.allowed},
            "values": values.collect::<Vec<_>>(),
        })
    }

    /// What stands behind it: how often, the limits, the baseline.
    fn about(&self) -> String {
        let (first, figure) = (self.first(), |value: f64| figure_text(value, self.unit()));
        let mut parts = Vec::new();
        if let Some(deviation) = self.deviation() {
            let (times, min, max) = (self.values.len(), figure_text(self.min(), ""), figure(self.max()));
            let deviation = figure_text(deviation, "");
            parts.push(format!("mean of {times}: {min} to {max}, stddev {deviation}"));
        }
        parts.extend(first.min.map(|min| format!("at least {}", figure(min))));
        parts.extend(first.max.map(|max| format!("at most {}", figure(max))));
        parts.extend(first.baseline.map(|baseline| {
            let change = change_text(self.mean(), baseline);
            format!("baseline {}: {change}", figure(baseline))
        }));
        parts.extend(first.unknown.then(|| "no baseline".to_owned()));
        parts.join("; ")
    }
}

fn json_text(all: &[Series<'_>]) -> String {
    let version = all.first().map_or("", |series| &series.run.version);
    let measures: Vec<Value> = all.iter().map(Series::json).collect();
    let file = json!({"e2erun": version, "measures": measures});
    serde_json::to_string_pretty(&file).unwrap_or_default() + "\n"
}

fn csv_text(all: &[Series<'_>]) -> String {
    let mut text = "case,name,value,unit,time,version\n".to_owned();
    for series in all {
        for (case, measured) in &series.values {
            let measure = &measured.measure;
            let (value, version) = (measure.value.to_string(), &series.run.version);
            let fields = [
                &case.info.name,
                &measure.name,
                &value,
                &measure.unit,
                &measured.at,
                version,
            ];
            let fields: Vec<String> = fields.iter().map(|field| csv_field(field)).collect();
            text.push_str(&(fields.join(",") + "\n"));
        }
    }
    text
}

/// A field as RFC 4180 has it.
fn csv_field(text: &str) -> String {
    match text.contains([',', '"', '\n', '\r']) {
        true => format!("\"{}\"", text.replace('"', "\"\"")),
        false => text.to_owned(),
    }
}

/// A line for each, below a title.
pub(super) fn lines(tally: &Tally) -> Vec<Line> {
    let all = series(tally);
    let values: Vec<String> = all.iter().map(|one| figure_text(one.mean(), one.unit())).collect();
    let width = values
        .iter()
        .map(|value| value.chars().count())
        .max()
        .unwrap_or(0)
        .min(24);
    let title = (!all.is_empty()).then(|| Line::plain(format!("{:>14}measures:", "")));
    let mut lines: Vec<Line> = title.into_iter().collect();
    for (series, value) in all.iter().zip(values) {
        let good = series.values.iter().all(|(_, measured)| measured.measure.good);
        let tone = if good { Tone::Plain } else { Tone::Bad };
        let line = Line::plain(" ".repeat(16)).with(tone, format!("{value:>width$}"));
        let line = line.and(format!("  {}  {}", series.name(), text::one_line(series.case)));
        let about = series.about();
        lines.push(match about.is_empty() {
            true => line,
            false => line.with(Tone::Dim, format!("  ({about})")),
        });
    }
    // Below the names.
    for line in lines.iter_mut().skip(1) {
        *line = std::mem::take(line).hanging(18 + width);
    }
    lines
}

/// What a case measured, as names and values.
pub(super) fn of_case(case: &Case) -> impl Iterator<Item = (&str, String)> {
    let measures = case.last().into_iter().flat_map(|attempt| attempt.measures.values());
    measures.map(|it| {
        (
            it.measure.name.as_str(),
            figure_text(it.measure.value, &it.measure.unit),
        )
    })
}

#[cfg(test)]
mod tests;
