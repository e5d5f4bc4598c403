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
    constraints(template).iter().all(|constraint| holds(constraint, node))
}

/// The constraints that none of the nodes meets; all of them where each is met by a node, and no node meets all.
pub fn unmet<'t>(template: &'t Value, nodes: &[SwarmNode]) -> Vec<&'t str> {
    let all = constraints(template);
    let none_meets = |constraint: &&&str| !nodes.iter().any(|node| holds(constraint, node));
    let unmet: Vec<&str> = all.iter().filter(none_meets).copied().collect();
    let is_met = nodes.iter().any(|node| meets(template, node));
    match unmet.is_empty() && !is_met {
        true => all,
        false => unmet,
    }
}

fn constraints(template: &Value) -> Vec<&str> {
    let constraints = template["Placement"]["Constraints"].as_array();
    constraints.into_iter().flatten().filter_map(Value::as_str).collect()
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

    use super::{eligible, unmet};
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

    #[test]
    fn constraints_that_no_node_meets_are_told_apart_from_those_that_one_does() {
        let node = |role: &str, disk: &str| SwarmNode {
            role: role.into(),
            labels: [("disk".to_owned(), disk.to_owned())].into(),
            ..SwarmNode::default()
        };
        let nodes = [node("manager", "ssd"), node("worker", "tape")];
        let check = |constraints: &[&str], expected: &[&str]| {
            let template = json!({"Placement": {"Constraints": constraints}});
            assert_eq!(unmet(&template, &nodes), expected);
        };
        check(&[], &[]);
        check(&["node.role == worker"], &[]);
        check(
            &["node.role == worker", "node.labels.disk == none"],
            &["node.labels.disk == none"],
        );
        let both = ["node.role == worker", "node.labels.disk == ssd"];
        check(&both, &both);
    }
}
