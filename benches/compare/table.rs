//! The figures as rows, each with its target.

use std::time::Duration;

use crate::measure::{median, ratio};

/// What a figure should be at most.
pub(crate) struct Target {
    figure: String,
    most: String,
    reached: bool,
}

impl Target {
    /// A ratio.
    fn ratio(figure: f64, most: f64) -> Target {
        Target {
            figure: format!("{figure:.2}"),
            most: format!("≤ {most:.2}"),
            // What is printed is what is judged.
            reached: (figure * 100.0).round() <= (most * 100.0).round(),
        }
    }

    /// A time.
    pub(crate) fn time(figure: Duration, most: Duration) -> Target {
        Target {
            figure: String::new(),
            most: format!("< {}", seconds(most)),
            reached: figure < most,
        }
    }

    /// Memory, in bytes and in MiB.
    pub(crate) fn mib(figure: u64, most: u64) -> Target {
        Target {
            figure: String::new(),
            most: format!("< {most} MiB"),
            reached: figure < most << 20,
        }
    }
}

/// One figure.
pub(crate) struct Row {
    name: String,
    ours: String,
    other: String,
    target: Target,
}

impl Row {
    /// The medians of two contestants' rounds beside each other, and the rounds' ratio.
    pub(crate) fn times(name: &str, ours: &[Duration], other: &[Duration], most: f64) -> Row {
        Row {
            name: name.to_owned(),
            ours: seconds(median(ours)),
            other: seconds(median(other)),
            target: Target::ratio(ratio(ours, other), most),
        }
    }

    /// The same of portions that are a whole together.
    pub(crate) fn sums(name: &str, ours: &[Duration], other: &[Duration], most: f64) -> Row {
        Row {
            ours: seconds(ours.iter().sum()),
            other: seconds(other.iter().sum()),
            ..Row::times(name, ours, other, most)
        }
    }

    /// A figure that is compared with nothing but its target.
    pub(crate) fn one(name: &str, ours: String, target: Target) -> Row {
        Row {
            name: name.to_owned(),
            ours,
            other: String::new(),
            target,
        }
    }

    /// True when its target is missed.
    pub(crate) fn missed(&self) -> bool {
        !self.target.reached
    }
}

/// Prints what stands above the rows.
pub(crate) fn heading() {
    say(&format!(
        "{:<46} {:>9} {:>9} {:>7}  target",
        "medians", "e2erun", "other", "ratio"
    ));
}

/// Prints a row.
pub(crate) fn print(row: &Row) {
    let verdict = if row.missed() { "missed" } else { "reached" };
    say(&format!(
        "{:<46} {:>9} {:>9} {:>7}  {:<10} {verdict}",
        row.name, row.ours, row.other, row.target.figure, row.target.most
    ));
}

/// A time as it is shown.
pub(crate) fn seconds(time: Duration) -> String {
    if time < Duration::from_millis(100) {
        format!("{:.1} ms", time.as_secs_f64() * 1000.0)
    } else {
        format!("{:.2} s", time.as_secs_f64())
    }
}

/// Memory as it is shown.
pub(crate) fn mib(bytes: u64) -> String {
    format!("{} MiB", bytes >> 20)
}

/// Says a line.
#[expect(clippy::print_stdout, reason = "printing is what this program is for")]
pub(crate) fn say(line: &str) {
    println!("{line}");
}

/// Tells what is measured now, and how busy the machine is: not among the rows.
#[expect(clippy::print_stderr, reason = "printing is what this program is for")]
pub(crate) fn progress(what: &str) {
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let load = load.split(' ').next().unwrap_or_default();
    eprintln!("measuring {what}; load average {load}");
}
