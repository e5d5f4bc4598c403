//! The swarm that runs made of the engine, and the last of which was killed.

use super::super::{Process, connect, terminal};
use crate::engine::{Engine, EngineResult};
use crate::lease::{Lease, SwarmEnd, leave_swarm, swarm_end};

/// Ends it, or says what would become of it; what is told is empty where there is none of e2erun's.
pub(super) async fn left(
    process: &Process,
    (engine, lease): (&dyn Engine, &Lease),
    dry: bool,
) -> Result<String, String> {
    told(process, (engine, lease), dry)
        .await
        .map_err(|why| format!("the swarm that e2erun made of this engine cannot be ended: {why}"))
}

async fn told(process: &Process, (engine, lease): (&dyn Engine, &Lease), dry: bool) -> Result<String, String> {
    if asked(swarm_end(engine).await)? == SwarmEnd::NotOurs {
        return Ok(String::new());
    }
    let id = asked(engine.info().await)?.id;
    let locks = connect::locks(process, &id);
    let using = locks.use_swarm(|told| terminal::print_error(&format!("note: gc {told}\n")));
    let alone = using.await.and_then(crate::lease::SwarmUse::alone);
    let Some(alone) = alone.map_err(|why| why.to_string())? else {
        return Ok("the swarm that e2erun made of this engine stays: a run uses it\n".to_owned());
    };
    let end = match dry {
        true => swarm_end(engine).await,
        false => leave_swarm(engine, lease).await,
    };
    drop(alone);
    let verb = if dry { "would end" } else { "ended" };
    Ok(match asked(end)? {
        SwarmEnd::NotOurs => String::new(),
        SwarmEnd::LeftNetwork(why) => {
            format!("{verb} the swarm that e2erun made of this engine, but not all that it brought along: {why}\n")
        }
        SwarmEnd::Left => format!("{verb} the swarm that e2erun made of this engine\n"),
        // What of it would be removed first is not sorted out for a look.
        SwarmEnd::Stays(why) if dry => {
            format!("would end the swarm that e2erun made of this engine, if nothing stays in it: now {why}\n")
        }
        SwarmEnd::Stays(why) => format!("the swarm that e2erun made of this engine stays: {why}\n"),
    })
}

fn asked<T>(answer: EngineResult<T>) -> Result<T, String> {
    answer.map_err(|error| error.to_string())
}
