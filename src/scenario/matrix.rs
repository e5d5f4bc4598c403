//! `matrix`: one case for each combination, whole ones added by `include`, some taken away by `exclude`.

use std::borrow::Cow;

use indexmap::IndexMap;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::Value;

use crate::diagnostic::{Diagnostic, Span};
use crate::shape::{Problems, Shape, computed_schema, wrong_type};
use crate::yaml::{Node, number_trap};

/// The most cases that a matrix may have.
pub const MAX_CASES: usize = 256;

/// One combination: names and values, in the order written.
pub(crate) type Combination = IndexMap<String, Value>;

/// A matrix, worked out: its combinations are known when it is read.
#[derive(Debug, Clone)]
pub struct Matrix {
    /// Where it is written.
    pub at: Span,
    /// The combinations in order: the last name varies fastest.
    pub combinations: Vec<Combination>,
    /// All names that a combination may have.
    pub names: Vec<String>,
}

impl Shape for Matrix {
    fn read(node: &Node, problems: &mut Problems) -> Option<Self> {
        let Some(entries) = node.map() else {
            problems.push(wrong_type(node, "a mapping of names to lists"));
            return None;
        };
        let told = problems.diagnostics.len();
        let mut axes: Vec<(String, Vec<Value>)> = Vec::new();
        let (mut include, mut exclude) = (Vec::new(), Vec::new());
        for (key, value) in entries {
            match key.scalar() {
                Some("include") => include = combinations(value, problems),
                Some("exclude") => exclude = combinations(value, problems),
                Some(name) => {
                    problems.diagnostics.extend(crate::step::name_problem(name, &key.span));
                    axes.push((name.to_owned(), axis(value, problems)));
                }
                None => problems.push(crate::yaml::key_trap(key).unwrap_or_else(|| wrong_type(key, "a name"))),
            }
        }
        // What follows counts and compares: of half a matrix it would tell what is not so.
        if problems.diagnostics.len() > told {
            return None;
        }
        let combinations = Written { axes, include, exclude }.combinations(node, problems)?;
        let mut names: Vec<String> = combinations
            .iter()
            .flat_map(|combination| combination.keys().cloned())
            .collect();
        names.sort();
        names.dedup();
        Some(Matrix {
            at: node.span.clone(),
            combinations,
            names,
        })
    }
}

/// A matrix as it is written.
struct Written {
    axes: Vec<(String, Vec<Value>)>,
    include: Vec<(Span, Combination)>,
    exclude: Vec<(Span, Combination)>,
}

impl Written {
    /// Works it out; too many, none, or a line without a meaning is told.
    fn combinations(self, node: &Node, problems: &mut Problems) -> Option<Vec<Combination>> {
        let Written { axes, include, exclude } = self;
        let count = axes
            .iter()
            .try_fold(1_usize, |count, (_, values)| count.checked_mul(values.len()));
        let count = count
            .and_then(|count| count.checked_add(include.len()))
            .unwrap_or(usize::MAX);
        if count > MAX_CASES {
            problems.push(
                Diagnostic::error(
                    &node.span,
                    format!("the matrix has {count} combinations; the limit is {MAX_CASES}"),
                )
                .help("split the scenario, or list the combinations that matter under `include`"),
            );
            return None;
        }
        let mut product = product(&axes);
        for (span, pattern) in &exclude {
            let before = product.len();
            product.retain(|combination| !covers(pattern, combination));
            if product.len() == before {
                problems.push(
                    Diagnostic::error(span, "this `exclude` takes nothing away")
                        .help("its names and values are those of the matrix"),
                );
            }
        }
        for (span, whole) in include {
            if product.contains(&whole) {
                problems.push(Diagnostic::error(&span, "this combination is in the matrix already"));
            }
            product.push(whole);
        }
        if product.is_empty() {
            problems.push(Diagnostic::error(
                &node.span,
                "the matrix has no combination: the scenario would never run",
            ));
            return None;
        }
        Some(product)
    }
}

/// Every value of each name with every value of the others; the last name varies fastest.
fn product(axes: &[(String, Vec<Value>)]) -> Vec<Combination> {
    let mut product = if axes.is_empty() {
        Vec::new()
    } else {
        vec![Combination::new()]
    };
    for (name, values) in axes {
        product = product
            .iter()
            .flat_map(|so_far| values.iter().map(|value| extended(so_far, name, value)))
            .collect();
    }
    product
}

impl Matrix {
    /// The combinations of a scenario; one empty one without a matrix.
    pub fn cases(matrix: Option<&Matrix>) -> Vec<Combination> {
        matrix.map_or_else(|| vec![Combination::new()], |matrix| matrix.combinations.clone())
    }

    /// A combination as the reports show it: `[db=pg15, tls=true]`.
    pub fn suffix(combination: &Combination) -> String {
        if combination.is_empty() {
            return String::new();
        }
        let shown = combination.iter().map(|(name, value)| match value {
            Value::String(text) => format!("{name}={text}"),
            other => format!("{name}={other}"),
        });
        format!(" [{}]", shown.collect::<Vec<_>>().join(", "))
    }
}

fn axis(node: &Node, problems: &mut Problems) -> Vec<Value> {
    let Some(items) = node.list() else {
        let problem = wrong_type(node, "a list of values");
        problems.push(match node.scalar() {
            Some(_) if !node.is_null() => problem.help(format!("write `[{}]`", node.span.text())),
            _ => problem.help("write `[VALUE, …]`: one case for each"),
        });
        return Vec::new();
    };
    let values: Vec<Value> = items.iter().map(|item| literal(item, problems)).collect();
    for (at, value) in values.iter().enumerate() {
        if values[..at].contains(value) {
            problems.push(Diagnostic::error(&items[at].span, "this value is in the list already"));
        }
    }
    values
}

fn combinations(node: &Node, problems: &mut Problems) -> Vec<(Span, Combination)> {
    let Some(items) = node.list() else {
        problems.push(wrong_type(node, "a list of combinations").help("`[{name: value}]`"));
        return Vec::new();
    };
    let mut read = Vec::new();
    for item in items {
        let Some(entries) = item.map() else {
            problems.push(wrong_type(item, "a mapping of names to values"));
            continue;
        };
        let mut whole = Combination::new();
        for (key, value) in entries {
            match key.scalar() {
                Some(name) => drop(whole.insert(name.to_owned(), literal(value, problems))),
                None => problems.push(wrong_type(key, "a name")),
            }
        }
        read.push((item.span.clone(), whole));
    }
    read
}

fn literal(node: &Node, problems: &mut Problems) -> Value {
    if node.scalar().is_some_and(|text| text.contains("${{")) {
        problems.push(Diagnostic::error(
            &node.span,
            "a matrix is known before anything is computed: write the value itself",
        ));
    }
    let value = node.value();
    if let Some(text) = node.scalar() {
        problems.diagnostics.extend(number_trap(&node.span, text, &value));
    }
    value
}

fn extended(so_far: &Combination, name: &str, value: &Value) -> Combination {
    let mut next = so_far.clone();
    next.insert(name.to_owned(), value.clone());
    next
}

fn covers(pattern: &Combination, combination: &Combination) -> bool {
    pattern.iter().all(|(name, value)| combination.get(name) == Some(value))
}

impl JsonSchema for Matrix {
    fn schema_name() -> Cow<'static, str> {
        "Matrix".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "object",
            "properties": {
                "include": {"type": "array", "items": {"type": "object"}, "description": "Whole combinations to add."},
                "exclude": {"type": "array", "items": {"type": "object"}, "description": "Combinations to take away."},
            },
            "additionalProperties": {"type": "array", "uniqueItems": true, "items": {"not": computed_schema()}},
            // Without whole combinations to add there has to be a product.
            "if": {"properties": {"include": {"maxItems": 0}}},
            "then": {
                "properties": {"include": true, "exclude": true},
                "additionalProperties": {"minItems": 1},
                "minProperties": 1,
            },
        })
    }
}
