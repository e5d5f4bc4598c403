//! `e2erun ask-here`: what a helper container runs, so that a question is asked from within its network. Not for people.

use std::io::Read;
use std::path::Path;

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

/// Removes what is in a folder: of what containers wrote there as another user, only a container can.
pub(crate) fn empty(folder: &Path) -> u8 {
    match emptied(folder) {
        Ok(()) => 0,
        Err(why) => terminal::refuse(&format!("cannot empty `{}`: {why}", folder.display())),
    }
}

fn emptied(folder: &Path) -> std::io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        match entry.file_type()?.is_dir() {
            true => std::fs::remove_dir_all(entry.path())?,
            false => std::fs::remove_file(entry.path())?,
        }
    }
    Ok(())
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
