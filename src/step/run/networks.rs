//! The networks of a `run` as written: a list of names, or names with the aliases that it has there.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use crate::shape::{Named, Problems, Shape, Text, shape};
use crate::yaml::{Content, Node};

shape! {
    /// What a container is on a network.
    pub struct Membership ("a network of `run`") {
        /// More names that it has there.
        aliases: Vec<Text>,
    }
}

/// Networks that a container joins, each with its aliases there.
#[derive(Debug, Clone)]
pub(in crate::step) struct Networks(pub(super) Vec<(Text, Vec<Text>)>);

/// A membership of which nothing has to be said: `front:`.
#[derive(Debug, Clone)]
struct Perhaps(Vec<Text>);

impl Shape for Perhaps {
    fn read(node: &Node, problems: &mut Problems) -> Option<Self> {
        match node.is_null() {
            true => Some(Perhaps(Vec::new())),
            false => Membership::read(node, problems).map(|membership| Perhaps(membership.aliases)),
        }
    }
}

impl JsonSchema for Perhaps {
    fn schema_name() -> Cow<'static, str> {
        "PerhapsMembership".into()
    }
    fn inline_schema() -> bool {
        true
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let membership = generator.subschema_for::<Membership>();
        json_schema!({"anyOf": [{"type": "null"}, membership]})
    }
}

impl Shape for Networks {
    fn read(node: &Node, problems: &mut Problems) -> Option<Self> {
        let Content::Map(entries) = &node.content else {
            let names = Vec::<Text>::read(node, problems)?;
            return Some(Networks(names.into_iter().map(|name| (name, Vec::new())).collect()));
        };
        let named = Named::<Perhaps>::read(node, problems)?;
        let names = entries.iter().filter_map(|(key, _)| Text::read(key, problems));
        let names: Vec<Text> = names.collect();
        let aliases = named.0.into_values().map(|(_, Perhaps(aliases))| aliases);
        Some(Networks(names.into_iter().zip(aliases).collect()))
    }

    fn absent() -> Option<Self> {
        Some(Networks(Vec::new()))
    }
}

impl JsonSchema for Networks {
    fn schema_name() -> Cow<'static, str> {
        "Networks".into()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let names = Vec::<Text>::schema(generator);
        let memberships = Named::<Perhaps>::schema(generator);
        json_schema!({
            "description": "A list of names, or a mapping of them with the aliases that it has there.",
            "anyOf": [names, memberships],
        })
    }
}
