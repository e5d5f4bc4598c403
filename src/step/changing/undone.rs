//! Why an update did not complete whose end was judged by its `state`: how the task ended that the swarm undid it for.

use serde_json::Value;

use super::super::converging::named;
use super::super::{Cx, Ref, ServiceRef, describe};
use super::{Changing, STABLE};
use crate::engine::swarm::{Rules, undone_by};
use crate::event::Detail;

impl Changing<'_> {
    /// What explains a result with another state than the usual one.
    pub(in crate::step) async fn explained(
        cx: &Cx,
        service: &Ref<ServiceRef>,
        (outputs, usual): (&Value, &str),
    ) -> Vec<Detail> {
        let told = cx.told_of_failure();
        if outputs["state"].as_str().is_none_or(|state| state == usual) {
            return told;
        }
        let Ok(changing) = Changing::of(cx, service).await else {
            return told;
        };
        let Ok(look) = changing.converging(Rules::default(), STABLE).look().await else {
            return told;
        };
        let Some((service, task, text)) = undone_by(&look) else {
            return told;
        };
        let title = format!("end of {}", named(&look, &service.name, task));
        let mut details = told;
        details.push(Detail { title, text });
        if let Some(container) = &task.container {
            details.extend(describe::details(cx, &changing.node, container).await);
        }
        details
    }
}
