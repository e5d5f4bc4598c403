//! The docker tools against a real engine.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use e2erun::engine::command::{Surroundings, Tools};
use e2erun::engine::{Engine, Stream, Tool, ToolCall, ToolLine};
use e2erun::host::{NoGroups, RealHost};

use super::stage::{LIMIT, Stage, here};

#[expect(clippy::disallowed_methods, reason = "a test program is its own rim")]
fn surroundings() -> Surroundings {
    Surroundings {
        path: std::env::var("PATH").unwrap_or_default(),
        home: std::env::var_os("HOME").map(PathBuf::from),
        docker_config: std::env::var_os("DOCKER_CONFIG").map(PathBuf::from),
    }
}

fn tools() -> Tools {
    Tools::new(Arc::new(RealHost::new(Arc::new(NoGroups))), &surroundings(), &here())
}

fn compose(arguments: &[&str], folder: PathBuf) -> ToolCall {
    ToolCall {
        tool: Tool::Compose,
        arguments: arguments.iter().map(|argument| (*argument).to_owned()).collect(),
        env: BTreeMap::from([
            ("WORD".to_owned(), "tea".to_owned()),
            ("DOCKER_HOST".to_owned(), "tcp://nowhere".to_owned()),
        ]),
        folder,
        stdin: None,
        limit: LIMIT,
    }
}

fn quiet() -> ToolLine {
    Arc::new(|_, _| ())
}

#[tokio::test]
async fn a_stack_comes_up_with_its_own_environment_and_this_engine() {
    Stage::with(async |stage| {
        let engine = stage.engine.clone().with_tools(Arc::new(tools()));
        let folder = tempfile::tempdir().unwrap();
        let (label, value) = stage.label.split_once('=').unwrap();
        let text = format!(
            "version: '3.7'\nservices:\n  web:\n    image: busybox:latest\n    command: echo ${{WORD}} ${{HOSTNAME:-none}}\n    labels: {{{label}: {value}}}\nnetworks:\n  default:\n    labels: {{{label}: {value}}}\n"
        );
        std::fs::write(folder.path().join("compose.yml"), text).unwrap();
        let project = stage.name("stack");
        let lines: Arc<Mutex<Vec<(Stream, String)>>> = Arc::default();
        let told: ToolLine = {
            let lines = Arc::clone(&lines);
            Arc::new(move |stream, line: &str| lines.lock().unwrap().push((stream, line.to_owned())))
        };
        let call = |arguments: &[&str]| {
            compose(&[&["-p", &project, "-f", "compose.yml"][..], arguments].concat(), folder.path().to_owned())
        };
        let up = engine.tool(call(&["up"]), told).await.unwrap();
        assert_eq!(up.exit, Some(0), "{up:?}");
        assert!(up.stdout.contains("tea none"), "{up:?}");
        assert!(lines.lock().unwrap().iter().any(|(_, line)| line.contains("tea none")));
        let listed = engine.labelled(&stage.label).await.unwrap();
        assert_eq!(listed.len(), 2, "{listed:?}");
        let wrong = engine.tool(call(&["up", "nobody"]), quiet()).await.unwrap();
        assert_ne!(wrong.exit, Some(0));
        assert!(wrong.stderr.contains("nobody"), "{wrong:?}");
    })
    .await;
}

#[tokio::test]
async fn tools_are_found_with_their_versions() {
    let tools = tools();
    for found in [tools.compose().await, tools.docker().await] {
        let version = &found.unwrap().version;
        assert!(version.split('.').count() >= 2, "{version}");
    }
    let nowhere = Surroundings {
        path: "/nowhere".to_owned(),
        ..surroundings()
    };
    let host = Arc::new(RealHost::new(Arc::new(NoGroups)));
    let none = Tools::new(host, &nowhere, &here());
    assert_eq!((none.compose().await, none.docker().await), (None, None));
    let why = none
        .run(compose(&["ps"], PathBuf::from("/")), quiet())
        .await
        .unwrap_err();
    let said =
        "cannot run `docker compose ps`: neither `docker compose` nor `docker-compose` is there; install one of them";
    assert_eq!(why.to_string(), said);
}

#[tokio::test]
async fn a_tool_that_does_not_end_is_ended_at_its_limit() {
    Stage::with(async |stage| {
        let engine = stage.engine.clone().with_tools(Arc::new(tools()));
        let call = ToolCall {
            tool: Tool::Docker,
            arguments: vec!["events".to_owned()],
            limit: Duration::from_secs(1),
            ..compose(&[], PathBuf::from("/"))
        };
        assert_eq!(engine.tool(call, quiet()).await.unwrap().exit, None);
    })
    .await;
}
