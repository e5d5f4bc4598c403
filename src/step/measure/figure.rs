//! Figures: a number in a unit, read from what was written and told to people.

use crate::quantity;

/// A value in its unit.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Figure {
    pub(super) value: f64,
    pub(super) unit: String,
}

/// How much worse a value may be than another one.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Tolerance {
    /// So much of it.
    Part(f64),
    /// So much, in its unit.
    Value(f64),
}

/// A text that is no figure: why, and what to do.
#[derive(Debug, PartialEq)]
pub(super) struct Unread {
    pub(super) message: String,
    pub(super) help: String,
}

impl Figure {
    /// Reads one: a plain number is in the unit, a duration or a size is told in it, or without one in `s` or `B`.
    pub(super) fn of(text: &str, unit: Option<&str>) -> Result<Figure, Unread> {
        let text = text.trim();
        let number = quantity::number(text).and_then(|number| number.as_f64());
        if let Some(value) = number {
            let unit = unit.unwrap_or_default().to_owned();
            return Ok(Figure { value, unit });
        }
        let Some((what, base, in_base)) = measured(text) else {
            return Err(no_figure(text));
        };
        let unit = unit.unwrap_or(base);
        match scale(unit).filter(|(of, _)| *of == base) {
            Some((_, scale)) => Ok(Figure {
                value: in_base / scale,
                unit: unit.to_owned(),
            }),
            None => Err(Unread {
                message: format!("`{text}` is {what}, and the unit is `{unit}`"),
                help: format!("write a number of `{unit}`"),
            }),
        }
    }

    /// Its value in another unit; none where the two do not measure the same.
    pub(super) fn within(&self, unit: &str) -> Option<f64> {
        if self.unit == unit {
            return Some(self.value);
        }
        let ((of, from), (other, to)) = (scale(&self.unit)?, scale(unit)?);
        (of == other).then_some(self.value * from / to)
    }
}

impl Tolerance {
    /// Reads one: `20%`, or a figure in the unit.
    pub(super) fn of(text: &str, unit: Option<&str>) -> Result<Tolerance, Unread> {
        let part = text.trim().strip_suffix('%').map(str::trim);
        let tolerance = match part {
            Some(part) => quantity::number(part)
                .and_then(|part| part.as_f64())
                .map(|part| Tolerance::Part(part / 100.0)),
            None => Some(Tolerance::Value(Figure::of(text, unit)?.value)),
        };
        let positive = |it: &Tolerance| matches!(it, Tolerance::Part(by) | Tolerance::Value(by) if *by >= 0.0);
        tolerance.filter(positive).ok_or_else(|| Unread {
            message: format!("`{text}` is no tolerance"),
            help: "write a part of the baseline (`20%`), or how much it may be worse (`0.5`, `500ms`)".to_owned(),
        })
    }

    /// How much it is of a value.
    pub(super) fn of_value(self, value: f64) -> f64 {
        match self {
            Tolerance::Part(part) => value.abs() * part,
            Tolerance::Value(by) => by,
        }
    }
}

/// The value that limits are compared with, as far as its unit goes.
pub(super) struct Valued<'v> {
    /// Its unit; empty without one.
    pub(super) unit: &'v str,
    /// What it is, or what it is computed by.
    pub(super) written: &'v str,
    /// True where it stands there as it is.
    pub(super) is_literal: bool,
}

impl Valued<'_> {
    /// Reads a limit of it.
    pub(super) fn limit(&self, (key, text): (&str, &str)) -> Result<Figure, Unread> {
        Figure::of(text, Some(self.unit)).map_err(|why| self.no_unit(key, text).unwrap_or(why))
    }

    /// Reads how much worse it may be.
    pub(super) fn tolerance(&self, text: &str) -> Result<Tolerance, Unread> {
        Tolerance::of(text, Some(self.unit)).map_err(|why| self.no_unit("tolerance", text).unwrap_or(why))
    }

    /// That it has no unit, where a limit has one.
    fn no_unit(&self, key: &str, text: &str) -> Option<Unread> {
        let text = text.trim();
        let (what, base, _) = measured(text).filter(|_| self.unit.is_empty())?;
        let letters = text.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.');
        let unit = scale(letters).map_or(base, |_| letters);
        let written = self.written.trim();
        let with_unit = match self.is_literal {
            true => format!(", or `value: {written}{unit}`"),
            false => String::new(),
        };
        Some(Unread {
            message: format!("`{written}` has no unit and `{key}` is {what}"),
            help: format!("write `unit: {unit}`{with_unit}"),
        })
    }
}

/// What a duration or a size is called, the unit that it is counted in, and how many of that it is.
fn measured(text: &str) -> Option<(&'static str, &'static str, f64)> {
    let seconds = quantity::duration(text).map(|duration| ("a duration", "s", duration.as_secs_f64()));
    #[expect(clippy::cast_precision_loss, reason = "a size is told to a few digits")]
    let bytes = || quantity::size(text).map(|bytes| ("a size", "B", bytes as f64));
    seconds.or_else(bytes)
}

/// What a unit measures, by its base unit, and how much of that it is; none for a unit that is only a word.
fn scale(unit: &str) -> Option<(&'static str, f64)> {
    let one = format!("1{unit}");
    let letters = !unit.is_empty() && unit.bytes().all(|byte| byte.is_ascii_alphabetic());
    let seconds = quantity::duration(&one).map(|duration| ("s", duration.as_secs_f64()));
    #[expect(clippy::cast_precision_loss, reason = "a unit is a power of 2 or 10")]
    let bytes = || quantity::size(&one).map(|bytes| ("B", bytes as f64));
    seconds.or_else(bytes).filter(|_| letters)
}

/// What is to be written where a number of seconds has another unit; nothing where that is right, or only a word.
pub(super) fn of_seconds((key, code): (&str, &str), unit: &str) -> Option<String> {
    let (base, scale) = scale(unit)?;
    let written = match (base, scale) {
        ("s", 1.0) => return None,
        ("s", less) if less < 1.0 => format!("{code} * {}", (1.0 / less).round()),
        ("s", more) => format!("{code} / {more}"),
        _ => return Some("it is a time: write `unit: s`".to_owned()),
    };
    Some(format!("write `unit: s`, or `{key}: \"${{{{ {written} }}}}\"`"))
}

/// What to write where a name stands for its value.
pub(super) fn of_name(text: &str) -> Option<String> {
    let is_name = text.starts_with(|first: char| first.is_ascii_alphabetic()) && !text.contains(' ');
    is_name.then(|| format!("for the value of a name write `\"${{{{ {text} }}}}\"`"))
}

fn no_figure(text: &str) -> Unread {
    let help = "write a number (`3.5`), a duration (`250ms`) or a size (`64MiB`)".to_owned();
    let shown: String = text.chars().take(60).collect();
    let message = match text {
        "" => "there is no value: the text is empty".to_owned(),
        _ => format!("`{shown}` is neither a number nor a duration nor a size"),
    };
    Unread { message, help }
}

/// A value with its unit, as people read it: `1.235 s`, `12 requests/s`.
pub(super) fn shown(value: f64, unit: &str) -> String {
    crate::event::figure_text(value, unit)
}

/// How far a value is from another one: `+12%`.
pub(super) fn change(value: f64, from: f64) -> String {
    crate::event::change_text(value, from)
}

#[cfg(test)]
mod tests {
    use super::{Figure, Tolerance, Valued, of_seconds};

    fn check(text: &str, unit: Option<&str>, expected: Result<(f64, &str), &str>) {
        let read = Figure::of(text, unit);
        let read = read.as_ref().map(|it| (it.value, it.unit.as_str()));
        assert_eq!(read.map_err(|why| why.message.as_str()), expected, "{text} {unit:?}");
    }

    #[test]
    fn a_number_is_in_the_unit_and_a_quantity_is_told_in_it() {
        check("3.5", Some("requests/s"), Ok((3.5, "requests/s")));
        check(" 12\n", None, Ok((12.0, "")));
        check("1500ms", Some("s"), Ok((1.5, "s")));
        check("1m30s", None, Ok((90.0, "s")));
        check("2s", Some("ms"), Ok((2000.0, "ms")));
        check("1.5MiB", Some("KiB"), Ok((1536.0, "KiB")));
        check("64KiB", None, Ok((65536.0, "B")));
        check("2s", Some("MiB"), Err("`2s` is a duration, and the unit is `MiB`"));
        check(
            "2s",
            Some("requests/s"),
            Err("`2s` is a duration, and the unit is `requests/s`"),
        );
        check("", None, Err("there is no value: the text is empty"));
        check(
            "took",
            None,
            Err("`took` is neither a number nor a duration nor a size"),
        );
    }

    #[test]
    fn a_unit_is_converted_where_both_measure_the_same() {
        let figure = |value, unit: &str| Figure {
            value,
            unit: unit.to_owned(),
        };
        assert_eq!(figure(1.5, "s").within("ms"), Some(1500.0));
        assert_eq!(figure(2.0, "MiB").within("KiB"), Some(2048.0));
        assert_eq!(figure(2.0, "rows").within("rows"), Some(2.0));
        assert_eq!(figure(2.0, "MiB").within("s"), None);
        assert_eq!(figure(2.0, "").within("s"), None);
    }

    #[test]
    fn a_number_of_seconds_in_another_unit_is_told() {
        for (unit, expected) in [
            ("s", None),
            ("turns", None),
            ("requests/s", None),
            ("ms", Some("write `unit: s`, or `value: \"${{ took * 1000 }}\"`")),
            ("us", Some("write `unit: s`, or `value: \"${{ took * 1000000 }}\"`")),
            ("m", Some("write `unit: s`, or `value: \"${{ took / 60 }}\"`")),
            ("MiB", Some("it is a time: write `unit: s`")),
        ] {
            assert_eq!(of_seconds(("value", "took"), unit).as_deref(), expected, "{unit}");
        }
    }

    fn check_unitless(text: &str, is_literal: bool, expected: (&str, &str)) {
        let value = Valued {
            unit: "",
            written: "3",
            is_literal,
        };
        let why = value.limit(("max", text)).unwrap_err();
        assert_eq!((why.message.as_str(), why.help.as_str()), expected, "{text}");
    }

    #[test]
    fn a_value_without_a_unit_has_no_limit_with_one() {
        let duration = "`3` has no unit and `max` is a duration";
        check_unitless("5s", true, (duration, "write `unit: s`, or `value: 3s`"));
        check_unitless("250ms", true, (duration, "write `unit: ms`, or `value: 3ms`"));
        check_unitless("1m30s", false, (duration, "write `unit: s`"));
        let size = "`3` has no unit and `max` is a size";
        check_unitless("5MiB", true, (size, "write `unit: MiB`, or `value: 3MiB`"));
        let value = Valued {
            unit: "",
            written: "3",
            is_literal: true,
        };
        assert_eq!(value.limit(("max", "5")).unwrap().value, 5.0);
        assert_eq!(
            value.tolerance("5s").unwrap_err().message,
            "`3` has no unit and `tolerance` is a duration"
        );
    }

    #[test]
    fn a_tolerance_is_a_part_or_a_value() {
        let read = |text: &str| Tolerance::of(text, Some("s")).map(|it| it.of_value(10.0));
        assert_eq!(read("20%"), Ok(2.0));
        assert_eq!(read("500ms"), Ok(0.5));
        assert_eq!(read("3"), Ok(3.0));
        assert!(read("-3").is_err());
        assert!(read("x%").is_err());
    }
}
