//! Filters and tests that compare: as the signs do, and never by kinds.

use std::cmp::Ordering;

use minijinja::value::{Kwargs, Rest, Value as Item};
use minijinja::{Environment, Error, ErrorKind, State};
use serde_json::Value;

use super::{fail, plain};
use crate::template::compare::{self, Side, Sign};
use crate::template::path::noun;

/// The tests that compare, under all names that they have.
const COMPARING: [(Sign, &[&str]); 7] = [
    (Sign::Equal, &["eq", "equalto", "=="]),
    (Sign::Unequal, &["ne", "!="]),
    (Sign::Less, &["lt", "lessthan", "<"]),
    (Sign::LessOrEqual, &["le", "<="]),
    (Sign::Greater, &["gt", "greaterthan", ">"]),
    (Sign::GreaterOrEqual, &["ge", ">="]),
    (Sign::In, &["in"]),
];

/// Adds what compares: minijinja orders values of different kinds by their kinds.
pub(super) fn add(engine: &mut Environment<'static>) {
    for (sign, names) in COMPARING {
        for name in names {
            engine.add_test(*name, move |left: &Item, right: &Item| {
                let (left, right) = (plain(left)?, plain(right)?);
                compare::holds(sign, Side::of(&left), Side::of(&right)).map_err(fail)
            });
        }
    }
    engine.add_filter(
        "selectattr",
        |state: &mut State<'_, '_>, items: Item, test: Rest<Item>| by_attribute(state, &items, &test, true),
    );
    engine.add_filter(
        "rejectattr",
        |state: &mut State<'_, '_>, items: Item, test: Rest<Item>| by_attribute(state, &items, &test, false),
    );
    engine.add_filter("min", |items: Item, options: Kwargs| {
        most(&items, &options, Ordering::Less)
    });
    engine.add_filter("max", |items: Item, options: Kwargs| {
        most(&items, &options, Ordering::Greater)
    });
    engine.add_filter("sort", |state: &State<'_, '_>, items: Item, options: Kwargs| {
        one_kind(&items, &options)?;
        minijinja::filters::sort(state, items, options)
    });
}

/// The items whose attribute passes a test, or the others. An attribute that an item does not have is unequal to every
/// value, and in no list: some containers have no `health`.
fn by_attribute(state: &mut State<'_, '_>, items: &Item, test: &[Item], wanted: bool) -> Result<Item, Error> {
    let (attribute, test) = test.split_first().ok_or(ErrorKind::MissingArgument)?;
    let attribute = attribute
        .as_str()
        .ok_or_else(|| fail("the name of an attribute is a text"))?;
    let mut found = Vec::new();
    for item in items.try_iter()? {
        let value = reached(&item, attribute)?;
        let holds = match test.split_first() {
            None => value.is_true(),
            Some((name, arguments)) => match name.as_str().unwrap_or_default() {
                "eq" | "equalto" | "==" | "in" if value.is_undefined() => false,
                "ne" | "!=" if value.is_undefined() => true,
                name => {
                    let arguments: Vec<Item> = [&[value], arguments].concat();
                    state.perform_test(name, &arguments)?
                }
            },
        };
        if holds == wanted {
            found.push(item);
        }
    }
    Ok(Item::from(found))
}

/// The first item that is less than all others, or more.
fn most(items: &Item, options: &Kwargs, wanted: Ordering) -> Result<Item, Error> {
    let attribute: Option<&str> = options.get("attribute")?;
    options.assert_all_used()?;
    let mut best: Option<(Value, Item)> = None;
    for item in items.try_iter()? {
        let key = key(&item, attribute.unwrap_or_default())?;
        let better = match &best {
            None => true,
            Some((known, _)) => compare::order(Side::of(&key), Side::of(known)).map_err(fail)? == wanted,
        };
        if better {
            best = Some((key, item));
        }
    }
    Ok(best.map_or(Item::UNDEFINED, |(_, item)| item))
}

/// Sorting wants one kind of items; texts are sorted by their letters, whatever they mean.
fn one_kind(items: &Item, options: &Kwargs) -> Result<(), Error> {
    let attributes: Option<&str> = options.get("attribute")?;
    for attribute in attributes.unwrap_or_default().split(',') {
        let mut first: Option<Value> = None;
        for item in items.try_iter()? {
            let key = key(&item, attribute.trim())?;
            let first = first.get_or_insert_with(|| key.clone());
            if noun(first) != noun(&key) {
                return Err(fail(format!(
                    "`sort` got {} and {}, which have no order",
                    noun(first),
                    noun(&key)
                )));
            }
        }
    }
    Ok(())
}

/// What an item is ordered by: itself, or an attribute of it.
fn key(item: &Item, attribute: &str) -> Result<Value, Error> {
    plain(&reached(item, attribute)?)
}

/// The value at an attribute's path.
fn reached(item: &Item, attribute: &str) -> Result<Item, Error> {
    let mut parts = attribute.split('.').filter(|part| !part.is_empty());
    parts.try_fold(item.clone(), |item, part| match part.parse::<usize>() {
        Ok(number) => item.get_item(&Item::from(number)),
        Err(_) => item.get_attr(part),
    })
}
