//! The Engine over the Docker API.
//!
//! Written on hyper directly: the API is small where it is used here, and what a client in between would hide is wanted:
//! the version on the wire, answers whole, frames as they were sent.

mod api;
mod archive;
mod call;
mod containers;
mod direct;
mod endpoint;
mod images;
mod networks;
mod output;
mod read;
mod removal;
mod streams;
mod transport;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::stream::BoxStream;
use serde_json::Value;

use api::Api;
use call::Call;
pub use endpoint::{Endpoint, EndpointOptions, endpoint};

use super::command::Tools;
use super::{
    Container, ContainerSpec, Engine, EngineError, EngineEvent, EngineInfo, EngineResult, ExecSpec, Frame, Image,
    Labels, LogRange, Network, PathStat, Reason, Resource, ResourceKind, Running, ToolCall, ToolEnd, ToolLine, Volume,
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
}

#[async_trait]
impl Engine for Docker {
    async fn info(&self) -> EngineResult<EngineInfo> {
        let attempt = || "ask the engine about itself".to_owned();
        let (info, version) = (
            Call::get("/info".to_owned(), attempt()),
            Call::get("/version".to_owned(), attempt()),
        );
        let (info, version) = futures_util::try_join!(self.api.json(&info), self.api.json(&version))?;
        Ok(read::info(&info, &version))
    }

    async fn events(&self, since: Option<String>) -> EngineResult<BoxStream<'static, EngineResult<EngineEvent>>> {
        let attempt = "listen to the engine's events".to_owned();
        let mut call = Call::get("/events".to_owned(), attempt.clone());
        if let Some(since) = since {
            call = call.query("since", &since);
        }
        let told = streams::json_lines(self.api.stream(&call).await?, attempt);
        Ok(told.map(|event| event.map(|raw| read::event(&raw))).boxed())
    }

    async fn containers(&self, labels: &[String]) -> EngineResult<Vec<Container>> {
        containers::list(&self.api, labels).await
    }

    async fn inspect(&self, container: &str) -> EngineResult<Container> {
        containers::inspect(&self.api, container).await
    }

    async fn create(&self, spec: &ContainerSpec) -> EngineResult<String> {
        containers::create(&self.api, spec).await
    }

    async fn start(&self, container: &str) -> EngineResult<()> {
        containers::act(&self.api, "start", container).await
    }

    async fn stop(&self, container: &str, grace: Option<Duration>) -> EngineResult<()> {
        containers::end(&self.api, "stop", container, grace).await
    }

    async fn restart(&self, container: &str, grace: Option<Duration>) -> EngineResult<()> {
        containers::end(&self.api, "restart", container, grace).await
    }

    async fn kill(&self, container: &str, signal: &str) -> EngineResult<()> {
        containers::kill(&self.api, container, signal).await
    }

    async fn pause(&self, container: &str) -> EngineResult<()> {
        containers::act(&self.api, "pause", container).await
    }

    async fn unpause(&self, container: &str) -> EngineResult<()> {
        containers::act(&self.api, "unpause", container).await
    }

    async fn commit(&self, container: &str, image: &str, labels: &Labels) -> EngineResult<String> {
        containers::commit(&self.api, container, image, labels).await
    }

    async fn logs(&self, container: &str, range: LogRange) -> EngineResult<BoxStream<'static, EngineResult<Frame>>> {
        output::logs(&self.api, container, range).await
    }

    async fn exec(&self, container: &str, spec: &ExecSpec) -> EngineResult<Running> {
        output::exec(&self.api, container, spec).await
    }

    async fn exec_exit(&self, exec: &str) -> EngineResult<i64> {
        output::exec_exit(&self.api, exec).await
    }

    async fn stat(&self, container: &str, path: &str) -> EngineResult<Option<PathStat>> {
        archive::stat(&self.api, container, path).await
    }

    async fn read_archive(&self, container: &str, path: &str) -> EngineResult<BoxStream<'static, EngineResult<Bytes>>> {
        archive::get(&self.api, container, path).await
    }

    async fn write_archive(&self, container: &str, folder: &str, tar: Bytes) -> EngineResult<()> {
        archive::put(&self.api, container, folder, tar).await
    }

    async fn image(&self, reference: &str) -> EngineResult<Option<Image>> {
        images::image(&self.api, reference).await
    }

    async fn pull(&self, reference: &str) -> EngineResult<()> {
        images::pull(&self.api, reference, &self.config).await
    }

    async fn tag(&self, image: &str, reference: &str) -> EngineResult<()> {
        images::tag(&self.api, image, reference).await
    }

    async fn networks(&self, labels: &[String]) -> EngineResult<Vec<Network>> {
        networks::networks(&self.api, labels).await
    }

    async fn create_network(
        &self,
        name: &str,
        driver: &str,
        attachable: bool,
        labels: &Labels,
    ) -> EngineResult<String> {
        networks::create(&self.api, name, driver, attachable, labels).await
    }

    async fn disconnect(&self, network: &str, container: &str) -> EngineResult<()> {
        networks::disconnect(&self.api, network, container, false).await
    }

    async fn volumes(&self, labels: &[String]) -> EngineResult<Vec<Volume>> {
        networks::volumes(&self.api, labels).await
    }

    async fn create_volume(&self, name: &str, driver: &str, labels: &Labels) -> EngineResult<()> {
        networks::create_volume(&self.api, name, driver, labels).await
    }

    async fn labelled(&self, label: &str) -> EngineResult<Vec<Resource>> {
        removal::labelled(&self.api, label).await
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

    async fn tool(&self, call: ToolCall, line: ToolLine) -> EngineResult<ToolEnd> {
        match &self.tools {
            Some(tools) => tools.run(call, line).await,
            None => Err(EngineError {
                attempt: format!("run a docker tool with {}", call.arguments.join(" ")),
                answer: "no docker tools were given to this engine".to_owned(),
                reason: Reason::Other,
            }),
        }
    }
}

/// What there is: a "not found" is nothing, another error stays one.
fn found<T>(answer: EngineResult<T>) -> EngineResult<Option<T>> {
    match answer {
        Ok(found) => Ok(Some(found)),
        Err(why) if why.reason == Reason::NotFound => Ok(None),
        Err(why) => Err(why),
    }
}

/// A text as a part of an address; characters of `kept` stay.
fn encode(text: &str, kept: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        let at = char::from(byte);
        if at.is_ascii_alphanumeric() || "-_.~:@".contains(at) || kept.contains(at) {
            encoded.push(at);
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}
