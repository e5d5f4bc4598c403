//! What an image may be called.

use crate::diagnostic::{Diagnostic, Span};

/// What is wrong with an image's reference, if it is none that an engine could have: blanks in it, or capital letters.
pub fn image_problem(reference: &str, at: &Span) -> Option<Diagnostic> {
    if reference.is_empty() {
        return Some(Diagnostic::error(at, "the image's reference is empty"));
    }
    let none = |why: &str, help: String| {
        let message = format!("`{reference}` is no image: {why}");
        Some(Diagnostic::error(at, message).help(help))
    };
    if reference.contains(char::is_whitespace) {
        let help = match reference.trim() {
            "" => "write an image's reference: `debian:bookworm-slim`".to_owned(),
            trimmed if !trimmed.contains(char::is_whitespace) => format!("write it without them: `{trimmed}`"),
            _ => "a reference is one word: `debian:bookworm-slim`; a command is for `command`".to_owned(),
        };
        return none("there are blanks in it", help);
    }
    // Tags, digests and hosts may have capital letters.
    let (host, path) = match reference.split_once('/') {
        Some((host, path)) if host.contains(['.', ':']) || host == "localhost" => (format!("{host}/"), path),
        _ => (String::new(), reference),
    };
    let name = path.split('@').next().unwrap_or(path);
    let name = match name.rsplit_once(':') {
        Some((name, tag)) if !tag.contains('/') => name,
        _ => name,
    };
    if name.contains(|c: char| c.is_ascii_uppercase()) {
        let rest = &path[name.len()..];
        let help = format!("write it small: `{host}{}{rest}`", name.to_ascii_lowercase());
        return none("the name of an image has no capital letters", help);
    }
    None
}

#[cfg(test)]
mod tests {
    use super::image_problem;
    use crate::diagnostic::{Source, Span};

    fn check(reference: &str, expected: Option<&str>) {
        let at = Span {
            source: Source::new("one.yaml", reference),
            start: 0,
            end: reference.len(),
        };
        let problem = image_problem(reference, &at);
        let help = problem.map(|problem| problem.help.unwrap_or(problem.message));
        assert_eq!(help.as_deref(), expected, "{reference}");
    }

    #[test]
    fn a_reference_is_one_word_of_small_letters() {
        check("busybox", None);
        check("acme/shop:1.2-RC1", None);
        check("Registry.example:5000/acme/shop:A@sha256:ABC", None);
        check("", Some("the image's reference is empty"));
        check("busybox ", Some("write it without them: `busybox`"));
        let command = "a reference is one word: `debian:bookworm-slim`; a command is for `command`";
        check("busybox echo", Some(command));
        check("BusyBox:A", Some("write it small: `busybox:A`"));
        check("localhost/Acme/shop", Some("write it small: `localhost/acme/shop`"));
    }
}
