//! The JSON schema of a step: its kinds from the table, and what each of them lets stand beside it.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::{Value, json};

use super::{Common, KINDS, Kind, Sort, Step};
use crate::expect::{Expectation, Field};
use crate::shape::{Named, tidy};
use crate::template::Expression;

impl JsonSchema for Step {
    fn schema_name() -> Cow<'static, str> {
        "Step".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let common = common_schema(generator).to_value();
        let mut properties = common["properties"].as_object().cloned().unwrap_or_default();
        let mut rules = common["allOf"].as_array().cloned().unwrap_or_default();
        for kind in KINDS {
            properties.insert(kind.name.into(), body(kind, generator));
            rules.extend(expected(kind, generator));
            rules.extend(in_background(kind));
        }
        rules.extend(without("expect", |kind| kind.results.is_empty()));
        rules.extend(without("probe", |kind| kind.sort != Sort::Question));
        for key in ["holds-for", "every"] {
            rules.extend(without(key, |kind| matches!(kind.sort, Sort::Action | Sort::Block)));
        }
        // Beside `expect-log`, and so beside `do` alone, it says how long the lines are waited for.
        let acts = |kind: &Kind| matches!(kind.sort, Sort::Action | Sort::Block);
        rules.extend(without("within", |kind| acts(kind) && kind.name != "do"));
        rules.push(json!({"if": {"required": ["do", "within"]}, "then": {"required": ["expect-log"]}}));
        rules.extend(without("expect-log", |kind| kind.name != "do"));
        rules.push(log_asserts_something());
        let one_of: Vec<Value> = KINDS.iter().map(|kind| json!({"required": [kind.name]})).collect();
        json_schema!({
            "type": "object", "properties": properties, "additionalProperties": false,
            "oneOf": one_of, "allOf": rules,
        })
    }
}

/// The schema of a step's keys that are not its kind.
pub fn common_schema(generator: &mut SchemaGenerator) -> Schema {
    let mut schema = Common::json_schema(generator);
    // Its fields are those of the kind: beside it they are known.
    let expect = json!({
        "type": "object",
        "description": "What its result must be: each field's value, or matchers for it.",
    });
    let mut save = generator.subschema_for::<Named<Expression>>();
    let doc = "Names and expressions over its result, for what comes after it.";
    save.insert("description".into(), doc.into());
    if let Some(properties) = schema.get_mut("properties").and_then(Value::as_object_mut) {
        properties.insert("expect".into(), expect);
        properties.insert("save".into(), save.to_value());
    }
    schema
}

/// A kind's value.
fn body(kind: &Kind, generator: &mut SchemaGenerator) -> Value {
    let mut schema = (kind.schema)(generator).to_value();
    if schema.get("$ref").is_some() {
        schema = json!({"allOf": [schema]});
    }
    schema["description"] = tidy(kind.does).into();
    schema
}

/// What can be expected of a kind's result; by a key of its value, where that decides it.
fn expected(kind: &Kind, generator: &mut SchemaGenerator) -> Vec<Value> {
    let parts = (kind.results_by)();
    if kind.results.is_empty() {
        return Vec::new();
    }
    if parts.is_empty() {
        let fields = result(kind, generator);
        return vec![json!({"if": {"required": [kind.name]}, "then": {"properties": {"expect": fields}}})];
    }
    let part = |(key, names): &(&str, &[&str])| {
        let fields = kind.results.iter().filter(|field| names.contains(&field.name));
        let fields: Vec<Field> = fields.copied().collect();
        let this = json!({"required": [kind.name], "properties": {kind.name: {"type": "object", "required": [key]}}});
        let expect = Expectation::schema_of(&fields, generator);
        json!({"if": this, "then": {"properties": {"expect": expect}, "required": ["expect"]}})
    };
    parts.iter().map(part).collect()
}

/// The schema of what is expected of a result; kinds of the same result have one.
fn result(kind: &Kind, generator: &mut SchemaGenerator) -> Value {
    let mut same = KINDS.iter().filter(|other| other.results == kind.results);
    let (first, several) = (same.next().unwrap_or(kind), same.next().is_some());
    if !several {
        return Expectation::schema_of(kind.results, generator);
    }
    let name = format!("Result-{}", first.name);
    if !generator.definitions().contains_key(&name) {
        let schema = Expectation::schema_of(kind.results, generator);
        generator.definitions_mut().insert(name.clone(), schema);
    }
    json!({"$ref": format!("#/definitions/{name}")})
}

/// A `log-assert` says something of lines; else what is expected of all of them, or saved, stands beside it.
fn log_asserts_something() -> Value {
    let some = |key: &str| json!({"required": [key], "properties": {key: {"minItems": 1}}});
    let lines = ["matches", "contains", "ordered", "last", "never"].map(some);
    let mut says = vec![json!({"properties": {"log-assert": {"anyOf": lines}}})];
    says.extend(["expect", "save"].map(|key| json!({"required": [key]})));
    json!({"if": {"required": ["log-assert"]}, "then": {"anyOf": says}})
}

/// What goes on in the background has no result for these keys.
fn in_background(kind: &Kind) -> Option<Value> {
    let needs = ["within", "holds-for", "expect", "probe", "save"].map(|key| json!({"required": [key]}));
    let this = json!({
        "required": [kind.name],
        "properties": {kind.name: {"type": "object", "required": ["background"]}},
    });
    let can = (kind.keys)().iter().any(|key| key == "background");
    can.then(|| json!({"if": this, "then": {"not": {"anyOf": needs}}}))
}

/// A key that has no meaning beside some kinds.
fn without(key: &str, of: impl Fn(&Kind) -> bool) -> Option<Value> {
    let kinds: Vec<Value> = KINDS
        .iter()
        .filter(|kind| of(kind))
        .map(|kind| json!({"required": [kind.name]}))
        .collect();
    (!kinds.is_empty()).then(|| json!({"if": {"required": [key]}, "then": {"not": {"anyOf": kinds}}}))
}
