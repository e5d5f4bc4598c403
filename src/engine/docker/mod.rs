//! The Engine over the Docker API, which `bollard` speaks; none of its types leaves this folder.
//!
//! The transport under it is ours (`transport`), for what bollard 0.21 does not do: each call asks for the version of the
//! API that was negotiated, and a refusal is told in the engine's words. Some calls go over that transport as they are, past
//! bollard, because something is lost on the way through it: the inspection of a container and all that a swarm answers
//! (its models drop the fields that they do not know, and the answer is kept whole), logs (it takes a terminal's first
//! byte for the header of a frame, and hands each piece of a line from task to task), events (nobody knows when its
//! stream has begun), archives (its stream tells a missing path only when it is read), and the processes of a container
//! (only their numbers are looked at). The making of a network asks for what bollard has no field for.
//!
//! Here stands the one implementation of the Engine, a call each; what takes more than a few lines is in the files beside it.

mod address;
mod api;
mod containers;
mod endpoint;
mod error;
mod far;
mod images;
mod list;
mod output;
mod read;
mod removal;
mod streams;
mod swarm;
mod terminal;
#[cfg(test)]
mod tests;
mod transport;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bollard::Docker as Client;
use bollard::models::{ContainerConfig, VolumeCreateRequest};
use bollard::query_parameters::{
    CommitContainerOptions, ContainerArchiveInfoOptions, KillContainerOptions, RestartContainerOptions,
    StopContainerOptions, TagImageOptions, UploadToContainerOptions,
};
use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::stream::BoxStream;
use serde_json::{Value, json};

use address::{encode, encode_path};
use api::{Api, LIMIT, LONG_LIMIT};
pub use endpoint::{Endpoint, EndpointOptions, Pasted, endpoint};
use error::{error, found};
pub use far::{Far, refused};
use list::each;

use super::command::Tools;
use super::{
    Container, ContainerSpec, Conversation, Engine, EngineEvent, EngineInfo, EngineResult, ExecEnd, ExecSpec, Frame,
    Image, Labels, Listed, LogRange, Network, NetworkSpec, PathStat, Reason, Resource, ResourceKind, Running, Tool,
    ToolCall, ToolEnd, ToolLine, Volume, VolumeSpec,
};

/// A Docker engine.
#[derive(Clone)]
pub struct Docker {
    api: Api,
    /// The docker configuration file, for the registries' credentials.
    config: Arc<Value>,
    tools: Option<Arc<Tools>>,
}

impl Docker {
    /// Reaches the engine of an endpoint and settles the version of the API with it.
    pub async fn connect(endpoint: &Endpoint) -> EngineResult<Docker> {
        Ok(Docker {
            api: Api::negotiate(endpoint).await?,
            config: Arc::new(Value::Null),
            tools: None,
        })
    }

    /// Runs the docker tools with these.
    pub fn with_tools(mut self, tools: Arc<Tools>) -> Docker {
        self.tools = Some(tools);
        self
    }

    /// Pulls with the credentials of a docker configuration file (`config.json`, read).
    pub fn with_config(mut self, config: Value) -> Docker {
        self.config = Arc::new(config);
        self
    }

    /// Changes a container's state.
    async fn act<F>(
        &self,
        verb: &str,
        container: &str,
        limit: Duration,
        call: impl FnOnce(Client, String) -> F,
    ) -> EngineResult<()>
    where
        F: Future<Output = Result<(), bollard::errors::Error>> + Send + 'static,
    {
        let (attempt, name) = (format!("{verb} container `{container}`"), encode(container));
        self.api.change(attempt, limit, |client| call(client, name)).await
    }
}

#[async_trait]
impl Engine for Docker {
    async fn info(&self) -> EngineResult<EngineInfo> {
        let (api, attempt) = (&self.api, "ask the engine about itself");
        let (info, version) = futures_util::try_join!(
            api.ask(attempt, api.client.info()),
            api.ask(attempt, api.client.version())
        )?;
        Ok(read::info(info, version))
    }

    async fn events(&self, since: Option<String>) -> EngineResult<BoxStream<'static, EngineResult<EngineEvent>>> {
        let attempt = "listen to the engine's events";
        let path = match since {
            Some(since) => format!("/events?since={}", encode(&since)),
            None => "/events".to_owned(),
        };
        let told = streams::json_lines(self.api.stream(attempt, &path).await?, attempt);
        Ok(told.map(|event| event.map(|raw| read::event(&raw))).boxed())
    }

    async fn containers(&self, labels: &[String]) -> EngineResult<Vec<Container>> {
        let listed = list::containers(&self.api, labels).await?;
        let ids = listed.into_iter().filter_map(|listed| listed.id);
        // One that was removed since the list was made is none.
        each(ids, |id| async move { found(self.inspect(&id).await) }).await
    }

    async fn listed(&self) -> EngineResult<Vec<Listed>> {
        let listed = list::containers(&self.api, &[]).await?;
        Ok(listed.into_iter().map(read::listed).collect())
    }

    async fn inspect(&self, container: &str) -> EngineResult<Container> {
        let path = format!("/containers/{}/json", encode(container));
        let raw = self
            .api
            .json(&format!("inspect container `{container}`"), &path)
            .await?;
        Ok(read::container(raw))
    }

    async fn create(&self, spec: &ContainerSpec) -> EngineResult<String> {
        containers::create(&self.api, spec).await
    }

    async fn start(&self, container: &str) -> EngineResult<()> {
        let call = |client: Client, name: String| async move { client.start_container(&name, None).await };
        self.act("start", container, LIMIT, call).await
    }

    async fn start_with(&self, container: &str, stdin: Bytes) -> EngineResult<()> {
        output::start_with(&self.api, container, stdin).await
    }

    async fn stop(&self, container: &str, grace: Option<Duration>) -> EngineResult<()> {
        let (t, limit) = containers::seconds(grace);
        let options = StopContainerOptions { t, signal: None };
        let call = |client: Client, name: String| async move { client.stop_container(&name, Some(options)).await };
        self.act("stop", container, limit, call).await
    }

    async fn restart(&self, container: &str, grace: Option<Duration>) -> EngineResult<()> {
        let (t, limit) = containers::seconds(grace);
        let options = RestartContainerOptions { t, signal: None };
        let call = |client: Client, name: String| async move { client.restart_container(&name, Some(options)).await };
        self.act("restart", container, limit, call).await
    }

    async fn kill(&self, container: &str, signal: &str) -> EngineResult<()> {
        let (attempt, name) = (format!("send {signal} to container `{container}`"), encode(container));
        let signal = signal.to_owned();
        let options = KillContainerOptions { signal };
        let call = |client: Client| async move { client.kill_container(&name, Some(options)).await };
        self.api.change(attempt, LIMIT, call).await
    }

    async fn pause(&self, container: &str) -> EngineResult<()> {
        let call = |client: Client, name: String| async move { client.pause_container(&name).await };
        self.act("pause", container, LIMIT, call).await
    }

    async fn unpause(&self, container: &str) -> EngineResult<()> {
        let call = |client: Client, name: String| async move { client.unpause_container(&name).await };
        self.act("unpause", container, LIMIT, call).await
    }

    async fn commit(&self, container: &str, image: &str, labels: &Labels) -> EngineResult<String> {
        let (name, tag) = images::split(image);
        let options = CommitContainerOptions {
            container: Some(container.to_owned()),
            repo: Some(name.to_owned()),
            tag: Some(tag.to_owned()),
            ..CommitContainerOptions::default()
        };
        let config = ContainerConfig {
            labels: Some(labels.clone().into_iter().collect()),
            ..ContainerConfig::default()
        };
        let attempt = format!("commit container `{container}` as `{image}`");
        let call = |client: Client| async move { client.commit_container(options, config).await };
        Ok(self.api.change(attempt, LONG_LIMIT, call).await?.id)
    }

    async fn logs(&self, container: &str, range: LogRange) -> EngineResult<BoxStream<'static, EngineResult<Frame>>> {
        // Before API 1.42 the answer does not say whether it is framed.
        let tty = match range.tty {
            Some(tty) => tty,
            None => self.inspect(container).await?.tty,
        };
        output::logs(&self.api, container, range, tty).await
    }

    async fn exec(&self, container: &str, spec: &ExecSpec) -> EngineResult<Running> {
        output::exec(&self.api, container, spec).await
    }

    async fn converse(&self, container: &str, command: &[String]) -> EngineResult<Conversation> {
        output::converse(&self.api, container, command).await
    }

    async fn exec_exit(&self, exec: &str) -> EngineResult<ExecEnd> {
        output::exec_exit(&self.api, exec).await
    }

    async fn stat(&self, container: &str, path: &str) -> EngineResult<Option<PathStat>> {
        let attempt = format!("look at `{path}` in container `{container}`");
        let options = ContainerArchiveInfoOptions { path: path.to_owned() };
        let name = encode(container);
        let asked = self.api.client.get_container_archive_info(&name, Some(options));
        let Some(stat) = found(self.api.ask(&attempt, asked).await)? else {
            // The answer has no text to tell a missing path from a missing container.
            return self.inspect(container).await.map(|_| None);
        };
        Ok(Some(PathStat {
            name: stat.name,
            size: u64::try_from(stat.size).unwrap_or_default(),
            mode: stat.file_mode,
            link: stat.link_target,
        }))
    }

    async fn read_archive(&self, container: &str, path: &str) -> EngineResult<BoxStream<'static, EngineResult<Bytes>>> {
        let attempt = format!("read `{path}` of container `{container}`");
        let path = format!("/containers/{}/archive?path={}", encode(container), encode(path));
        self.api.stream(&attempt, &path).await
    }

    async fn write_archive(&self, container: &str, folder: &str, tar: Bytes) -> EngineResult<()> {
        let (attempt, name) = (
            format!("write to `{folder}` of container `{container}`"),
            encode(container),
        );
        let options = UploadToContainerOptions {
            path: folder.to_owned(),
            ..UploadToContainerOptions::default()
        };
        let call = |client: Client| async move {
            client
                .upload_to_container(&name, Some(options), bollard::body_full(tar))
                .await
        };
        self.api.change(attempt, LONG_LIMIT, call).await
    }

    async fn image(&self, reference: &str) -> EngineResult<Option<Image>> {
        let path = encode_path(reference);
        let asked = self
            .api
            .ask(
                &format!("inspect image `{reference}`"),
                self.api.client.inspect_image(&path),
            )
            .await;
        Ok(found(asked)?.map(read::image))
    }

    async fn pull(&self, reference: &str) -> EngineResult<()> {
        images::pull(&self.api, reference, &self.config).await
    }

    async fn tag(&self, image: &str, reference: &str) -> EngineResult<()> {
        let (name, tag) = images::split(reference);
        let options = TagImageOptions {
            repo: Some(name.to_owned()),
            tag: Some(tag.to_owned()),
        };
        let (attempt, image) = (format!("tag image `{image}` as `{reference}`"), encode_path(image));
        let call = |client: Client| async move { client.tag_image(&image, Some(options)).await };
        self.api.change(attempt, LIMIT, call).await
    }

    async fn networks(&self, labels: &[String]) -> EngineResult<Vec<Network>> {
        let listed = list::networks(&self.api, labels).await?;
        // The list does not say which containers are on them.
        let inspect = |id: String| async move {
            let asked = self.api.client.inspect_network(&id, None);
            found(self.api.ask(&format!("inspect network `{id}`"), asked).await)
        };
        let ids = listed.into_iter().filter_map(|listed| listed.id);
        let each = each(ids, inspect).await?;
        Ok(each.into_iter().map(read::network).collect())
    }

    async fn create_network(&self, spec: &NetworkSpec) -> EngineResult<String> {
        let driver = if spec.driver.is_empty() { "bridge" } else { &spec.driver };
        // Engines before 25 make a second network of a name unless they are told to look; bollard has no such field.
        let mut request = json!({
            "Name": spec.name, "Driver": driver, "Attachable": spec.attachable, "Internal": spec.internal,
            "EnableIPv6": spec.ipv6, "Options": spec.options, "Labels": spec.labels, "CheckDuplicate": true,
        });
        if let Some(subnet) = &spec.subnet {
            request["IPAM"] = json!({"Config": [{"Subnet": subnet}]});
        }
        let attempt = format!("create network `{}`", spec.name);
        let made = self.api.post(attempt.clone(), "/networks/create", &request).await?;
        let id = made["Id"].as_str().filter(|id| !id.is_empty());
        let unnamed = || error(&attempt, format!("its answer has no id: {made}"), Reason::Other);
        id.map(str::to_owned).ok_or_else(unnamed)
    }

    async fn disconnect(&self, network: &str, container: &str) -> EngineResult<()> {
        removal::disconnect(&self.api, network, container.to_owned(), false).await
    }

    async fn volumes(&self, labels: &[String]) -> EngineResult<Vec<Volume>> {
        let volume = |listed: bollard::models::Volume| Volume {
            name: listed.name,
            driver: listed.driver,
            labels: listed.labels.into_iter().collect(),
        };
        let listed = list::volumes(&self.api, labels).await?;
        Ok(listed.into_iter().map(volume).collect())
    }

    async fn create_volume(&self, spec: &VolumeSpec) -> EngineResult<()> {
        let driver = if spec.driver.is_empty() { "local" } else { &spec.driver };
        let request = VolumeCreateRequest {
            name: Some(spec.name.clone()),
            driver: Some(driver.to_owned()),
            driver_opts: Some(spec.options.clone().into_iter().collect()),
            labels: Some(spec.labels.clone().into_iter().collect()),
            ..VolumeCreateRequest::default()
        };
        let call = |client: Client| async move { client.create_volume(request).await.map(drop) };
        self.api
            .change(format!("create volume `{}`", spec.name), LIMIT, call)
            .await
    }

    async fn labelled(&self, label: &str) -> EngineResult<Vec<Resource>> {
        let (mut all, in_swarm) =
            futures_util::try_join!(removal::all(&self.api, label), self.labelled_in_swarm(label))?;
        all.extend(in_swarm);
        swarm::name_tasks(&mut all);
        all.sort_by_key(|resource| resource.kind);
        Ok(all)
    }

    async fn remove(&self, kind: ResourceKind, id: &str) -> EngineResult<()> {
        removal::remove(&self.api, kind, id).await
    }

    async fn settled(&self) {
        self.api.settled().await;
        if let Some(tools) = &self.tools {
            tools.settled().await;
        }
    }

    async fn tool(&self, mut call: ToolCall, line: ToolLine) -> EngineResult<ToolEnd> {
        match &self.tools {
            Some(tools) => {
                // Docker's own tools settle the version by themselves, and look for others of their variables.
                if call.tool == Tool::Compose
                    && tools
                        .compose()
                        .await
                        .is_some_and(|found| found.version.starts_with("1."))
                {
                    call.env
                        .insert("COMPOSE_API_VERSION".to_owned(), self.api.for_first_compose());
                }
                tools.run(call, line).await
            }
            None => Err(error(
                &format!("run a docker tool with {}", call.arguments.join(" ")),
                "no docker tools were given to this engine",
                Reason::Other,
            )),
        }
    }
}
