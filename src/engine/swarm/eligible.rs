//! Which nodes a global service has a task on, as the swarm's scheduler decides it from states and placement constraints:
//! <https://docs.docker.com/reference/cli/docker/service/create/#constraint>.

use serde_json::Value;

use super::SwarmNode;

/// True where a task from this template may run on the node.
pub fn eligible(template: &Value, node: &SwarmNode) -> bool {
    node.state == "ready" && node.availability == "active" && meets(template, node)
}

/// True where the node is as the template's constraints want it.
pub(super) fn meets(template: &Value, node: &SwarmNode) -> bool {
    let constraints = template["Placement"]["Constraints"].as_array();
    let mut constraints = constraints.into_iter().flatten().filter_map(Value::as_str);
    constraints.all(|constraint| holds(constraint, node))
}

/// One constraint: `node.labels.disk == ssd`. One that is not known here rules no node out.
fn holds(constraint: &str, node: &SwarmNode) -> bool {
    let (name, value, wanted) = match (constraint.split_once("=="), constraint.split_once("!=")) {
        (Some((name, value)), _) => (name, value, true),
        (None, Some((name, value))) => (name, value, false),
        (None, None) => return true,
    };
    let (name, value) = (name.trim().to_ascii_lowercase(), value.trim());
    let label = |prefix: &str, labels: &super::Labels| {
        let label = name.strip_prefix(prefix)?;
        let found = labels.iter().find(|(name, _)| name.eq_ignore_ascii_case(label));
        Some(found.map(|(_, value)| value.clone()).unwrap_or_default())
    };
    let found = match name.as_str() {
        "node.id" => Some(node.id.clone()),
        "node.hostname" => Some(node.hostname.clone()),
        "node.role" => Some(node.role.clone()),
        "node.platform.os" => Some(node.platform.0.clone()),
        "node.platform.arch" => Some(node.platform.1.clone()),
        _ => label("node.labels.", &node.labels).or_else(|| label("engine.labels.", &node.engine_labels)),
    };
    found.is_none_or(|found| found.eq_ignore_ascii_case(value) == wanted)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::eligible;
    use crate::engine::swarm::SwarmNode;

    #[test]
    fn a_node_is_eligible_as_its_state_and_the_constraints_say() {
        let node = |change: fn(&mut SwarmNode)| {
            let mut node = SwarmNode {
                hostname: "core1".into(),
                role: "worker".into(),
                availability: "active".into(),
                state: "ready".into(),
                labels: [("disk".to_owned(), "ssd".to_owned())].into(),
                engine_labels: [("rack".to_owned(), "2".to_owned())].into(),
                platform: ("linux".into(), "x86_64".into()),
                ..SwarmNode::default()
            };
            change(&mut node);
            node
        };
        let check = |constraints: &[&str], expected: bool| {
            let template = json!({"Placement": {"Constraints": constraints}});
            assert_eq!(eligible(&template, &node(|_| ())), expected, "{constraints:?}");
        };
        check(&[], true);
        check(&["node.role == worker"], true);
        check(&["node.role==manager"], false);
        check(&["node.role != manager", "node.labels.disk == SSD"], true);
        check(&["node.role != manager", "node.labels.disk != ssd"], false);
        check(&["node.labels.zone == a"], false);
        check(&["node.labels.zone != a"], true);
        check(&["engine.labels.rack == 2"], true);
        check(&["node.hostname == core2"], false);
        check(&["node.platform.os == linux"], true);
        check(&["node.something == new"], true);
        let is = |node: SwarmNode| eligible(&json!({}), &node);
        assert!(is(node(|_| ())));
        assert!(!is(node(|node| node.availability = "drain".into())));
        assert!(!is(node(|node| node.state = "down".into())));
    }
}
