//! Ways into data, and what is said where they lead nowhere.

use serde_json::Value;

use super::check::{Check, Subject};
use super::verdict::Verdict;
use super::{FieldKind, Path, read};

impl Path {
    /// The value at its end.
    pub(super) fn find(&self, data: &Value) -> Option<Value> {
        match self {
            Path::Dotted(_, parts) => parts
                .iter()
                .try_fold(data, |data, part| crate::template::part(data, part))
                .cloned(),
            Path::Json(_, path) => path.find(data),
            Path::Name(name) => {
                let map = data.as_object()?;
                map.get(name)
                    .or_else(|| {
                        map.iter()
                            .find(|(key, _)| key.eq_ignore_ascii_case(name))
                            .map(|(_, value)| value)
                    })
                    .cloned()
            }
        }
    }

    /// As it is written.
    pub(super) fn text(&self) -> &str {
        match self {
            Path::Dotted(text, _) | Path::Json(text, _) | Path::Name(text) => text,
        }
    }

    /// Whether it may find several values: then what it finds is a list.
    fn is_list(&self) -> bool {
        matches!(self, Path::Json(_, path) if path.finds_several())
    }

    /// Why there is nothing at its end.
    fn why(&self, data: &Value) -> Option<String> {
        match self {
            Path::Dotted(_, parts) => crate::template::walk(data, "", parts).err(),
            Path::Name(name) => crate::template::walk(data, "", std::slice::from_ref(name)).err(),
            Path::Json(..) => None,
        }
    }

    /// Judges what is at its end; where nothing is, it is told what there is instead.
    pub(super) fn judge(&self, check: &Check, subject: &Subject<'_>) -> Vec<Verdict> {
        let (named, label) = (self.text(), &subject.label);
        if subject.value.is_none() {
            return vec![check.nowhere(named, label)];
        }
        let found = subject.value.and_then(|value| self.find(value));
        let kind = if matches!(self, Path::Name(_)) {
            FieldKind::Text
        } else {
            FieldKind::Json
        };
        let matches_nothing = self.is_list() && found.as_ref().and_then(Value::as_array).is_some_and(Vec::is_empty);
        let found = found.filter(|_| !matches_nothing);
        let at_end = Subject {
            matches_nothing,
            ..Subject::new(format!("`{named}` of {label}"), kind, found.as_ref())
        };
        let mut verdicts = check.judge(&at_end);
        if found.is_none() {
            let near = crate::diagnostic::did_you_mean(named, &read::MATCHERS);
            let hint = match (subject.value, near) {
                (None, _) => None,
                (_, Some(near)) => Some(format!(
                    "`{named}` is taken as a path; did you mean the matcher `{near}`?"
                )),
                (Some(value), None) => self.why(value),
            };
            verdicts.iter_mut().for_each(|verdict| verdict.hint.clone_from(&hint));
        }
        verdicts
    }
}
