//! A baseline: the values of an earlier run, by case and name.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::figure::Figure;

/// The values of an earlier run, by case and name.
#[derive(Debug, Clone, Default)]
pub struct Baseline(BTreeMap<(String, String), Figure>);

/// What is read of the file: it may hold more, the `measures.json` of a run does.
#[derive(Deserialize)]
struct File {
    measures: Vec<Entry>,
}

#[derive(Deserialize)]
struct Entry {
    case: String,
    name: String,
    value: f64,
    #[serde(default)]
    unit: String,
}

impl Baseline {
    /// Reads one; or why it is none.
    pub fn of(text: &str) -> Result<Baseline, String> {
        let file: File = serde_json::from_str(text).map_err(|why| why.to_string())?;
        let entries = file.measures.into_iter().map(|entry| {
            let (value, unit) = (entry.value, entry.unit);
            ((entry.case, entry.name), Figure { value, unit })
        });
        Ok(Baseline(entries.collect()))
    }

    /// True with a value of a name in a case.
    pub fn has(&self, case: &str, name: &str) -> bool {
        self.get(case, name).is_some()
    }

    /// The value of a name in a case.
    pub(super) fn get(&self, case: &str, name: &str) -> Option<&Figure> {
        self.0.get(&(case.to_owned(), name.to_owned()))
    }
}
