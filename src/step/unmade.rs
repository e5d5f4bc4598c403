//! Images that only a step makes: their names are our own, and no registry is asked for what somebody has put there under
//! such a name.

use super::{Cx, Done, NodeHandle};
use crate::image::OURS;

/// Refuses an image of our own that is not there.
pub(super) async fn refused(cx: &Cx, node: &NodeHandle, image: &str) -> Done<()> {
    if !image.starts_with(OURS) || cx.asked(node.engine.image(image)).await?.is_some() {
        return Ok(());
    }
    let named = cx.scope.values.get("images").and_then(|images| images.as_object());
    let name = named.and_then(|all| Some(all.iter().find(|(_, reference)| *reference == image)?.0));
    let shown = name.map_or_else(|| image.to_owned(), |name| format!("images.{name}"));
    Err(cx.error_with_hint(
        format!("there is no image `{shown}`: no `commit` to it has run"),
        "a step before this one makes it: `commit: {service: …, image: …}`",
    ))
}
