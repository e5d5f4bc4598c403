use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;

use crate::engine::{Stream, ToolLine};
use crate::host::{Command, Ended, Group, Groups, Host, RealHost};

const LIMIT: Duration = Duration::from_secs(30);

/// The groups that were told of, and those that have not ended.
#[derive(Default)]
struct Told {
    all: Mutex<Vec<Group>>,
    alive: Mutex<Vec<Group>>,
}

impl Groups for Told {
    fn started(&self, group: &Group) {
        self.all.lock().unwrap().push(group.clone());
        self.alive.lock().unwrap().push(group.clone());
    }

    fn ended(&self, group: &Group) {
        self.alive.lock().unwrap().retain(|known| known != group);
    }
}

fn shell(script: &str) -> Command {
    Command {
        argv: ["/bin/sh", "-c", script].map(str::to_owned).to_vec(),
        env: BTreeMap::from([
            ("PATH".to_owned(), "/usr/bin:/bin".to_owned()),
            ("A".to_owned(), "b".to_owned()),
        ]),
        folder: PathBuf::from("/"),
        stdin: None,
        limit: LIMIT,
        keep: 1000,
    }
}

fn quiet() -> ToolLine {
    Arc::new(|_, _| ())
}

async fn run(command: Command) -> (Ended, Vec<(Stream, String)>) {
    let told = Arc::new(Told::default());
    let lines: Arc<Mutex<Vec<(Stream, String)>>> = Arc::default();
    let line = {
        let lines = Arc::clone(&lines);
        Arc::new(move |stream, line: &str| lines.lock().unwrap().push((stream, line.to_owned())))
    };
    let ended = RealHost::new(told.clone()).run(command, line).await.unwrap();
    assert_eq!(told.all.lock().unwrap().len(), 1);
    assert_eq!(*told.alive.lock().unwrap(), []);
    assert_eq!(told.all.lock().unwrap()[0].members(), Vec::<i32>::new());
    let lines = lines.lock().unwrap().clone();
    (ended, lines)
}

#[tokio::test]
async fn a_process_has_only_what_it_was_given() {
    let (ended, lines) = run(shell(
        "env | grep -v ^_= | sort; pwd; cat; echo no >&2; printf last; exit 3",
    ))
    .await;
    assert_eq!((ended.exit, ended.signal, ended.late), (Some(3), None, false));
    // The shell sets PWD by itself.
    assert_eq!(ended.stdout.text(), "A=b\nPATH=/usr/bin:/bin\nPWD=/\n/\nlast");
    assert_eq!(ended.stderr.text(), "no\n");
    let out: Vec<_> = lines
        .iter()
        .filter(|(stream, _)| *stream == Stream::Stdout)
        .map(|(_, line)| line.as_str())
        .collect();
    assert_eq!(out, ["A=b", "PATH=/usr/bin:/bin", "PWD=/", "/", "last"]);
}

#[tokio::test]
async fn stdin_is_written_while_output_is_read() {
    let sent = Bytes::from(vec![b'x'; 4_000_000]);
    let (ended, _) = run(Command {
        stdin: Some(sent.clone()),
        keep: 4_000_000,
        ..shell("cat")
    })
    .await;
    assert!(ended.stdout.bytes() == sent);
    let (ended, _) = run(Command {
        stdin: Some(sent),
        ..shell("exit 0")
    })
    .await;
    assert_eq!(ended.exit, Some(0));
}

#[tokio::test]
async fn an_endless_output_keeps_its_ends() {
    let (ended, _) = run(shell("echo first; head -c 3000000 /dev/zero; echo last")).await;
    let text = ended.stdout.text();
    assert!(text.starts_with("first\n") && text.ends_with("last\n"), "{text}");
    assert_eq!(ended.stdout.left_out(), 3_000_000 + 11 - 2000);
}

#[tokio::test]
async fn a_limit_ends_all_of_the_group_also_what_does_not_listen() {
    let command = Command {
        limit: Duration::from_millis(300),
        ..shell("sleep 1000 & echo begun; sleep 1000")
    };
    let (ended, _) = run(command).await;
    assert_eq!(
        (ended.exit, ended.signal, ended.late, ended.code()),
        (None, Some(15), true, 143)
    );
    assert_eq!(ended.stdout.text(), "begun\n");
}

#[tokio::test]
async fn what_a_process_leaves_in_its_group_ends_with_it() {
    let (ended, _) = run(shell("sleep 1000 & exit 0")).await;
    assert_eq!(ended.exit, Some(0));
}

#[tokio::test]
async fn a_process_whose_caller_goes_is_ended_and_waited_for() {
    let told = Arc::new(Told::default());
    let host = RealHost::new(told.clone());
    let begun = Arc::new(tokio::sync::Notify::new());
    let line: ToolLine = {
        let begun = Arc::clone(&begun);
        Arc::new(move |_, _| begun.notify_one())
    };
    tokio::select! {
        _ = host.run(shell("echo begun; exec sleep 1000"), line) => panic!("it ended by itself"),
        () = begun.notified() => (),
    }
    tokio::time::timeout(LIMIT, host.settled()).await.unwrap();
    assert_eq!(*told.alive.lock().unwrap(), []);
    assert_eq!(told.all.lock().unwrap()[0].members(), Vec::<i32>::new());
}

#[tokio::test]
async fn a_process_that_goes_on_is_not_waited_for_by_others() {
    let host = RealHost::new(Arc::new(Told::default()));
    let begun = Arc::new(tokio::sync::Notify::new());
    let line: ToolLine = {
        let begun = Arc::clone(&begun);
        Arc::new(move |_, _| begun.notify_one())
    };
    let settled = async {
        begun.notified().await;
        tokio::time::timeout(LIMIT, host.settled()).await
    };
    tokio::select! {
        _ = host.run(shell("echo begun; exec sleep 1000"), line) => panic!("it ended by itself"),
        settled = settled => settled.unwrap(),
    }
    // Its caller is gone now: nothing is left of it behind the test.
    tokio::time::timeout(LIMIT, host.settled()).await.unwrap();
}

#[tokio::test]
async fn a_program_that_is_not_there_is_an_error() {
    let host = RealHost::new(Arc::new(Told::default()));
    let command = Command {
        argv: vec!["/nothing".to_owned()],
        ..shell("")
    };
    assert_eq!(
        host.run(command, quiet()).await.unwrap_err().kind(),
        std::io::ErrorKind::NotFound
    );
}

#[tokio::test]
async fn a_background_process_is_ended_and_has_a_tail() {
    let told = Arc::new(Told::default());
    let host = RealHost::new(told.clone());
    let begun = Arc::new(tokio::sync::Notify::new());
    let output: super::Output = {
        let begun = Arc::clone(&begun);
        Arc::new(move |_, bytes| {
            if bytes.ends_with(b"3\n") {
                begun.notify_one();
            }
        })
    };
    let process = host
        .start(
            shell("trap 'exit 9' TERM; echo 1; echo 2; echo 3; while :; do sleep 0.05; done"),
            output,
        )
        .await
        .unwrap();
    tokio::time::timeout(LIMIT, begun.notified()).await.unwrap();
    assert_eq!((process.exit_now(), process.tail(2).await.as_str()), (None, "2\n3"));
    process.end(LIMIT).await;
    assert_eq!((process.exit_now(), process.wait().await), (Some(Ok(9)), Ok(9)));
    assert_eq!(*told.alive.lock().unwrap(), []);
}

#[tokio::test]
async fn a_group_of_somebody_else_is_ended_even_if_it_does_not_listen() {
    let told = Arc::new(Told::default());
    let host = RealHost::new(told.clone());
    let begun = Arc::new(tokio::sync::Notify::new());
    let output: super::Output = {
        let begun = Arc::clone(&begun);
        Arc::new(move |_, _| begun.notify_one())
    };
    let process = host
        .start(shell("trap '' TERM; echo 1; while :; do sleep 0.05; done"), output)
        .await
        .unwrap();
    tokio::time::timeout(LIMIT, begun.notified()).await.unwrap();
    let group = told.all.lock().unwrap()[0].clone();
    host.end_group(&group, Duration::from_millis(100)).await.unwrap();
    assert_eq!(group.members(), Vec::<i32>::new());
    assert_eq!(process.wait().await, Ok(128 + 9));
    // One that is gone is a success.
    host.end_group(&group, Duration::ZERO).await.unwrap();
}
