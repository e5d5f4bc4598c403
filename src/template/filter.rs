//! Filters and tests of expressions: minijinja's that make sense here, and ours.

mod ordering;

use std::sync::Arc;

use minijinja::value::{Kwargs, Value as Item, ValueKind};
use minijinja::{Environment, Error, ErrorKind};
use serde_json::Value;

use super::compare;
use super::path::{JsonPath, noun};
use super::print;
use super::render::{from_item, to_item};
use super::right::Right;
use crate::diagnostic::{Source, names_of, shell_word};
use crate::quantity;
use crate::version::Version;

/// All filters that an expression may use. `escape`, `safe` and `pprint` of minijinja's are for web pages and debugging.
pub(super) const FILTERS: &[&str] = &names_of(FILTER_TABLE);

/// The filters, each with what it gives.
pub const FILTER_TABLE: &[(&str, &str); 53] = &[
    ("abs", "The number without its sign."),
    ("addresses", "The addresses of nodes."),
    ("attr", "What an item has under a name: `user | attr('name')`."),
    ("batch", "The list in lists of so many items."),
    ("bool", "As true or false."),
    ("capitalize", "The first letter as a capital, the rest small."),
    ("chain", "Lists, or mappings, as one."),
    ("count", "How many characters, items or keys."),
    ("d", "The same as `default`."),
    ("default", "Another value where there is none: `x | default('-')`."),
    ("dictsort", "A mapping as pairs, sorted by key."),
    ("first", "The first item or character."),
    ("float", "As a number with decimals."),
    ("format", "Fills in `%s`, `%d`, …: `'%02d' | format(n)`."),
    ("groupby", "Items in groups by what they have under a name."),
    ("indent", "Each line but the first so many blanks to the right."),
    ("int", "As a whole number."),
    ("items", "A mapping as pairs of key and value."),
    ("join", "The items as one text: `list | join(', ')`."),
    ("json", "Reads a text as JSON."),
    ("jsonpath", "What is at a path (RFC 9535): `body | jsonpath('$.a[0]')`."),
    ("last", "The last item or character."),
    ("length", "How many characters, items or keys."),
    ("lines", "The lines of a text, as a list."),
    ("list", "As a list."),
    ("lower", "In small letters."),
    (
        "map",
        "Each item's value under a name, or through a filter: `users | map(attribute='name')`.",
    ),
    ("max", "The greatest item."),
    ("min", "The least item."),
    ("quote", "Quoted for the shell: a text as one word, a list as words."),
    (
        "regex",
        "The first match, or one of its groups: `text | regex('v(\\d+)', group=1)`.",
    ),
    ("reject", "Items for which a test does not hold."),
    ("rejectattr", "Items whose value under a name does not pass a test."),
    ("replace", "The text with one part for another: `replace('a', 'b')`."),
    ("reverse", "The other way round."),
    ("round", "Rounded, to so many decimals."),
    ("seconds", "A duration as a number of seconds: `'1h30m' | seconds`."),
    ("select", "Items for which a test holds: `select('gt', 3)`."),
    (
        "selectattr",
        "Items whose value under a name passes a test: `selectattr('state', 'eq', 'up')`.",
    ),
    ("slice", "The list in so many lists."),
    (
        "sort",
        "Sorted, texts by their letters; `reverse=true`, `attribute='name'`.",
    ),
    ("split", "A list of the parts between: `split(',')`."),
    ("string", "As text."),
    ("sum", "The sum of the items."),
    ("title", "Each word with a capital."),
    ("tojson", "Written as JSON; `indent=true` over several lines."),
    ("trim", "Without blanks at both ends."),
    ("unique", "Each item once."),
    ("upper", "In capitals."),
    (
        "version",
        "A version in full, to be compared: `'v3.9' | version` is `3.9.0`, which is less than `'3.10'`.",
    ),
    ("with_role", "Nodes that have a role."),
    ("yaml", "Reads a text as YAML."),
    ("zip", "Lists item by item, as pairs."),
];

/// All tests that an expression may use after `is`.
pub(super) const TESTS: &[&str] = &names_of(TEST_TABLE);

/// The tests, each with what it holds for.
pub const TEST_TABLE: &[(&str, &str); 34] = &[
    ("boolean", "It is true or false."),
    ("containing", "The text, list or mapping has it: `is containing('x')`."),
    ("defined", "It has a value."),
    ("divisibleby", "It can be divided by it."),
    ("endingwith", "The text ends with it."),
    ("eq", "It is equal."),
    ("equalto", "It is equal."),
    ("even", "It is an even number."),
    ("false", "It is false."),
    ("float", "It is a number with decimals."),
    ("ge", "It is at least that."),
    ("greaterthan", "It is more."),
    ("gt", "It is more."),
    ("in", "It is one of them."),
    ("int", "It is a whole number."),
    ("integer", "It is a whole number."),
    ("iterable", "It has items."),
    ("le", "It is at most that."),
    ("lessthan", "It is less."),
    ("lower", "It is in small letters."),
    ("lt", "It is less."),
    ("mapping", "It is a mapping."),
    ("matching", "The regular expression matches somewhere in it."),
    ("ne", "It is not equal."),
    ("none", "It is null."),
    ("number", "It is a number."),
    ("odd", "It is an odd number."),
    ("sameas", "It is the same value, of the same type."),
    ("sequence", "It is a list."),
    ("startingwith", "The text begins with it."),
    ("string", "It is text."),
    ("true", "It is true."),
    ("undefined", "It has no value."),
    ("upper", "It is in capitals."),
];

/// Adds ours; those that minijinja has under the same name print as Python does, where JSON is meant here.
pub(super) fn add(engine: &mut Environment<'static>) {
    engine.add_filter("regex", find);
    engine.add_filter("json", |text: &Item| read_json(printed(text)?));
    engine.add_filter("jsonpath", json_path);
    engine.add_filter("yaml", |text: &Item| read_yaml(&printed(text)?));
    engine.add_filter("lines", |text: &Item| {
        Ok::<_, Error>(printed(text)?.lines().map(Item::from).collect::<Item>())
    });
    engine.add_filter("quote", quote);
    engine.add_filter("addresses", addresses);
    engine.add_filter("with_role", with_role);
    engine.add_filter("string", |value: &Item| printed(value));
    engine.add_filter("join", join);
    engine.add_filter("tojson", to_json);
    engine.add_filter("seconds", seconds);
    engine.add_filter("bool", boolean);
    engine.add_filter("version", version);
    ordering::add(engine);
    engine.add_test("containing", containing);
    engine.add_test("matching", |text: &Item, pattern: &str| {
        Ok::<_, Error>(regex(pattern).map_err(fail)?.is_match(&printed(text)?))
    });
}

/// The most memory that a compiled regular expression may have.
pub(crate) const REGEX_LIMIT: usize = 4 << 20;
/// No pattern of this length that repeats nothing a written number of times comes near the limit.
const SURELY_SMALL: usize = 64;

/// Compiles a regular expression; the problem is told in a line.
pub(crate) fn regex(pattern: &str) -> Result<regex::Regex, String> {
    regex::RegexBuilder::new(pattern)
        .size_limit(REGEX_LIMIT)
        .build()
        .map_err(|error| match error {
            regex::Error::CompiledTooBig(_) => {
                format!("the regular expression `{pattern}` is too large")
            }
            error => wrong_regex(pattern, &error.to_string()),
        })
}

thread_local! {
    static RIGHT: Right = Right::default();
}

/// Tells what is wrong with a regular expression. Reading one is a hundred times cheaper than compiling it, so that is done
/// only where it may be too large.
pub(crate) fn check_regex(pattern: &str) -> Result<(), String> {
    RIGHT.with(|right| {
        right.check(pattern, || {
            if pattern.len() > SURELY_SMALL || pattern.contains('{') {
                return regex(pattern).map(drop);
            }
            let read = regex_syntax::Parser::new().parse(pattern);
            read.map(drop).map_err(|error| wrong_regex(pattern, &error.to_string()))
        })
    })
}

fn wrong_regex(pattern: &str, told: &str) -> String {
    let mut lines = told.lines().rev();
    let why = lines.find_map(|line| line.strip_prefix("error: "));
    let why = why.unwrap_or("it does not parse");
    format!("the regular expression `{pattern}` is wrong: {why}")
}

fn fail(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::InvalidOperation, message.into())
}

fn plain(value: &Item) -> Result<Value, Error> {
    from_item(value).map_err(fail)
}

fn printed(value: &Item) -> Result<String, Error> {
    match value.as_str() {
        Some(text) => Ok(text.to_owned()),
        None => Ok(print(&plain(value)?)),
    }
}

/// The first match, or one of its groups; undefined where nothing matches, so that `default(…)` may follow.
fn find(text: &Item, pattern: &str, options: Kwargs) -> Result<Item, Error> {
    let group: Option<Item> = options.get("group")?;
    options.assert_all_used()?;
    let regex = regex(pattern).map_err(fail)?;
    let text = printed(text)?;
    let Some(found) = regex.captures(&text) else {
        return Ok(Item::UNDEFINED);
    };
    let found = match group.as_ref().map(|group| (group.as_str(), group.as_usize())) {
        None => found.get(0),
        Some((Some(name), _)) if regex.capture_names().flatten().any(|known| known == name) => found.name(name),
        Some((None, Some(number))) if number < regex.captures_len() => found.get(number),
        Some(_) => {
            let named: Vec<&str> = regex.capture_names().flatten().collect();
            let groups = if named.is_empty() {
                format!("it has {}", regex.captures_len() - 1)
            } else {
                format!("it names `{}`", named.join("`, `"))
            };
            return Err(fail(format!(
                "the regular expression has no group `{}`; {groups}",
                group.unwrap_or_default()
            )));
        }
    };
    Ok(found.map_or(Item::UNDEFINED, |found| Item::from(found.as_str())))
}

fn read_json(text: String) -> Result<Item, Error> {
    let value: Value = serde_json::from_str(&text).map_err(|error| {
        let got = compare::told(&Value::String(text));
        fail(format!("`json` got {got}, which is no JSON: {error}"))
    })?;
    Ok(to_item(&value))
}

fn read_yaml(text: &str) -> Result<Item, Error> {
    let source: Arc<Source> = Source::new("text", text);
    match crate::yaml::parse(&source) {
        Ok(node) => Ok(to_item(&node.value())),
        Err(problems) => {
            let why = problems.first().map_or("", |problem| problem.message.as_str());
            Err(fail(format!("`yaml` got text that is no YAML: {why}")))
        }
    }
}

fn json_path(value: &Item, path: &str) -> Result<Item, Error> {
    let path = JsonPath::of(path).map_err(fail)?;
    Ok(path
        .find(&plain(value)?)
        .map_or(Item::UNDEFINED, |found| to_item(&found)))
}

/// Quotes for the shell: a text as one word, a list as words.
fn quote(value: &Item) -> Result<String, Error> {
    match plain(value)? {
        Value::Array(items) => Ok(items
            .iter()
            .map(|item| shell_word(&print(item)))
            .collect::<Vec<_>>()
            .join(" ")),
        other => Ok(shell_word(&print(&other))),
    }
}

fn node_list(value: &Item, filter: &str) -> Result<Vec<Value>, Error> {
    match plain(value)? {
        Value::Array(nodes) => Ok(nodes),
        Value::Object(nodes) => Ok(nodes.into_iter().map(|(_, node)| node).collect()),
        other => Err(fail(format!("`{filter}` wants nodes, not {}", noun(&other)))),
    }
}

fn addresses(value: &Item) -> Result<Item, Error> {
    let nodes = node_list(value, "addresses")?;
    let address = |node: &Value| {
        node.get("address")
            .map(to_item)
            .ok_or_else(|| fail("`addresses` wants nodes; this has no `address`"))
    };
    nodes
        .iter()
        .map(address)
        .collect::<Result<Vec<Item>, Error>>()
        .map(Item::from)
}

fn with_role(value: &Item, role: &str) -> Result<Item, Error> {
    let nodes = node_list(value, "with_role")?;
    let has = |node: &&Value| {
        node.get("roles")
            .and_then(Value::as_array)
            .is_some_and(|roles| roles.iter().any(|known| known == role))
    };
    Ok(nodes.iter().filter(has).map(to_item).collect())
}

fn join(value: &Item, between: Option<&str>) -> Result<String, Error> {
    match plain(value)? {
        Value::Array(items) => Ok(items.iter().map(print).collect::<Vec<_>>().join(between.unwrap_or(""))),
        other => Err(fail(format!("`join` wants a list, not {}", noun(&other)))),
    }
}

fn to_json(value: &Item, options: Kwargs) -> Result<String, Error> {
    let indent: Option<bool> = options.get("indent")?;
    options.assert_all_used()?;
    let value = plain(value)?;
    let text = if indent == Some(true) {
        serde_json::to_string_pretty(&value)
    } else {
        serde_json::to_string(&value)
    };
    text.map_err(|error| fail(error.to_string()))
}

/// A duration as a number of seconds, to count with; a number is one already.
fn seconds(value: &Item) -> Result<Item, Error> {
    match plain(value)? {
        Value::Number(_) => Ok(value.clone()),
        other => {
            let duration = other.as_str().and_then(|text| quantity::duration(text.trim()));
            let seconds = duration.map(|duration| Item::from(duration.as_secs_f64()));
            let wanted = "`seconds` wants a duration (`250ms`, `1h30m`), not";
            seconds.ok_or_else(|| fail(format!("{wanted} {}", compare::told(&other))))
        }
    }
}

/// A text as what can be nothing but a version.
fn version(value: &Item) -> Result<String, Error> {
    let plain = plain(value)?;
    let version = plain.as_str().and_then(Version::parse);
    let wanted = "`version` wants a text like `3.9` or `v1.2.3-rc.1`, not";
    let version = version.ok_or_else(|| fail(format!("{wanted} {}", compare::told(&plain))))?;
    Ok(version.to_string())
}

/// A text is the boolean that it says, and not true for being there.
fn boolean(value: &Item) -> Result<bool, Error> {
    let Some(text) = value.as_str() else {
        return plain(value).map(|_| value.is_true());
    };
    match text.trim().to_ascii_lowercase().as_str() {
        "true" => Ok(true),
        "false" => Ok(false),
        _ => Err(fail(format!(
            "`bool` wants `true` or `false`, not {}",
            compare::told(&plain(value)?)
        ))),
    }
}

fn containing(whole: &Item, part: &Item) -> Result<bool, Error> {
    match whole.kind() {
        ValueKind::String => Ok(printed(whole)?.contains(&printed(part)?)),
        _ => match (plain(whole)?, plain(part)?) {
            (Value::Array(items), part) => Ok(items.iter().any(|item| compare::same(item, &part))),
            (Value::Object(map), Value::String(key)) => Ok(map.contains_key(&key)),
            (other, _) => Err(fail(format!(
                "`containing` wants text, a list or a mapping, not {}",
                noun(&other)
            ))),
        },
    }
}
