//! `GET /chat/{channel}/events`: the conversation as server-sent events.
//!
//! | event | data | when |
//! |---|---|---|
//! | `token` | the session anew | first, once half of the token's life is over |
//! | `message` | see `format`; the event's id is the position | everything after `Last-Event-ID`, in order |
//! | `ready` | nothing | once, when everything stored so far was sent |
//! | `typing` | `{"on": …}` | an answer is being written, or no longer |
//! | `replaced` | nothing | last, when the visitor opened too many newer streams |
//!
//! The page reads the stream with `fetch`, since an `EventSource` cannot set headers and a token
//! in the address would end up in logs.

use std::{collections::VecDeque, convert::Infallible, sync::Arc, time::Duration};

use axum::{
    extract::State,
    http::{HeaderMap, HeaderName, HeaderValue},
    response::{
        IntoResponse, Response,
        sse::{Event, KeepAlive, Sse},
    },
};
use futures_util::stream;
use serde::Serialize;
use serde_json::json;
use switchboard_core::{ConversationId, Position, ReadError};
use tokio_util::sync::CancellationToken;

use super::{Channel, session, visitor::Visitor};
use crate::{error::ApiError, format, id::VisitorId, streams::OpenStream};

/// How many messages are read at once.
const PAGE: u32 = 200;

/// After how long a stream looks for more without having been woken: what another replica
/// delivered wakes nobody here. Short enough that such an answer does not seem lost, and at one
/// indexed query per open stream in this time, cheap enough for thousands of open pages.
const LOOK_AGAIN: Duration = Duration::from_secs(10);

/// After how long a stream tries again when the store could not be read.
const READ_PAUSE: Duration = Duration::from_secs(2);

/// How often a stream that has nothing to say shows that it lives. The page takes three times as
/// long without a byte for a broken connection.
const HEARTBEAT: Duration = Duration::from_secs(15);

/// After how long the page is asked to come back when the connection breaks.
const RECONNECT: Duration = Duration::from_secs(1);

pub(super) async fn stream(
    State(channel): State<Arc<Channel>>,
    Visitor(claim): Visitor,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let mut reader = Reader::new(&channel, claim.visitor, last_event_id(&headers)?);
    if claim.renew {
        reader.queue.push_back(event("token", &session::issue(&channel, claim.visitor)));
    }
    // Read here, so that a store that cannot be read is an answer, not an empty stream.
    reader.look().await?;
    let events = stream::unfold(reader, |mut reader| async move {
        let event = reader.next().await?;
        Some((Ok::<_, Infallible>(event), reader))
    });
    let unbuffered = [(HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no"))];
    Ok((unbuffered, Sse::new(events).keep_alive(KeepAlive::new().interval(HEARTBEAT))).into_response())
}

/// The position that the page has seen last; none means that it has seen nothing.
fn last_event_id(headers: &HeaderMap) -> Result<Position, ApiError> {
    let Some(value) = headers.get("last-event-id") else { return Ok(Position::default()) };
    let position = value.to_str().ok().and_then(|text| text.parse().ok());
    position.filter(|position| *position >= 0).map(Position).ok_or(ApiError::LastEventId)
}

fn event(name: &'static str, data: &impl Serialize) -> Event {
    Event::default().event(name).json_data(data).expect("what is sent here can be written as JSON")
}

/// One stream: what was read and not sent yet, and where to read on.
struct Reader {
    channel: Arc<Channel>,
    conversation: ConversationId,
    open: OpenStream,
    replaced: CancellationToken,
    queue: VecDeque<Event>,
    /// Everything up to here is in the queue or was sent.
    after: Position,
    look_again: Duration,
    /// Wait for this long, or for a signal, before looking again.
    pause: Option<Duration>,
    /// The repeat of typing that was sent last.
    typing_sent: u64,
    ready_sent: bool,
    ended: bool,
}

impl Reader {
    fn new(channel: &Arc<Channel>, visitor: VisitorId, after: Position) -> Self {
        let mut open = channel.streams.open(visitor.conversation());
        Self {
            channel: channel.clone(),
            conversation: visitor.conversation(),
            replaced: open.replaced(),
            queue: VecDeque::from([Event::default().retry(RECONNECT)]),
            after,
            look_again: jittered(LOOK_AGAIN, visitor),
            pause: None,
            // A page that comes while an answer is being written learns it from the next repeat.
            typing_sent: open.signal().typing_count,
            open,
            ready_sent: false,
            ended: false,
        }
    }

    /// The next event; `None` after the last.
    async fn next(&mut self) -> Option<Event> {
        loop {
            if let Some(event) = self.queue.pop_front() {
                return Some(event);
            }
            if self.ended {
                return None;
            }
            if let Some(pause) = self.pause.take() {
                self.wait(pause).await;
            } else if let Err(ReadError) = self.look().await {
                self.pause = Some(READ_PAUSE);
            }
        }
    }

    /// Puts what is new into the queue. Asks for a pause when there is no more for now.
    async fn look(&mut self) -> Result<(), ReadError> {
        let signal = self.open.signal();
        let entries = self.channel.inbox.history(&self.conversation, self.after, PAGE).await?;
        let more = entries.len() == PAGE as usize;
        for entry in &entries {
            let message = event("message", &format::show(entry));
            self.queue.push_back(message.id(entry.position.to_string()));
            self.after = entry.position;
        }
        if more {
            return Ok(());
        }
        if !self.ready_sent {
            self.ready_sent = true;
            self.queue.push_back(event("ready", &json!({})));
        }
        if self.typing_sent != signal.typing_count {
            self.typing_sent = signal.typing_count;
            self.queue.push_back(event("typing", &json!({ "on": signal.typing })));
        }
        self.pause = Some(self.look_again);
        Ok(())
    }

    /// Waits until there may be more, at most this long.
    async fn wait(&mut self, pause: Duration) {
        tokio::select! {
            () = self.channel.stop.cancelled() => self.ended = true,
            () = self.replaced.cancelled() => {
                self.ended = true;
                self.queue.push_back(event("replaced", &json!({})));
            }
            () = self.open.signalled() => {}
            () = tokio::time::sleep(pause) => {}
        }
    }
}

/// Between 80 and 120 percent of it, the same for all streams of a visitor: streams that were all
/// opened at once, after a restart, then do not all look at once.
fn jittered(duration: Duration, visitor: VisitorId) -> Duration {
    let spread = u32::from(visitor.0.as_bytes()[0]);
    duration * (4 * 255 + 2 * spread) / (5 * 255)
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn jitter_stays_within_a_fifth() {
        let at = |byte| jittered(LOOK_AGAIN, VisitorId(Uuid::from_bytes([byte; 16])));
        assert_eq!((at(0), at(255)), (Duration::from_secs(8), Duration::from_secs(12)));
    }
}
