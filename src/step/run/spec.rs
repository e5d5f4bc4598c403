//! The container of a `run`, as the engine is to make it.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::super::command::{self, texts};
use super::super::resource::{Mounted, NETWORKS};
use super::super::{Cx, Done, NodeHandle, elsewhere};
use super::Bound;
use crate::engine::{ContainerSpec, Labels, VolumeSpec, of_no_service};
use crate::host::file_name_of;

impl Bound {
    /// All that is written, rendered; volumes of the scenario's own are there then.
    pub(super) async fn spec(&self, cx: &Cx, node: &NodeHandle) -> Done<ContainerSpec> {
        let written = &self.0;
        let (mut networks, mut network_mode) = (Vec::new(), None);
        for (network, aliases) in &written.networks.0 {
            let network = cx.text(network).await?;
            let mut aliases = texts(cx, aliases).await?;
            let name = cx.find(&network, |text| cx.case.resources().real(text, NETWORKS))?;
            if matches!(name.as_str(), "host" | "none") {
                network_mode = Some(name);
                continue;
            }
            let alias = written.background.as_ref().map(|name| name.value.clone());
            // The engine refuses aliases on its default network.
            aliases.extend(alias.filter(|_| name != "bridge"));
            networks.push((name, aliases));
        }
        let name = written
            .background
            .as_ref()
            .map(|name| format!("{}-{}", cx.case.id, name.value));
        let user = cx.optional(written.user.as_ref()).await?;
        Ok(ContainerSpec {
            name: name.unwrap_or_default(),
            image: cx.text(&written.image).await?,
            command: match &written.command {
                Some(command) => Some(command.argv(cx).await?),
                None => None,
            },
            entrypoint: match &written.entrypoint {
                Some(entrypoint) => Some(entrypoint.argv(cx).await?),
                None => None,
            },
            stdin: written.stdin.is_some(),
            env: command::assignments(command::env(cx, &written.env).await?),
            workdir: cx.optional(written.workdir.as_ref()).await?,
            user: user.map(|user| if user == "self" { crate::host::user() } else { user }),
            labels: self.labels(cx),
            volumes: self.volumes(cx, node).await?,
            expose: texts(cx, &written.expose).await?,
            networks,
            network_mode,
        })
    }

    /// Those of the case, what messages call it and, where the engine makes a name up, the step that its log is called by.
    fn labels(&self, cx: &Cx) -> Labels {
        let mut labels = of_no_service(cx.case.labels.clone());
        // An image that was committed has that of its container.
        let name = self.0.background.as_ref().map_or("", |name| &name.value);
        labels.insert(crate::engine::world::NAME.to_owned(), name.to_owned());
        if self.0.background.is_none() {
            let step = cx
                .case
                .emitter
                .masks
                .hide(&format!("{} {}", cx.step.path, cx.step.name));
            labels.insert(crate::engine::logs::FILE.to_owned(), file_name_of(&step));
        }
        labels
    }

    /// The mounts; volumes of the scenario's own are made first, with its labels.
    async fn volumes(&self, cx: &Cx, node: &NodeHandle) -> Done<Vec<String>> {
        let mut volumes = self.secret_mounts(cx, node);
        for (written, text) in self.0.volumes.iter().zip(texts(cx, &self.0.volumes).await?) {
            let volume = cx.find(&text, |text| cx.case.resources().mounted(text))?;
            let (source, rest) = match volume {
                Mounted::Path(text, rest) => {
                    let path = cx.path(written, &text);
                    elsewhere::refused(cx, node, (&text, &path)).await?;
                    (path.to_string_lossy().into_owned(), rest)
                }
                Mounted::Volume(name, rest) => (name, rest),
                Mounted::Own(name, rest) => {
                    let name = format!("{}_{name}", cx.case.id);
                    let engine = Arc::clone(&node.engine);
                    let made = VolumeSpec {
                        name: name.clone(),
                        labels: cx.case.labels.clone(),
                        ..VolumeSpec::default()
                    };
                    cx.changed(async move { engine.create_volume(&made).await }).await?;
                    (name, rest)
                }
            };
            volumes.push(format!("{source}:{rest}"));
        }
        if self.0.engine_socket.as_ref().is_some_and(|socket| socket.value) {
            let socket = socket(&cx.case.docker_env, node.is_here);
            volumes.push(format!("{socket}:/var/run/docker.sock"));
        }
        Ok(volumes)
    }
}

/// The engine's socket on the engine's machine. One in a hidden folder only leads to an engine in a virtual machine, and
/// of one that is reached over a network only the usual place is known.
fn socket(docker_env: &BTreeMap<String, String>, is_here: bool) -> &str {
    let path = docker_env
        .get("DOCKER_HOST")
        .and_then(|host| host.strip_prefix("unix://"));
    path.filter(|path| is_here && path.starts_with('/') && !path.contains("/."))
        .unwrap_or("/var/run/docker.sock")
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_socket_is_the_one_of_the_engine_that_is_spoken_to() {
        let usual = "/var/run/docker.sock";
        let socket = |host: Option<&str>, is_here| {
            let env = host.map(|host| ("DOCKER_HOST".to_owned(), host.to_owned()));
            super::socket(&env.into_iter().collect(), is_here).to_owned()
        };
        assert_eq!(socket(None, true), usual);
        assert_eq!(socket(Some("tcp://10.0.0.2:2375"), false), usual);
        // The end of a tunnel.
        assert_eq!(socket(Some("unix:///tmp/x/engine.sock"), false), usual);
        assert_eq!(
            socket(Some("unix:///run/user/1000/docker.sock"), true),
            "/run/user/1000/docker.sock"
        );
        assert_eq!(socket(Some("unix:///home/me/.docker/desktop/docker.sock"), true), usual);
    }
}
