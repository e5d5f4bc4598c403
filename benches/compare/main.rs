//! `cargo bench --bench compare`: e2erun against the bare Engine API that does the same calls, and against a script on
//! `docker compose`, in one run. Prints a table; with `-- --check` a target that is missed is a failure.
//!
//! What is compared is asked in turns, round by round, and a ratio is the median of the rounds' ratios: a machine that is
//! busy for a while is so for all of them.

mod bare;
mod files;
mod measure;
mod table;

use std::io::Result;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use bare::Bare;
use files::Folder;
use measure::{median, ratio};
use table::{Row, Target};

/// Rounds of each comparison: together they take about four minutes.
const ONE_ROUNDS: usize = 9;
const TWELVE_ROUNDS: usize = 3;
const EXEC_ROUNDS: usize = 3;
const LOG_ROUNDS: usize = 2;
const CHECK_ROUNDS: usize = 3;
const VERSION_ROUNDS: usize = 21;

/// How many scenarios (b) has, and how many of them run at once.
const TWELVE: usize = 12;
const AT_ONCE: usize = 4;

#[expect(clippy::disallowed_methods, reason = "the bench's own arguments")]
fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let check = words.iter().any(|word| word == "--check");
    let only: Vec<&str> = words
        .iter()
        .filter(|word| !word.starts_with('-'))
        .map(String::as_str)
        .collect();
    let measured = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .and_then(|runtime| runtime.block_on(all(&only)));
    match measured {
        Ok(rows) => {
            let missed = table::print(&rows);
            ExitCode::from(u8::from(check && missed))
        }
        Err(why) => {
            table::say(&format!("the comparison cannot be made: {why}"));
            ExitCode::from(3)
        }
    }
}

/// Measures all, or what is named: `a`, `b`, `c`, `d`, `e`, `version`.
async fn all(only: &[&str]) -> Result<Vec<Row>> {
    let wanted = |part: &str| only.is_empty() || only.contains(&part);
    let folder = Folder::new()?;
    let bare = Bare::new();
    bare.clear().await?;
    let measured = async {
        let mut rows = Vec::new();
        if wanted("version") {
            rows.extend(version(&folder)?);
        }
        if wanted("e") {
            rows.extend(check(&folder)?);
        }
        if wanted("a") {
            rows.extend(one(&folder, &bare).await?);
        }
        if wanted("b") {
            rows.extend(twelve(&folder, &bare).await?);
        }
        if wanted("c") {
            rows.extend(execs(&folder, &bare).await?);
        }
        if wanted("d") {
            rows.extend(log(&folder, &bare).await?);
        }
        Ok(rows)
    }
    .await;
    bare.clear().await?;
    measured
}

/// (a): one scenario of two services.
async fn one(folder: &Folder, bare: &Bare) -> Result<Vec<Row>> {
    table::say("(a) one scenario: up, http, exec, log-assert, down");
    let scenarios = folder.scenarios("one", 1)?;
    let (mut ours, mut api, mut script) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..ONE_ROUNDS {
        ours.push(e2erun(folder, &[&shown(&scenarios)])?);
        api.push(bare.scenarios(1, 1).await?);
        script.push(measure::script(folder, 1, 1)?);
    }
    Ok(against("(a) one scenario", &ours, &api, &script))
}

/// (b): twelve of them, four at once.
async fn twelve(folder: &Folder, bare: &Bare) -> Result<Vec<Row>> {
    table::say("(b) twelve of them, four at once");
    let scenarios = folder.scenarios("twelve", TWELVE)?;
    let (mut ours, mut api, mut script) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..TWELVE_ROUNDS {
        ours.push(e2erun(folder, &["-j", &AT_ONCE.to_string(), &shown(&scenarios)])?);
        api.push(bare.scenarios(TWELVE, AT_ONCE).await?);
        script.push(measure::script(folder, TWELVE, AT_ONCE)?);
    }
    Ok(against("(b) twelve scenarios, -j 4", &ours, &api, &script))
}

fn against(name: &str, ours: &[Duration], api: &[Duration], script: &[Duration]) -> Vec<Row> {
    let of = |other: &[Duration], what: &str, most| {
        Row::times(
            &format!("{name}, to {what}"),
            median(ours),
            median(other),
            Target::ratio(ratio(ours, other), most),
        )
    };
    vec![of(api, "the bare API", 1.35), of(script, "the script", 1.0)]
}

/// (c): from the first of 200 `exec` steps to the last one's end, to 200 bare execs.
async fn execs(folder: &Folder, bare: &Bare) -> Result<Vec<Row>> {
    table::say("(c) 200 exec steps");
    let scenario = folder.execs(bare::EXECS)?;
    let (mut ours, mut api) = (Vec::new(), Vec::new());
    for _ in 0..EXEC_ROUNDS {
        e2erun(folder, &[&shown(&scenario)])?;
        ours.push(measure::steps(folder, &["exec"])?);
        api.push(bare.execs().await?);
    }
    Ok(vec![Row::times(
        "(c) 200 exec steps, to bare execs",
        median(&ours),
        median(&api),
        Target::ratio(ratio(&ours, &api), 1.1),
    )])
}

/// (d): from the word that makes a container write 240 MB to the decision on its last line, to reading that log until then.
async fn log(folder: &Folder, bare: &Bare) -> Result<Vec<Row>> {
    table::say("(d) a log of 240 MB, read while it is written, to its last line");
    let scenario = folder.log()?;
    let (mut ours, mut api, mut peak, mut written) = (Vec::new(), Vec::new(), 0, Vec::new());
    for _ in 0..LOG_ROUNDS {
        let ended = measure::e2erun(folder, &[&shown(&scenario)])?;
        peak = peak.max(ended.peak);
        ours.push(measure::steps(folder, &["exec", "log-assert"])?);
        let (reading, again) = bare.log().await?;
        api.push(reading);
        written.push(again);
    }
    table::say(&format!(
        "    (reading it once more over the bare API, when it was written: {:.2} s)",
        median(&written).as_secs_f64()
    ));
    Ok(vec![
        Row::times(
            "(d) regex on 240 MB of log, to a bare read",
            median(&ours),
            median(&api),
            Target::ratio(ratio(&ours, &api), 1.1),
        ),
        Row::one("(d) peak memory", table::mib(peak), Target::mib(peak, 64)),
    ])
}

/// (e): `check` of 10,000 files of 20 steps.
fn check(folder: &Folder) -> Result<Vec<Row>> {
    table::say("(e) check of 10,000 files of 20 steps");
    let scenarios = folder.many(10_000, 20)?;
    let (mut times, mut peak) = (Vec::new(), 0);
    for _ in 0..CHECK_ROUNDS {
        let ended = measure::e2erun(folder, &["check", &shown(&scenarios)])?;
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
fn version(folder: &Folder) -> Result<Vec<Row>> {
    table::say("e2erun --version");
    let mut times = Vec::new();
    for _ in 0..VERSION_ROUNDS {
        times.push(measure::e2erun(folder, &["--version"])?.time);
    }
    let time = median(&times);
    Ok(vec![Row::one(
        "e2erun --version",
        table::seconds(time),
        Target::time(time, Duration::from_millis(10)),
    )])
}

fn e2erun(folder: &Folder, arguments: &[&str]) -> Result<Duration> {
    Ok(measure::e2erun(folder, arguments)?.time)
}

fn shown(path: &Path) -> String {
    path.display().to_string()
}
