//! `e2erun schema`: the JSON schemas of our files.

use super::options::SchemaOf;
use super::terminal;
use crate::scenario::{File, schema};

/// Prints one.
pub(crate) fn print(of: SchemaOf) -> u8 {
    let file = match of {
        SchemaOf::Scenario => File::Scenario,
        SchemaOf::Template => File::Template,
        SchemaOf::Project => File::Project,
    };
    terminal::print(&schema(file));
    0
}
