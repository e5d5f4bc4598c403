//! Programs run to their end, with the time that they took and the most memory that they had.

use std::fs::{File, read_to_string};
use std::io::{Error, Result};
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant, SystemTime};

use futures_util::stream::{self, TryStreamExt};
use futures_util::{FutureExt, StreamExt};
use rustix::process::{Pid, Signal, kill_process_group};
use serde_json::Value;
use tokio::process::Command;
use tokio_util::sync::CancellationToken;

use crate::files::Folder;

/// How often a program's memory is looked at.
const LOOK: Duration = Duration::from_millis(5);

/// A program that has ended well.
pub(crate) struct Ended {
    pub(crate) time: Duration,
    /// The most memory that it had at once, in bytes.
    pub(crate) peak: u64,
}

/// Runs programs in the folder.
pub(crate) struct Programs {
    folder: PathBuf,
    id: String,
    stop: CancellationToken,
    started: AtomicUsize,
}

impl Programs {
    /// When `stop` is cancelled the program that runs is interrupted, and waited for: it clears up by itself.
    pub(crate) fn new(folder: &Folder, stop: CancellationToken) -> Programs {
        Programs {
            folder: folder.path.clone(),
            id: folder.id.clone(),
            stop,
            started: AtomicUsize::new(0),
        }
    }

    /// Runs e2erun.
    pub(crate) async fn e2erun(&self, arguments: &[&str]) -> Result<Ended> {
        let mut words = vec![env!("CARGO_BIN_EXE_e2erun")];
        words.extend(arguments);
        self.run(&words).await
    }

    /// Runs the script `count` times, `at_once` of them at the same time.
    pub(crate) async fn script(&self, count: usize, at_once: usize) -> Result<Duration> {
        let began = Instant::now();
        let all = (1..=count).map(|number| async move {
            let project = format!("{}-{number}", self.id);
            self.run(&["bash", "script.sh", &project]).await.map(drop)
        });
        stream::iter(all).buffer_unordered(at_once).try_collect::<()>().await?;
        Ok(began.elapsed())
    }

    /// Deploys and removes the swarm stack by the docker tool.
    pub(crate) async fn stack(&self) -> Result<Duration> {
        let name = format!("{}-stack", self.id);
        Ok(self.run(&["bash", "stack.sh", &name]).await?.time)
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "what is measured are processes, and the product's way to start them is part of what is measured"
    )]
    async fn run(&self, words: &[&str]) -> Result<Ended> {
        let number = self.started.fetch_add(1, Ordering::Relaxed);
        let said = self.folder.join(format!("said-{number}.txt"));
        let output = File::create(&said)?;
        let began = Instant::now();
        // In a group of its own: a Ctrl-C reaches it once, by us, whatever started the bench.
        let mut child = Command::new(words[0])
            .args(&words[1..])
            .current_dir(&self.folder)
            .env("NO_COLOR", "1")
            .process_group(0)
            .stdin(Stdio::null())
            .stdout(output.try_clone()?)
            .stderr(output)
            .spawn()?;
        let id = child.id().unwrap_or_default();
        let group = Pid::from_raw(i32::try_from(id).unwrap_or_default());
        let status = format!("/proc/{id}/status");
        let mut looks = tokio::time::interval(LOOK);
        let mut stopped = self.stop.cancelled().boxed().fuse();
        let mut peak = 0;
        let exit = loop {
            tokio::select! {
                exit = child.wait() => break exit?,
                () = &mut stopped => group.map_or(Ok(()), |group| kill_process_group(group, Signal::INT))?,
                _ = looks.tick() => peak = peak.max(high_water(&status).unwrap_or(0)),
            }
        };
        let time = began.elapsed();
        if self.stop.is_cancelled() {
            Err(Error::other("interrupted"))
        } else if exit.success() {
            Ok(Ended { time, peak })
        } else {
            let said = read_to_string(&said).unwrap_or_default();
            Err(Error::other(format!(
                "`{}` ended with {exit}:\n{said}",
                words.join(" ")
            )))
        }
    }

    /// When the last run's step of a kind ended.
    pub(crate) fn end_of(&self, kind: &str) -> Result<SystemTime> {
        let text = read_to_string(self.folder.join("e2erun-results/events.jsonl"))?;
        for line in text.lines() {
            let event: Value = serde_json::from_str(line)?;
            let what = &event["what"];
            if what["event"] == "step-ended" && what["step"]["kind"] == kind {
                let at = event["at"].as_str().unwrap_or_default();
                let at: jiff::Timestamp = at.parse().map_err(Error::other)?;
                return Ok(at.into());
            }
        }
        Err(Error::other("the run's events tell of no such step"))
    }

    /// From the first start to the last end of the steps of some kinds in the last run's events.
    pub(crate) fn steps(&self, kinds: &[&str]) -> Result<Duration> {
        let text = read_to_string(self.folder.join("e2erun-results/events.jsonl"))?;
        let (mut first, mut last) = (None, None);
        for line in text.lines() {
            let event: Value = serde_json::from_str(line)?;
            let of = event["what"]["step"]["kind"].as_str();
            let wanted = of.is_some_and(|of| kinds.contains(&of));
            let Some(at) = event["elapsed"].as_f64().filter(|_| wanted) else {
                continue;
            };
            first.get_or_insert(at);
            last = Some(at);
        }
        match (first, last) {
            (Some(first), Some(last)) => Ok(Duration::from_secs_f64(last - first)),
            _ => Err(Error::other("the run's events tell of no such steps")),
        }
    }
}

/// `VmHWM` of a process, in bytes.
fn high_water(status: &str) -> Option<u64> {
    let text = read_to_string(status).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kib: u64 = line.split_whitespace().next()?.parse().ok()?;
    Some(kib * 1024)
}

/// The median of times.
pub(crate) fn median(times: &[Duration]) -> Duration {
    let mut times = times.to_vec();
    times.sort_unstable();
    times[times.len() / 2]
}

/// The median of the ratios, round by round.
pub(crate) fn ratio(ours: &[Duration], other: &[Duration]) -> f64 {
    let rounds = ours.iter().zip(other);
    let mut ratios: Vec<f64> = rounds
        .map(|(ours, other)| ours.as_secs_f64() / other.as_secs_f64())
        .collect();
    ratios.sort_by(f64::total_cmp);
    ratios[ratios.len() / 2]
}
