//! Values as they are told for whoever compares those of two runs.

use std::collections::BTreeMap;

use serde_json::Value;
use sha2::{Digest, Sha256};

use super::{Data, Scope, Template};

/// A longer value, in bytes of its JSON, is told by a digest.
const LONG: usize = 1024;
/// How much of the digest is told, in bytes.
const BYTES: usize = 8;

impl Data {
    /// True where its value is another one in each run.
    pub fn is_by_chance(&self, scope: &Scope) -> bool {
        let templates = self.templates();
        let mut names = templates.iter().flat_map(Template::names);
        names.any(|path| match path.call {
            true => path.parts[0] == "random",
            false => scope.by_chance.contains(&path.parts[0]),
        })
    }
}

impl Scope {
    /// The values of some names, without those that are others in each run.
    pub fn comparable<'n>(&self, names: impl Iterator<Item = &'n str>) -> BTreeMap<String, Value> {
        let names = names.filter(|name| !self.by_chance.contains(*name));
        let values = names.filter_map(|name| Some((name.to_owned(), short(self.values.get(name)?))));
        values.collect()
    }
}

fn short(value: &Value) -> Value {
    let text = value.to_string();
    if text.len() <= LONG {
        return value.clone();
    }
    let digest = Sha256::digest(text.as_bytes());
    let digest: String = digest[..BYTES].iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{} bytes with the digest {digest}", text.len()).into()
}
