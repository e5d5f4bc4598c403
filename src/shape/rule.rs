//! What the keys of a mapping must be together, declared beside them.

use serde_json::{Value, json};

/// A rule of the keys of one mapping. An empty list is as good as none.
#[derive(Debug, Clone, Copy)]
pub enum Rule {
    /// One of them, and no second one.
    One(&'static [&'static str]),
    /// No two of them.
    AtMostOne(&'static [&'static str]),
    /// One of them, or more.
    Some(&'static [&'static str]),
    /// With the first one the others are wanted, too.
    Needs(&'static str, &'static [&'static str]),
    /// With the first one the others have no meaning.
    Excludes(&'static str, &'static [&'static str]),
}

impl Rule {
    /// The schema that a mapping must fit, too.
    pub fn schema(&self) -> Value {
        let given = |key: &&str| json!({"required": [key]});
        match self {
            Rule::One(keys) => json!({"oneOf": keys.iter().map(given).collect::<Vec<_>>()}),
            Rule::AtMostOne(keys) => {
                let second = |at: usize| keys[..at].iter().map(move |key| json!({"required": [key, keys[at]]}));
                let two: Vec<Value> = (1..keys.len()).flat_map(second).collect();
                json!({"not": {"anyOf": two}})
            }
            Rule::Some(keys) => {
                let some = |key: &&str| json!({"required": [key], "properties": {*key: {"minItems": 1}}});
                json!({"anyOf": keys.iter().map(some).collect::<Vec<_>>()})
            }
            Rule::Needs(key, others) => json!({"dependencies": {*key: others}}),
            Rule::Excludes(key, others) => {
                let none: Vec<Value> = others.iter().map(given).collect();
                json!({"dependencies": {*key: {"not": {"anyOf": none}}}})
            }
        }
    }
}
