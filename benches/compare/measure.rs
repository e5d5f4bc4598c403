//! Programs run to their end, with the time that they took and the most memory that they had.

use std::fs::{File, read_to_string};
use std::io::{Error, Result};
use std::process::{Command, Stdio};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::files::Folder;

/// How often a program's memory is looked at.
const LOOK: Duration = Duration::from_millis(5);

/// A program that has ended well.
pub(crate) struct Ended {
    pub(crate) time: Duration,
    /// The most memory that it had at once, in bytes.
    pub(crate) peak: u64,
}

/// Runs e2erun in the folder.
pub(crate) fn e2erun(folder: &Folder, arguments: &[&str]) -> Result<Ended> {
    let mut words = vec![env!("CARGO_BIN_EXE_e2erun")];
    words.extend(arguments);
    run(folder, &words)
}

/// Runs the script `count` times, `at_once` of them at the same time.
pub(crate) fn script(folder: &Folder, count: usize, at_once: usize) -> Result<Duration> {
    let all = format!("seq {count} | xargs -P {at_once} -I+ bash script.sh e2erun-bench-+");
    Ok(run(folder, &["bash", "-c", &all])?.time)
}

#[expect(
    clippy::disallowed_methods,
    reason = "what is measured are processes, and the product's way to start them is part of what is measured"
)]
fn run(folder: &Folder, words: &[&str]) -> Result<Ended> {
    let said = folder.path.join("said.txt");
    let output = File::create(&said)?;
    let began = Instant::now();
    let mut child = Command::new(words[0])
        .args(&words[1..])
        .current_dir(&folder.path)
        .env("NO_COLOR", "1")
        .stdin(Stdio::null())
        .stdout(output.try_clone()?)
        .stderr(output)
        .spawn()?;
    let status = format!("/proc/{}/status", child.id());
    let (ended, end) = channel();
    let waiting = std::thread::spawn(move || {
        let exit = child.wait();
        let time = began.elapsed();
        // The other end goes only after this one.
        let _ = ended.send(());
        (exit, time)
    });
    let mut peak = 0;
    while end.recv_timeout(LOOK) == Err(RecvTimeoutError::Timeout) {
        peak = peak.max(high_water(&status).unwrap_or(0));
    }
    let (exit, time) = waiting
        .join()
        .map_err(|_| Error::other("the thread that waits for a program broke"))?;
    let exit = exit?;
    if exit.success() {
        Ok(Ended { time, peak })
    } else {
        let said = read_to_string(&said).unwrap_or_default();
        Err(Error::other(format!(
            "`{}` ended with {exit}:\n{said}",
            words.join(" ")
        )))
    }
}

/// `VmHWM` of a process, in bytes.
fn high_water(status: &str) -> Option<u64> {
    let text = read_to_string(status).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kib: u64 = line.split_whitespace().next()?.parse().ok()?;
    Some(kib * 1024)
}

/// From the first start to the last end of the steps of some kinds in the last run's events.
pub(crate) fn steps(folder: &Folder, kinds: &[&str]) -> Result<Duration> {
    let text = read_to_string(folder.path.join("e2erun-results/events.jsonl"))?;
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
