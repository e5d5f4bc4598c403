//! `.dockerignore`: which paths of a build context the builder does not see, by Docker's own rules.

use regex::Regex;

/// The patterns of a `.dockerignore`.
#[derive(Debug, Default)]
pub struct IgnoreFile {
    patterns: Vec<Pattern>,
}

#[derive(Debug)]
struct Pattern {
    regex: Regex,
    negated: bool,
}

impl IgnoreFile {
    /// Reads the patterns; a line that is no pattern is told as (line from 1, why).
    pub fn parse(text: &str) -> Result<IgnoreFile, (usize, String)> {
        let mut patterns = Vec::new();
        for (index, line) in text.trim_start_matches('\u{feff}').lines().enumerate() {
            if line.starts_with('#') || line.trim().is_empty() {
                continue;
            }
            let line = line.trim();
            let (negated, pattern) = line.strip_prefix('!').map_or((false, line), |rest| (true, rest.trim()));
            let pattern = clean(pattern);
            if pattern.is_empty() {
                return Err((index + 1, "`!` alone is no pattern".to_owned()));
            }
            let regex = regex_of(&pattern).map_err(|why| (index + 1, format!("`{line}` is no pattern: {why}")))?;
            patterns.push(Pattern { regex, negated });
        }
        Ok(IgnoreFile { patterns })
    }

    /// Whether a path (relative to the context, with `/`) is left out: the last pattern that matches it or a folder
    /// that it is in decides.
    pub fn ignores(&self, path: &str) -> bool {
        let parents = path.match_indices('/').map(|(at, _)| &path[..at]);
        let tries: Vec<&str> = std::iter::once(path).chain(parents).collect();
        let last = self
            .patterns
            .iter()
            .rfind(|pattern| tries.iter().any(|path| pattern.regex.is_match(path)));
        last.is_some_and(|pattern| !pattern.negated)
    }

    /// Whether everything below an ignored folder is ignored, too: only then a walk need not enter it.
    pub fn has_exceptions(&self) -> bool {
        self.patterns.iter().any(|pattern| pattern.negated)
    }
}

/// The pattern without a leading `/`, `.`, `..` and doubled or final slashes.
fn clean(pattern: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in pattern.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    // `.` is the context itself: everything.
    if parts.is_empty() && !pattern.is_empty() {
        "**".to_owned()
    } else {
        parts.join("/")
    }
}

fn regex_of(pattern: &str) -> Result<Regex, regex::Error> {
    let mut regex = String::from("^");
    let mut chars = pattern.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '*' if chars.next_if_eq(&'*').is_some() => {
                chars.next_if_eq(&'/');
                regex.push_str(if chars.peek().is_none() { ".*" } else { "(.*/)?" });
            }
            '*' => regex.push_str("[^/]*"),
            '?' => regex.push_str("[^/]"),
            '[' => class(&mut chars, &mut regex),
            '\\' => {
                let escaped = chars.next().unwrap_or('\\');
                regex.push_str(&regex::escape(&escaped.to_string()));
            }
            c => regex.push_str(&regex::escape(&c.to_string())),
        }
    }
    regex.push('$');
    Regex::new(&regex)
}

/// `[a-z]`, `[^a]`: passed on, with what only our regex syntax would take for its own escaped.
fn class(chars: &mut std::iter::Peekable<std::str::Chars<'_>>, regex: &mut String) {
    regex.push('[');
    for c in chars.by_ref() {
        if matches!(c, '[' | '&' | '~') {
            regex.push('\\');
        }
        regex.push(c);
        if c == ']' {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::IgnoreFile;

    fn check(patterns: &str, ignored: &[&str], kept: &[&str]) {
        let file = IgnoreFile::parse(patterns).unwrap();
        for path in ignored {
            assert!(file.ignores(path), "{patterns:?} should ignore {path}");
        }
        for path in kept {
            assert!(!file.ignores(path), "{patterns:?} should keep {path}");
        }
    }

    #[test]
    fn follows_dockers_rules() {
        check("", &[], &["a"]);
        check("# c\n\n a \n", &["a", "a/b"], &["b", "b/a", "ab"]);
        check("/a/\n./b", &["a", "a/x", "b"], &["c/a"]);
        check("*.md", &["x.md"], &["d/x.md", "xmd"]);
        check("*/x", &["a/x", "a/x/y"], &["x", "a/b/x"]);
        check("**/x", &["x", "a/x", "a/b/x", "a/x/y"], &["ax", "a/xy"]);
        check("**", &["a", "a/b"], &[]);
        check("a/**", &["a/b", "a/b/c"], &["b"]);
        check("a/**/c", &["a/c", "a/b/c"], &["ac", "b/a/c"]);
        check("temp?", &["tempa"], &["temp", "tempab", "temp/"]);
        check("[a-c]x\n[^a]y", &["ax", "by"], &["dx", "ay"]);
        check("a.b", &["a.b"], &["axb"]);
        check("a\\*b", &["a*b"], &["axb"]);
        check(".", &["a", "b/c"], &[]);
        check("(a)+$", &["(a)+$"], &["a"]);
    }

    #[test]
    fn the_last_match_decides() {
        check("*\n!a\n!d/e", &["b", "d/f", "d"], &["a", "a/x", "d/e"]);
        check("!a\n*", &["a"], &[]);
        check(
            "*.md\n!README*.md\nREADME-secret.md",
            &["x.md", "README-secret.md"],
            &["README.md", "README-x.md"],
        );
        check("a\n! a/b", &["a/c"], &["a/b"]);
        check(
            "node_modules\n!**/keep",
            &["node_modules/x"],
            &["node_modules/keep", "node_modules/a/keep"],
        );
    }

    #[test]
    fn tells_a_bad_line() {
        assert_eq!(IgnoreFile::parse("a\n!\n").unwrap_err().0, 2);
        assert_eq!(IgnoreFile::parse("a\n[b\n").unwrap_err().0, 2);
    }
}
