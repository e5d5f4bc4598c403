//! What an update makes of a service's spec: all that it does not name stays as the engine wrote it.

use std::time::Duration;

use serde_json::{Value, json};

use super::{FailureAction, Order};
use crate::shape::Worded;
use crate::substitute::same_image;

/// The label with the image that a stack's file has wanted last. `docker stack deploy` leaves a service the image that it has
/// where the file still wants that one: the file's would not come back.
const STACK_IMAGE: &str = "com.docker.stack.image";

/// What an update changes.
#[derive(Debug, Default)]
pub(super) struct Wanted {
    pub(super) image: Option<String>,
    pub(super) command: Option<Vec<String>>,
    pub(super) env: Vec<(String, String)>,
    pub(super) parallelism: Option<u64>,
    pub(super) delay: Option<Duration>,
    pub(super) order: Option<Order>,
    pub(super) failure_action: Option<FailureAction>,
    pub(super) monitor: Option<Duration>,
    pub(super) force: bool,
}

impl Wanted {
    /// The spec with what changes.
    pub(super) fn applied(&self, spec: &Value) -> Value {
        let mut spec = spec.clone();
        let mut stacked = None;
        let container = &mut spec["TaskTemplate"]["ContainerSpec"];
        let has = |image: &str| {
            let known = container["Image"].as_str();
            known.is_some_and(|known| same_image(known, image))
        };
        if let Some(image) = self.image.as_ref().filter(|image| !has(image)) {
            container["Image"] = image.clone().into();
            stacked = Some(image);
        }
        if let Some(command) = &self.command {
            container["Args"] = json!(command);
        }
        if !self.env.is_empty() {
            container["Env"] = json!(environment(&container["Env"], &self.env));
        }
        let label = stacked.and_then(|image| Some((image, spec.get_mut("Labels")?.get_mut(STACK_IMAGE)?)));
        if let Some((image, label)) = label {
            *label = image.clone().into();
        }
        if self.force {
            let count = spec["TaskTemplate"]["ForceUpdate"].as_u64().unwrap_or_default();
            spec["TaskTemplate"]["ForceUpdate"] = (count + 1).into();
        }
        let nanos = |duration: Duration| u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        let settings = [
            ("Parallelism", self.parallelism.map(Value::from)),
            ("Delay", self.delay.map(|delay| nanos(delay).into())),
            ("Order", self.order.map(|order| order.text().into())),
            ("FailureAction", self.failure_action.map(|action| action.text().into())),
            ("Monitor", self.monitor.map(|monitor| nanos(monitor).into())),
        ];
        for (name, value) in settings {
            if let Some(value) = value {
                spec["UpdateConfig"][name] = value;
            }
        }
        spec
    }
}

/// An environment with some variables in place of those of their names.
fn environment(known: &Value, changed: &[(String, String)]) -> Vec<String> {
    let known = known.as_array().into_iter().flatten().filter_map(Value::as_str);
    let is_changed = |entry: &str| {
        let name = entry.split('=').next().unwrap_or_default();
        changed.iter().any(|(changed, _)| changed == name)
    };
    let kept = known.filter(|entry| !is_changed(entry)).map(str::to_owned);
    let new = changed.iter().map(|(name, value)| format!("{name}={value}"));
    kept.chain(new).collect()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::json;

    use super::super::Order;
    use super::Wanted;

    #[test]
    fn an_update_leaves_what_it_does_not_name() {
        let spec = json!({
            "Name": "shop_web", "Labels": {"com.docker.stack.image": "web:1", "own": "web:1"},
            "TaskTemplate": {"ContainerSpec": {"Image": "web:1", "Env": ["A=1", "B=2"], "Hosts": ["x"]}, "ForceUpdate": 3},
            "UpdateConfig": {"Parallelism": 1, "FailureAction": "pause"},
        });
        let wanted = Wanted {
            image: Some("web:2".to_owned()),
            env: vec![("B".to_owned(), "3".to_owned()), ("C".to_owned(), "4".to_owned())],
            parallelism: Some(2),
            delay: Some(Duration::from_secs(5)),
            order: Some(Order::StartFirst),
            force: true,
            ..Wanted::default()
        };
        let expected = json!({
            "Name": "shop_web", "Labels": {"com.docker.stack.image": "web:2", "own": "web:1"},
            "TaskTemplate": {"ContainerSpec": {"Image": "web:2", "Env": ["A=1", "B=3", "C=4"], "Hosts": ["x"]}, "ForceUpdate": 4},
            "UpdateConfig": {"Parallelism": 2, "FailureAction": "pause", "Delay": 5_000_000_000_u64, "Order": "start-first"},
        });
        assert_eq!(wanted.applied(&spec), expected);
        assert_eq!(Wanted::default().applied(&spec), spec);
    }

    #[test]
    fn the_same_image_under_another_name_is_no_change() {
        let check = |known: &str, wanted: &str, changes: bool| {
            let spec = json!({"TaskTemplate": {"ContainerSpec": {"Image": known}}, "UpdateConfig": {}});
            let wanted = Wanted {
                image: Some(wanted.to_owned()),
                ..Wanted::default()
            };
            assert_eq!(wanted.applied(&spec) != spec, changes, "{known} {wanted:?}");
        };
        check("busybox:latest", "busybox", false);
        check("busybox", "busybox:latest", false);
        check("busybox", "docker.io/library/busybox", false);
        check("busybox", "busybox:1", true);
        check("busybox", "other/busybox", true);
    }
}
