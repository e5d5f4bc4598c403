//! The JSON schemas of our files, from the same declarations that read them. Each kind of file has its own: an editor is
//! told in a file's first line which one it is, and offers nothing else.

use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, SchemaGenerator};
use serde_json::{Value, json};

use super::{Project, Scenario, Template};

/// A kind of file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum File {
    /// A scenario.
    Scenario,
    /// Steps with parameters, for `use`.
    Template,
    /// `e2erun.yaml`.
    Project,
}

/// The schema as text: draft-07, closed, with descriptions.
pub fn schema(file: File) -> String {
    let mut generator = SchemaSettings::draft07().into_generator();
    let (title, mut whole) = match file {
        File::Scenario => ("e2erun scenario", root::<Scenario>(&mut generator)),
        File::Template => ("e2erun template", root::<Template>(&mut generator)),
        File::Project => ("e2erun project file", project(&mut generator)),
    };
    whole["$schema"] = "http://json-schema.org/draft-07/schema#".into();
    whole["title"] = title.into();
    whole["definitions"] = Value::Object(generator.take_definitions(true));
    written(&whole)
}

fn root<T: JsonSchema>(generator: &mut SchemaGenerator) -> Value {
    T::json_schema(generator).to_value()
}

fn project(generator: &mut SchemaGenerator) -> Value {
    let mut whole = root::<Project>(generator);
    // Limits are by step kind.
    let kinds: Vec<&str> = crate::step::KINDS.iter().map(|kind| kind.name).collect();
    whole["properties"]["timeouts"]["propertyNames"] = json!({"enum": kinds});
    // Nothing but comments may be in it.
    whole["type"] = json!(["object", "null"]);
    whole
}

/// Indented by one blank: most of a schema is depth.
fn written(whole: &Value) -> String {
    let mut text = Vec::new();
    let indent = serde_json::ser::PrettyFormatter::with_indent(b" ");
    let mut serializer = serde_json::Serializer::with_formatter(&mut text, indent);
    match serde::Serialize::serialize(whole, &mut serializer) {
        Ok(()) => String::from_utf8_lossy(&text).into_owned() + "\n",
        // A value is always text.
        Err(_) => String::new(),
    }
}
