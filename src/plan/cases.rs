//! The cases of a scenario: one for each combination of its matrix, with its number and its folder.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;

use super::secret;
use crate::event::{CaseInfo, repetition_text};
use crate::host::file_name_of;
use crate::load::Loaded;
use crate::mask::Masks;
use crate::scenario::Matrix;

/// A case of a scenario before it is planned.
#[derive(Debug, Clone)]
pub struct CaseSeed {
    /// What is known of it.
    pub info: CaseInfo,
    /// Its number among the scenario's combinations.
    pub combination: usize,
    /// What seeds its unique names, where they are those of an earlier run.
    pub unique: Option<String>,
    /// What is hidden of it before it is planned.
    hidden: Arc<Masks>,
}

impl CaseSeed {
    /// A text that tells of it, with hidden values hidden.
    pub fn shown(&self, text: &str) -> String {
        self.hidden.hide(text)
    }

    /// What is known of it as data, with values hidden as in events.
    pub fn data(&self) -> Value {
        let info = self.hidden.hidden(self.info.clone());
        info.and_then(serde_json::to_value).unwrap_or_default()
    }

    /// It, so many times, each with a name of its own.
    pub fn repeated(&self, times: u32) -> impl Iterator<Item = CaseSeed> {
        (1..=times).map(|number| {
            let mut seed = self.clone();
            seed.info.name.push_str(&repetition_text(number));
            seed.info.folder.push_str(&format!("-run-{number}"));
            seed.info.repetition = Some(number);
            seed
        })
    }

    /// Gives it another number, and with it another folder.
    pub fn renumber(&mut self, number: usize) {
        if let Some(named) = self.info.folder.strip_prefix(&numbered(self.info.number)) {
            self.info.folder = numbered(number) + named;
        }
        self.info.number = number;
    }
}

/// The cases of a scenario, numbered from `first`.
pub fn cases(loaded: &Loaded, first: usize) -> Vec<CaseSeed> {
    let scenario = &loaded.scenario;
    let project = loaded.project.as_deref().map(|(project, _)| project);
    let mut tags: Vec<String> = scenario.tags.iter().map(|tag| tag.value.clone()).collect();
    tags.extend(
        project
            .into_iter()
            .flat_map(|project| &project.tags)
            .map(|tag| tag.value.clone()),
    );
    let mut properties: BTreeMap<String, String> = BTreeMap::new();
    for named in project
        .into_iter()
        .map(|project| &project.properties)
        .chain([&scenario.properties])
    {
        properties.extend(named.iter().map(|(name, value)| (name.to_owned(), value.value.clone())));
    }
    let place = scenario.scenario.span.place();
    // A folder's name cannot be hidden afterwards.
    let hides = !scenario.mask.is_empty()
        || project.is_some_and(|project| !project.mask.is_empty())
        || secret::made_of(scenario, project)
            .iter()
            .any(|name| name.parts[0] == "matrix");
    let combinations = Matrix::cases(scenario.matrix.as_ref());
    let seeds = combinations.iter().enumerate().map(|(combination, values)| {
        let name = format!("{}{}", scenario.scenario.value, Matrix::suffix(values));
        let masks = secret::hidden_early(scenario, project, values);
        let info = CaseInfo {
            number: first + combination,
            file: loaded.file.clone(),
            place: place.clone(),
            scenario: scenario.scenario.value.clone(),
            folder: folder_name(
                first + combination,
                &masks.hide(if hides { &scenario.scenario.value } else { &name }),
            ),
            name,
            repetition: None,
            matrix: values
                .iter()
                .map(|(name, value)| (name.clone(), value.clone()))
                .collect(),
            tags: tags.clone(),
            properties: properties.clone(),
        };
        CaseSeed {
            info,
            combination,
            unique: None,
            hidden: Arc::new(masks),
        }
    });
    seeds.collect()
}

/// A case's folder in the results: its number and what of its name a file system takes.
fn folder_name(number: usize, name: &str) -> String {
    numbered(number) + &file_name_of(name)
}

fn numbered(number: usize) -> String {
    format!("{number:03}-")
}

#[cfg(test)]
mod tests {
    use super::folder_name;

    #[test]
    fn a_folder_keeps_the_letters_of_its_case() {
        for (name, expected) in [
            ("a note survives [db=pg15]", "001-a-note-survives-db=pg15"),
            ("Ünïcödé: «日本» / ok.", "001-Ünïcödé-日本-ok"),
            ("../..", "001-"),
        ] {
            assert_eq!(folder_name(1, name), expected);
        }
    }
}
