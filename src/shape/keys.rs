//! The keys of a shape told to people, from the schema that its declaration gives to editors.

use schemars::generate::SchemaSettings;
use schemars::{Schema, SchemaGenerator};
use serde_json::{Map, Value};

/// A key, and those of the mapping that it takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    /// As it is written.
    pub name: String,
    /// What it is for.
    pub doc: String,
    /// True where it must be there.
    pub required: bool,
    /// The keys of its value, if that is a mapping of known ones, or a list or names of such.
    pub inner: Vec<Key>,
}

/// How deep the keys of keys are told.
const DEPTH: usize = 3;
/// What is told of elsewhere: steps have kinds.
const APART: [&str; 1] = ["Step"];

/// The keys of what has this schema, those that are not there yet apart.
pub fn keys_of(schema: impl FnOnce(&mut SchemaGenerator) -> Schema) -> Vec<Key> {
    let mut generator = SchemaSettings::draft07().into_generator();
    let schema = schema(&mut generator).to_value();
    let definitions = generator.take_definitions(true);
    keys(&schema, &definitions, DEPTH)
}

/// Of several mappings that a value may be, the keys of each: required are those that none goes without.
fn keys(schema: &Value, definitions: &Map<String, Value>, depth: usize) -> Vec<Key> {
    let mut forms = Vec::new();
    if depth > 0 {
        mappings(schema, definitions, &mut forms);
    }
    let required = |name: &str| {
        forms.iter().all(|form| {
            let required = form.get("required").and_then(Value::as_array);
            required.is_some_and(|required| required.iter().any(|one| one == name))
        })
    };
    let properties = forms.iter().filter_map(|form| form.get("properties")?.as_object());
    let mut all: Vec<Key> = Vec::new();
    for (name, schema) in properties.flatten() {
        // A schema that nothing fits is of a key that a later version has.
        if schema["not"] == Value::Object(Map::new()) || all.iter().any(|key| key.name == *name) {
            continue;
        }
        all.push(Key {
            name: name.clone(),
            doc: doc(schema, definitions),
            required: required(name),
            inner: keys(schema, definitions, depth - 1),
        });
    }
    all
}

/// The mappings of known keys that a value may be, be they items of a list or values of names.
fn mappings<'a>(schema: &'a Value, definitions: &'a Map<String, Value>, found: &mut Vec<&'a Value>) {
    if schema.get("properties").is_some() {
        found.push(schema);
        return;
    }
    if let Some(name) = reference(schema).filter(|name| !APART.contains(name)) {
        return definitions
            .get(name)
            .into_iter()
            .for_each(|target| mappings(target, definitions, found));
    }
    let forms = ["anyOf", "allOf", "oneOf"].into_iter();
    let forms = forms.filter_map(|form| schema.get(form)?.as_array()).flatten();
    let of = ["items", "additionalProperties"].into_iter();
    for inner in forms.chain(of.filter_map(|of| schema.get(of))) {
        mappings(inner, definitions, found);
    }
}

fn reference(schema: &Value) -> Option<&str> {
    schema.get("$ref")?.as_str()?.rsplit('/').next()
}

/// What a key is for, with the words that it takes where these are not told already.
fn doc(schema: &Value, definitions: &Map<String, Value>) -> String {
    let target = || definitions.get(reference(schema.get("allOf")?.get(0)?)?);
    let of = |schema: &Value, key: &str| schema.get(key).cloned();
    let text = of(schema, "description").or_else(|| of(target()?, "description"));
    let text = text.as_ref().and_then(Value::as_str).unwrap_or_default();
    let doc = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let words = of(schema, "enum").unwrap_or_default();
    let words = words.as_array().into_iter().flatten().filter_map(Value::as_str);
    let untold: Vec<String> = words.map(|word| format!("`{word}`")).collect();
    match untold.iter().all(|word| doc.contains(word.as_str())) {
        true => doc,
        false => format!("{doc} One of {}.", untold.join(", ")),
    }
}
