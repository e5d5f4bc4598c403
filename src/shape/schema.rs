//! The JSON schema of a mapping, from the same declaration as its reader.

use schemars::{Schema, SchemaGenerator};
use serde_json::Value;

use super::{Rule, Shape};

/// The schema of a closed mapping while it is put together.
#[derive(Debug)]
pub struct ObjectSchema {
    description: String,
    properties: serde_json::Map<String, Value>,
    required: Vec<Value>,
    rules: Vec<Value>,
}

impl ObjectSchema {
    /// Starts one with its description.
    pub fn new(doc: &str) -> Self {
        ObjectSchema {
            description: tidy(doc),
            properties: serde_json::Map::new(),
            required: Vec::new(),
            rules: Vec::new(),
        }
    }

    /// Adds a key.
    pub fn field<T: Shape>(&mut self, key: &str, doc: &str, generator: &mut SchemaGenerator) {
        let mut schema = T::schema(generator).to_value();
        let doc = tidy(doc);
        if !doc.is_empty() {
            // Draft-07 ignores what stands beside `$ref`.
            if schema.get("$ref").is_some() {
                schema = serde_json::json!({"allOf": [schema]});
            }
            // What takes anything is `true`, which has no room for a description.
            if schema == Value::Bool(true) {
                schema = serde_json::json!({});
            }
            if let Some(object) = schema.as_object_mut() {
                object.insert("description".into(), doc.into());
            }
        }
        self.properties.insert(key.to_owned(), schema);
        if T::absent().is_none() {
            self.required.push(key.into());
        }
    }

    /// Adds what its keys must be together.
    pub fn rule(&mut self, rule: &Rule) {
        self.rules.push(rule.schema());
    }

    /// The schema; with a short form, either the mapping or that field's value.
    pub fn finish(self, short: Option<&str>) -> Schema {
        let short_schema = short.and_then(|key| self.properties.get(key).cloned());
        let mut object = serde_json::json!({
            "type": "object", "properties": self.properties, "additionalProperties": false,
        });
        if !self.required.is_empty() {
            object["required"] = self.required.into();
        }
        if !self.rules.is_empty() {
            object["allOf"] = self.rules.into();
        }
        let mut whole = match short_schema {
            Some(short) => serde_json::json!({"anyOf": [object, short]}),
            None => object,
        };
        if !self.description.is_empty() {
            whole["description"] = self.description.into();
        }
        whole.try_into().unwrap_or_default()
    }
}

/// A doc comment as a description: the leading blank of each line away.
pub fn tidy(doc: &str) -> String {
    doc.lines()
        .map(str::trim)
        .collect::<Vec<_>>()
        .join("\n")
        .trim()
        .to_owned()
}
