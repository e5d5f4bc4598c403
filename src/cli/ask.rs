//! `e2erun ask-here`: what a helper container runs, so that a question is asked from within its network. Not for people.

use std::io::Read;

use super::terminal;
use crate::net::{Asked, RealNet};

/// Reads a question, asks it, prints what it came to; with `stay` it only keeps its container running.
pub(crate) fn ask(stay: bool) -> u8 {
    if stay {
        loop {
            std::thread::park();
        }
    }
    match told() {
        Ok(text) => {
            terminal::print(&text);
            0
        }
        Err(why) => terminal::refuse(&format!("cannot ask: {why}")),
    }
}

fn told() -> std::io::Result<String> {
    let mut text = Vec::new();
    std::io::stdin().read_to_end(&mut text)?;
    let asked: Asked = serde_json::from_slice(&text)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let told = runtime.block_on(asked.ask(&RealNet::default()));
    // A look-up of a name that goes on is nobody's any more.
    runtime.shutdown_background();
    Ok(serde_json::to_string(&told)?)
}
