//! The secrets and configs that a swarm's task is given. They are mounted in its container, and nothing that the engine says of
//! that tells so: it shows what is beneath them, an empty file.

use serde_json::Value;

use super::super::{Cx, NodeHandle};
use crate::engine::Container;
use crate::engine::swarm::STACK;
use crate::engine::world::ContainerState;

/// Where the names of secrets are that have no folder of their own.
const SECRETS: &str = "/run/secrets/";

/// The container, and of a task what it is given among its mounts: files in memory, to which only a program in it comes.
pub(super) async fn seen(cx: &Cx, node: &NodeHandle, mut container: Container) -> Container {
    let state = node.world.snapshot();
    let known = state.container(&container.id).filter(|known| known.task.is_some());
    let Some(known) = known else {
        return container;
    };
    let told = cx.case.state().given.get(&container.id).cloned();
    let files = match told {
        Some(files) => files,
        None => asked(cx, node, known).await,
    };
    let mounts = files
        .into_iter()
        .map(|at| ("tmpfs".to_owned(), String::new(), at, false));
    container.mounts.extend(mounts);
    container
}

/// What the manager says of a container's task, once: that does not change. A manager that does not answer is no reason to
/// leave the container alone, which is there: only a config in it would be taken for an empty file, and that is told.
async fn asked(cx: &Cx, node: &NodeHandle, container: &ContainerState) -> Vec<String> {
    let tasks = match node.engine.tasks(&[format!("{STACK}={}", container.project)]).await {
        Ok(tasks) => tasks,
        Err(why) => {
            let name = container.shown();
            let note = format!("what configs `{name}` has is not known, and each is empty to this step: {why}");
            cx.case.emitter.note(&note);
            return vec![SECRETS.trim_end_matches('/').to_owned()];
        }
    };
    let task = tasks.into_iter().find(|task| container.task.as_ref() == Some(&task.id));
    let Some(task) = task else { return Vec::new() };
    let files = files(&task.template);
    let mut state = cx.case.state();
    state.given.insert(container.id.clone(), files.clone());
    files
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
