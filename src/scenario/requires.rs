//! `requires`: what must be there; looked at, never assumed.

use crate::diagnostic::Spanned;
use crate::shape::{Size, Word, shape};
use crate::version::Version;

shape! {
    /// What must be there; otherwise the scenario is skipped, with the reason.
    pub struct Requires ("`requires`") {
        /// Versions of the engine: `>=20.10`.
        engine: Option<Spanned<VersionRange>>,
        /// Versions of the compose tool: `>=2`.
        compose: Option<Spanned<VersionRange>>,
        /// Architectures of the engine: `[amd64, arm64]`.
        arch: Vec<Spanned<String>>,
        /// The engine is a manager of a swarm (with `cluster: {swarm: true}` it is made one), or, with `false`, in none when the scenario begins.
        swarm: Option<Spanned<bool>>,
        /// The engine's routing mesh works (its kernel has IPVS): found by asking a service of one task, once a run.
        routing_mesh: Option<Spanned<bool>>,
        /// Free space where the results go.
        disk: Option<Spanned<Size>>,
        /// Environment variables that must be set, and not to an empty text; only these are seen as `env.NAME`.
        env: Vec<Spanned<String>>,
    }
}

/// Versions that will do: `>=20.10`, `>=2, <3`, `28` (any that begins so).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VersionRange {
    text: String,
    bounds: Vec<(&'static str, Version)>,
}

impl VersionRange {
    /// True when what was found is a version, and one that will do. A bound is of all versions that begin so.
    pub fn holds(&self, found: &str) -> bool {
        // Packages write more behind the numbers than a version has: `24.0.5-0ubuntu1~22.04.1`.
        let found = found.trim().trim_start_matches('v');
        let end = found.find(|c: char| !c.is_ascii_digit() && c != '.');
        let Some(version) = Version::parse(found[..end.unwrap_or(found.len())].trim_end_matches('.')) else {
            return false;
        };
        self.bounds.iter().all(|(operator, bound)| {
            let order = version.first(bound.parts()).cmp(bound.first(bound.parts()));
            match *operator {
                ">=" => order.is_ge(),
                "<=" => order.is_le(),
                ">" => order.is_gt(),
                "<" => order.is_lt(),
                "!=" => order.is_ne(),
                _ => order.is_eq(),
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
            let numbers = part[operator.map_or(0, str::len)..].trim();
            let only_numbers = numbers.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
            Some((
                operator.unwrap_or("="),
                Version::parse(numbers).filter(|_| only_numbers)?,
            ))
        });
        Some(VersionRange {
            text: text.to_owned(),
            bounds: bounds.collect::<Option<_>>()?,
        })
    }
    fn word_schema() -> serde_json::Value {
        serde_json::json!({"type": ["string", "number"]})
    }
    fn advice(text: &str) -> Option<String> {
        // As other tools take them: with blanks between.
        let bounds: Vec<&str> = text.split([' ', ',']).filter(|part| !part.is_empty()).collect();
        let listed = bounds.join(", ");
        (bounds.len() > 1 && VersionRange::from_text(&listed).is_some())
            .then(|| format!("a comma stands between them: `{listed}`"))
    }
}

#[cfg(test)]
mod tests {
    use super::VersionRange;
    use crate::shape::Word;

    fn check(range: &str, version: &str, expected: bool) {
        let range = VersionRange::from_text(range).expect(range);
        assert_eq!(range.holds(version), expected, "{range} {version}");
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
        check(">=20.10", "", false);
        check(">=2.26.1", "2.26.1-4", true);
        check(">=20.10", "24.0.5-0ubuntu1~22.04.1", true);
        check("<25", "v24.0.5-01", true);
        check(">=20.10", "library-import", false);
        assert!(VersionRange::from_text(">=twenty").is_none());
        assert!(VersionRange::from_text("").is_none());
    }
}
