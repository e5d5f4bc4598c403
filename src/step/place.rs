//! Where a file is: a path here, `service:path` in a container, or `volume:NAME:/path` in a volume.

mod carried;
mod given;
mod inside;
mod memory;

use std::path::PathBuf;

use super::describe;
use super::resource::VOLUMES;
use super::volume::{Holder, THERE};
use super::{Binder, Cx, Done};
use crate::diagnostic::Span;
use crate::shape::Text;

pub(super) use carried::{entries, first, names, renamed, single};
pub(super) use inside::{Inside, is_folder, is_special};

/// The most bytes that are carried at once.
pub(super) const MAX_BYTES: usize = 1 << 30;

/// A path, and where it is.
pub(super) enum Place {
    /// On this machine.
    Here(PathBuf),
    /// In a container.
    In(Box<Inside>),
    /// In a volume that is not there: its name.
    NoVolume(String),
}

impl Place {
    /// Leaves it: what was made to look into a volume is removed, and the volume can be.
    pub(super) async fn leave(self, cx: &Cx) -> Done<()> {
        let holder = match self {
            Place::In(inside) => inside.holder,
            Place::Here(_) | Place::NoVolume(_) => None,
        };
        match holder {
            Some(holder) => holder.leave().await.map_err(|fault| vec![fault.at(cx.span.place())]),
            None => Ok(()),
        }
    }
}

/// A volume's name and a path in it, of `volume:NAME:/path`; what a service called `volume` has begins with `/`.
fn of_volume(text: &str) -> Option<(&str, &str)> {
    let rest = text.strip_prefix("volume:").filter(|rest| !rest.starts_with('/'))?;
    Some(rest.split_once(':').unwrap_or((rest, "")))
}

/// That nothing is at a place, as it is written.
pub(super) fn absent(place: &Place, text: &str) -> String {
    match (place, of_volume(text), split(text)) {
        (Place::NoVolume(name), ..) => format!("there is no volume `{name}`"),
        (_, Some((name, path)), _) => format!("the volume `{name}` has no `{path}`"),
        (_, None, (Some(target), path)) => format!("`{target}` has no `{path}`"),
        (_, None, (None, path)) => format!("there is no `{path}`"),
    }
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

/// True for a path in a volume: this program's image is needed for it.
pub(super) fn is_in_volume(text: &Text) -> bool {
    of_volume(&text.shown()).is_some()
}

/// Tells a target that is none, as far as it is known before the step; gives a path on this machine.
pub(super) fn check(text: &Text, binder: &mut Binder<'_>) -> Option<String> {
    let constant = binder.constant_text(text);
    let shown = constant.clone().unwrap_or_else(|| text.shown());
    if let Some(found) = of_volume(&shown) {
        check_volume(found, &text.span, binder);
        return None;
    }
    let (Some(target), path) = split(&shown) else {
        return constant;
    };
    if !target.contains("${{") && binder.is_target(target, &text.span) {
        let wrong = match path {
            "" => Some((format!("`{shown}` has no path"), "path")),
            _ if path.starts_with('/') || path.starts_with("${{") => None,
            path => Some((format!("`{path}` is no path in a container: it begins with `/`"), path)),
        };
        if let Some((message, path)) = wrong {
            binder.error(&text.span, message, format!("write it as `{target}:/{path}`"));
        }
    }
    None
}

/// Tells a volume that no stack has, and a path in one that is none.
fn check_volume((name, path): (&str, &str), at: &Span, binder: &mut Binder<'_>) {
    if !path.starts_with('/') && !path.contains("${{") && !name.contains("${{") {
        let message = match path {
            "" => format!("`volume:{name}` has no path"),
            path => format!("`{path}` is no path in the volume `{name}`: it begins with `/`"),
        };
        return binder.error(at, message, format!("write it as `volume:{name}:/path`"));
    }
    if name.contains("${{") || binder.fixed.is_unsure(name) {
        return;
    }
    let resources = binder.fixed.resources();
    let problem = match resources.real(name, VOLUMES) {
        Ok(real) => resources.mistyped((name, &real), at, VOLUMES),
        Err(unfound) => Some(unfound.at(at)),
    };
    binder.problems.extend(problem);
}

/// Tells a path of `collect` that is none of a container.
pub(super) fn check_collected(text: &Text, binder: &mut Binder<'_>) {
    let volume = of_volume(&text.shown()).is_some().then(|| text.shown());
    let here = volume
        .or_else(|| check(text, binder))
        .filter(|path| !path.contains("${{"));
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
    if let Some((name, path)) = of_volume(&text) {
        return volume(cx, name, path).await;
    }
    let (target, path) = split(&text);
    let Some(target) = target else {
        return Ok(Place::Here(cx.path(written, path)));
    };
    let found = cx.container(target)?;
    let (node, id) = cx.one(&found).await?;
    let container = cx.asked(node.engine.inspect(&id)).await?;
    let container = given::seen(cx, &node, container).await;
    Ok(Place::In(Box::new(Inside {
        node,
        container,
        name: describe::shown(&found),
        holder: None,
        path: if path.starts_with('/') {
            path.to_owned()
        } else {
            format!("/{path}")
        },
    })))
}

/// A path in a volume, on the node that has it.
async fn volume(cx: &Cx, name: &str, path: &str) -> Done<Place> {
    if !path.starts_with('/') {
        return Err(cx.error(format!(
            "`{path}` is no path in the volume `{name}`: it begins with `/`"
        )));
    }
    let real = cx.find(name, |name| cx.case.resources().real(name, VOLUMES))?;
    let own = format!("{}_{name}", cx.case.id);
    for node in &cx.case.nodes {
        let volumes = cx.asked(node.engine.volumes(&[])).await?;
        let found = volumes
            .into_iter()
            .find(|volume| volume.name == real || volume.name == own);
        let Some(found) = found else { continue };
        let holder = Holder::of(&cx.case, node, &found.name).await;
        let holder = holder.map_err(|fault| vec![fault.at(cx.span.place())])?;
        let container = match cx.asked(node.engine.inspect(&holder.id)).await {
            Ok(container) => container,
            Err(faults) => {
                // Why it cannot be looked at says more than why it stays.
                drop(holder.leave().await);
                return Err(faults);
            }
        };
        return Ok(Place::In(Box::new(Inside {
            node: node.clone(),
            container,
            name: format!("volume {name}"),
            path: format!("{THERE}{path}"),
            holder: Some(holder),
        })));
    }
    Ok(Place::NoVolume(name.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::{of_volume, split};

    #[test]
    fn a_path_in_a_volume_has_the_volume_before_it() {
        for (text, expected) in [
            ("volume:shop/data:/a:b", Some(("shop/data", "/a:b"))),
            ("volume:data:/", Some(("data", "/"))),
            ("volume:data", Some(("data", ""))),
            ("volume:/etc/passwd", None),
            ("volumes:data:/a", None),
            ("./volume:data:/a", None),
        ] {
            assert_eq!(of_volume(text), expected, "{text}");
        }
    }

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
