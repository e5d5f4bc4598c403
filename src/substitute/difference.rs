//! How a rewritten file differs from its original, for people.

/// A unified difference; empty when there is none.
pub fn difference(name: &str, original: &str, rewritten: &str) -> String {
    let diff = similar::TextDiff::from_lines(original, rewritten);
    diff.unified_diff()
        .context_radius(3)
        .header(name, &format!("{name} (rewritten)"))
        .to_string()
}

#[cfg(test)]
mod tests {
    use super::difference;

    #[test]
    fn shows_what_changed() {
        assert_eq!(difference("f", "a\nb\n", "a\nb\n"), "");
        let shown = difference("f", "a\nb\nc\n", "a\nB\nc\n");
        assert_eq!(shown, "--- f\n+++ f (rewritten)\n@@ -1,3 +1,3 @@\n a\n-b\n+B\n c\n");
    }
}
