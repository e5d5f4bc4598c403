//! What a kind comes to under `--validate-only`.

use crate::template::NamePath;

/// What a step comes to where only the results that a run left are judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Again {
    /// It only looks at names and their values, and these are there: it is done anew.
    Anew,
    /// Its result is taken as it went.
    AsItWent,
    /// It looks at what is no longer there: why it is not judged again.
    Not(&'static str),
}

impl Again {
    /// Of a step that only evaluates expressions, by the names in them.
    pub(super) fn of_names<'a>(mut names: impl Iterator<Item = &'a NamePath>) -> Again {
        let is_gone = |path: &NamePath| match path.parts[0].as_str() {
            "port" | "url" | "address" | "containers" => path.call,
            name => name == "probes",
        };
        match names.any(is_gone) {
            true => Again::Not("it looks at containers or probes of then"),
            false => Again::Anew,
        }
    }
}
