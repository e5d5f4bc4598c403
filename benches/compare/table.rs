//! The figures as a table, each with its target.

use std::time::Duration;

/// What a figure should be at most.
pub(crate) struct Target {
    figure: String,
    most: String,
    reached: bool,
}

impl Target {
    /// A ratio.
    pub(crate) fn ratio(figure: f64, most: f64) -> Target {
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
    /// Two times beside each other.
    pub(crate) fn times(name: &str, ours: Duration, other: Duration, target: Target) -> Row {
        Row {
            name: name.to_owned(),
            ours: seconds(ours),
            other: seconds(other),
            target,
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
}

/// Prints the table; true when a target is missed.
pub(crate) fn print(rows: &[Row]) -> bool {
    say(&format!(
        "\n{:<46} {:>9} {:>9} {:>7}  target",
        "medians", "e2erun", "other", "ratio"
    ));
    for row in rows {
        let verdict = if row.target.reached { "" } else { "  missed" };
        say(&format!(
            "{:<46} {:>9} {:>9} {:>7}  {}{verdict}",
            row.name, row.ours, row.other, row.target.figure, row.target.most
        ));
    }
    rows.iter().any(|row| !row.target.reached)
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
