//! `cargo bench --bench compare`: e2erun against the bare Engine API that does the same calls, and against scripts on
//! `docker compose` and `docker stack`, in one run. Prints a row as soon as it is known; with `-- --check` a target that is missed is a
//! failure, and `-- c` measures (c) alone.
//!
//! What is compared is asked in turns, round by round, and a ratio is the median of the rounds' ratios: a machine that is
//! busy for a while is so for all of them.

mod bare;
mod files;
mod measure;
mod table;

use std::io::{Error, Result};
use std::process::ExitCode;
use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use bare::Bare;
use files::Folder;
use measure::{Programs, median};
use table::{Row, Target};

/// Rounds of each comparison: together they take about four minutes on two cores.
const ONE_ROUNDS: usize = 5;
const TWELVE_ROUNDS: usize = 3;
const LOG_ROUNDS: usize = 1;
const SWARM_ROUNDS: usize = 2;
const MANAGER_ROUNDS: usize = 5;
const CHECK_ROUNDS: usize = 3;
const VERSION_ROUNDS: usize = 21;

/// The 200 execs of (c) are made in portions, the contestants in turns.
const EXEC_ROUNDS: usize = 5;
const EXEC_PORTION: usize = 40;

/// How many scenarios (b) has, and how many of them run at once.
const TWELVE: usize = 12;
const AT_ONCE: usize = 4;

/// What is measured, in this order: its name on the command line, and what it is.
const PARTS: [(&str, &str); 7] = [
    ("version", "e2erun --version"),
    ("e", "(e) check of 10,000 files of 20 steps"),
    ("a", "(a) one scenario: up, http, exec, log-assert, down"),
    ("b", "(b) twelve of them, four at once"),
    ("c", "(c) 200 exec steps"),
    ("d", "(d) a log of 240 MB, read while it is written, to its last line"),
    (
        "f",
        "(f) a swarm stack of 4 services with 2 replicas each: deployed and removed",
    ),
];

#[expect(clippy::disallowed_methods, reason = "the bench's own arguments")]
fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let check = words.iter().any(|word| word == "--check");
    let only: Vec<&str> = words
        .iter()
        .filter(|word| !word.starts_with('-'))
        .map(String::as_str)
        .collect();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    match runtime.and_then(|runtime| runtime.block_on(all(&only))) {
        Ok(Verdict { broken: true, .. }) => ExitCode::from(3),
        Ok(Verdict { missed, .. }) => ExitCode::from(u8::from(check && missed)),
        Err(why) => {
            table::say(&format!("the comparison cannot be made: {why}"));
            ExitCode::from(3)
        }
    }
}

/// What all the rows came to.
#[derive(Default)]
struct Verdict {
    missed: bool,
    /// Something could not be measured.
    broken: bool,
}

/// Measures all parts, or those that are named; clears up behind them, also when it is interrupted.
async fn all(only: &[&str]) -> Result<Verdict> {
    let stop = stop_on_signals()?;
    let folder = Folder::new()?;
    let bench = Bench {
        bare: Bare::new(&folder.id),
        programs: Programs::new(&folder, stop.clone()),
        folder: &folder,
        stop: &stop,
    };
    let mut verdict = Verdict::default();
    table::heading();
    for (name, what) in PARTS {
        if !only.is_empty() && !only.contains(&name) || stop.is_cancelled() {
            continue;
        }
        table::progress(what);
        match bench.part(name).await {
            Ok(rows) => {
                verdict.missed |= rows.iter().any(Row::missed);
                rows.iter().for_each(table::print);
            }
            Err(why) => {
                verdict.broken = true;
                table::say(&format!("{what}: cannot be measured: {why}"));
            }
        }
    }
    bench.bare.clear().await?;
    Ok(verdict)
}

/// Cancelled by the first SIGINT or SIGTERM.
fn stop_on_signals() -> Result<CancellationToken> {
    let stop = CancellationToken::new();
    for kind in [SignalKind::interrupt(), SignalKind::terminate()] {
        let (mut signals, stop) = (signal(kind)?, stop.clone());
        tokio::spawn(async move {
            signals.recv().await;
            stop.cancel();
        });
    }
    Ok(stop)
}

/// What measuring needs.
struct Bench<'f> {
    folder: &'f Folder,
    bare: Bare,
    programs: Programs,
    stop: &'f CancellationToken,
}

impl Bench<'_> {
    async fn part(&self, name: &str) -> Result<Vec<Row>> {
        match name {
            "version" => self.version().await,
            "a" => self.one().await,
            "b" => self.twelve().await,
            "c" => self.execs().await,
            "d" => self.log().await,
            "f" => self.swarm().await,
            _ => self.check().await,
        }
    }

    /// Calls of the bare API, dropped when the bench is interrupted: what they made is cleared at its end.
    async fn unless_stopped<T>(&self, calls: impl Future<Output = Result<T>>) -> Result<T> {
        tokio::select! {
            done = calls => done,
            () = self.stop.cancelled() => Err(Error::other("interrupted")),
        }
    }

    /// (a): one scenario of two services.
    async fn one(&self) -> Result<Vec<Row>> {
        let scenarios = self.folder.scenarios("one", 1)?;
        let (mut ours, mut api, mut script) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..ONE_ROUNDS {
            ours.push(self.programs.e2erun(&[&scenarios]).await?.time);
            api.push(self.unless_stopped(self.bare.scenarios(1, 1)).await?);
            script.push(self.programs.script(1, 1).await?);
        }
        Ok(against("(a) one scenario", &ours, &api, &script))
    }

    /// (b): twelve of them, four at once.
    async fn twelve(&self) -> Result<Vec<Row>> {
        let scenarios = self.folder.scenarios("twelve", TWELVE)?;
        let at_once = AT_ONCE.to_string();
        let (mut ours, mut api, mut script) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..TWELVE_ROUNDS {
            ours.push(self.programs.e2erun(&["-j", &at_once, &scenarios]).await?.time);
            api.push(self.unless_stopped(self.bare.scenarios(TWELVE, AT_ONCE)).await?);
            script.push(self.programs.script(TWELVE, AT_ONCE).await?);
        }
        Ok(against("(b) twelve scenarios, -j 4", &ours, &api, &script))
    }

    /// (c): from the first of the `exec` steps to the last one's end, to as many bare execs.
    async fn execs(&self) -> Result<Vec<Row>> {
        let scenario = self.folder.execs(EXEC_PORTION)?;
        let (mut ours, mut api) = (Vec::new(), Vec::new());
        for _ in 0..EXEC_ROUNDS {
            self.programs.e2erun(&[&scenario]).await?;
            ours.push(self.programs.steps(&["exec"])?);
            api.push(self.unless_stopped(self.bare.execs(EXEC_PORTION)).await?);
        }
        Ok(vec![Row::sums("(c) 200 exec steps, to bare execs", &ours, &api, 1.1)])
    }

    /// (d): from the word that makes a container write 240 MB to the decision on its last line, to reading that log until
    /// then.
    async fn log(&self) -> Result<Vec<Row>> {
        let scenario = self.folder.log()?;
        let (mut ours, mut api, mut peak) = (Vec::new(), Vec::new(), 0);
        for _ in 0..LOG_ROUNDS {
            peak = peak.max(self.programs.e2erun(&[&scenario]).await?.peak);
            ours.push(self.programs.steps(&["exec", "log-assert"])?);
            api.push(self.unless_stopped(self.bare.log()).await?);
        }
        Ok(vec![
            Row::times("(d) regex on 240 MB of log, to a bare read", &ours, &api, 1.1),
            Row::one("(d) peak memory", table::mib(peak), Target::mib(peak, 64)),
        ])
    }

    /// (f): a swarm stack deployed and removed, to `docker stack deploy --detach=false`, `docker stack rm` and a wait until all
    /// is gone; and from the moment at which the manager tells of the last running task to the end of `deploy`.
    async fn swarm(&self) -> Result<Vec<Row>> {
        let made = self.bare.make_swarm().await?;
        let rows = self.in_swarm().await;
        if made {
            self.bare.leave_swarm().await?;
        }
        rows
    }

    async fn in_swarm(&self) -> Result<Vec<Row>> {
        let (mut ours, mut script, mut late) = (Vec::new(), Vec::new(), Vec::new());
        let scenario = self.folder.swarm("swarm", "stack: four")?;
        for _ in 0..SWARM_ROUNDS {
            self.programs.e2erun(&[&scenario]).await?;
            ours.push(self.programs.steps(&["deploy", "down"])?);
            script.push(self.programs.stack().await?);
        }
        let at_once = self.folder.swarm("at-once", "stack: four, stable-for: 0s")?;
        for _ in 0..MANAGER_ROUNDS {
            let told = self.unless_stopped(self.bare.tasks_run(files::TASKS));
            let words = [at_once.as_str()];
            let (told, ended) = futures_util::join!(told, self.programs.e2erun(&words));
            ended?;
            let ((not_yet, told), end) = (told?, self.programs.end_of("deploy")?);
            if end < not_yet {
                return Err(Error::other(
                    "`deploy` returned before the manager told of its last task",
                ));
            }
            // Two who ask see the same by chance, so the end may lie between two questions.
            late.push(end.duration_since(told).unwrap_or_default());
        }
        let late = median(&late);
        Ok(vec![
            Row::times("(f) deploy and remove, to `docker stack`", &ours, &script, 0.25),
            Row::one(
                "(f) the manager's last task to `deploy`'s end",
                table::seconds(late),
                Target::time(late, Duration::from_millis(50)),
            ),
        ])
    }

    /// (e): `check` of 10,000 files of 20 steps.
    async fn check(&self) -> Result<Vec<Row>> {
        let scenarios = self.folder.many(10_000, 20)?;
        let (mut times, mut peak) = (Vec::new(), 0);
        for _ in 0..CHECK_ROUNDS {
            let ended = self.programs.e2erun(&["check", &scenarios]).await?;
            times.push(ended.time);
            peak = peak.max(ended.peak);
        }
        let time = median(&times);
        Ok(vec![
            Row::one(
                "(e) check of 10,000 files",
                table::seconds(time),
                Target::time(time, Duration::from_secs(2)),
            ),
            Row::one("(e) peak memory", table::mib(peak), Target::mib(peak, 300)),
        ])
    }

    /// `e2erun --version`.
    async fn version(&self) -> Result<Vec<Row>> {
        let mut times = Vec::new();
        for _ in 0..VERSION_ROUNDS {
            times.push(self.programs.e2erun(&["--version"]).await?.time);
        }
        let time = median(&times);
        Ok(vec![Row::one(
            "e2erun --version",
            table::seconds(time),
            Target::time(time, Duration::from_millis(10)),
        )])
    }
}

fn against(name: &str, ours: &[Duration], api: &[Duration], script: &[Duration]) -> Vec<Row> {
    vec![
        Row::times(&format!("{name}, to the bare API"), ours, api, 1.35),
        Row::times(&format!("{name}, to the script"), ours, script, 1.0),
    ]
}
