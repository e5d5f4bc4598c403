//! A word over tcp: something is sent, and what comes is read.

use std::time::Duration;

use bytes::Bytes;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::connect::{Stream, Target, open};
use super::fault::{Progress, net_error};
use super::read::{Reading, on_a_line};
use super::{MAX_KEPT, NetError};

/// How long a fresh connection is listened to for its end, where nothing is said on it: a port that Docker publishes
/// opens whether or not anything listens in the container, and is closed at once when nothing does.
const FIRST_WORD: Duration = Duration::from_millis(100);

/// What is waited for where nothing says how far to read.
pub(crate) const ITS_END: &str = "the other side's end";

/// See [`super::Net::tcp`].
pub(super) async fn talk(
    target: &Target,
    send: &[u8],
    until: Option<&str>,
    progress: &Progress,
) -> Result<Bytes, NetError> {
    let mut stream = open(target, progress).await?;
    if send.is_empty() && until.is_none() {
        return listen_shortly(stream, target).await;
    }
    progress.at(format!("connected to {target}, sending"));
    let failed = |error| net_error(&format!("talking to {target}"), &error);
    stream.write_all(send).await.map_err(failed)?;
    let mut read = Reading::default();
    let mut piece = vec![0; 64 * 1024];
    loop {
        let waits_for = until.map_or(ITS_END.to_owned(), |until| format!("`{}`", on_a_line(until)));
        progress.at(format!(
            "connected to {target}, waiting for {waits_for}; {}",
            read.tail()
        ));
        let before = read.kept.len();
        let count = stream.read(&mut piece).await.map_err(|error| {
            let error = failed(error);
            NetError {
                message: format!("{}; {}", error.message, read.tail()),
                ..error
            }
        })?;
        let wants_more = read.more(&piece[..count]);
        // The text may have begun in the piece before.
        let from = before.saturating_sub(until.map_or(0, str::len));
        if until.is_some_and(|until| contains(&read.kept[from..], until.as_bytes())) {
            return Ok(read.kept.freeze());
        }
        match (count, until) {
            (0, Some(_)) => {
                let message = format!("{target} ended the connection before {waits_for} came; {}", read.tail());
                return Err(NetError { kind: "reset", message });
            }
            (0, None) => return Ok(read.kept.freeze()),
            _ if !wants_more || (until.is_some() && read.kept.len() == MAX_KEPT) => {
                let message = format!("{target} sent {} bytes without {waits_for}", read.length);
                return Err(NetError { kind: "other", message });
            }
            _ => {}
        }
    }
}

/// A connection that opened is open unless it is ended at once without a word.
async fn listen_shortly(mut stream: Box<dyn Stream>, target: &Target) -> Result<Bytes, NetError> {
    let mut first = [0];
    match tokio::time::timeout(FIRST_WORD, stream.read(&mut first)).await {
        Ok(Ok(0)) => {
            let message = format!("{target} ended the connection as soon as it was open, without a word");
            Err(NetError { kind: "reset", message })
        }
        Ok(Err(error)) => Err(net_error(
            &format!("{target} ended the connection as soon as it was open"),
            &error,
        )),
        Ok(Ok(_)) | Err(_) => Ok(Bytes::new()),
    }
}

fn contains(text: &[u8], part: &[u8]) -> bool {
    part.is_empty() || text.windows(part.len()).any(|window| window == part)
}
