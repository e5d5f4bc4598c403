//! Versions: numbers with dots between them, which order number by number and not letter by letter.

use std::cmp::Ordering;
use std::fmt;

use semver::Prerelease;

/// A version: `20.10`, `v2.40.3`, `3.0.0-rc.1`. What stands behind a `+` says nothing of its order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Version {
    numbers: Vec<u64>,
    /// What comes before the release: `rc.1`. Empty for the release itself.
    before: Prerelease,
    /// True where it can be nothing else: `3.9` may be a number, and `16-1` what it wants.
    is_sure: bool,
}

impl Version {
    /// Reads one from its text.
    pub(crate) fn parse(text: &str) -> Option<Version> {
        let text = text.trim();
        let bare = text.strip_prefix('v').unwrap_or(text);
        let release = bare.split('+').next().unwrap_or_default();
        let (numbers, before) = match release.split_once('-') {
            Some((numbers, before)) => (numbers, Some(before).filter(|before| !before.is_empty())?),
            None => (release, ""),
        };
        // `parse` takes a sign.
        let number = |part: &str| part.parse().ok().filter(|_| !part.starts_with('+'));
        let numbers: Vec<u64> = numbers.split('.').map(number).collect::<Option<_>>()?;
        let is_sure = bare.len() < text.len() || numbers.len() > 2 || numbers.len() == 2 && !before.is_empty();
        Some(Version {
            numbers,
            before: Prerelease::new(before).ok()?,
            is_sure,
        })
    }

    /// Reads what can be nothing but a version.
    pub(crate) fn sure(text: &str) -> Option<Version> {
        Version::parse(text).filter(|version| version.is_sure)
    }

    /// Reads two texts that are compared: beside one that is surely a version `3.9` is one, too.
    pub(crate) fn both(one: &str, other: &str) -> Option<[Version; 2]> {
        let versions = [Version::parse(one)?, Version::parse(other)?];
        versions.iter().any(|version| version.is_sure).then_some(versions)
    }

    /// How many numbers it is written with.
    pub(crate) fn parts(&self) -> usize {
        self.numbers.len()
    }

    /// So many of its numbers; one that is not written is 0.
    pub(crate) fn first(&self, count: usize) -> impl Iterator<Item = u64> {
        let all = self.numbers.iter().copied().chain(std::iter::repeat(0));
        all.take(count)
    }

    /// Which is newer. What comes before a release is older than it, as semver has it.
    pub(crate) fn order(&self, other: &Version) -> Ordering {
        let most = self.parts().max(other.parts());
        let numbers = self.first(most).cmp(other.first(most));
        numbers.then_with(|| self.before.cmp(&other.before))
    }
}

/// As what can be nothing but a version: with three numbers or more.
impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let numbers: Vec<String> = self
            .first(self.parts().max(3))
            .map(|number| number.to_string())
            .collect();
        f.write_str(&numbers.join("."))?;
        match self.before.is_empty() {
            true => Ok(()),
            false => write!(f, "-{}", self.before),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Version;

    #[test]
    fn versions_have_the_order_of_their_numbers_and_what_comes_before_a_release_is_older() {
        let ordered = [
            "v0.9",
            "1.0.0-alpha",
            "1.0.0-alpha.1",
            "1.0.0-rc.2",
            "1.0.0-rc.10",
            "1.0.0+build.5",
            "v1.0.1",
            "1.2.9.4",
            "1.2.10",
            "2.9.0",
            "2.10.1",
            "20.10.24+dfsg1",
        ];
        for (at, older) in ordered.iter().enumerate() {
            for newer in &ordered[at + 1..] {
                let [one, other] = Version::both(older, newer).expect(newer);
                assert!(
                    one.order(&other).is_lt() && other.order(&one).is_gt(),
                    "{older} {newer}"
                );
            }
        }
        let [one, other] = Version::both("v2.10", "2.10.0").expect("both");
        assert!(one.order(&other).is_eq());
    }

    #[test]
    fn of_two_texts_one_has_to_be_surely_a_version() {
        for (one, other, both) in [
            ("2.10.1", "2.9", true),
            ("28", "20.10.24", true),
            ("v3.9", "3.10", true),
            ("v9", "10", true),
            ("3.10-alpine", "3.9-alpine", true),
            ("3.9", "3.10", false),
            ("16-alpine", "9-alpine", false),
            ("2026-01-01", "2026-02-01", false),
            ("2.10.1", "latest", false),
            ("2.10.1", "", false),
            ("1.2.3-", "1.2.2", false),
            ("1..3", "1.2.2", false),
            ("1.2.+3", "1.2.2", false),
            ("1.5s", "1.2.2", false),
        ] {
            assert_eq!(Version::both(one, other).is_some(), both, "{one} {other}");
        }
    }

    #[test]
    fn in_full_it_can_be_nothing_else() {
        for (written, full) in [
            ("3.9", "3.9.0"),
            ("v2", "2.0.0"),
            ("1.2.3.4", "1.2.3.4"),
            ("1.0-rc.1+5", "1.0.0-rc.1"),
        ] {
            let version = Version::parse(written).expect(written);
            assert_eq!(version.to_string(), full);
            assert!(Version::sure(full).is_some(), "{full}");
        }
    }
}
