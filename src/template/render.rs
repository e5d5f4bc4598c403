//! Runs an expression over a scope: every name is looked up by us, so that a missing one is told with what there is.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use minijinja::value::{Object, ObjectRepr, Value as Item, ValueKind};
use minijinja::{Environment, Error, ErrorKind, State, UndefinedBehavior};
use serde_json::{Map, Number, Value};

use super::compare;
use super::compiled::{COMPARE, Compiled, file_number, slot_number};
use super::function::{Asked, FUNCTIONS, ask};
use super::{Absent, Expression, Question, Scope, Unrendered, path};

/// How many instructions an expression may take.
const FUEL: u64 = 1_000_000;

/// How deeply a value may be nested.
const MAX_DEPTH: usize = 256;

/// The engine: no templates, no globals but `range` and `dict`, strict.
pub(super) fn engine() -> &'static Environment<'static> {
    static ENGINE: OnceLock<Environment<'static>> = OnceLock::new();
    ENGINE.get_or_init(|| {
        let mut engine = Environment::new();
        // Debug information has the values of names in it, secrets too.
        engine.set_debug(false);
        engine.set_undefined_behavior(UndefinedBehavior::Strict);
        engine.set_fuel(Some(FUEL));
        engine.remove_global("debug");
        engine.remove_global("namespace");
        super::filter::add(&mut engine);
        engine
    })
}

/// What the names of one rendering are looked up in.
#[derive(Debug)]
struct Root {
    expression: Expression,
    /// The value of each name's first part.
    heads: Vec<Option<Arc<Value>>>,
    answers: BTreeMap<Question, Value>,
    /// The folder of the path that each call of `file` begins with, by the call's number.
    folders: BTreeMap<usize, PathBuf>,
    seed: String,
    unique: String,
    salt: String,
    progress: Mutex<Progress>,
}

#[derive(Debug, Default)]
struct Progress {
    needs: Vec<Question>,
    missing: Option<usize>,
    /// Which comparison nobody can judge, and why.
    refused: Option<(usize, String)>,
    randoms: usize,
}

impl Root {
    fn progress(&self) -> MutexGuard<'_, Progress> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lookup(&self, number: usize) -> Option<Item> {
        let found = self.expression.inner.found.get(number)?;
        let parts = &found.path.parts;
        let value = self.heads[number]
            .as_ref()
            .and_then(|head| path::walk(head, "", &parts[1..]).ok());
        Some(match value {
            Some(value) => to_item(value),
            None if found.optional => Item::UNDEFINED,
            None => {
                self.progress().missing.get_or_insert(number);
                Item::from(Error::new(ErrorKind::UndefinedError, "missing"))
            }
        })
    }
}

impl Object for Root {
    fn get_value_by_str(self: &Arc<Self>, key: &str) -> Option<Item> {
        if let Some(number) = slot_number(key) {
            return self.lookup(number);
        }
        if let Some(number) = file_number(key) {
            return Some(Item::from_object(Function {
                name: "file",
                folder: self.folders.get(&number).cloned(),
                root: Arc::clone(self),
            }));
        }
        if let Some(known) = FUNCTIONS.iter().find(|known| known.name == key) {
            return known.ours.then(|| {
                Item::from_object(Function {
                    name: known.name,
                    folder: None,
                    root: Arc::clone(self),
                })
            });
        }
        if key == COMPARE {
            return Some(Item::from_object(Comparer(Arc::clone(self))));
        }
        // A name too short to be replaced.
        let number = self
            .expression
            .inner
            .found
            .iter()
            .position(|found| found.path.parts == [key])?;
        self.lookup(number)
    }
}

#[derive(Debug)]
struct Function {
    name: &'static str,
    /// Of `file`: where the path was written, where it is not written here.
    folder: Option<PathBuf>,
    root: Arc<Root>,
}

impl Object for Function {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn call(self: &Arc<Self>, _: &mut State<'_, '_>, arguments: &[Item]) -> Result<Item, Error> {
        let fail = |message: String| Error::new(ErrorKind::InvalidOperation, message);
        if arguments.iter().any(is_pending) {
            return Ok(Item::from_object(Pending));
        }
        let arguments: Vec<Value> = arguments
            .iter()
            .map(from_item)
            .collect::<Result<_, _>>()
            .map_err(fail)?;
        let mut progress = self.root.progress();
        let expression = &self.root.expression.span;
        let salt = format!(
            "{} {}:{} {}",
            self.root.salt, expression.source.path, expression.start, progress.randoms
        );
        progress.randoms += usize::from(self.name == "random");
        let seeds = (self.root.seed.as_str(), self.root.unique.as_str());
        match ask(self.name, &arguments, seeds, &salt).map_err(fail)? {
            Asked::Known(value) => Ok(to_item(&value)),
            Asked::Question(question) => {
                let question = match question {
                    Question::File(path, _) => Question::File(path, self.folder.clone()),
                    other => other,
                };
                match self.root.answers.get(&question) {
                    Some(answer) => Ok(to_item(answer)),
                    None => {
                        if !progress.needs.contains(&question) {
                            progress.needs.push(question);
                        }
                        Ok(Item::from_object(Pending))
                    }
                }
            }
        }
    }
}

/// Judges the comparisons.
#[derive(Debug)]
struct Comparer(Arc<Root>);

impl Object for Comparer {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn call(self: &Arc<Self>, _: &mut State<'_, '_>, arguments: &[Item]) -> Result<Item, Error> {
        let fail = |message: String| Error::new(ErrorKind::InvalidOperation, message);
        let inner = &self.0.expression.inner;
        let (number, values) = arguments.split_first().ok_or(ErrorKind::MissingArgument)?;
        let number = number.as_usize().ok_or(ErrorKind::InvalidOperation)?;
        let comparison = inner.comparisons.get(number).ok_or(ErrorKind::InvalidOperation)?;
        if values.iter().any(is_pending) {
            return Ok(Item::from_object(Pending));
        }
        if values.iter().any(Item::is_undefined) {
            return Err(ErrorKind::UndefinedError.into());
        }
        let values: Vec<Value> = values.iter().map(from_item).collect::<Result<_, _>>().map_err(fail)?;
        if values.len() != comparison.operands.len() {
            return Err(fail("a comparison has one value on each side".to_owned()));
        }
        let side = |at: usize| comparison.side(at, &values[at], &self.0.expression.code);
        for (at, (sign, _)) in comparison.signs.iter().enumerate() {
            match compare::holds(*sign, side(at), side(at + 1)) {
                Ok(true) => {}
                Ok(false) => return Ok(Item::from(false)),
                Err(why) => {
                    self.0.progress().refused.get_or_insert((number, why.clone()));
                    return Err(fail(why));
                }
            }
        }
        Ok(Item::from(true))
    }
}

/// Stands for an answer that is not there yet, so that one rendering finds all its questions.
#[derive(Debug)]
struct Pending;

impl Object for Pending {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }
}

fn is_pending(item: &Item) -> bool {
    item.downcast_object_ref::<Pending>().is_some()
}

/// The value of an expression.
pub(super) fn evaluate(expression: &Expression, scope: &Scope) -> Result<Value, Unrendered> {
    let root = Arc::new(Root {
        expression: expression.clone(),
        heads: expression
            .inner
            .found
            .iter()
            .map(|found| scope.values.get(&found.path.parts[0]).cloned())
            .collect(),
        answers: if expression.names().any(|name| name.call) {
            scope.answers.clone()
        } else {
            BTreeMap::new()
        },
        folders: folders(expression, scope),
        seed: scope.seed.clone(),
        unique: scope.unique.clone(),
        salt: scope.salt.clone(),
        progress: Mutex::default(),
    });
    let place = |start: usize, end: usize| expression.inner.places.span(&expression.span, start, end);
    let failed = |message: String| Unrendered::failed(place(0, expression.code.len()), message);
    let compiled = expression.inner.compiled.get_or_init(|| Compiled::of(expression));
    let ready = compiled.ready.as_ref().map_err(|message| failed(message.clone()))?;
    let result = ready.eval(Item::from_dyn_object(Arc::clone(&root)));
    let progress = std::mem::take(&mut *root.progress());
    if !progress.needs.is_empty() {
        return Err(Unrendered::Needs(progress.needs));
    }
    if let Some(number) = progress.missing.filter(|_| result.is_err()) {
        let name = &expression.inner.found[number].path;
        let (message, absent) = why_missing(&name.parts, scope);
        return Err(Unrendered::Failed {
            span: name.span.clone(),
            message,
            absent,
        });
    }
    if let Some((number, message)) = progress.refused.filter(|_| result.is_err()) {
        let operands = &expression.inner.comparisons[number].operands;
        let (start, end) = (operands[0].start, operands[operands.len() - 1].end);
        return Err(Unrendered::failed(place(start, end), message));
    }
    match result {
        Ok(item) => from_item(&item).map_err(failed),
        Err(error) => Err(match error.range() {
            Some(range) => Unrendered::failed(
                place(compiled.written(range.start), compiled.written(range.end)),
                message(&error),
            ),
            None => failed(message(&error)),
        }),
    }
}

/// Where the paths were written that calls of `file` are given, as far as that is elsewhere.
fn folders(expression: &Expression, scope: &Scope) -> BTreeMap<usize, PathBuf> {
    if scope.folders.is_empty() {
        return BTreeMap::new();
    }
    let calls = expression.names().enumerate().filter(|(_, path)| path.call);
    calls
        .filter_map(|(call, _)| Some((call, scope.folder_of(expression.leading_argument(call))?)))
        .collect()
}

/// Why a name leads nowhere. One that a step has not saved is not absent from what was found: nothing was looked at.
fn why_missing(parts: &[String], scope: &Scope) -> (String, Option<Absent>) {
    let head = &parts[0];
    let Some(value) = scope.values.get(head) else {
        if let Some(unsaved) = scope.unsaved.get(head) {
            return (format!("`{head}` has no value: {}", unsaved.why), None);
        }
        let names: Vec<&str> = scope.values.keys().map(String::as_str).collect();
        let known = crate::diagnostic::known_names(head, &names);
        return (format!("there is no `{head}`; {known}"), Some(Absent::Name));
    };
    let why = path::walk(value, head, &parts[1..]).err();
    let why = why.unwrap_or_else(|| format!("there is no `{}`", parts.join(".")));
    (why, Some(Absent::Part))
}

/// What minijinja says, in a line.
pub(super) fn message(error: &Error) -> String {
    match (error.kind(), error.detail()) {
        (ErrorKind::OutOfFuel, _) => format!("the expression takes more than {FUEL} steps"),
        (ErrorKind::UndefinedError, _) => NO_VALUE.to_owned(),
        (ErrorKind::SyntaxError | ErrorKind::InvalidOperation, Some(detail)) => detail.to_owned(),
        (kind, Some(detail)) => format!("{kind}: {detail}"),
        (kind, None) => kind.to_string(),
    }
}

const NO_VALUE: &str = "something here has no value: a computed key is missing, or a filter found nothing (`default(…)` gives a value then)";

/// Data as minijinja sees it.
pub(super) fn to_item(value: &Value) -> Item {
    match value {
        Value::Null => Item::from(()),
        Value::Bool(value) => Item::from(*value),
        Value::Number(number) => match (number.as_i64(), number.as_u64()) {
            (Some(number), _) => Item::from(number),
            (None, Some(number)) => Item::from(number),
            (None, None) => Item::from(number.as_f64().unwrap_or(f64::NAN)),
        },
        Value::String(text) => Item::from(text.as_str()),
        Value::Array(items) => items.iter().map(to_item).collect(),
        Value::Object(map) => Item::from_pairs(map.iter().map(|(key, value)| (key.as_str(), to_item(value)))),
    }
}

/// What minijinja gave, as data; undefined and what is no data are refused.
pub(super) fn from_item(item: &Item) -> Result<Value, String> {
    convert(item, MAX_DEPTH)
}

fn convert(item: &Item, depth: usize) -> Result<Value, String> {
    let depth = depth
        .checked_sub(1)
        .ok_or_else(|| format!("the value is nested deeper than {MAX_DEPTH}"))?;
    Ok(match item.kind() {
        ValueKind::None => Value::Null,
        ValueKind::Bool => Value::Bool(item.is_true()),
        ValueKind::Number => Value::Number(number(item)?),
        ValueKind::String => Value::String(item.as_str().unwrap_or_default().to_owned()),
        ValueKind::Undefined => return Err(NO_VALUE.to_owned()),
        ValueKind::Seq | ValueKind::Iterable => {
            let items = item.try_iter().map_err(|error| message(&error))?;
            Value::Array(items.map(|item| convert(&item, depth)).collect::<Result<_, _>>()?)
        }
        ValueKind::Map => {
            let mut map = Map::new();
            for key in item.try_iter().map_err(|error| message(&error))? {
                let value = item.get_item(&key).map_err(|error| message(&error))?;
                map.insert(
                    key.as_str().map_or_else(|| key.to_string(), str::to_owned),
                    convert(&value, depth)?,
                );
            }
            Value::Object(map)
        }
        kind => {
            return Err(format!(
                "the expression gives a {kind}, which is no data: is a function not called?"
            ));
        }
    })
}

fn number(item: &Item) -> Result<Number, String> {
    if item.is_integer() {
        let whole = item
            .as_i64()
            .map(Number::from)
            .or_else(|| u64::try_from(item.clone()).ok().map(Number::from));
        return whole.ok_or_else(|| format!("the number {item} is too large"));
    }
    let number = f64::try_from(item.clone()).map_err(|error| message(&error))?;
    Number::from_f64(number).ok_or_else(|| format!("the result is no number ({number})"))
}
