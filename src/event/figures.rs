//! Figures as people read them, the same in messages and in reports.

/// So many of something: `1 case`, `2 cases`.
pub fn count_text(n: u64, one: &str, many: &str) -> String {
    format!("{n} {}", if n == 1 { one } else { many })
}

/// How often: `once`, `2 times`.
pub fn times_text(n: u64) -> String {
    match n {
        1 => "once".to_owned(),
        n => format!("{n} times"),
    }
}

/// Seconds as people write a duration: `50ms`, `1.2s`, `2m5s`.
pub fn duration_text(seconds: f64) -> String {
    if seconds < 1.0 {
        return format!("{}ms", (seconds * 1000.0).round());
    }
    if seconds < 60.0 {
        let text = format!("{seconds:.1}");
        return format!("{}s", text.trim_end_matches(".0"));
    }
    let whole = seconds.round() as u64;
    let (hours, minutes, seconds) = (whole / 3600, whole / 60 % 60, whole % 60);
    let parts = [(hours, 'h'), (minutes, 'm'), (seconds, 's')];
    parts
        .iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, unit)| format!("{count}{unit}"))
        .collect()
}

/// A value with its unit as people read it, to four digits: `1.235 s`, `12 requests/s`, `0.00012`.
pub fn figure_text(value: f64, unit: &str) -> String {
    let size = value.abs();
    let decimals = if size == 0.0 || size >= 1000.0 {
        0
    } else {
        #[expect(
            clippy::cast_possible_truncation,
            reason = "it is below 4, and above that of the least float"
        )]
        let whole = size.log10().floor() as i32;
        usize::try_from(3 - whole).unwrap_or(0).min(12)
    };
    let text = format!("{value:.decimals$}");
    let text = match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.'),
        false => &text,
    };
    format!("{text} {unit}").trim_end().to_owned()
}

/// How far a value is from another one: `+12%`.
pub fn change_text(value: f64, from: f64) -> String {
    if from == 0.0 {
        return format!("{}{}", if value < 0.0 { "" } else { "+" }, figure_text(value, ""));
    }
    let part = (value - from) / from.abs() * 100.0;
    if part.round() == 0.0 {
        return "the same".to_owned();
    }
    format!("{:+.0}%", part.round())
}

#[cfg(test)]
mod tests {
    use super::{change_text, figure_text};

    #[test]
    fn figures_have_four_digits_and_no_zeros_behind_them() {
        for (value, unit, expected) in [
            (1.234_56, "s", "1.235 s"),
            (12.0, "requests/s", "12 requests/s"),
            (123_456.7, "", "123457"),
            (0.000_12, "s", "0.00012 s"),
            (0.0, "", "0"),
            (-2.5, "ms", "-2.5 ms"),
            (100.0, "%", "100 %"),
        ] {
            assert_eq!(figure_text(value, unit), expected);
        }
    }

    #[test]
    fn a_change_is_told_in_percent() {
        for (value, from, expected) in [
            (112.0, 100.0, "+12%"),
            (90.0, 100.0, "-10%"),
            (100.1, 100.0, "the same"),
            (3.0, 0.0, "+3"),
        ] {
            assert_eq!(change_text(value, from), expected);
        }
    }
}
