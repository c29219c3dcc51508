//! Reading the homeserver's events: which are messages, who wrote them where, and what they say.
//!
//! An event is read as it came, field by field, and not by the SDK's types: one field that is not as the
//! specification says must not cost more than that event.

mod addressed;
mod content;
mod words;

use matrix_sdk::ruma::{OwnedEventId, OwnedUserId, UserId};
use serde::Deserialize;
use serde_json::{Value, value::RawValue};
use switchboard_core::{Event, Unreadable};
use time::OffsetDateTime;

pub(crate) use addressed::names;
use content::Content;

use crate::{Edited, id};

/// How much of what cannot be read is kept.
const KEPT: usize = 64 * 1024;

/// What an event is for us.
#[derive(Debug)]
pub(crate) enum Read {
    /// A person wrote something.
    Message(Written),
    /// It cannot be read before its key arrives.
    Encrypted(Encrypted),
    /// Somebody asks to verify the account.
    Verification(OwnedEventId),
    /// The account's own membership of the room.
    Membership(Membership),
    /// It is kept for a person to look at.
    Unreadable(Event),
    /// Nobody's words.
    Nothing,
}

/// A message, as far as it can be told from the event alone.
#[derive(Debug)]
pub(crate) struct Written {
    pub(crate) event: OwnedEventId,
    pub(crate) sender: OwnedUserId,
    pub(crate) sent_at: Option<OffsetDateTime>,
    pub(crate) text: String,
    /// The first message of the thread it is in.
    pub(crate) thread: Option<OwnedEventId>,
    /// The message that it answers.
    pub(crate) reply_to: Option<OwnedEventId>,
    /// Whom it mentions, where its author's client says so.
    pub(crate) mentions: Option<Vec<String>>,
    /// What is searched for the account's name.
    pub(crate) spoken: String,
}

/// A message whose key is not there.
#[derive(Debug)]
pub(crate) struct Encrypted {
    pub(crate) event: OwnedEventId,
    pub(crate) sender: OwnedUserId,
    pub(crate) sent_at: Option<OffsetDateTime>,
    pub(crate) session: Option<String>,
    /// The key of the device that wrote it, where its client says so.
    pub(crate) sender_key: Option<String>,
    /// The first message of the thread it is in.
    pub(crate) thread: Option<OwnedEventId>,
}

/// What became of the account in the room.
#[derive(Debug)]
pub(crate) struct Membership {
    pub(crate) event: OwnedEventId,
    pub(crate) joined: bool,
    /// Whether it was in the room before, and only something else about it has changed.
    pub(crate) stayed: bool,
    /// The invitation that it follows.
    pub(crate) replaces: Option<OwnedEventId>,
}

#[derive(Deserialize)]
struct Envelope {
    #[serde(rename = "type")]
    kind: String,
    event_id: OwnedEventId,
    sender: OwnedUserId,
    origin_server_ts: Option<i64>,
    state_key: Option<String>,
    content: Value,
    unsigned: Option<Unsigned>,
}

#[derive(Deserialize)]
struct Unsigned {
    redacted_because: Option<Value>,
    replaces_state: Option<OwnedEventId>,
    prev_content: Option<Value>,
}

/// What may still be readable in an event that is not.
#[derive(Deserialize)]
struct Remains {
    event_id: Option<String>,
}

/// Reads an event. `me` is the account.
pub(crate) fn read(raw: &RawValue, me: &UserId, edited: Edited) -> Read {
    let envelope: Envelope = match serde_json::from_str(raw.get()) {
        Ok(envelope) => envelope,
        Err(error) => return Read::Unreadable(unreadable(raw, &error)),
    };
    if envelope.kind == "m.room.member" {
        return membership(envelope, me);
    }
    // A deleted message has lost its content, and what it was is nobody's business any more.
    let deleted = envelope.unsigned.as_ref().is_some_and(|unsigned| unsigned.redacted_because.is_some());
    if envelope.sender == me || envelope.state_key.is_some() || deleted {
        return Read::Nothing;
    }
    match envelope.kind.as_str() {
        "m.room.encrypted" => encrypted(envelope),
        "m.room.message" | "m.sticker" | "org.matrix.msc3381.poll.start" | "m.poll.start" => {
            message(envelope, raw, me, edited)
        }
        _ => Read::Nothing,
    }
}

fn message(envelope: Envelope, raw: &RawValue, me: &UserId, edited: Edited) -> Read {
    if envelope.content.get("msgtype").and_then(Value::as_str) == Some("m.key.verification.request") {
        let to_us = envelope.content.get("to").and_then(Value::as_str) == Some(me.as_str());
        return if to_us { Read::Verification(envelope.event_id) } else { Read::Nothing };
    }
    let content = match Content::deserialize(&envelope.content) {
        Ok(content) => content,
        Err(error) => return Read::Unreadable(unreadable(raw, &error)),
    };
    let (content, is_edit) = match content.replacement() {
        Some(_) if edited == Edited::Ignore => return Read::Nothing,
        Some(new) => (new, true),
        None => (content, false),
    };
    let Some(words) = words::of(&envelope.kind, &content) else { return Read::Nothing };
    let sent_at = envelope.origin_server_ts.and_then(time);
    let text = if is_edit { format!("[edited message]\n{words}") } else { words };
    Read::Message(Written {
        event: envelope.event_id,
        sender: envelope.sender,
        sent_at,
        text,
        thread: content.thread(),
        reply_to: content.reply_to(),
        spoken: content.spoken(),
        mentions: content.mentions.map(|mentions| mentions.user_ids),
    })
}

fn encrypted(envelope: Envelope) -> Read {
    // Without a text it is not waiting for a key.
    if envelope.content.get("ciphertext").is_none() {
        return Read::Nothing;
    }
    let text = |field: &str| envelope.content.get(field).and_then(Value::as_str).map(str::to_owned);
    Read::Encrypted(Encrypted {
        session: text("session_id"),
        sender_key: text("sender_key"),
        // What it relates to is not encrypted.
        thread: Content::deserialize(&envelope.content).ok().and_then(|content| content.thread()),
        event: envelope.event_id,
        sender: envelope.sender,
        sent_at: envelope.origin_server_ts.and_then(time),
    })
}

fn membership(envelope: Envelope, me: &UserId) -> Read {
    if envelope.state_key.as_deref() != Some(me.as_str()) {
        return Read::Nothing;
    }
    let joined = match envelope.content.get("membership").and_then(Value::as_str) {
        Some("join") => true,
        Some("leave" | "ban") => false,
        _ => return Read::Nothing,
    };
    let (replaces, before) =
        envelope.unsigned.map_or((None, None), |unsigned| (unsigned.replaces_state, unsigned.prev_content));
    let before = before.as_ref().and_then(|before| before.get("membership")).and_then(Value::as_str);
    let stayed = joined && before == Some("join");
    Read::Membership(Membership { event: envelope.event_id, joined, stayed, replaces })
}

fn unreadable(raw: &RawValue, error: &serde_json::Error) -> Event {
    let remains: Option<Remains> = serde_json::from_str(raw.get()).ok();
    let event_id = match remains.and_then(|remains| remains.event_id) {
        Some(event) => id::event(&event),
        None => id::event_of_text(raw.get()),
    };
    Event::Unreadable(Unreadable {
        event_id,
        reason: format!("the event is not as Matrix specifies it: {error}"),
        raw: raw.get().chars().take(KEPT).collect(),
    })
}

/// Milliseconds since 1970, as the homeserver of the author claims.
fn time(millis: i64) -> Option<OffsetDateTime> {
    OffsetDateTime::from_unix_timestamp_nanos(i128::from(millis) * 1_000_000).ok()
}

#[cfg(test)]
mod tests;
