//! Whether an engine's routing mesh works: found by looking. A service of one task, which is this program, publishes a port;
//! where the kernel has no IPVS nobody answers there.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::Env;
use crate::engine::{EngineResult, Labels, Stream, Tool, ToolCall};
use crate::event::Fault;
use crate::lease::{case_labels, clear};
use crate::net::with_port;
use crate::step::{NodeHandle, inside};
use crate::wait::{Pace, every};

/// How long the service may take to run.
const LIMIT: Duration = Duration::from_secs(60);
/// How long a port of a task that runs may take to be answered, at least: where it took long to run, that may, too.
const ANSWERED: Duration = Duration::from_secs(5);
/// Limit of one question.
const QUESTION: Duration = Duration::from_secs(1);
const PACE: Pace = Pace::steady(Duration::from_millis(100));
/// Where the program listens.
const PORT: &str = "8080";

/// Whether it works; the service is gone afterwards.
pub(super) async fn answers(env: &Env) -> Result<bool, Fault> {
    let case = format!("{}-mesh", env.settings.run);
    let node = env.unplaced();
    let labels = case_labels(&env.settings.run, "", &case);
    let label = format!("{}={case}", crate::lease::CASE);
    let found = match start(env, node, (&case, &labels)).await {
        // Who interrupts the run waits for no more than the removal.
        Ok(()) => {
            let looked = env.cancel.run_until_cancelled(look(env, node, &label)).await;
            looked.ok_or_else(|| unknown("the run was ended before that")).flatten()
        }
        Err(fault) => Err(fault),
    };
    let swept = clear(node.engine.as_ref(), &label).await;
    match swept.left.first() {
        Some(left) => Err(unknown(&format!("{} cannot be removed: {}", left.what, left.why))),
        None => found,
    }
}

/// Starts the service: the engine has no call for it in our words, since nobody else makes one.
async fn start(env: &Env, node: &NodeHandle, (name, labels): (&str, &Labels)) -> Result<(), Fault> {
    let engine = node.engine.as_ref();
    let program = env.host.program().await.map_err(|why| unknown(&why.to_string()))?;
    env.lease.wants(&inside::image(&program));
    inside::make_image(engine, env.host.as_ref()).await?;
    let mut arguments: Vec<String> = [
        "service",
        "create",
        "--detach",
        "--no-resolve-image",
        "--stop-signal=KILL",
        "--name",
        name,
    ]
    .map(str::to_owned)
    .to_vec();
    for (label, value) in labels {
        let label = format!("{label}={value}");
        arguments.extend([
            "--label".to_owned(),
            label.clone(),
            "--container-label".to_owned(),
            label,
        ]);
    }
    // The image is on this engine alone.
    let info = engine.info().await.map_err(|error| unknown(&error.to_string()))?;
    arguments.extend([
        format!("--constraint=node.id=={}", info.node),
        format!("--publish=target={PORT}"),
        format!("--entrypoint={}", program.argv.join(" ")),
    ]);
    arguments.extend([
        inside::image(&program),
        inside::WORD.to_owned(),
        "--answer".to_owned(),
        PORT.to_owned(),
    ]);
    let call = ToolCall {
        tool: Tool::Docker,
        arguments,
        env: BTreeMap::new(),
        folder: "/".into(),
        stdin: None,
        limit: LIMIT,
    };
    let ended = engine.tool(call, Arc::new(|_: Stream, _: &str| {})).await;
    let ended = ended.map_err(|error| unknown(&error.to_string()))?;
    match ended.exit {
        Some(0) => Ok(()),
        _ => Err(unknown(ended.stderr.trim())),
    }
}

/// Waits until its task runs, and asks at its port: a connection alone may be one to a proxy with nobody behind it.
async fn look(env: &Env, node: &NodeHandle, label: &str) -> Result<bool, Fault> {
    // What the engine refuses it will refuse again: that is an answer, and only what is not there yet is waited for.
    let begun = Instant::now();
    let running = || async { running(node, label).await.transpose().ok_or(()) };
    let port = every(PACE, Instant::now() + LIMIT, running).await;
    let port = port.map_err(|()| unknown(&unready()))?;
    let port = port.map_err(|error| unknown(&error.to_string()))?;
    let address = with_port(&node.address, port);
    let asked = || async {
        match env.net.tcp(&address, b"", Some(inside::GREETING), QUESTION).await {
            Ok(_) => Ok(Ok(())),
            // It will be none the next time, either, and says nothing of the mesh.
            Err(why) if why.is_request() => Ok(Err(unknown(&why.to_string()))),
            Err(why) => Err(why),
        }
    };
    let patience = ANSWERED.max(2 * begun.elapsed());
    match every(PACE, Instant::now() + patience, asked).await {
        Ok(asked) => asked.map(|()| true),
        Err(_) => Ok(false),
    }
}

/// The port of its service once its task runs.
async fn running(node: &NodeHandle, label: &str) -> EngineResult<Option<u16>> {
    let labels = [label.to_owned()];
    let (services, tasks) = futures_util::try_join!(node.engine.services(&labels), node.engine.tasks(&labels))?;
    let ports = services.iter().flat_map(|service| &service.ports);
    let mut ports = ports.map(|port| port.published).filter(|port| *port > 0);
    Ok(ports
        .next()
        .filter(|_| tasks.iter().any(|task| task.state == "running")))
}

fn unready() -> String {
    format!("its task did not run within {} s", LIMIT.as_secs())
}

fn unknown(why: &str) -> Fault {
    Fault::error(format!("whether the routing mesh works cannot be found out: {why}"))
}
