//! The logs of containers on a real engine: every line once, from the first one to the last, whatever becomes of the
//! container.

use std::sync::Arc;

use e2erun::engine::logs::{LineReader, More, Offset, Phase, Spool, Spools, Streams};
use e2erun::engine::world::World;
use e2erun::engine::{ContainerSpec, Engine, ExecSpec, ResourceKind, Stream};
use tempfile::TempDir;
use tokio_util::task::AbortOnDropHandle;

use super::stage::{Stage, text};

/// What keeps the logs of a test's containers, as a run keeps them.
struct Keeper<'a> {
    stage: &'a Stage,
    world: World,
    spools: Arc<Spools>,
    _folder: TempDir,
    _task: AbortOnDropHandle<()>,
}

impl Keeper<'_> {
    async fn of(stage: &Stage) -> Keeper<'_> {
        let engine: Arc<dyn Engine> = Arc::new(stage.engine.clone());
        let world = World::watch(Arc::clone(&engine), stage.label.clone()).await.unwrap();
        let folder = tempfile::tempdir().unwrap();
        let spools = Arc::new(Spools::new(folder.path().join("logs"), ""));
        let (kept, known) = (Arc::clone(&spools), world.clone());
        let task = tokio::spawn(async move {
            let mut state = known.snapshot();
            while state.away.is_none() {
                state.all().for_each(|container| kept.follow(&engine, container));
                state = known.changed(state.generation).await;
            }
        });
        Keeper {
            stage,
            world,
            spools,
            _folder: folder,
            _task: AbortOnDropHandle::new(task),
        }
    }

    /// Waits until the container has ended and that is known.
    async fn ended(&self, id: &str) {
        self.stage.event(id, "die").await;
        self.world.sync().await.unwrap();
    }

    /// The spool, once the world and so the keeper know the container.
    async fn spool(&self, id: &str) -> Arc<Spool> {
        self.world.sync().await.unwrap();
        let engine: Arc<dyn Engine> = Arc::new(self.stage.engine.clone());
        let container = Arc::clone(self.world.snapshot().container(id).unwrap());
        self.spools.follow(&engine, &container);
        self.spools.spool(id).unwrap().unwrap()
    }

    /// What there is now, behind a barrier.
    async fn now(&self, id: &str, streams: Streams) -> Vec<String> {
        let spool = self.spool(id).await;
        self.spools.barrier(id).await.unwrap();
        lines(&mut spool.reader(streams, Offset::default()))
    }

    async fn check(&self, id: &str, expected: &[&str]) {
        assert_eq!(self.now(id, Streams::Both).await, expected);
        assert_eq!(self.spool(id).await.gap(), None);
    }
}

/// What a reader finds there already.
fn lines(reader: &mut LineReader) -> Vec<String> {
    let mut all = Vec::new();
    while let Some(block) = reader.take().unwrap() {
        all.extend(block.lines().map(str::to_owned));
    }
    all
}

/// Waits until it has lines: its follower may not have begun yet, and a run may have ended before the next one begins.
async fn until_lines(reader: &mut LineReader) {
    while reader.more().await != More::Lines {
        reader.changed().await;
    }
}

#[tokio::test]
async fn the_first_line_and_a_last_one_without_newline_are_there_with_their_streams() {
    Stage::with(async |stage| {
        let keeper = Keeper::of(stage).await;
        let id = stage.start("echo first; echo no >&2; echo second; printf last").await;
        keeper.ended(&id).await;
        assert_eq!(
            keeper.now(&id, Streams::One(Stream::Stdout)).await,
            ["first", "second", "last"]
        );
        assert_eq!(keeper.now(&id, Streams::One(Stream::Stderr)).await, ["no"]);
        assert_eq!(keeper.spool(&id).await.gap(), None);
    })
    .await;
}

#[tokio::test]
async fn a_container_that_is_removed_behind_the_barrier_has_all_its_lines() {
    Stage::with(async |stage| {
        let keeper = Keeper::of(stage).await;
        for _ in 0..10 {
            let id = stage.start("seq 2000; printf last").await;
            keeper.ended(&id).await;
            keeper.spool(&id).await;
            keeper.spools.barrier(&id).await.unwrap();
            stage.engine.remove(ResourceKind::Container, &id).await.unwrap();
            let all = keeper.now(&id, Streams::Both).await;
            assert_eq!((all.len(), all[2000].as_str()), (2001, "last"));
            assert_eq!(keeper.spool(&id).await.gap(), None);
        }
    })
    .await;
}

#[tokio::test]
async fn a_container_that_is_removed_right_after_its_end_has_no_gap() {
    Stage::with(async |stage| {
        let keeper = Keeper::of(stage).await;
        for round in 0..12 {
            let id = stage
                .start("trap 'seq 300; exit' TERM; echo up; while true; do sleep 0.02; done")
                .await;
            let spool = keeper.spool(&id).await;
            let mut reader = spool.reader(Streams::Both, Offset::default());
            until_lines(&mut reader).await;
            // As the compose tool does that replaces it.
            stage.engine.stop(&id, None).await.unwrap();
            stage.engine.remove(ResourceKind::Container, &id).await.unwrap();
            let mut all = Vec::new();
            loop {
                all.extend(lines(&mut reader));
                match reader.more().await {
                    More::Lines => {}
                    More::Closed => break,
                    More::Ended | More::Waiting => reader.changed().await,
                    More::Gap(why) => panic!("{why}, in round {round}"),
                }
            }
            assert_eq!((all.len(), all[300].as_str()), (301, "300"), "in round {round}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_container_that_has_ended_by_itself_and_is_removed_behind_the_barrier_has_all_its_lines() {
    Stage::with(async |stage| {
        let keeper = Keeper::of(stage).await;
        for _ in 0..10 {
            let id = stage.start("sleep 0.1; seq 2000; printf last").await;
            let spool = keeper.spool(&id).await;
            stage.event(&id, "die").await;
            // The follower may not have had its turn yet.
            keeper.spools.barrier(&id).await.unwrap();
            stage.engine.remove(ResourceKind::Container, &id).await.unwrap();
            let all = lines(&mut spool.reader(Streams::Both, Offset::default()));
            assert_eq!((all.len(), all[2000].as_str(), spool.gap()), (2001, "last", None));
        }
    })
    .await;
}

#[tokio::test]
async fn a_container_that_is_removed_while_it_writes_is_told_or_whole_up_to_its_end() {
    Stage::with(async |stage| {
        let keeper = Keeper::of(stage).await;
        let id = stage.start("i=0; while true; do i=$((i+1)); echo $i; done").await;
        let mut reader = keeper.spool(&id).await.reader(Streams::Both, Offset::default());
        until_lines(&mut reader).await;
        stage.engine.remove(ResourceKind::Container, &id).await.unwrap();
        let mut all = Vec::new();
        loop {
            match reader.more().await {
                More::Lines => all.extend(lines(&mut reader)),
                More::Closed | More::Gap(_) => break,
                More::Ended | More::Waiting => reader.changed().await,
            }
        }
        let expected: Vec<String> = (1..=all.len()).map(|number| number.to_string()).collect();
        assert!(all == expected, "{} lines, in order", all.len());
    })
    .await;
}

#[tokio::test]
async fn every_run_of_a_restarted_container_is_read_once() {
    Stage::with(async |stage| {
        let keeper = Keeper::of(stage).await;
        let id = stage
            .start("trap 'printf down; exit' TERM; echo up; while true; do sleep 0.05; done")
            .await;
        let spool = keeper.spool(&id).await;
        let mut reader = spool.reader(Streams::Both, Offset::default());
        let mut begun = 0;
        for run in 1..=4 {
            // Only then does it heed the signal.
            while begun < run {
                until_lines(&mut reader).await;
                begun += lines(&mut reader).iter().filter(|line| *line == "up").count();
            }
            if run < 4 {
                stage.engine.restart(&id, None).await.unwrap();
            }
        }
        stage.engine.stop(&id, None).await.unwrap();
        keeper
            .check(&id, &["up", "down", "up", "down", "up", "down", "up", "down"])
            .await;
    })
    .await;
}

#[tokio::test]
async fn a_terminals_lines_are_there_to_the_last() {
    Stage::with(async |stage| {
        let keeper = Keeper::of(stage).await;
        for _ in 0..5 {
            let id = stage.docker_create(&["--tty"], &["sh", "-c", "seq 500; printf last"]);
            stage.engine.start(&id).await.unwrap();
            keeper.ended(&id).await;
            let all = keeper.now(&id, Streams::Both).await;
            assert_eq!((all.len(), all[499].as_str(), all[500].as_str()), (501, "500", "last"));
        }
    })
    .await;
}

#[tokio::test]
async fn two_readers_of_one_log_each_read_all_of_it() {
    Stage::with(async |stage| {
        let keeper = Keeper::of(stage).await;
        let id = stage.start("seq 1 20000; sleep 0.2; seq 20001 40000").await;
        let spool = keeper.spool(&id).await;
        let mut early = spool.reader(Streams::Both, Offset::default());
        let mut first = Vec::new();
        while matches!(early.more().await, More::Lines) {
            first.extend(lines(&mut early));
        }
        keeper.ended(&id).await;
        let second = keeper.now(&id, Streams::Both).await;
        first.extend(lines(&mut early));
        let expected: Vec<String> = (1..=40_000).map(|number| number.to_string()).collect();
        assert!(first == expected && second == expected);
    })
    .await;
}

/// Decides "now" so often of a container that writes without end; gives how many whole lines there are when it was killed.
async fn decide_now(stage: &Stage, command: &str, times: usize) -> usize {
    let keeper = Keeper::of(stage).await;
    // So large that nothing is rotated away, whatever the engine's default is.
    let id = stage.docker_create(&["--log-opt", "max-size=400m"], &["sh", "-c", command]);
    stage.engine.start(&id).await.unwrap();
    let spool = keeper.spool(&id).await;
    let mut reader = spool.reader(Streams::Both, Offset::default());
    until_lines(&mut reader).await;
    for _ in 0..times {
        keeper.spools.barrier(&id).await.unwrap();
        assert_eq!((spool.gap(), spool.progress().phase), (None, Phase::Running));
    }
    stage.engine.kill(&id, "KILL").await.unwrap();
    keeper.ended(&id).await;
    let all = keeper.now(&id, Streams::Both).await;
    // The last line may have been cut off by the kill.
    let (last, whole) = all.split_last().unwrap();
    assert!("a line again and again".starts_with(last.as_str()), "{last}");
    assert!(whole.iter().all(|line| line == "a line again and again"));
    assert_eq!(spool.gap(), None);
    whole.len()
}

#[tokio::test]
async fn now_can_be_decided_of_a_log_that_never_stops_growing() {
    Stage::with(async |stage| {
        let steady = "while true; do yes 'a line again and again' | head -n 100; sleep 0.02; done";
        assert!(decide_now(stage, steady, 20).await > 100);
    })
    .await;
}

#[tokio::test]
async fn now_can_be_decided_of_a_log_that_grows_faster_than_it_is_read() {
    Stage::with(async |stage| {
        // Each time all that was written until then has to be read, and meanwhile several times that is written: only an
        // end of the writing bounds that. The end is not reached before the first ones are decided.
        let writes = "yes 'a line again and again' | head -n 700000; exec sleep 600";
        assert!(decide_now(stage, writes, 5).await > 1000);
    })
    .await;
}

#[tokio::test]
async fn what_the_engine_rotated_away_is_a_gap_and_the_log_goes_on() {
    Stage::with(async |stage| {
        // What the engine keeps is written anew many times between two readings.
        let id = stage.docker_create(
            &["--log-opt", "max-size=20k", "--log-opt", "max-file=2"],
            &[
                "sh",
                "-c",
                "mkfifo /go; echo 0; read x < /go; seq 100000; read x < /go; echo 100001",
            ],
        );
        let keeper = Keeper::of(stage).await;
        stage.engine.start(&id).await.unwrap();
        let mut reader = keeper.spool(&id).await.reader(Streams::Both, Offset::default());
        until_lines(&mut reader).await;
        // The second one is heard when all is written that is to be lost in part.
        for _ in 0..2 {
            let go = ExecSpec {
                command: ["sh", "-c", "echo > /go"].map(str::to_owned).to_vec(),
                ..ExecSpec::default()
            };
            text(stage.engine.exec(&id, &go).await.unwrap().output, Stream::Stdout).await;
        }
        keeper.ended(&id).await;
        let all = keeper.now(&id, Streams::Both).await;
        let gap = keeper.spool(&id).await.gap().unwrap();
        assert!(gap.contains("rotated"), "{gap}");
        let numbers: Vec<u64> = all.iter().filter_map(|line| line.parse().ok()).collect();
        assert!(numbers.is_sorted_by(|one, next| one < next), "none twice");
        assert_eq!((numbers.first(), numbers.last()), (Some(&0), Some(&100_001)));
        let notes = all
            .iter()
            .filter(|line| line.starts_with("[e2erun: lines are missing here: "));
        let notes = notes.count();
        assert!(
            notes > 0 && notes + numbers.len() == all.len(),
            "{notes} notes in {} lines",
            all.len()
        );
    })
    .await;
}

/// Each line of a log that the engine rotates and keeps is read once.
async fn read_while_rotated(options: &[&str], (lines, width): (usize, usize), times: usize) {
    Stage::with(async |stage| {
        for round in 0..times {
            let write = format!("BEGIN{{for(i=1;i<={lines};i++)printf \"%0{width}d\\n\",i}}");
            let id = stage.docker_create(options, &["awk", &write]);
            let keeper = Keeper::of(stage).await;
            stage.engine.start(&id).await.unwrap();
            keeper.ended(&id).await;
            let all = keeper.now(&id, Streams::Both).await;
            assert_eq!(keeper.spool(&id).await.gap(), None, "in round {round}");
            let expected = (1..=lines).map(|number| format!("{number:0width$}"));
            assert!(
                all.iter().eq(&expected.collect::<Vec<_>>()),
                "{} lines in round {round}",
                all.len()
            );
        }
    })
    .await;
}

#[tokio::test]
async fn a_log_that_is_rotated_while_it_is_read_has_each_line_once() {
    let small = ["--log-opt", "max-size=1m", "--log-opt", "max-file=20"];
    read_while_rotated(&small, (16_001, 500), 5).await;
}

#[tokio::test]
async fn a_log_that_is_rotated_by_the_usual_size_has_each_line_once() {
    let usual = ["--log-opt", "max-size=10m", "--log-opt", "max-file=3"];
    read_while_rotated(&usual, (120_001, 140), 2).await;
}

#[tokio::test]
async fn a_terminals_log_that_is_rotated_has_each_line_once() {
    let small = ["--tty", "--log-opt", "max-size=1m", "--log-opt", "max-file=20"];
    read_while_rotated(&small, (16_001, 500), 3).await;
}

#[tokio::test]
async fn several_containers_and_a_silent_one_each_have_a_log() {
    Stage::with(async |stage| {
        let keeper = Keeper::of(stage).await;
        let named = |name: &str, command: &str| ContainerSpec {
            name: stage.name(name),
            ..stage.shell(command)
        };
        let one = stage.start_spec(&named("one", "echo one; sleep 600")).await;
        let two = stage.start_spec(&named("two", "echo two; sleep 600")).await;
        let silent = stage.start_spec(&named("silent", "sleep 600")).await;
        for (id, line) in [(&one, "one"), (&two, "two")] {
            let mut reader = keeper.spool(id).await.reader(Streams::Both, Offset::default());
            until_lines(&mut reader).await;
            assert_eq!(lines(&mut reader), [line]);
        }
        keeper.check(&silent, &[]).await;
    })
    .await;
}
