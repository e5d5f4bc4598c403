//! What the tests stand on: an engine, a label of their own, containers from it, and an empty engine at the end.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, SystemTime};

use e2erun::engine::docker::{Docker, Endpoint, EndpointOptions, endpoint};
use e2erun::engine::{ContainerSpec, Engine, EngineResult, Frame, Labels, NetworkSpec, Resource, Stream, VolumeSpec};
use futures_util::StreamExt;
use futures_util::stream::BoxStream;

/// The image of the tests' containers.
pub(crate) const IMAGE: &str = "busybox:latest";
/// No test waits longer for anything: against what hangs, however busy the machine is.
pub(crate) const LIMIT: Duration = Duration::from_secs(400);

/// One test's part of the engine.
pub(crate) struct Stage {
    pub(crate) engine: Docker,
    /// `e2erun-test=…`, on everything that the test makes.
    pub(crate) label: String,
    /// When it began, as the engine is told times.
    begun: String,
}

static COUNT: AtomicUsize = AtomicUsize::new(0);

impl Stage {
    pub(crate) async fn new() -> Stage {
        let engine = Docker::connect(&here())
            .await
            .expect("these tests need a Docker engine");
        assert!(
            engine.image(IMAGE).await.unwrap().is_some(),
            "these tests need the image {IMAGE}"
        );
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let begun = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
        Stage {
            engine,
            label: format!("e2erun-test={}-{number}", std::process::id()),
            begun: begun.as_secs().to_string(),
        }
    }

    /// Runs a test and leaves nothing behind, also if it fails.
    pub(crate) async fn with(test: impl AsyncFnOnce(&Stage)) {
        let stage = Stage::new().await;
        let run = std::panic::AssertUnwindSafe(async { tokio::time::timeout(LIMIT, test(&stage)).await });
        let outcome = futures_util::FutureExt::catch_unwind(run).await;
        stage.clear().await;
        assert_eq!(stage.engine.labelled(&stage.label).await, Ok(Vec::<Resource>::new()));
        match outcome {
            Ok(in_time) => in_time.expect("the test took too long"),
            Err(panic) => std::panic::resume_unwind(panic),
        }
    }

    async fn clear(&self) {
        self.engine.settled().await;
        for resource in self.engine.labelled(&self.label).await.unwrap() {
            self.engine.remove(resource.kind, &resource.id).await.unwrap();
        }
    }

    pub(crate) fn labels(&self) -> Labels {
        let (name, value) = self.label.split_once('=').unwrap();
        BTreeMap::from([(name.to_owned(), value.to_owned())])
    }

    /// A name that no other test has.
    pub(crate) fn name(&self, of: &str) -> String {
        format!("{}-{of}", self.label.replace('=', "-"))
    }

    /// A network of that name.
    pub(crate) fn network(&self, name: &str) -> NetworkSpec {
        NetworkSpec {
            name: name.to_owned(),
            labels: self.labels(),
            ..NetworkSpec::default()
        }
    }

    /// A volume of that name.
    pub(crate) fn volume(&self, name: &str) -> VolumeSpec {
        VolumeSpec {
            name: name.to_owned(),
            labels: self.labels(),
            ..VolumeSpec::default()
        }
    }

    /// A container of a shell command.
    pub(crate) fn shell(&self, command: &str) -> ContainerSpec {
        ContainerSpec {
            image: IMAGE.to_owned(),
            command: Some(["sh", "-c", command].map(str::to_owned).to_vec()),
            labels: self.labels(),
            ..ContainerSpec::default()
        }
    }

    /// Starts a container of a shell command; gives its id.
    pub(crate) async fn start(&self, command: &str) -> String {
        self.start_spec(&self.shell(command)).await
    }

    pub(crate) async fn start_spec(&self, spec: &ContainerSpec) -> String {
        let id = self.engine.create(spec).await.unwrap();
        self.engine.start(&id).await.unwrap();
        id
    }

    /// Makes a container with what our own specs have no word for, by the docker tool: options and command.
    pub(crate) fn docker_create(&self, options: &[&str], command: &[&str]) -> String {
        #[expect(clippy::disallowed_methods, reason = "a test program is its own rim")]
        let made = std::process::Command::new("docker")
            .args(["create", "--label", &self.label])
            .args(options)
            .arg(IMAGE)
            .args(command)
            .output()
            .unwrap();
        String::from_utf8(made.stdout).unwrap().trim().to_owned()
    }

    /// Waits for an event about something, which may have been already.
    pub(crate) async fn event(&self, id: &str, action: &str) {
        let mut events = self.engine.events(Some(self.begun.clone())).await.unwrap();
        while let Some(event) = events.next().await {
            let event = event.unwrap();
            if event.id == id && event.action == action {
                return;
            }
        }
        panic!("the events ended");
    }
}

/// The engine that the environment means, as the docker tools would.
pub(crate) fn here() -> Endpoint {
    #[expect(clippy::disallowed_methods, reason = "a test program is its own rim")]
    let docker_host = std::env::var("DOCKER_HOST").ok();
    endpoint(&EndpointOptions {
        docker_host,
        ..EndpointOptions::default()
    })
    .unwrap()
}

/// All that came on a stream.
pub(crate) async fn text(output: BoxStream<'static, EngineResult<Frame>>, of: Stream) -> String {
    let frames: Vec<Frame> = output.map(Result::unwrap).collect().await;
    let bytes: Vec<u8> = frames
        .iter()
        .filter(|frame| frame.stream == of)
        .flat_map(|frame| frame.bytes.to_vec())
        .collect();
    String::from_utf8(bytes).unwrap()
}
