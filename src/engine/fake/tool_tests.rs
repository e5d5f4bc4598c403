//! The fake compose tool does what e2erun relies on, and fails as tools do.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::time::{Instant, timeout};

use super::tests::{fake, spec};
use super::{Fake, Script, ToolFault};
use crate::engine::{ContainerSpec, Engine, Reason, Tool, ToolCall, ToolEnd, ToolLine};

const SHOP: &str = "
services:
  web:
    image: busybox
    labels: {lease: '1'}
    depends_on: {db: {condition: service_healthy}}
    ports: ['${PORT:-}:80']
  db:
    image: busybox
    labels: [lease=1]
    healthcheck: {test: [CMD, 'true']}
    volumes: ['data:/data']
    deploy: {replicas: 2}
networks: {default: {labels: {lease: '1'}}}
volumes: {data: {labels: {lease: '1'}}}
";

/// Calls the compose tool on the shop in a folder; gives how it ended.
async fn compose(fake: &Fake, folder: &Path, words: &str, limit: u64) -> Result<ToolEnd, Reason> {
    std::fs::write(folder.join("shop.yml"), SHOP).unwrap();
    let call = ToolCall {
        tool: Tool::Compose,
        arguments: format!("-p shop -f shop.yml {words}")
            .split(' ')
            .map(String::from)
            .collect(),
        env: BTreeMap::new(),
        folder: folder.into(),
        stdin: None,
        limit: Duration::from_secs(limit),
    };
    let said = Arc::new(Mutex::new(Vec::new()));
    let heard = Arc::clone(&said);
    let line: ToolLine = Arc::new(move |_, text| heard.lock().unwrap().push(text.to_owned()));
    fake.tool(call, line).await.map_err(|error| error.reason)
}

#[tokio::test(start_paused = true)]
async fn compose_brings_a_project_up_in_order_and_down_again() {
    let fake = fake();
    let folder = tempfile::tempdir().unwrap();
    fake.script("db", Script::new().after(3).healthy());
    let begun = Instant::now();
    assert_eq!(
        compose(&fake, folder.path(), "up -d --no-build", 60)
            .await
            .unwrap()
            .exit,
        Some(0)
    );
    assert_eq!(begun.elapsed().as_secs(), 3, "the web waited for a healthy db");
    assert_eq!(fake.names(), ["shop-db-1", "shop-db-2", "shop-web-1"]);
    assert_eq!(fake.inspect("shop-db-2").await.unwrap().mounts[0].1, "shop_data");
    assert_eq!(fake.labelled("lease").await.unwrap().len(), 5);
    compose(&fake, folder.path(), "down", 60).await.unwrap();
    assert_eq!(fake.complaints(), ["volume `shop_data` is left"]);
    compose(&fake, folder.path(), "down -v -t 0", 60).await.unwrap();
    fake.assert_clean();
}

#[tokio::test(start_paused = true)]
async fn compose_tells_of_a_dependency_that_died() {
    let fake = fake();
    let folder = tempfile::tempdir().unwrap();
    fake.script("db", Script::new().after(1).exit(4));
    let end = compose(&fake, folder.path(), "up -d --no-build", 60).await.unwrap();
    let words = "dependency failed to start: container shop-db-1 exited (4)";
    assert_eq!((end.exit, end.stderr.as_str()), (Some(1), words));
}

#[tokio::test(start_paused = true)]
async fn a_tool_fails_dies_midway_and_goes_on_after_its_parent() {
    let folder = tempfile::tempdir().unwrap();
    let up = |fake: Fake| async move { compose(&fake, folder.path(), "up -d --no-build", 2).await };

    let one = fake();
    one.tool_fault(ToolFault::Fails(18, "no such file"))
        .tool_fault(ToolFault::DiesAfter(1));
    let folder_of = tempfile::tempdir().unwrap();
    let failed = compose(&one, folder_of.path(), "up -d --no-build", 2).await.unwrap();
    assert_eq!(
        (failed.exit, failed.stderr.as_str(), one.names().len()),
        (Some(18), "no such file", 0)
    );
    let died = compose(&one, folder_of.path(), "up -d --no-build", 2).await.unwrap();
    assert_eq!((died.exit, one.names()), (None, vec!["shop-db-1".to_owned()]));

    let orphan = fake();
    orphan
        .script("db", Script::new().after(9).healthy())
        .tool_fault(ToolFault::Orphan);
    assert_eq!(up(orphan.clone()).await, Err(Reason::Limit));
    assert_eq!(orphan.names().len(), 2);
    crate::wait::pause(Duration::from_secs(10)).await;
    assert_eq!(orphan.names().len(), 3, "it went on");
}

#[tokio::test(start_paused = true)]
async fn a_dropped_call_ends_its_tool() {
    let fake = fake();
    let folder = tempfile::tempdir().unwrap();
    fake.script("db", Script::new().after(9).healthy());
    let call = compose(&fake, folder.path(), "up -d --no-build", 60);
    assert!(timeout(Duration::from_secs(1), call).await.is_err());
    crate::wait::pause(Duration::from_secs(20)).await;
    assert_eq!(fake.names().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn it_complains_of_what_is_left_unlabelled_and_unlimited() {
    let fake = fake();
    let folder = tempfile::tempdir().unwrap();
    fake.create(&ContainerSpec {
        labels: BTreeMap::new(),
        ..spec("web")
    })
    .await
    .unwrap();
    compose(&fake, folder.path(), "config", 0).await.unwrap_err();
    let complaints = [
        "container `web` was made without the label `lease=1`",
        "`-p shop -f shop.yml config` was called without a limit",
        "container `web` is left",
    ];
    assert_eq!(fake.complaints(), complaints);
}
