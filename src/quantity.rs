//! What can be more or less, as it is written: numbers, sizes, durations, times and versions.

use std::cmp::Ordering;
use std::time::Duration;

use serde_json::Number;

use crate::version::Version;

/// Longer ones are slips of the pen, and more than a clock can count.
const LONGEST: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// What can be more or less.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Quantity {
    /// A plain number.
    Number(Number),
    /// A size.
    Bytes(u64),
    /// A duration.
    Seconds(f64),
    /// A moment.
    Time(jiff::Timestamp),
    /// A version.
    Version(Version),
}

impl Quantity {
    /// Reads one from its text; a plain number before all others.
    pub(crate) fn of_text(text: &str) -> Option<Quantity> {
        let text = text.trim();
        let seconds = || duration(text).map(|duration| Quantity::Seconds(duration.as_secs_f64()));
        let bytes = || size(text).map(Quantity::Bytes);
        let time = || text.parse().ok().map(Quantity::Time);
        let version = || Version::sure(text).map(Quantity::Version);
        number(text)
            .map(Quantity::Number)
            .or_else(seconds)
            .or_else(bytes)
            .or_else(time)
            .or_else(version)
    }

    /// Reads two texts that are compared: where one is a version, the other one may be one, too.
    pub(crate) fn of_texts(one: &str, other: &str) -> [Option<Quantity>; 2] {
        match Version::both(one, other) {
            Some(versions) => versions.map(|version| Some(Quantity::Version(version))),
            None => [one, other].map(Quantity::of_text),
        }
    }

    /// What it is, for messages.
    pub(crate) fn noun(&self) -> &'static str {
        match self {
            Quantity::Number(_) => "a number",
            Quantity::Bytes(_) => "a size",
            Quantity::Seconds(_) => "a duration",
            Quantity::Time(_) => "a time",
            Quantity::Version(_) => "a version",
        }
    }

    /// Which is more; none where they do not measure the same. A plain number may be a number of bytes.
    pub(crate) fn order(&self, other: &Quantity) -> Option<Ordering> {
        match (self, other) {
            (Quantity::Number(one), Quantity::Number(other)) => order(one, other),
            (Quantity::Seconds(one), Quantity::Seconds(other)) => one.partial_cmp(other),
            (Quantity::Bytes(one), Quantity::Bytes(other)) => Some(one.cmp(other)),
            (Quantity::Number(one), Quantity::Bytes(other)) => order(one, &Number::from(*other)),
            (Quantity::Bytes(one), Quantity::Number(other)) => order(&Number::from(*one), other),
            (Quantity::Time(one), Quantity::Time(other)) => Some(one.cmp(other)),
            (Quantity::Version(one), Quantity::Version(other)) => Some(one.order(other)),
            _ => None,
        }
    }
}

/// The order of two numbers; whole ones exactly, since as floats those above 2^53 are like their neighbours.
pub(crate) fn order(one: &Number, other: &Number) -> Option<Ordering> {
    match (one.as_i128(), other.as_i128()) {
        (Some(one), Some(other)) => Some(one.cmp(&other)),
        (Some(one), None) => whole_and_fraction(one, other.as_f64()?),
        (None, Some(other)) => whole_and_fraction(other, one.as_f64()?).map(Ordering::reverse),
        (None, None) => one.as_f64()?.partial_cmp(&other.as_f64()?),
    }
}

/// A float's whole part is compared exactly; what it has beyond makes it the greater one.
fn whole_and_fraction(whole: i128, fraction: f64) -> Option<Ordering> {
    if fraction.is_nan() {
        return None;
    }
    // A float that is out of the range becomes its end, which no JSON number reaches.
    let floor = fraction.floor();
    let order = whole.cmp(&(floor as i128));
    let beyond = fraction > floor;
    Some(order.then(if beyond { Ordering::Less } else { Ordering::Equal }))
}

/// A text as a number: `3`, `-1.5`, `1e3`.
pub(crate) fn number(text: &str) -> Option<Number> {
    let whole = || text.parse::<i64>().ok().map(Number::from);
    let large = || text.parse::<u64>().ok().map(Number::from);
    let part = || text.parse::<f64>().ok().and_then(Number::from_f64);
    whole().or_else(large).or_else(part)
}

/// A duration in the one way that it is written: `250ms`, `30s`, `1h30m`.
pub(crate) fn duration(text: &str) -> Option<Duration> {
    // jiff reads much more: signs, `PT30S`, `1 hour, 2 min`, `1:30:00`. One way to write it is enough.
    let ours = text.starts_with(|first: char| first.is_ascii_digit())
        && text
            .bytes()
            .all(|byte| matches!(byte, b'0'..=b'9' | b'.' | b'h' | b'm' | b's' | b'u' | b'n'));
    let span: jiff::SignedDuration = text.parse().ok().filter(|_| ours)?;
    Duration::try_from(span).ok().filter(|duration| *duration <= LONGEST)
}

/// A size in bytes: `64KiB`, `2GiB`, `512`.
pub(crate) fn size(text: &str) -> Option<u64> {
    let digits = text
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let factor: u64 = match unit {
        "" | "B" => 1,
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        "TiB" => 1 << 40,
        "kB" | "KB" => 1_000,
        "MB" => 1_000_000,
        "GB" => 1_000_000_000,
        _ => return None,
    };
    if let Ok(whole) = number.parse::<u64>() {
        return whole.checked_mul(factor);
    }
    // A part of a byte is none.
    let part = number
        .parse::<f64>()
        .ok()
        .filter(|_| factor > 1 && !number.starts_with('.') && !number.ends_with('.'))?;
    Some((part * factor as f64) as u64)
}
