//! The secrets and configs that a swarm's task is given. They are mounted in its container, and nothing that the engine says of
//! that tells so: it shows what is beneath them, an empty file.

use serde_json::Value;

use super::super::{Cx, Done, NodeHandle};
use crate::engine::Container;
use crate::engine::swarm::STACK;

/// Where the names of secrets are that have no folder of their own.
const SECRETS: &str = "/run/secrets/";

/// The container, and of a task what it is given among its mounts: files in memory, to which only a program in it comes.
pub(super) async fn seen(cx: &Cx, node: &NodeHandle, mut container: Container) -> Done<Container> {
    let stack = container.labels.get(STACK).filter(|stack| !stack.is_empty());
    let Some(stack) = stack else {
        return Ok(container);
    };
    let tasks = cx.asked(node.engine.tasks(&[format!("{STACK}={stack}")])).await?;
    let is_its = |container_of: &Option<String>| container_of.as_ref() == Some(&container.id);
    let task = tasks.into_iter().find(|task| is_its(&task.container));
    let files = task.map_or_else(Vec::new, |task| files(&task.template));
    let mounts = files
        .into_iter()
        .map(|at| ("tmpfs".to_owned(), String::new(), at, false));
    container.mounts.extend(mounts);
    Ok(container)
}

/// The paths of the files that a task is given.
fn files(template: &Value) -> Vec<String> {
    let of = |key: &str, folder: &str| {
        let all = template["ContainerSpec"][key].as_array().into_iter().flatten();
        let names = all.filter_map(|one| one["File"]["Name"].as_str());
        let paths = names.map(|name| match name.starts_with('/') {
            true => name.to_owned(),
            false => format!("{folder}{name}"),
        });
        paths.collect::<Vec<_>>()
    };
    [of("Secrets", SECRETS), of("Configs", "/")].concat()
}

#[cfg(test)]
mod tests {
    use super::files;
    use serde_json::json;

    #[test]
    fn names_without_a_folder_are_where_the_engine_puts_them() {
        let file = |name: &str| json!({"File": {"Name": name}});
        let template = json!({"ContainerSpec": {
            "Secrets": [file("token"), file("/etc/token")],
            "Configs": [file("/page"), file("page"), {"Runtime": {}}],
        }});
        let expected = ["/run/secrets/token", "/etc/token", "/page", "/page"];
        assert_eq!(files(&template), expected);
        assert_eq!(files(&json!({})), Vec::<String>::new());
    }
}
