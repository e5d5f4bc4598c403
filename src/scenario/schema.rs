//! The JSON schema of scenario and template files, from the same declarations that read them.

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde_json::{Value, json};

use super::{Scenario, Template};

/// The schema as text: draft-07, closed, with descriptions.
pub fn schema() -> String {
    let mut generator = SchemaSettings::draft07().into_generator();
    let scenario = Scenario::json_schema(&mut generator).to_value();
    let template = Template::json_schema(&mut generator).to_value();
    let definitions: Value = generator
        .take_definitions(true)
        .into_iter()
        .collect::<serde_json::Map<_, _>>()
        .into();
    let whole = json!({
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "e2erun scenario",
        "if": {"required": ["template"]},
        "then": template,
        "else": scenario,
        "definitions": definitions,
    });
    serde_json::to_string_pretty(&whole).unwrap_or_default() + "\n"
}
