//! Durations, sizes, processors and constraints in the words of the docker tools.

use crate::diagnostic::known_names;

/// So many bytes a manager takes at least.
pub(super) const LEAST: f64 = 4.0 * 1024.0 * 1024.0;

/// What a constraint can ask of a node.
const FIELDS: [&str; 6] = [
    "node.id",
    "node.hostname",
    "node.ip",
    "node.role",
    "node.platform.os",
    "node.platform.arch",
];
/// Each with a label's name after it.
const LABELS: [&str; 2] = ["node.labels.", "engine.labels."];

/// The seconds of a duration: `1m30s`, `-5s`, `0`; newer compose tools know days and weeks, too.
pub(super) fn duration(text: &str, with_days: bool) -> Option<f64> {
    let (sign, mut rest) = match text.strip_prefix('-') {
        Some(rest) => (-1.0, rest),
        None => (1.0, text.strip_prefix('+').unwrap_or(text)),
    };
    if rest == "0" {
        return Some(0.0);
    }
    let mut sum = 0.0;
    while !rest.is_empty() || sum == 0.0 {
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let number: f64 = rest[..end].parse().ok()?;
        rest = &rest[end..];
        let end = rest
            .find(|c: char| c.is_ascii_digit() || c == '.')
            .unwrap_or(rest.len());
        let unit = match &rest[..end] {
            "ns" => 1e-9,
            "us" | "µs" | "μs" => 1e-6,
            "ms" => 1e-3,
            "s" => 1.0,
            "m" => 60.0,
            "h" => 3600.0,
            "d" if with_days => 86_400.0,
            "w" if with_days => 604_800.0,
            _ => return None,
        };
        rest = &rest[end..];
        sum += number * unit;
        if rest.is_empty() {
            break;
        }
    }
    Some(sign * sum)
}

/// The bytes of a size: `64m`, `1.5GiB`, `10 k`, `64`.
pub(super) fn size(text: &str) -> Option<f64> {
    let text = text.to_ascii_lowercase();
    let end = text.rfind(|c: char| c.is_ascii_digit() || c == '.' || c == ' ')? + 1;
    let (number, unit) = text.split_at(end);
    let number: f64 = number.strip_suffix(' ').unwrap_or(number).parse().ok()?;
    let prefix = match unit {
        "b" => "",
        _ => unit
            .strip_suffix("ib")
            .or_else(|| unit.strip_suffix('b'))
            .unwrap_or(unit),
    };
    let power = match prefix {
        "" => 0,
        _ => ["k", "m", "g", "t", "p"].iter().position(|known| *known == prefix)? + 1,
    };
    let bytes = number * 1024_f64.powi(i32::try_from(power).ok()?);
    (bytes >= 0.0 && bytes.is_finite()).then_some(bytes)
}

/// A number of processors: `0.5`, `1/2`.
pub(super) fn cpus(text: &str) -> Option<f64> {
    let number = |text: &str| {
        let is_plain = text
            .chars()
            .all(|c| c.is_ascii_digit() || matches!(c, '.' | 'e' | 'E' | '+' | '-'));
        // The least part is a billionth.
        let decimals = text
            .split_once('.')
            .map_or("", |(_, decimals)| decimals.trim_end_matches('0'));
        text.parse::<f64>().ok().filter(|_| is_plain && decimals.len() <= 9)
    };
    match text.split_once('/') {
        Some((over, under)) => Some(number(over)? / number(under)?),
        // Of nothing at all nothing is limited.
        None if text.is_empty() => Some(0.0),
        None => number(text),
    }
}

/// What is wrong with a constraint of a placement, and what helps: the tool takes any text, a manager not, and some no node
/// ever fits.
pub(super) fn constraint(text: &str) -> Option<(String, String)> {
    let none = |help: String| Some((format!("`{text}` is no constraint"), help));
    let operator = ["==", "!="].into_iter().find(|operator| text.contains(operator));
    let Some((field, value)) = operator.and_then(|operator| text.split_once(operator)) else {
        let parts = text.split_once('=');
        let (field, value) = parts.map_or(("node.role", "manager"), |(field, value)| (field.trim(), value.trim()));
        return none(format!(
            "between its field and its value stands `==` or `!=`: `{field} == {value}`"
        ));
    };
    let (field, value) = (field.trim(), value.trim());
    let lower = field.to_ascii_lowercase();
    let is_label = LABELS
        .iter()
        .any(|label| lower.len() > label.len() && lower.starts_with(label));
    if !is_label && !FIELDS.contains(&lower.as_str()) {
        let known: Vec<&str> = FIELDS
            .into_iter()
            .chain(["node.labels.NAME", "engine.labels.NAME"])
            .collect();
        let message = format!("no node fits `{text}`: there is no `{field}`");
        return Some((message, known_names(field, &known)));
    }
    let is_in_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if !field.chars().all(is_in_name) {
        return none(format!("`{field}` is of letters, digits, `-`, `_` and `.`"));
    }
    let is_in_value = |c: char| c.is_ascii_alphanumeric() || c.is_ascii_whitespace() || ":-_.*()?+[]\\^$|/".contains(c);
    if value.is_empty() || !value.chars().all(is_in_value) {
        return none(format!(
            "its value `{value}` is to be of letters, digits and `-_.:/`, without quotes"
        ));
    }
    let roles = ["manager", "worker"];
    let is_role = roles.contains(&value.to_ascii_lowercase().as_str());
    if lower == "node.role" && !is_role && operator == Some("==") {
        return Some((
            format!("no node fits `{text}`: no node has such a role"),
            known_names(value, &roles),
        ));
    }
    None
}

#[cfg(test)]
mod tests {
    use super::{constraint, cpus, duration, size};

    #[test]
    fn durations_as_the_docker_tools_read_them() {
        // Each was tried with `docker stack config`.
        for (text, expected) in [
            ("10s", Some(10.0)),
            ("1m30s", Some(90.0)),
            ("2h45m", Some(9900.0)),
            ("-5s", Some(-5.0)),
            ("+5s", Some(5.0)),
            (".5s", Some(0.5)),
            ("1.5h30µs", Some(5400.00003)),
            ("0", Some(0.0)),
            ("0s", Some(0.0)),
            ("5", None),
            ("", None),
            ("5 seconds", None),
            ("10 s", None),
            ("1d", None),
            ("ten", None),
            ("s", None),
        ] {
            assert_eq!(duration(text, false), expected, "{text}");
        }
        assert_eq!(duration("1d12h", true), Some(129_600.0));
    }

    #[test]
    fn sizes_and_processors_as_the_docker_tools_read_them() {
        for (text, expected) in [
            ("10M", Some(10_485_760.0)),
            ("10mb", Some(10_485_760.0)),
            ("10MiB", Some(10_485_760.0)),
            ("10 M", Some(10_485_760.0)),
            ("1.5k", Some(1536.0)),
            ("64", Some(64.0)),
            ("64b", Some(64.0)),
            (".5k", Some(512.0)),
            ("10.k", Some(10_240.0)),
            ("10Q", None),
            ("-5M", None),
            ("", None),
            ("M", None),
            ("1 0 k", None),
        ] {
            assert_eq!(size(text), expected, "{text}");
        }
        for (text, expected) in [
            ("0.5", Some(0.5)),
            ("1/2", Some(0.5)),
            ("1e-1", Some(0.1)),
            ("", Some(0.0)),
            ("half", None),
            ("0.5 ", None),
            ("inf", None),
            ("0.1234567891", None),
        ] {
            assert_eq!(cpus(text), expected, "{text}");
        }
    }

    #[test]
    fn constraints_that_a_manager_takes_and_a_node_may_fit() {
        for text in [
            "node.role == manager",
            "node.role!=worker",
            "NODE.ROLE == Manager",
            "node.labels.a.b-c==x",
            "engine.labels.os == x",
            "node.platform.os == linux",
            "node.ip != 10.0.0.0/24",
            "node.hostname == a b",
            "node.role != boss",
        ] {
            assert_eq!(constraint(text), None, "{text}");
        }
        for (text, message) in [
            ("node.role = manager", "`node.role = manager` is no constraint"),
            ("node.role", "`node.role` is no constraint"),
            (
                "node.rol == manager",
                "no node fits `node.rol == manager`: there is no `node.rol`",
            ),
            (
                "node.labels. == x",
                "no node fits `node.labels. == x`: there is no `node.labels.`",
            ),
            (
                "node.role == boss",
                "no node fits `node.role == boss`: no node has such a role",
            ),
            ("node.role ==", "`node.role ==` is no constraint"),
            ("node.id == \"a\"", "`node.id == \"a\"` is no constraint"),
            ("node.labels.a/b == c", "`node.labels.a/b == c` is no constraint"),
        ] {
            assert_eq!(constraint(text).map(|(message, _)| message).as_deref(), Some(message));
        }
    }
}
