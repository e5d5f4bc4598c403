//! The JSON schema of expectations, for editors.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::{Map, Value, json};

use super::read::MATCHER_TABLE;
use super::{Expectation, Field, FieldKind, GoldenFile};

/// Each matcher, what it takes and what it means.
fn matchers(generator: &mut SchemaGenerator) -> Map<String, Value> {
    let any = json!(true);
    let text = json!({"type": "string"});
    let boolean = json!({"type": "boolean"});
    let quantity = json!({"type": ["number", "string"]});
    let list = json!({"type": ["array", "string"]});
    let nested = generator.subschema_for::<Matcher>().to_value();
    let file = generator.subschema_for::<GoldenFile>().to_value();
    let several = json!({"anyOf": [{"type": "array", "items": nested}, nested]});
    MATCHER_TABLE
        .iter()
        .map(|(name, doc)| {
            let schema = match *name {
                "equals" | "contains" | "includes" => &any,
                "matches" | "starts-with" | "ends-with" => &text,
                "one-of" => &list,
                "lt" | "le" | "gt" | "ge" => &quantity,
                "empty" | "exists" => &boolean,
                "golden" => &file,
                "all" | "any" => &several,
                _ => &nested,
            };
            ((*name).to_owned(), described(schema, doc))
        })
        .collect()
}

fn described(schema: &Value, doc: &str) -> Value {
    match schema {
        Value::Object(object) if !object.contains_key("$ref") => {
            let mut object = object.clone();
            object.insert("description".to_owned(), doc.into());
            Value::Object(object)
        }
        // Draft-07 ignores what stands beside `$ref`.
        Value::Object(_) => json!({"allOf": [schema], "description": doc}),
        _ => json!({"description": doc}),
    }
}

/// A condition on a value; its schema stands once in the definitions.
struct Matcher;

impl JsonSchema for Matcher {
    fn schema_name() -> Cow<'static, str> {
        "Matcher".into()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let matchers = matchers(generator);
        json_schema!({
            "description": "A plain value or a list means equal; a mapping is matchers, all of which must hold.",
            "anyOf": [
                {"type": ["string", "number", "boolean", "array", "null"]},
                {"type": "object", "minProperties": 1, "properties": matchers, "additionalProperties": false},
            ]
        })
    }
}

/// The same, and keys that are no matchers are paths.
struct PathMatcher;

impl JsonSchema for PathMatcher {
    fn schema_name() -> Cow<'static, str> {
        "PathMatcher".into()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let inner = generator.subschema_for::<Matcher>();
        let matchers = matchers(generator);
        json_schema!({
            "description": "A plain value or a list means equal; in a mapping, a key that is no matcher is a path: `leader.name`, `$.members[0]`.",
            "anyOf": [
                {"type": ["string", "number", "boolean", "array", "null"]},
                {"type": "object", "minProperties": 1, "properties": matchers, "additionalProperties": inner},
            ]
        })
    }
}

impl Expectation {
    /// The schema for a result with these fields.
    pub fn schema_of(fields: &[Field], generator: &mut SchemaGenerator) -> Schema {
        let plain = generator.subschema_for::<Matcher>().to_value();
        let paths = generator.subschema_for::<PathMatcher>().to_value();
        let properties: Map<String, Value> = fields
            .iter()
            .map(|field| {
                let schema = if matches!(field.kind, FieldKind::Json | FieldKind::Map) {
                    &paths
                } else {
                    &plain
                };
                (field.name.replace('_', "-"), described(schema, field.doc))
            })
            .collect();
        json_schema!({"type": "object", "minProperties": 1, "properties": properties, "additionalProperties": false})
    }
}

impl JsonSchema for Expectation {
    fn schema_name() -> Cow<'static, str> {
        "Expectation".into()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let matcher = generator.subschema_for::<PathMatcher>();
        json_schema!({
            "description": "What the step's result must be: each field's value, or matchers for it.",
            "type": "object", "minProperties": 1, "additionalProperties": matcher,
        })
    }
}
