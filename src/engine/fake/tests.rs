//! The fake has the habits of the real engine that tests rely on.

use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::StreamExt;
use tokio::time::Instant;

use super::{Answer, EventFault, Fake, Reply, Script};
use crate::engine::{ContainerSpec, Engine, ExecSpec, LogRange, Reason, ResourceKind, Stream};

const LEASE: &str = "lease=1";

pub(super) fn fake() -> Fake {
    let fake = Fake::new(LEASE);
    fake.image("busybox");
    fake
}

pub(super) fn spec(name: &str) -> ContainerSpec {
    let labels = BTreeMap::from([("lease".to_owned(), "1".to_owned())]);
    ContainerSpec {
        name: name.into(),
        image: "busybox".into(),
        labels,
        expose: vec!["80".into()],
        ..Default::default()
    }
}

async fn begin(fake: &Fake, name: &str) -> String {
    let id = fake.create(&spec(name)).await.unwrap();
    fake.start(&id).await.unwrap();
    id
}

/// The state after so many milliseconds: `state/health/exit/restarts`.
async fn at(fake: &Fake, name: &str, milliseconds: u64) -> String {
    crate::wait::pause(Duration::from_millis(milliseconds + 1)).await;
    let it = fake.inspect(name).await.unwrap();
    format!(
        "{}/{}/{:?}/{}",
        it.state,
        it.health.unwrap_or_default(),
        it.exit,
        it.restarts
    )
}

#[tokio::test(start_paused = true)]
async fn a_script_plays_on_virtual_time() {
    let fake = fake();
    fake.script("db", Script::new().after(2).healthy().after(5).exit(3));
    begin(&fake, "db").await;
    assert_eq!(at(&fake, "db", 0).await, "running/starting/None/0");
    assert_eq!(at(&fake, "db", 2000).await, "running/healthy/None/0");
    assert_eq!(at(&fake, "db", 3000).await, "exited/unhealthy/Some(3)/0");
    fake.remove(ResourceKind::Container, "db").await.unwrap();
    fake.assert_clean();
}

#[tokio::test(start_paused = true)]
async fn a_restart_policy_starts_it_again_until_its_tries_are_used_up() {
    let fake = fake();
    fake.script("db", Script::new().restart("on-failure", 2).after(1).exit(1));
    begin(&fake, "db").await;
    assert_eq!(at(&fake, "db", 1000).await, "restarting//Some(1)/1");
    assert_eq!(at(&fake, "db", 100).await, "running//None/1");
    assert_eq!(at(&fake, "db", 9000).await, "exited//Some(1)/2");
}

#[tokio::test(start_paused = true)]
async fn a_kill_by_a_user_is_final_and_a_crash_is_not() {
    let fake = fake();
    fake.script("db", Script::new().restart("always", 0));
    begin(&fake, "db").await;
    fake.crash("db", 139);
    assert_eq!(at(&fake, "db", 0).await, "restarting//Some(139)/1");
    assert_eq!(at(&fake, "db", 1000).await, "running//None/1");
    fake.kill("db", "KILL").await.unwrap();
    assert_eq!(at(&fake, "db", 60_000).await, "exited//Some(137)/1");
}

#[tokio::test(start_paused = true)]
async fn ports_change_at_each_start() {
    let fake = fake();
    begin(&fake, "web").await;
    let before = fake.inspect("web").await.unwrap().ports;
    fake.restart("web", None).await.unwrap();
    assert_ne!(before, fake.inspect("web").await.unwrap().ports);
}

#[tokio::test(start_paused = true)]
async fn one_that_ignores_its_stop_signal_takes_its_grace() {
    let fake = fake();
    fake.script("web", Script::new().ignores_term());
    begin(&fake, "web").await;
    let begun = Instant::now();
    fake.stop("web", Some(Duration::from_secs(7))).await.unwrap();
    assert_eq!(begun.elapsed().as_secs(), 7);
    assert_eq!(at(&fake, "web", 0).await, "exited//Some(137)/0");
}

/// Reads a log; gives its frames' text and whether it ended by an error.
async fn log(fake: &Fake, name: &str, follow: bool) -> (Vec<String>, bool) {
    let range = LogRange {
        follow,
        timestamps: true,
        ..LogRange::default()
    };
    let frames = fake.logs(name, range).await.unwrap().collect::<Vec<_>>().await;
    let cut = frames.iter().any(Result::is_err);
    let text = |bytes: &[u8]| String::from_utf8_lossy(&bytes[..bytes.len().min(20)]).into_owned();
    (
        frames.into_iter().flatten().map(|frame| text(&frame.bytes)).collect(),
        cut,
    )
}

#[tokio::test(start_paused = true)]
async fn logs_have_the_engines_habits() {
    let fake = fake();
    let long = format!("{}\n", "x".repeat(20_000));
    fake.script(
        "web",
        Script::new()
            .out("a\nb")
            .after(1)
            .out("c\n")
            .err(long)
            .after(2)
            .out("last")
            .exit(0),
    );
    let id = fake.create(&spec("web")).await.unwrap();
    assert_eq!(
        log(&fake, "web", true).await,
        (vec![], false),
        "not started: a follow ends at once"
    );
    fake.start(&id).await.unwrap();
    let x = "x".repeat(20);
    let followed = ["a\n", "bc\n", &x, &x].map(String::from).to_vec();
    assert_eq!(
        log(&fake, "web", true).await,
        (followed.clone(), false),
        "a follow loses the last line"
    );
    let whole = [followed, vec!["last".into()]].concat();
    assert_eq!(log(&fake, "web", false).await, (whole, false));
    fake.start(&id).await.unwrap();
    let again = log(&fake, "web", true).await.0;
    assert_eq!(
        &again[4..6],
        ["last", "a\n"],
        "the second run's follow begins with the whole first one"
    );
    assert_eq!(again.len(), 9);
}

#[tokio::test(start_paused = true)]
async fn logs_can_be_cut_and_unreadable() {
    let fake = fake();
    fake.script("web", Script::new().out("a\nb\nc\n").log_cuts([2]))
        .script("mute", Script::new().driver("none"));
    begin(&fake, "web").await;
    begin(&fake, "mute").await;
    crate::wait::pause(Duration::from_secs(1)).await;
    assert_eq!(log(&fake, "web", false).await, (vec!["a\n".into(), "b\n".into()], true));
    assert_eq!(log(&fake, "web", false).await.0.len(), 3);
    assert!(fake.logs("mute", LogRange::default()).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn events_are_lost_doubled_and_cut() {
    let fake = fake();
    fake.event(2, EventFault::Lost)
        .event(3, EventFault::Doubled)
        .event(5, EventFault::Cut);
    let events = fake.events(None).await.unwrap();
    for name in ["a", "b", "c", "d", "e", "f"] {
        fake.create(&spec(name)).await.unwrap();
    }
    let seen = events.map(|event| event.map_or("cut".into(), |event| event.attributes["name"].clone()));
    assert_eq!(seen.collect::<Vec<_>>().await, ["a", "c", "c", "d", "cut"]);
}

#[tokio::test(start_paused = true)]
async fn calls_fail_hang_and_answer_late() {
    let fake = fake();
    fake.call("inspect", 1, Reply::Fail(Reason::Other, "boom"));
    fake.call("inspect", 2, Reply::Hang)
        .call("inspect", 3, Reply::Late(Duration::from_secs(3)));
    begin(&fake, "web").await;
    assert_eq!(
        fake.inspect("web").await.unwrap_err().to_string(),
        "cannot inspect `web`: boom"
    );
    assert_eq!(fake.inspect("web").await.unwrap_err().reason, Reason::Limit);
    let begun = Instant::now();
    assert!(fake.inspect("web").await.is_ok());
    assert_eq!(begun.elapsed().as_secs(), 3);
    fake.away(true);
    assert_eq!(fake.inspect("web").await.unwrap_err().reason, Reason::Away);
    fake.away(false);
    assert!(fake.inspect("web").await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn commands_answer_by_script_one_after_the_other() {
    let fake = fake();
    fake.script(
        "db",
        Script::new().exec("role", [Answer::out("slave\n"), Answer::err("gone\n", 2).after_ms(50)]),
    );
    begin(&fake, "db").await;
    let mut answers = Vec::new();
    for command in ["redis-cli role", "redis-cli role", "ls"] {
        let spec = ExecSpec {
            command: command.split(' ').map(String::from).collect(),
            ..ExecSpec::default()
        };
        let running = fake.exec("db", &spec).await.unwrap();
        let frames = running.output.collect::<Vec<_>>().await;
        let stream = frames[0].as_ref().unwrap().stream;
        answers.push((stream, fake.exec_exit(&running.id).await.unwrap().code));
    }
    assert_eq!(
        answers,
        [(Stream::Stdout, 0), (Stream::Stderr, 2), (Stream::Stdout, 127)]
    );
}
