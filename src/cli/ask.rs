//! `e2erun ask-here`: what a helper container runs, so that a question is asked from within its network. Not for people.

use std::io::{self, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;

use super::terminal;
use crate::net::{Asked, RealNet};
use crate::step::inside::GREETING;

/// Reads questions, a line each, asks them and prints what they came to, until no more come; with `stay` it only keeps its
/// container running.
pub(crate) fn ask(stay: bool) -> u8 {
    if stay {
        loop {
            std::thread::park();
        }
    }
    for question in io::stdin().lines() {
        match question.and_then(|question| told(&question)) {
            Ok(text) => terminal::print(&format!("{text}\n")),
            Err(why) => return terminal::refuse(&format!("cannot ask: {why}")),
        }
    }
    0
}

/// Greets every connection to a port, for who looks whether one comes through.
pub(crate) fn answer(port: u16) -> u8 {
    match TcpListener::bind(("0.0.0.0", port)) {
        Ok(listener) => {
            listener.incoming().for_each(greet);
            0
        }
        Err(why) => terminal::refuse(&format!("cannot listen on port {port}: {why}")),
    }
}

/// Who has gone by then needs no greeting.
fn greet(connection: io::Result<TcpStream>) {
    drop(connection.and_then(|mut connection| connection.write_all(GREETING.as_bytes())));
}

/// Removes what is in a folder: of what containers wrote there as another user, only a container can.
pub(crate) fn empty(folder: &Path) -> u8 {
    match emptied(folder) {
        Ok(()) => 0,
        Err(why) => terminal::refuse(&format!("cannot empty `{}`: {why}", folder.display())),
    }
}

fn emptied(folder: &Path) -> io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        match entry.file_type()?.is_dir() {
            true => std::fs::remove_dir_all(entry.path())?,
            false => std::fs::remove_file(entry.path())?,
        }
    }
    Ok(())
}

fn told(question: &str) -> io::Result<String> {
    let asked: Asked = serde_json::from_str(question)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let told = runtime.block_on(asked.ask(&RealNet::default()));
    // A look-up of a name that goes on is nobody's any more.
    runtime.shutdown_background();
    Ok(serde_json::to_string(&told)?)
}

#[cfg(test)]
mod tests {
    use std::io::Read;
    use std::net::{TcpListener, TcpStream};

    use super::{GREETING, greet};

    #[test]
    fn who_connects_is_greeted() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut asking = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        greet(listener.accept().map(|(connection, _)| connection));
        let mut told = String::new();
        asking.read_to_string(&mut told).unwrap();
        assert_eq!(told, GREETING);
    }
}
