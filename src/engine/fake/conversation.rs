//! Commands of the fake engine that are spoken with: to each line that they read they give the next answer of their script.

use bytes::Bytes;
use futures_util::{StreamExt, stream};
use tokio::io::{AsyncBufReadExt, BufReader, Lines, ReadHalf, SimplexStream};
use tokio::time::{Instant, sleep_until};

use super::Fake;
use crate::engine::{Conversation, EngineResult, Frame, Stream};

/// The most that is written before somebody reads it.
const BUFFER: usize = 64 * 1024;

impl Fake {
    /// A command that is spoken with in a container.
    pub(super) fn conversation(&self, id: String, command: String) -> Conversation {
        let (read, write) = tokio::io::simplex(BUFFER);
        let from = (self.clone(), id, command, BufReader::new(read).lines());
        let answers = stream::unfold(from, |(fake, id, command, mut lines)| async move {
            let frame = fake.answer(&id, &command, &mut lines).await?;
            Some((frame, (fake, id, command, lines)))
        });
        Conversation {
            input: Box::pin(write),
            output: answers.boxed(),
        }
    }

    /// The answer to the next line; none to the last one, or from a container that has ended.
    async fn answer(
        &self,
        id: &str,
        command: &str,
        lines: &mut Lines<BufReader<ReadHalf<SimplexStream>>>,
    ) -> Option<EngineResult<Frame>> {
        lines.next_line().await.ok().flatten()?;
        let asked = self.with("converse", id, |machine| {
            machine.runs().then(|| machine.answer(command))
        });
        let answer = asked.ok().flatten()?;
        tokio::select! {
            () = sleep_until(Instant::now() + answer.after) => {}
            () = self.ended(id) => return None,
        }
        Some(Ok(Frame {
            stream: Stream::Stdout,
            at: None,
            bytes: Bytes::from([answer.out.as_ref(), b"\n"].concat()),
        }))
    }
}
