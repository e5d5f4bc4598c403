//! `requires`: what must be there; looked at, never assumed.

use crate::diagnostic::Spanned;
use crate::shape::{Size, Word, shape};

shape! {
    /// What must be there; otherwise the scenario is skipped, with the reason.
    pub struct Requires ("`requires`") {
        /// Versions of the engine: `>=20.10`.
        engine: Option<Spanned<VersionRange>>,
        /// Versions of the compose tool: `>=2`.
        compose: Option<Spanned<VersionRange>>,
        /// Architectures of the engine: `[amd64, arm64]`.
        arch: Vec<Spanned<String>>,
        /// The engine is in a swarm.
        swarm: Option<Spanned<bool>>,
        /// The engine's routing mesh works (its kernel has IPVS).
        routing_mesh: Option<Spanned<bool>>,
        /// Free space where the results go.
        disk: Option<Spanned<Size>>,
        /// Environment variables that must be set, and not to an empty text; only these are seen as `env.NAME`.
        env: Vec<Spanned<String>>,
    }
}

/// A version's numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version(pub Vec<u64>);

impl Version {
    /// Reads the numbers that a version begins with: `20.10.24+dfsg1` is 20, 10, 24.
    pub fn parse(text: &str) -> Option<Version> {
        let text = text.trim().trim_start_matches('v');
        let end = text
            .find(|c: char| !c.is_ascii_digit() && c != '.')
            .unwrap_or(text.len());
        let numbers: Option<Vec<u64>> = text[..end]
            .trim_end_matches('.')
            .split('.')
            .map(|part| part.parse().ok())
            .collect();
        numbers.map(Version)
    }

    fn compare(&self, other: &Version, parts: usize) -> std::cmp::Ordering {
        let at = |version: &Version, part: usize| version.0.get(part).copied().unwrap_or(0);
        (0..parts)
            .map(|part| at(self, part).cmp(&at(other, part)))
            .find(|order| order.is_ne())
            .unwrap_or(std::cmp::Ordering::Equal)
    }
}

/// Versions that will do: `>=20.10`, `>=2, <3`, `28` (any that begins so).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VersionRange {
    text: String,
    bounds: Vec<(&'static str, Version)>,
}

impl VersionRange {
    /// True when the version will do.
    pub fn holds(&self, version: &Version) -> bool {
        self.bounds.iter().all(|(operator, bound)| {
            let all = version.0.len().max(bound.0.len());
            match *operator {
                ">=" => version.compare(bound, all).is_ge(),
                "<=" => version.compare(bound, bound.0.len()).is_le(),
                ">" => version.compare(bound, bound.0.len()).is_gt(),
                "<" => version.compare(bound, all).is_lt(),
                "!=" => version.compare(bound, bound.0.len()).is_ne(),
                _ => version.compare(bound, bound.0.len()).is_eq(),
            }
        })
    }
}

impl std::fmt::Display for VersionRange {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.text)
    }
}

impl Word for VersionRange {
    const WHAT: &'static str = "versions (`>=20.10`, `>=2, <3`, `28`)";
    fn from_text(text: &str) -> Option<Self> {
        let bounds = text.split(',').map(|part| {
            let part = part.trim();
            let operator = [">=", "<=", "!=", ">", "<", "="]
                .into_iter()
                .find(|operator| part.starts_with(operator));
            let numbers = &part[operator.map_or(0, str::len)..].trim();
            let all_digits = !numbers.is_empty() && numbers.chars().all(|c| c.is_ascii_digit() || c == '.');
            Some((operator.unwrap_or("="), Version::parse(numbers).filter(|_| all_digits)?))
        });
        Some(VersionRange {
            text: text.to_owned(),
            bounds: bounds.collect::<Option<_>>()?,
        })
    }
    fn word_schema() -> serde_json::Value {
        serde_json::json!({"type": ["string", "number"]})
    }
}

#[cfg(test)]
mod tests {
    use super::{Version, VersionRange};
    use crate::shape::Word;

    fn check(range: &str, version: &str, expected: bool) {
        let range = VersionRange::from_text(range).expect(range);
        assert_eq!(
            range.holds(&Version::parse(version).expect(version)),
            expected,
            "{range} {version}"
        );
    }

    #[test]
    fn compares_versions_by_their_numbers() {
        check(">=20.10", "20.10.24+dfsg1", true);
        check(">=20.10", "20.9", false);
        check(">=2, <3", "2.40.3", true);
        check(">=2, <3", "3", false);
        check("28", "28.5.2", true);
        check("28", "29", false);
        check(">2", "2.1", false);
        check("<=2", "2.40", true);
        check("!=2.26", "2.26.1", false);
        assert!(VersionRange::from_text(">=twenty").is_none());
        assert!(VersionRange::from_text("").is_none());
    }
}
