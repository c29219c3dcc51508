//! `GET /chat/{channel}/events`: the conversation as server-sent events.
//!
//! | event | data | when |
//! |---|---|---|
//! | `token` | the session anew | first, once half of the token's life is over (see `token`) |
//! | `message` | see `format`; the event's id is the position | everything after `Last-Event-ID`, in order |
//! | `ready` | nothing | once, when everything stored so far was sent |
//! | `typing` | `{"on": …}` | an answer is being written, or no longer |
//! | `replaced` | nothing | last, when the visitor opened too many newer streams |
//!
//! The stream ends when the token does, or when the gateway stops. `retry` says when to come back;
//! at a stop it is another time for each page, so that they do not all come back together.
//!
//! The page reads the stream with `fetch`, since an `EventSource` cannot set headers and a token
//! in the address would end up in logs.

use std::{convert::Infallible, io::Write as _, mem, sync::Arc, time::Duration};

use axum::{
    body::{Body, Bytes},
    extract::State,
    http::{HeaderMap, HeaderName, HeaderValue, header},
    response::{IntoResponse, Response},
};
use futures_util::stream;
use serde::Serialize;
use serde_json::json;
use switchboard_core::{ConversationId, Position, ReadError};
use time::OffsetDateTime;

use super::{Channel, session::Session, visitor::Visitor};
use crate::{
    error::ApiError,
    format,
    streams::{End, OpenStream},
    token::Claim,
};

/// How many messages are read at once, at most.
const PAGE: u32 = 50;

/// How much is kept until the page has taken it, in bytes; a single message may be longer. A page that
/// is slow to take it, or never does, must not make it much.
const ENOUGH: usize = 64 * 1024;

/// After how long a page is asked to come back when the connection breaks: this much, and up to as
/// much again.
const RECONNECT: Duration = Duration::from_secs(1);

/// What shows that the stream lives: a comment.
const BEAT: &[u8] = b":\n\n";

pub(super) async fn stream(
    State(channel): State<Arc<Channel>>,
    Visitor(claim): Visitor,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let after = last_event_id(&headers)?;
    channel.limits.stream(&claim.visitor)?;
    let now = (channel.config.clock)();
    let due = claim.is_due(now);
    let claim = if due { claim.renewed(now) } else { claim };
    let mut reader = Reader::new(&channel, &claim, after);
    if due {
        write_event(&mut reader.unsent, "token", None, &Session::new(&channel, &claim, now));
    }
    // Read here, so that a store that cannot be read is an answer, not an empty stream.
    reader.look().await?;
    let events = stream::unfold(reader, |mut reader| async move {
        let bytes = reader.next().await?;
        Some((Ok::<_, Infallible>(bytes), reader))
    });
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream")),
        (HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no")),
    ];
    Ok((headers, Body::from_stream(events)).into_response())
}

/// The position that the page has seen last; none means that it has seen nothing.
fn last_event_id(headers: &HeaderMap) -> Result<Position, ApiError> {
    let Some(value) = headers.get("last-event-id") else { return Ok(Position::default()) };
    let position = value.to_str().ok().and_then(|text| text.parse().ok());
    position.filter(|position| *position >= 0).map(Position).ok_or(ApiError::LastEventId)
}

fn write_event(out: &mut Vec<u8>, name: &str, id: Option<Position>, data: &impl Serialize) {
    const NEVER: &str = "writing to memory cannot fail";
    if let Some(id) = id {
        writeln!(out, "id: {id}").expect(NEVER);
    }
    write!(out, "event: {name}\ndata: ").expect(NEVER);
    // JSON has no line breaks.
    serde_json::to_writer(&mut *out, data).expect("what is sent here can be written as JSON");
    out.extend_from_slice(b"\n\n");
}

fn write_retry(out: &mut Vec<u8>, after: Duration) {
    write!(out, "retry: {}\n\n", after.as_millis()).expect("writing to memory cannot fail");
}

/// One stream: where it is, and what was read and not sent yet.
struct Reader {
    channel: Arc<Channel>,
    conversation: ConversationId,
    open: OpenStream,
    expires: OffsetDateTime,
    unsent: Vec<u8>,
    /// Everything up to here was read.
    after: Position,
    /// Look at once: there was more than is read at once.
    more: bool,
    /// How many messages to read: fewer than usual where they are long.
    page: u32,
    ready: bool,
    ended: bool,
}

impl Reader {
    fn new(channel: &Arc<Channel>, claim: &Claim, after: Position) -> Self {
        let conversation = claim.visitor.conversation();
        let open = channel.streams.open(conversation.clone());
        let mut unsent = Vec::new();
        write_retry(&mut unsent, RECONNECT.mul_f64(1.0 + open.share()));
        channel.attendant.call();
        Self {
            channel: channel.clone(),
            conversation,
            open,
            expires: claim.expires,
            unsent,
            after,
            more: false,
            page: PAGE,
            ready: false,
            ended: false,
        }
    }

    /// What to send next; `None` after the last.
    async fn next(&mut self) -> Option<Bytes> {
        while self.unsent.is_empty() {
            if self.ended {
                return None;
            }
            if !self.more {
                self.open.signalled().await;
            }
            self.act().await;
        }
        Some(mem::take(&mut self.unsent).into())
    }

    /// Does what was signalled.
    async fn act(&mut self) {
        let signal = self.open.take();
        if let Some(end) = signal.end {
            self.ended = true;
            match end {
                End::Replaced => write_event(&mut self.unsent, "replaced", None, &json!({})),
                End::Stopping(retry) => write_retry(&mut self.unsent, retry),
            }
            return;
        }
        if (signal.look || self.more) && self.look().await.is_err() {
            self.open.is_behind();
        }
        if let Some(on) = signal.typing {
            write_event(&mut self.unsent, "typing", None, &json!({ "on": on }));
        }
        if signal.beat {
            // The page comes back with its token, hears that it is no longer good, and begins anew.
            self.ended = self.expires <= (self.channel.config.clock)();
            if self.unsent.is_empty() {
                self.unsent.extend_from_slice(BEAT);
            }
        }
    }

    /// Reads what is new, and says when that was everything.
    async fn look(&mut self) -> Result<(), ReadError> {
        self.more = false;
        let entries = self.channel.inbox.history(&self.conversation, self.after, self.page).await?;
        let mut written = 0_u32;
        for entry in &entries {
            write_event(&mut self.unsent, "message", Some(entry.position), &format::show(entry));
            self.after = entry.position;
            written += 1;
            if self.unsent.len() >= ENOUGH {
                break;
            }
        }
        self.open.has_seen(self.after);
        self.more = written == self.page || entries.len() > written as usize;
        self.page = if self.more { (2 * written).min(PAGE) } else { PAGE };
        if !self.more && !self.ready {
            self.ready = true;
            write_event(&mut self.unsent, "ready", None, &json!({}));
        }
        Ok(())
    }
}
