//! `commit`: an image of a container as it is now.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use serde_json::{Value, json};

use super::{About, Act, Binder, Body, ContainerRef, Cx, Done, Ref, Sort, TARGET, Written};
use crate::engine::of_no_service;
use crate::shape::{Text, shape};

/// See the table.
pub(super) const ABOUT: About = About {
    name: "commit",
    does: "Makes an image of a service's container as it is now.",
    manual: "Its name is one of `images` with `blank: true`. Of a service with several replicas the first one is taken. The \
             container is paused meanwhile, and the engine takes one with a healthcheck for well only when that has passed again: \
             ask for `healthy` with `within`. Volumes are not part of it. The image is removed at the scenario's end.",
    example: "- commit: {service: db, image: \"${{ images.snapshot }}\"}",
    sort: Sort::Action,
    limit: Duration::from_secs(120),
    results: &[],
    defaults: &[],
    locals: &[],
};

shape! {
    /// A container to make an image of.
    pub struct Commit ("`commit`") rules [TARGET] {
        /// The service: `web`, `shop/web`, or `web.2` for a replica.
        service: Option<Text>,
        /// The container: one that a `run` started, or a `container_name` of a compose file.
        container: Option<Text>,
        /// The image's reference.
        image: Text,
    }
}

impl Written for Commit {
    fn title(&self) -> String {
        let target = self.service.as_ref().or(self.container.as_ref());
        target.map_or(String::new(), Text::shown)
    }

    fn bind(&self, binder: &mut Binder<'_>) -> Option<Body> {
        let target = binder.target(&self.span, self.service.as_ref(), self.container.as_ref());
        if self.image.as_literal().is_some() {
            binder.error(
                &self.image.span,
                "an image of a fixed name would be another scenario's, too",
                "make a name for it: `images: {snapshot: {blank: true}}`, and write `${{ images.snapshot }}` here",
            );
        }
        Some(Body::Act(Arc::new(Bound {
            target: target?,
            image: self.image.clone(),
        })))
    }
}

#[derive(Debug)]
struct Bound {
    target: Ref<ContainerRef>,
    image: Text,
}

#[async_trait]
impl Act for Bound {
    async fn act(&self, cx: &Cx) -> Done<Value> {
        let target = cx.target(&self.target).await?;
        let image = cx.text(&self.image).await?;
        let (node, id) = cx.one(&target).await?;
        // Known before it is made: what an interrupted call makes is removed, too.
        cx.case.state().images.push(image.clone());
        let engine = Arc::clone(&node.engine);
        let labels = of_no_service(cx.case.labels.clone());
        cx.changed(async move { engine.commit(&id, &image, &labels).await })
            .await?;
        Ok(json!({}))
    }
}
