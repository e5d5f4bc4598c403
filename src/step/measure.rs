//! `measure`: a named value with a unit, kept by the reports and compared with limits and with a baseline.

mod baseline;
mod figure;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use serde_json::{Value, json};

use self::figure::{Figure, Tolerance, Valued};
use super::{About, Act, Again, Binder, Body, Cx, Done, Sort, Step, Written};
use crate::diagnostic::{Diagnostic, Span, Spanned};
use crate::event::{Fault, Measure, What};
use crate::expect::{Field, FieldKind};
use crate::shape::{Text, shape, words};

pub use baseline::Baseline;

/// See the table.
pub(super) const ABOUT: About = About {
    name: "measure",
    does: "Records a named value with a unit, and compares it with limits and with a baseline.",
    manual: "`value` is a number in `unit` (any word: `s`, `MiB`, `requests/s`; what a result has as `duration` is one of seconds: in \
             `ms` it is `${{ took * 1000 }}`), or a duration or a size, which is told in that unit (without one in `s` or \
             `B`). `max` and `min` are limits in any of these forms. The values are in \
             `measures.json` and `measures.csv` of the results, in the JUnit file, and on the terminal.\n\n\
             A baseline is a file with values of an earlier run: `--baseline FILE`, or `baseline: FILE` in `e2erun.yaml`; \
             `--update-baseline` writes it, and the `measures.json` of a run is one, too. A value is found there by the name of \
             its case and its own. With `tolerance` it fails where it is worse by more than that: `20%` of the baseline, or \
             as much as a value says (`0.5s`). Less is better, unless `better: higher` says otherwise. Without a value in the \
             baseline nothing is compared, which is told and no failure.\n\n\
             Of a scenario that runs more than once (`--repeat`), and of a name that is measured more than once in it, the \
             reports tell the mean, the least and the most.",
    example: "- measure: {name: startup, value: \"${{ took }}\", unit: s, max: 30, tolerance: 20%}\n\
              - measure: {name: throughput, value: \"${{ answers / 10 }}\", unit: requests/s, min: 200, better: higher}",
    sort: Sort::Check,
    limit: Duration::from_secs(60),
    results: &[
        Field {
            name: "value",
            kind: FieldKind::Json,
            doc: "The value, in its unit.",
        },
        Field {
            name: "baseline",
            kind: FieldKind::Json,
            doc: "The value of the baseline, in the same unit; not there without one.",
        },
    ],
    defaults: &[],
    locals: &[],
};

words! {
    /// Which way a value gets better.
    pub enum Better {
        /// Less is better.
        Lower = "lower",
        /// More is better.
        Higher = "higher",
    }
}

shape! {
    /// A value that is measured.
    pub struct Measured ("`measure`") {
        /// What it is called in the reports and in the baseline.
        name: Text,
        /// The value: a number in `unit`, a duration, or a size.
        value: Text,
        /// Its unit: `s`, `MiB`, `requests/s`.
        unit: Option<Spanned<String>>,
        /// The least that it may be.
        min: Option<Text>,
        /// The most that it may be.
        max: Option<Text>,
        /// How much worse than the baseline it may be: `20%`, or so much in its unit.
        tolerance: Option<Text>,
        /// Which way it gets better (default `lower`).
        better: Option<Spanned<Better>>,
    }
}

/// What the measured values of a case are compared with.
#[derive(Debug, Clone, Default)]
pub struct Measuring {
    /// The case's name, the same for all its repetitions.
    pub case: String,
    /// The baseline's file, if one is named.
    pub file: Option<PathBuf>,
    /// What is in it, if it is there.
    pub baseline: Option<Arc<Baseline>>,
    /// True when it is written anew: then nothing is compared with it.
    pub update: bool,
}

impl Written for Measured {
    fn title(&self) -> String {
        self.name.shown()
    }

    fn check(&self, _: &Step, binder: &mut Binder<'_>) {
        let unit = self.unit();
        if let Some(Err(why)) = binder.constant_text(&self.value).map(|text| Figure::of(&text, unit)) {
            tell(binder, &self.value, why);
        }
        self.check_seconds(binder);
        self.check_units(binder);
        self.check_limits(binder);
        let Some(tolerance) = &self.tolerance else { return };
        if self.better.is_none() && unit.is_some_and(|unit| unit.ends_with("/s")) {
            let message = format!("which way `{}` gets better is not said", unit.unwrap_or_default());
            let help = "write `better: higher`, as of what is done in a second, or `better: lower`";
            binder.error(&tolerance.span, message, help);
        }
    }

    fn bind(&self, _: &mut Binder<'_>) -> Option<Body> {
        Some(Body::Act(Arc::new(self.clone())))
    }
}

impl Measured {
    /// Tells a number of seconds, as results have their times, where the unit is another one.
    fn check_seconds(&self, binder: &mut Binder<'_>) {
        let Some(unit) = self.unit() else { return };
        let figures = [
            ("value", Some(&self.value)),
            ("min", self.min.as_ref()),
            ("max", self.max.as_ref()),
        ];
        for (key, text) in figures {
            let code = text.and_then(|text| Some((text, binder.known.seconds(text)?)));
            let Some((text, code)) = code else { continue };
            if let Some(help) = figure::of_seconds((key, &code), unit) {
                let message = format!("`{code}` is a number of seconds, and the unit is `{unit}`");
                binder.error(&text.span, message, help);
            }
        }
    }

    /// Tells limits that cannot be read in the value's unit, or without one.
    fn check_units(&self, binder: &mut Binder<'_>) {
        let (value, code) = (binder.constant_text(&self.value), binder.known.seconds(&self.value));
        let own = value.as_ref().and_then(|text| Figure::of(text, self.unit()).ok());
        let unit = match (self.unit(), &own) {
            (Some(unit), _) => Some(unit),
            (None, Some(own)) => Some(own.unit.as_str()),
            (None, None) => code.is_some().then_some(""),
        };
        let written = code.or(value).unwrap_or_default();
        let value = unit.map(|unit| self.valued(unit, &written));
        for (key, text) in [("min", &self.min), ("max", &self.max), ("tolerance", &self.tolerance)] {
            let Some((text, known)) = text.as_ref().and_then(|text| Some((text, binder.constant_text(text)?))) else {
                continue;
            };
            let read = match (&value, key) {
                (Some(value), "tolerance") => value.tolerance(&known).err(),
                (Some(value), _) => value.limit((key, &known)).err(),
                (None, "tolerance") => Tolerance::of(&known, None).err(),
                (None, _) => Figure::of(&known, None).err(),
            };
            if let Some(why) = read {
                tell(binder, text, why);
            }
        }
    }

    fn valued<'v>(&self, unit: &'v str, written: &'v str) -> Valued<'v> {
        Valued {
            unit,
            written,
            is_literal: self.value.as_literal().is_some(),
        }
    }

    /// Tells limits that no value is within.
    fn check_limits(&self, binder: &mut Binder<'_>) {
        let figure = |text: &Text| Figure::of(&binder.constant_text(text)?, self.unit()).ok();
        let (Some(least), Some(most)) = (&self.min, &self.max) else {
            return;
        };
        let (Some(min), Some(max)) = (figure(least), figure(most)) else {
            return;
        };
        if max.within(&min.unit).is_some_and(|max| max < min.value) {
            let message = format!("no value is at least {} and at most {}", least.shown(), most.shown());
            let problem = Diagnostic::error(&least.span, message).related(&most.span, "the most that it may be");
            binder
                .problems
                .push(problem.help("`min` is the least that it may be, `max` the most"));
        }
    }

    fn unit(&self) -> Option<&str> {
        self.unit.as_ref().map(|unit| unit.value.trim())
    }

    fn higher(&self) -> bool {
        self.better
            .as_ref()
            .is_some_and(|better| better.value == Better::Higher)
    }

    async fn limit(&self, cx: &Cx, (key, text): (&str, Option<&Text>), value: &Valued<'_>) -> Done<Option<f64>> {
        let Some(text) = text else { return Ok(None) };
        let written = cx.text(text).await?;
        let limit = value.limit((key, &written)).map_err(|why| unread(text, why))?;
        Ok(Some(limit.value))
    }

    /// The value of the baseline in this unit, and the worst one that the tolerance allows.
    async fn compared(&self, cx: &Cx, name: &str, own: &Valued<'_>) -> Done<(Option<f64>, Option<f64>)> {
        let (measuring, unit) = (&cx.case.measuring, own.unit);
        let baseline = measuring.baseline.as_ref().filter(|_| !measuring.update);
        let known = baseline.and_then(|baseline| baseline.get(&measuring.case, name));
        let Some(known) = known else {
            return Ok((None, None));
        };
        let Some(value) = known.within(unit) else {
            let (was, message) = (&known.unit, "the baseline of this value has another unit");
            let fault = Fault::error(message).at(self.span.place());
            return Err(vec![
                fault
                    .detail("units", format!("`{was}` in the baseline, `{unit}` here"))
                    .hint("`--update-baseline` writes it anew"),
            ]);
        };
        let Some(text) = &self.tolerance else {
            return Ok((Some(value), None));
        };
        let written = cx.text(text).await?;
        let tolerance = own.tolerance(&written).map_err(|why| unread(text, why))?;
        let by = tolerance.of_value(value);
        Ok((Some(value), Some(if self.higher() { value - by } else { value + by })))
    }

    /// What is not as it must be.
    fn faults(&self, measure: &Measure) -> Vec<Fault> {
        let of = |text: Option<&Text>| text.map_or(&self.span, |text| &text.span).clone();
        let wrong = |span: Span, how: &str, expected: String| {
            let fault = Fault::failure(format!("`{}` is {how}", measure.name)).at(span.place());
            Fault {
                expected: Some(expected),
                actual: Some(figure::shown(measure.value, &measure.unit)),
                ..fault
            }
        };
        let bound = |most: bool, limit: f64| {
            let word = if most { "at most" } else { "at least" };
            format!("{word} {}", figure::shown(limit, &measure.unit))
        };
        let mut faults = Vec::new();
        if let Some(max) = measure.max.filter(|max| measure.value > *max) {
            faults.push(wrong(of(self.max.as_ref()), "more than its `max`", bound(true, max)));
        }
        if let Some(min) = measure.min.filter(|min| measure.value < *min) {
            faults.push(wrong(of(self.min.as_ref()), "less than its `min`", bound(false, min)));
        }
        if let (Some(baseline), Some(allowed)) = (measure.baseline, measure.allowed)
            && (if measure.higher {
                measure.value < allowed
            } else {
                measure.value > allowed
            })
        {
            let (was, change) = (
                figure::shown(baseline, &measure.unit),
                figure::change(measure.value, baseline),
            );
            let expected = bound(!measure.higher, allowed);
            let fault = wrong(of(self.tolerance.as_ref()), "worse than its baseline allows", expected);
            faults.push(fault.detail("baseline", format!("{was}: this is {change}")));
        }
        faults
    }
}

/// Tells of a text that is no figure; one that stands there as it is may be meant as a name.
fn tell(binder: &mut Binder<'_>, text: &Text, why: figure::Unread) {
    let name = text.as_literal().and_then(figure::of_name);
    binder.error(&text.span, why.message, name.unwrap_or(why.help));
}

fn unread(text: &Text, why: figure::Unread) -> Vec<Fault> {
    vec![Fault::error(why.message).at(text.span.place()).hint(why.help)]
}

/// What is hidden is told nowhere, and a measured value is told in every report.
fn hidden(value: &Text) -> Fault {
    let fault = Fault::error("what is hidden cannot be measured: the value would stand in the reports");
    fault
        .at(value.span.place())
        .hint("measure something else, or take its name out of `mask`; a secret of so few letters is likely to be met by chance")
}

#[async_trait]
impl Act for Measured {
    async fn act(&self, cx: &Cx) -> Done<Value> {
        let name = cx.text(&self.name).await?;
        let written = cx.text(&self.value).await?;
        let figure = Figure::of(&written, self.unit()).map_err(|why| unread(&self.value, why))?;
        if cx.case.emitter.masks.is_value(written.trim()) {
            return Err(vec![hidden(&self.value)]);
        }
        let value = self.valued(&figure.unit, &written);
        let (baseline, allowed) = self.compared(cx, &name, &value).await?;
        let mut measure = Measure {
            value: figure.value,
            min: self.limit(cx, ("min", self.min.as_ref()), &value).await?,
            max: self.limit(cx, ("max", self.max.as_ref()), &value).await?,
            baseline,
            allowed,
            unknown: self.tolerance.is_some() && baseline.is_none() && !cx.case.measuring.update,
            higher: self.higher(),
            good: true,
            name,
            unit: figure.unit.clone(),
        };
        let faults = self.faults(&measure);
        measure.good = faults.is_empty();
        let result = match measure.baseline {
            Some(baseline) => json!({"value": measure.value, "baseline": baseline}),
            None => json!({"value": measure.value}),
        };
        let path = cx.step.path.clone();
        cx.case.emitter.emit(What::Measured { path, measure });
        if faults.is_empty() { Ok(result) } else { Err(faults) }
    }

    fn again(&self) -> Again {
        let limits = [&self.min, &self.max, &self.tolerance].into_iter().flatten();
        let texts = [&self.name, &self.value].into_iter().chain(limits);
        Again::of_names(texts.flat_map(|text| text.names()))
    }
}
