//! Containers as they live: made, started, frozen, signalled, ended, and what the engine tells of it.

use std::time::Duration;

use e2erun::engine::{ContainerSpec, Engine, ExecSpec, LogRange, Reason};
use futures_util::StreamExt;

use super::stage::{IMAGE, Stage, here};

#[tokio::test]
async fn an_engine_says_what_it_is() {
    Stage::with(async |stage| {
        let info = stage.engine.info().await.unwrap();
        assert!(
            info.version.starts_with(|first: char| first.is_ascii_digit()),
            "{info:?}"
        );
        assert_eq!(info.os, "linux");
        assert!(!info.id.is_empty() && !info.root.is_empty(), "{info:?}");
    })
    .await;
}

#[tokio::test]
async fn an_engine_that_is_not_there_is_away() {
    let mut endpoint = here();
    endpoint.host = Some("unix:///nowhere.sock".to_owned());
    let why = e2erun::engine::docker::Docker::connect(&endpoint).await.err().unwrap();
    assert_eq!(why.reason, Reason::Away);
    let said = why.to_string();
    assert_eq!(
        said,
        "cannot reach the engine at unix:///nowhere.sock: No such file or directory (os error 2)"
    );
}

#[tokio::test]
async fn a_container_is_described_from_its_birth_to_its_end() {
    Stage::with(async |stage| {
        let name = stage.name("life");
        let spec = ContainerSpec {
            name: name.clone(),
            env: vec!["A=b".to_owned()],
            workdir: Some("/tmp".to_owned()),
            user: Some("1000".to_owned()),
            expose: vec!["80".to_owned(), "53/udp".to_owned()],
            ..stage.shell("trap 'exit 7' TERM; while true; do read x < /dev/zero; done")
        };
        let id = stage.engine.create(&spec).await.unwrap();
        let made = stage.engine.inspect(&name).await.unwrap();
        assert_eq!(
            (made.id.as_str(), made.name.as_str(), made.image.as_str()),
            (id.as_str(), name.as_str(), IMAGE)
        );
        assert_eq!(
            (made.state.as_str(), made.exit, made.started_at.as_str()),
            ("created", None, "")
        );
        assert_eq!((made.user.as_str(), made.labels.clone()), ("1000", stage.labels()));
        assert_eq!(made.raw["Config"]["WorkingDir"], "/tmp");

        stage.engine.start(&id).await.unwrap();
        // Starting twice is no error.
        stage.engine.start(&id).await.unwrap();
        let running = stage.engine.inspect(&id).await.unwrap();
        assert_eq!(running.state, "running");
        let ports: Vec<_> = running
            .ports
            .iter()
            .map(|((port, protocol), at)| (*port, protocol.as_str(), at[0].0.as_str()))
            .collect();
        assert_eq!(ports, [(53, "udp", "0.0.0.0"), (80, "tcp", "0.0.0.0")]);
        assert!(running.networks["bridge"].0.contains('.'), "{:?}", running.networks);
    })
    .await;
}

#[tokio::test]
async fn a_container_is_frozen_restarted_killed_and_listed() {
    Stage::with(async |stage| {
        let id = stage.start("sleep 600").await;
        let running = stage.engine.inspect(&id).await.unwrap();
        stage.engine.pause(&id).await.unwrap();
        assert_eq!(stage.engine.inspect(&id).await.unwrap().state, "paused");
        stage.engine.unpause(&id).await.unwrap();
        stage.engine.restart(&id, Some(Duration::ZERO)).await.unwrap();
        assert_ne!(stage.engine.inspect(&id).await.unwrap().started_at, running.started_at);

        stage.engine.kill(&id, "KILL").await.unwrap();
        stage.event(&id, "die").await;
        let ended = stage.engine.inspect(&id).await.unwrap();
        assert_eq!((ended.state.as_str(), ended.exit), ("exited", Some(137)));
        let listed = stage
            .engine
            .containers(std::slice::from_ref(&stage.label))
            .await
            .unwrap();
        assert_eq!(
            listed.iter().map(|container| container.id.as_str()).collect::<Vec<_>>(),
            [id.as_str()]
        );
    })
    .await;
}

#[tokio::test]
async fn a_container_is_stopped_within_its_grace() {
    Stage::with(async |stage| {
        let id = stage
            .start("trap 'exit 7' TERM; echo ready; while true; do sleep 0.1; done")
            .await;
        // A signal that comes before the trap is set is ignored, as by every first process.
        let log = LogRange {
            follow: true,
            ..LogRange::default()
        };
        let mut log = stage.engine.logs(&id, log).await.unwrap();
        assert_eq!(
            &log.next().await.unwrap().unwrap().bytes[..],
            b"ready
"
        );
        stage.engine.stop(&id, Some(Duration::from_secs(20))).await.unwrap();
        assert_eq!(stage.engine.inspect(&id).await.unwrap().exit, Some(7));
        // Stopping what has ended is no error.
        stage.engine.stop(&id, None).await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn what_is_not_there_is_not_found() {
    Stage::with(async |stage| {
        for why in [
            stage.engine.inspect("e2erun-nobody").await.err(),
            stage.engine.start("e2erun-nobody").await.err(),
            stage
                .engine
                .create(&ContainerSpec {
                    image: "e2erun-nothing".to_owned(),
                    ..ContainerSpec::default()
                })
                .await
                .err(),
        ] {
            let why = why.unwrap();
            assert_eq!(why.reason, Reason::NotFound, "{why}");
        }
        let why = stage.engine.inspect("e2erun-nobody").await.unwrap_err();
        assert_eq!(
            why.to_string(),
            "cannot inspect container `e2erun-nobody`: No such container: e2erun-nobody"
        );
    })
    .await;
}

#[tokio::test]
async fn a_start_that_fails_says_why() {
    Stage::with(async |stage| {
        let spec = ContainerSpec {
            entrypoint: Some(vec!["/nothing".to_owned()]),
            ..stage.shell("")
        };
        let id = stage.engine.create(&spec).await.unwrap();
        let why = stage.engine.start(&id).await.unwrap_err();
        assert!(why.answer.contains("/nothing"), "{why}");
        let left = stage.engine.inspect(&id).await.unwrap();
        assert_eq!((left.state.as_str(), left.exit), ("created", Some(127)));
        assert!(left.error.contains("/nothing"), "{left:?}");
    })
    .await;
}

#[tokio::test]
async fn events_tell_of_a_container_as_it_happens() {
    Stage::with(async |stage| {
        let mut events = stage.engine.events(None).await.unwrap();
        let id = stage.start("exit 3").await;
        let mut seen = Vec::new();
        while let Some(event) = events.next().await {
            let event = event.unwrap();
            if event.id == id {
                assert_eq!(event.of, "container");
                assert!(event.at > 1_700_000_000_000_000_000);
                if event.action == "die" {
                    assert_eq!(event.attributes["exitCode"], "3");
                    break;
                }
                seen.push(event.action);
            }
        }
        assert_eq!(seen, ["create", "start"]);
    })
    .await;
}

#[tokio::test]
async fn a_healthcheck_is_read_with_its_outputs() {
    Stage::with(async |stage| {
        let health = [
            "--health-cmd",
            "until [ -e /go ]; do sleep 0.1; done; echo bad; exit 1",
            "--health-interval",
            "100ms",
            "--health-retries",
            "1",
        ];
        let id = stage.docker_create(
            &[&health[..], &["--restart", "on-failure:3"]].concat(),
            &["sleep", "600"],
        );
        stage.engine.start(&id).await.unwrap();
        assert_eq!(
            stage.engine.inspect(&id).await.unwrap().health.as_deref(),
            Some("starting")
        );
        let go = ExecSpec {
            command: ["touch", "/go"].map(str::to_owned).to_vec(),
            ..ExecSpec::default()
        };
        stage.engine.exec(&id, &go).await.unwrap();
        stage.event(&id, "health_status: unhealthy").await;
        let seen = stage.engine.inspect(&id).await.unwrap();
        assert_eq!(seen.health.as_deref(), Some("unhealthy"));
        assert_eq!(seen.health_log[0], (1, "bad\n".to_owned()));
        assert_eq!(seen.restart_policy, ("on-failure".to_owned(), 3));
        let without = stage.engine.create(&stage.shell("true")).await.unwrap();
        let seen = stage.engine.inspect(&without).await.unwrap();
        assert_eq!((seen.health, seen.health_log), (None, Vec::new()));
        assert_eq!(seen.restart_policy, ("no".to_owned(), 0));
    })
    .await;
}
