//! The JSON schema of expectations, for editors: of each kind of field what its reader takes, from the reader's own tables.

use schemars::SchemaGenerator;
use serde_json::{Map, Value, json};

use super::check::item_kind;
use super::read::{MATCHER_TABLE, is_list, suits};
use super::{Expectation, Field, FieldKind, GoldenFile};
use crate::shape::{Word as _, computed_schema};

/// What a matcher means, for an editor.
fn meaning(matcher: &str) -> &'static str {
    let known = MATCHER_TABLE.iter().find(|(name, _)| *name == matcher);
    known.map_or("", |(_, meaning)| meaning)
}

/// What matchers are written for: a kind of field, and whether a key that is no matcher is a path into it.
#[derive(Clone, Copy)]
struct Matchers {
    kind: FieldKind,
    paths: bool,
}

impl Matchers {
    fn of(kind: FieldKind) -> Matchers {
        Matchers { kind, paths: false }
    }

    /// What it is called among the definitions.
    fn name(self) -> String {
        match self.kind {
            FieldKind::Words(words) => format!("Matcher-{}", words.join("-")),
            FieldKind::COUNT => "NumberMatcher".to_owned(),
            FieldKind::Number(least, most) => format!("NumberMatcher-{least}-{most}"),
            kind if self.paths => format!("{kind:?}Matcher-paths"),
            kind => format!("{kind:?}Matcher"),
        }
    }

    /// A reference to its schema, which stands once in the definitions.
    fn schema(self, generator: &mut SchemaGenerator) -> Value {
        let (name, kind) = (self.name(), self.kind);
        define(generator, &name, |generator| {
            let mut matchers = Map::new();
            for (matcher, _) in MATCHER_TABLE.iter().filter(|(matcher, _)| suits(matcher, kind)) {
                matchers.insert((*matcher).to_owned(), self.operand(matcher, generator));
            }
            let mut mapping = json!({"type": "object", "minProperties": 1, "properties": matchers});
            let inner = if kind == FieldKind::Map {
                FieldKind::Text
            } else {
                FieldKind::Json
            };
            mapping["additionalProperties"] = match self.paths {
                true => Matchers::of(inner).schema(generator),
                false => false.into(),
            };
            if self.paths && kind == FieldKind::Json {
                let path = json!({"pattern": r"^(\$.*|[^.\[]+(\.[^.\[]+)*)$"});
                mapping["propertyNames"] = path;
            }
            let mut alone = vec![alone(kind), mapping];
            if has_any(kind) {
                alone.insert(1, json!({"const": "any"}));
            }
            json!({"anyOf": alone})
        })
    }

    /// What stands under a matcher. What is the same for every field stands once, with its description.
    fn operand(self, matcher: &str, generator: &mut SchemaGenerator) -> Value {
        let of = |kind: FieldKind| move |generator: &mut SchemaGenerator| Matchers::of(kind).schema(generator);
        let same = |generator: &mut SchemaGenerator, operand: fn(&mut SchemaGenerator) -> Value| {
            define(generator, matcher, |generator| {
                described(operand(generator), meaning(matcher))
            })
        };
        match matcher {
            "matches" => {
                return same(
                    generator,
                    |_| json!({"type": ["string", "number", "boolean"], "minLength": 1}),
                );
            }
            "starts-with" | "ends-with" => return same(generator, |_| json!({"type": "string", "minLength": 1})),
            "empty" | "exists" => return same(generator, |_| json!({"type": "boolean"})),
            "includes" => return same(generator, |_| json!({})),
            "golden" => {
                return same(generator, |generator| {
                    generator.subschema_for::<GoldenFile>().to_value()
                });
            }
            "length" => {
                return define(generator, matcher, |generator| {
                    described(of(FieldKind::COUNT)(generator), meaning(matcher))
                });
            }
            "lines" => {
                return define(generator, matcher, |generator| {
                    described(of(FieldKind::Lines)(generator), meaning(matcher))
                });
            }
            _ => {}
        }
        let operand = match matcher {
            "equals" => equals(self.kind),
            "contains" => part(self.kind),
            "one-of" => {
                json!({"anyOf": [{"type": "array", "items": equals(self.kind), "minItems": 1}, computed_schema()]})
            }
            "lt" | "le" | "gt" | "ge" => quantity(matcher, self.kind),
            "not" if has_any(self.kind) => json!({"allOf": [self.schema(generator), {"not": {"const": "any"}}]}),
            "not" => self.schema(generator),
            _ => self.combined(generator),
        };
        described(operand, meaning(matcher))
    }

    /// A list of matchers; of what has items, one for them, too.
    fn combined(self, generator: &mut SchemaGenerator) -> Value {
        let list = json!({"type": "array", "items": self.schema(generator), "minItems": 1});
        if !is_list(self.kind) && self.kind != FieldKind::Json {
            return list;
        }
        // A list is always matchers, also where an item could be equal to one.
        let item = Matchers::of(item_kind(self.kind)).schema(generator);
        json!({"if": {"type": "array"}, "then": list, "else": item})
    }
}

/// A schema that stands once in the definitions; gives a reference to it.
fn define(generator: &mut SchemaGenerator, name: &str, schema: impl FnOnce(&mut SchemaGenerator) -> Value) -> Value {
    if !generator.definitions().contains_key(name) {
        // It may refer to itself.
        generator.definitions_mut().insert(name.to_owned(), true.into());
        let schema = schema(generator);
        generator.definitions_mut().insert(name.to_owned(), schema);
    }
    json!({"$ref": format!("#/definitions/{name}")})
}

fn described(schema: Value, doc: &str) -> Value {
    match schema {
        Value::Object(mut object) if !object.contains_key("$ref") => {
            object.insert("description".to_owned(), doc.into());
            Value::Object(object)
        }
        // Draft-07 ignores what stands beside `$ref`.
        Value::Object(_) => json!({"allOf": [schema], "description": doc}),
        _ => json!({"description": doc}),
    }
}

/// True where `any` alone lifts what usually must hold.
fn has_any(kind: FieldKind) -> bool {
    matches!(kind, FieldKind::Number(..) | FieldKind::Duration)
}

/// What a field can be equal to.
fn equals(kind: FieldKind) -> Value {
    let or_computed = |literal: Value| json!({"anyOf": [literal, computed_schema()]});
    let pattern = |pattern: &str| json!({"type": "string", "pattern": pattern});
    match kind {
        FieldKind::Text => json!({"type": "string"}),
        FieldKind::Words(words) => or_computed(json!({"enum": words})),
        FieldKind::Mode => pattern(r"^[0-7]{4}\n?$|\$\{\{"),
        FieldKind::Owner => pattern(r"^[0-9]+:[0-9]+\n?$|\$\{\{"),
        FieldKind::Number(least, most) => {
            let pattern = r"^[0-9]+(\.[0-9]+)?([kKMGT]iB|[kKMG]B|B)$|\$\{\{";
            ended(
                json!({"type": ["integer", "string"], "minimum": least, "pattern": pattern}),
                "maximum",
                most,
            )
        }
        FieldKind::Boolean => or_computed(json!({"type": "boolean"})),
        FieldKind::Duration => or_computed(std::time::Duration::word_schema()),
        FieldKind::Json => json!({}),
        FieldKind::Map => or_computed(json!({"type": "object"})),
        FieldKind::List => or_computed(json!({"type": ["array", "null"]})),
        FieldKind::Names | FieldKind::Lines => or_computed(json!({"type": "array", "items": {"type": "string"}})),
    }
}

/// A schema of numbers that end somewhere.
fn ended(mut schema: Value, key: &str, end: u64) -> Value {
    if end < u64::MAX {
        schema[key] = end.into();
    }
    schema
}

/// What stands alone, without a matcher: it is what the field equals, and never a mapping.
fn alone(kind: FieldKind) -> Value {
    match kind {
        FieldKind::Json => json!({"type": ["string", "number", "boolean", "array", "null"]}),
        FieldKind::Map => computed_schema(),
        kind => equals(kind),
    }
}

/// What `contains` looks for.
fn part(kind: FieldKind) -> Value {
    match kind {
        FieldKind::Json | FieldKind::List => {
            json!({"not": {"anyOf": [{"enum": ["", []]}, {"type": "array", "contains": {"const": ""}}]}})
        }
        _ => {
            let text = json!({"type": "string", "minLength": 1});
            json!({"anyOf": [text, {"type": "array", "items": text, "minItems": 1}]})
        }
    }
}

/// What a field is more or less than.
fn quantity(matcher: &str, kind: FieldKind) -> Value {
    match kind {
        FieldKind::Duration => json!({"anyOf": [std::time::Duration::word_schema(), computed_schema()]}),
        FieldKind::Number(least, most) => {
            let pattern = r"^\s*[-+]?[0-9.]+([eE][-+]?[0-9]+|[kKMGT]i?B|B)?\s*$|\$\{\{";
            let number = json!({"type": ["number", "string"], "pattern": pattern});
            // Nothing is less than the least, or more than the most.
            let (end, key) = match matcher {
                "lt" => (least, "exclusiveMinimum"),
                "le" => (least, "minimum"),
                "gt" => (most, "exclusiveMaximum"),
                _ => (most, "maximum"),
            };
            ended(number, key, end)
        }
        _ => json!({"type": ["number", "string"], "pattern": r"^\s*([-+.]|v)?[0-9]|\$\{\{"}),
    }
}

impl Expectation {
    /// The schema for a result with these fields.
    pub fn schema_of(fields: &[Field], generator: &mut SchemaGenerator) -> Value {
        let mut properties = Map::new();
        let mut others = Map::new();
        for field in fields {
            let paths = matches!(field.kind, FieldKind::Json | FieldKind::Map);
            let matchers = Matchers {
                kind: field.kind,
                paths,
            };
            let schema = described(matchers.schema(generator), field.doc);
            if field.name.contains('_') {
                // Read as well, and not offered.
                others.insert(format!("^{}$", field.name), schema.clone());
            }
            properties.insert(field.name.replace('_', "-"), schema);
        }
        let mut whole =
            json!({"type": "object", "minProperties": 1, "properties": properties, "additionalProperties": false});
        if !others.is_empty() {
            whole["patternProperties"] = others.into();
        }
        whole
    }
}
