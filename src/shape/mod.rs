//! Typed values read from the tree: every problem at its place, all of them at once, and the schema from the same words.
//!
//! Serde stops at the first problem of a mapping and its `flatten` loses places; here a declaration in [`shape!`] gives
//! the struct, its reader and its JSON schema, so that `check` and an editor refuse the same things.

mod fields;
mod keys;
mod leaf;
mod rule;
mod schema;
#[cfg(test)]
mod tests;
mod word;

use std::borrow::Cow;

use indexmap::IndexMap;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use crate::diagnostic::{Diagnostic, Span};
use crate::template::Template;
use crate::yaml::{Content, Node, flow_trap, key_trap};

pub use fields::Fields;
pub use keys::{Key, keys_of};
pub use leaf::{Computed, Text, computed_schema, is_plain_non_text};
pub use rule::Rule;
pub use schema::{ObjectSchema, tidy};
pub use word::{Port, Size, Word, Worded, words};

/// What reading gathers: the diagnostics, and every template met, for the check of the names in them.
#[derive(Debug, Default)]
pub struct Problems {
    /// The diagnostics so far.
    pub diagnostics: Vec<Diagnostic>,
    /// Templates and expressions met since they were last taken.
    pub templates: Vec<Template>,
}

impl Problems {
    /// Adds a diagnostic.
    pub fn push(&mut self, diagnostic: Diagnostic) {
        self.diagnostics.push(diagnostic);
    }

    /// Takes a result; its problems are kept.
    pub fn take<T>(&mut self, result: Result<T, Vec<Diagnostic>>) -> Option<T> {
        match result {
            Ok(value) => Some(value),
            Err(problems) => {
                self.diagnostics.extend(problems);
                None
            }
        }
    }
}

/// A value that can be read from a node and has a schema.
pub trait Shape: Sized + JsonSchema {
    /// Reads a node. `None` means that it cannot be used, and that `problems` says why.
    fn read(node: &Node, problems: &mut Problems) -> Option<Self>;

    /// Reads the value of a key of a mapping; only what refuses the key itself looks at it.
    fn read_field(_key: &Node, node: &Node, problems: &mut Problems) -> Option<Self> {
        Self::read(node, problems)
    }

    /// What it is when its key is not there; `None` means that the key is required.
    fn absent() -> Option<Self> {
        None
    }

    /// True for what is not there yet: its key is known, and not offered.
    fn is_later() -> bool {
        false
    }

    /// The keys of its mapping, if it is read from one of keys of its own.
    fn own_keys() -> &'static [Cow<'static, str>] {
        &[]
    }

    /// The field, by its Rust name, that a value which is no mapping stands for.
    fn short() -> Option<&'static str> {
        None
    }

    /// The schema of a value that is written: a key that may be absent may still not be empty.
    fn schema(generator: &mut SchemaGenerator) -> Schema {
        generator.subschema_for::<Self>()
    }
}

/// A Rust name as the key that an author writes: `host_paths` is `host-paths`, `r#if` is `if`.
pub fn key_of(name: &str) -> Cow<'_, str> {
    let name = name.strip_prefix("r#").unwrap_or(name);
    if name.contains('_') {
        Cow::Owned(name.replace('_', "-"))
    } else {
        Cow::Borrowed(name)
    }
}

/// Refuses a node with what was wanted and what it is; a template without its quotes is told as such.
pub fn wrong_type(node: &Node, wanted: &str) -> Diagnostic {
    flow_trap(node)
        .unwrap_or_else(|| Diagnostic::error(&node.span, format!("expected {wanted}, found {}", node.noun())))
}

/// Declares a struct that is read from a mapping: fields are kebab-case keys; `Option` and `Vec` may be absent.
/// `short field` lets a value that is no mapping stand for that field; `rules […]` says which keys go together. Each
/// struct gets `span`, its place.
#[macro_export]
macro_rules! shape {
    ($(#[doc = $doc:literal])* pub struct $Name:ident ($what:literal) $(short $short:ident)? $(rules [$($rule:expr),+ $(,)?])? {
        $($(#[doc = $fdoc:literal])* $field:ident : $Type:ty),* $(,)?
    }) => {
        $(#[doc = $doc])*
        #[derive(Debug, Clone)]
        #[allow(dead_code, unreachable_pub, reason = "not every shape needs its place, and some keys are only refused")]
        pub struct $Name {
            /// Where it is written.
            pub span: $crate::diagnostic::Span,
            $($(#[doc = $fdoc])* pub $field: $Type,)*
        }

        #[allow(unreachable_pub, reason = "a shape may be of its module alone")]
        impl $Name {
            /// The keys that it knows, in the order of its fields.
            pub fn keys() -> &'static [std::borrow::Cow<'static, str>] {
                static KEYS: std::sync::LazyLock<Vec<std::borrow::Cow<'static, str>>> =
                    std::sync::LazyLock::new(|| vec![$($crate::shape::key_of(stringify!($field))),*]);
                &KEYS
            }

            /// Those of them that are there already.
            pub fn offered() -> &'static [std::borrow::Cow<'static, str>] {
                static OFFERED: std::sync::LazyLock<Vec<std::borrow::Cow<'static, str>>> = std::sync::LazyLock::new(|| {
                    let later: &[bool] = &[$(<$Type as $crate::shape::Shape>::is_later()),*];
                    let keys = $Name::keys().iter().zip(later);
                    keys.filter(|(_, later)| !**later).map(|(key, _)| key.clone()).collect()
                });
                &OFFERED
            }

            /// Reads it from the fields of a mapping.
            pub fn read_fields(
                fields: &$crate::shape::Fields<'_>,
                problems: &mut $crate::shape::Problems,
            ) -> Option<Self> {
                let mut keys = Self::keys().iter();
                // All fields are read before the first missing one ends it: every problem is told.
                $(let $field: Option<$Type> = keys.next().and_then(|key| fields.field(key, problems));)*
                Some($Name { span: fields.span().clone(), $($field: $field?),* })
            }
        }

        impl $crate::shape::Shape for $Name {
            fn read(node: &$crate::yaml::Node, problems: &mut $crate::shape::Problems) -> Option<Self> {
                let fields = $crate::shape::Fields::open(node, $what, Self::short(), (Self::keys(), Self::offered()), problems)?;
                Self::read_fields(&fields, problems)
            }

            fn short() -> Option<&'static str> {
                let short: &[&'static str] = &[$(stringify!($short))?];
                short.first().copied()
            }

            fn own_keys() -> &'static [std::borrow::Cow<'static, str>] {
                Self::keys()
            }
        }

        impl schemars::JsonSchema for $Name {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($Name).into()
            }
            fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
                let mut object = $crate::shape::ObjectSchema::new(concat!($($doc, "\n"),*));
                $(object.field::<$Type>(&$crate::shape::key_of(stringify!($field)), concat!($($fdoc, "\n"),*), generator);)*
                $($(object.rule(&$rule);)+)?
                object.finish(<Self as $crate::shape::Shape>::short().map($crate::shape::key_of).as_deref())
            }
        }
    };
}
pub use shape;

impl<T: Shape> Shape for Option<T> {
    fn read(node: &Node, problems: &mut Problems) -> Option<Self> {
        T::read(node, problems).map(Some)
    }
    fn read_field(key: &Node, node: &Node, problems: &mut Problems) -> Option<Self> {
        T::read_field(key, node, problems).map(Some)
    }
    fn absent() -> Option<Self> {
        Some(None)
    }
    fn is_later() -> bool {
        T::is_later()
    }
    fn schema(generator: &mut SchemaGenerator) -> Schema {
        T::schema(generator)
    }
}

impl<T: Shape> Shape for Box<T> {
    fn read(node: &Node, problems: &mut Problems) -> Option<Self> {
        T::read(node, problems).map(Box::new)
    }
    fn absent() -> Option<Self> {
        T::absent().map(Box::new)
    }
}

impl<T: Shape> Shape for Vec<T> {
    fn read(node: &Node, problems: &mut Problems) -> Option<Self> {
        let Some(items) = node.list() else {
            let list = || wrong_type(node, "a list").help(as_list::<T>(node));
            problems.push(flow_trap(node).unwrap_or_else(list));
            return None;
        };
        // Collected first: a bad item does not hide the ones after it.
        let read: Vec<Option<T>> = items.iter().map(|item| T::read(item, problems)).collect();
        read.into_iter().collect()
    }
    fn absent() -> Option<Self> {
        Some(Vec::new())
    }
}

/// How to write as a list what is none: itself as its item, where it can be that.
fn as_list<T: Shape>(node: &Node) -> String {
    let mut trial = Problems::default();
    let fits = T::read(node, &mut trial).is_some() && trial.diagnostics.is_empty();
    let raw = node.span.text();
    // A problem of the whole would be there as an item, too.
    let may_fit = fits || !trial.diagnostics.iter().any(|problem| problem.span == node.span);
    let dash = node
        .map()
        .and_then(|entries| entries.first()?.0.scalar()?.strip_prefix('-'));
    if let Some(key) = dash {
        return format!("a blank is missing after the `-`: write `- {key}: …`");
    }
    match (T::own_keys(), node.map()) {
        (_, Some(_)) if fits && is_short(raw) => format!("write `- {}`", unbraced(raw)),
        _ if fits && is_short(raw) => format!("write `[{raw}]`"),
        (_, Some(_)) if may_fit => "put `- ` before it: each item begins with it".to_owned(),
        ([], _) | (_, Some(_)) => "write `[…]`, or lines that begin with `- `".to_owned(),
        (keys, None) => {
            let keys: Vec<String> = keys.iter().map(|key| format!("`{key}`")).collect();
            format!("each item begins with `- ` and has the keys {}", keys.join(", "))
        }
    }
}

/// True for what stands on one line, and has no list or mapping in it.
fn is_short(raw: &str) -> bool {
    !unbraced(raw).contains(['\n', '[', ']', '{', '}'])
}

fn unbraced(raw: &str) -> &str {
    let inner = raw.strip_prefix('{').and_then(|rest| rest.strip_suffix('}'));
    inner.map_or(raw, str::trim)
}

/// A mapping of the author's own names, in order; each name with its place.
#[derive(Debug, Clone)]
pub struct Named<T>(pub IndexMap<String, (Span, T)>);

impl<T> Default for Named<T> {
    fn default() -> Self {
        Named(IndexMap::new())
    }
}

impl<T> Named<T> {
    /// The value of a name.
    pub fn get(&self, name: &str) -> Option<&T> {
        self.0.get(name).map(|(_, value)| value)
    }

    /// Names and values in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &T)> {
        self.0.iter().map(|(name, (_, value))| (name.as_str(), value))
    }

    /// The names in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// True when there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl<T: Shape> Shape for Named<T> {
    fn read(node: &Node, problems: &mut Problems) -> Option<Self> {
        let Some(entries) = node.map().filter(|_| flow_trap(node).is_none()) else {
            let problem = wrong_type(node, "a mapping");
            let named = |problem: Diagnostic| problem.help(as_named(node));
            problems.push(flow_trap(node).unwrap_or_else(|| named(problem)));
            return None;
        };
        let mut named = IndexMap::new();
        let mut whole = true;
        for (key, value) in entries {
            if let Some(trap) = name_trap(key) {
                problems.push(trap);
                whole = false;
                continue;
            }
            let name = key.scalar();
            match (name, T::read(value, problems)) {
                (Some(name), Some(read)) => {
                    named.insert(name.to_owned(), (key.span.clone(), read));
                }
                _ => whole = false,
            }
        }
        whole.then_some(Named(named))
    }
    fn absent() -> Option<Self> {
        Some(Named::default())
    }
}

/// How to write as names with values what is none: a value alone, or a list of `NAME=VALUE` as compose files have it.
fn as_named(node: &Node) -> String {
    if node.scalar().is_some_and(|text| !text.is_empty()) && !node.span.text().contains('\n') {
        return format!("give it a name: a line `NAME: {}` below", node.span.text());
    }
    let items = node.list().unwrap_or_default().iter();
    let pairs: Option<Vec<(&str, &str)>> = items.map(|item| item.scalar()?.split_once('=')).collect();
    match pairs.as_deref() {
        Some([(name, value), ..]) => format!("write a line `{name}: {value}` for each"),
        _ => "write a line `NAME: …` for each".to_owned(),
    }
}

fn name_trap(key: &Node) -> Option<Diagnostic> {
    key_trap(key).or_else(|| match key.scalar() {
        None => Some(wrong_type(key, "a name").help("names are text")),
        Some("") => Some(Diagnostic::error(&key.span, "a name is missing before the colon").help("write one")),
        Some(_) => None,
    })
}

impl<T: JsonSchema> JsonSchema for Named<T> {
    fn schema_name() -> Cow<'static, str> {
        format!("NamedOf{}", T::schema_name()).into()
    }
    fn inline_schema() -> bool {
        true
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let value = generator.subschema_for::<T>();
        json_schema!({"type": "object", "additionalProperties": value})
    }
}

/// One value or a list of them.
#[derive(Debug, Clone)]
pub struct OneOrMany<T>(pub Vec<T>);

impl<T: Shape> Shape for OneOrMany<T> {
    fn read(node: &Node, problems: &mut Problems) -> Option<Self> {
        match node.content {
            Content::List(_) => Vec::read(node, problems).map(OneOrMany),
            _ => T::read(node, problems).map(|one| OneOrMany(vec![one])),
        }
    }
    fn absent() -> Option<Self> {
        Some(OneOrMany(Vec::new()))
    }
}

impl<T: JsonSchema> JsonSchema for OneOrMany<T> {
    fn schema_name() -> Cow<'static, str> {
        format!("OneOrManyOf{}", T::schema_name()).into()
    }
    fn inline_schema() -> bool {
        true
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let one = generator.subschema_for::<T>();
        json_schema!({"anyOf": [one, {"type": "array", "items": one}]})
    }
}
