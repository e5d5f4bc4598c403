//! Where a file is: a path here, or `service:path` in a container.

mod carried;
mod inside;
mod memory;

use std::path::PathBuf;

use super::describe;
use super::{Binder, Cx, Done};
use crate::shape::Text;

pub(super) use carried::{first, renamed, single};
pub(super) use inside::{Inside, is_folder, is_special};

/// The most bytes that are carried at once.
pub(super) const MAX_BYTES: usize = 1 << 30;

/// A path, and where it is.
pub(super) enum Place {
    /// On this machine.
    Here(PathBuf),
    /// In a container.
    In(Box<Inside>),
}

/// A target and a path, or a path alone. What begins like a path is one.
fn split(text: &str) -> (Option<&str>, &str) {
    if text.starts_with(['/', '.', '~']) {
        return (None, text);
    }
    match text.split_once(':') {
        Some((target, path)) => (Some(target), path),
        None => (None, text),
    }
}

/// True for a path in a container.
pub(super) fn is_inside(text: &Text) -> bool {
    split(&text.shown()).0.is_some()
}

/// Tells a target that is none, as far as it is known before the step; gives a path on this machine.
pub(super) fn check(text: &Text, binder: &mut Binder<'_>) -> Option<String> {
    let constant = binder.constant_text(text);
    let shown = constant.clone().unwrap_or_else(|| text.shown());
    let (Some(target), path) = split(&shown) else {
        return constant;
    };
    if !target.contains("${{") && binder.is_target(target, &text.span) && path.is_empty() {
        binder.error(
            &text.span,
            format!("`{shown}` has no path"),
            format!("write it as `{target}:/path`"),
        );
    }
    None
}

/// Tells a path of `collect` that is none of a container.
pub(super) fn check_collected(text: &Text, binder: &mut Binder<'_>) {
    let here = check(text, binder).filter(|path| !path.contains("${{"));
    if let Some(here) = here {
        binder.error(
            &text.span,
            format!("`{here}` is no path of a container"),
            "write it as `service:/path`",
        );
    }
}

/// Finds the place that a text names.
pub(super) async fn find(cx: &Cx, written: &Text) -> Done<Place> {
    let text = cx.text(written).await?;
    let (target, path) = split(&text);
    let Some(target) = target else {
        return Ok(Place::Here(cx.path(written, path)));
    };
    let found = cx.container(target)?;
    let (node, id) = cx.one(&found)?;
    let container = cx.asked(node.engine.inspect(&id)).await?;
    Ok(Place::In(Box::new(Inside {
        node,
        container,
        name: describe::shown(&found),
        path: if path.starts_with('/') {
            path.to_owned()
        } else {
            format!("/{path}")
        },
    })))
}

#[cfg(test)]
mod tests {
    use super::split;

    #[test]
    fn what_begins_like_a_path_is_one() {
        for (text, expected) in [
            ("web:/a:b", (Some("web"), "/a:b")),
            ("shop/web.2:a", (Some("shop/web.2"), "a")),
            ("./a:b", (None, "./a:b")),
            ("/a:b", (None, "/a:b")),
            ("a/b", (None, "a/b")),
        ] {
            assert_eq!(split(text), expected, "{text}");
        }
    }
}
