//! `POST /channels/*/messages` and what else a bot does in a channel.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value};
use tokio::time::Instant;

use super::answer::{Outcome, Refusal};
use super::channels::ChannelState;
use super::gateway::{Event, intents};
use super::journal::Sent;
use super::messages::{Letter, Pings};
use super::permissions::Permission;
use super::request::Request;
use super::snowflake::id_of;
use super::state::{Shared, State};

/// The longest text, in code points.
const LONGEST: usize = 2000;
/// The longest nonce, in characters.
const LONGEST_NONCE: usize = 25;
/// How long typing is shown.
const TYPING: Duration = Duration::from_secs(10);
/// `SUPPRESS_EMBEDS` and `SUPPRESS_NOTIFICATIONS`, the flags that this server knows.
const FLAGS: u64 = 1 << 2 | 1 << 12;
/// Types of messages that can be replied to: ordinary ones, replies, and the answers to commands.
const REPLIABLE: [u64; 4] = [0, 19, 20, 23];

pub(super) fn create_message(bot: &Shared, request: &Request) -> Outcome {
    let content = content(request)?;
    let pings = pings(request)?;
    let (nonce, enforced) = nonce(request)?;
    let flags = flags(request)?;
    let now = Instant::now();

    let mut state = bot.lock();
    let id = request.id(0);
    let channel = state.writable(id)?;
    let reply_to = replied(&state, channel, request)?;
    let wake = wakes(channel)?;
    if let Some((place, message)) =
        nonce.as_ref().filter(|_| enforced).and_then(|nonce| state.known(nonce, now))
    {
        return Ok(state.show(place, message, true));
    }
    let mut fields = Map::new();
    fields.extend(flags.map(|flags| ("flags".to_owned(), flags.into())));
    fields.extend(nonce.clone().map(|nonce| ("nonce".to_owned(), nonce)));
    if wake {
        state.unarchive(id);
    }
    let message = state.write(id, Letter { author: bot.id, content, reply_to, pings, fields });
    if let Some(nonce) = nonce.filter(|_| enforced) {
        state.nonces.insert(key(&nonce), (now, id, message));
    }
    let place = &state.channels[&id];
    let shown = state.show(place, &place.messages[&message], true);
    state.journal.sent.push(Sent {
        channel_id: id,
        message_id: message,
        body: Arc::clone(&request.body),
        message: Arc::new(shown.clone()),
        at: now,
    });
    state.announce("MESSAGE_CREATE", id, message);
    Ok(shown)
}

pub(super) fn trigger_typing(bot: &Shared, request: &Request) -> Outcome {
    let mut state = bot.lock();
    state.writable(request.id(0))?;
    state.channel_mut(request.id(0)).typing_until = Some(Instant::now() + TYPING);
    Ok(Value::Null)
}

pub(super) fn open_direct(bot: &Shared, request: &Request) -> Outcome {
    let mut state = bot.lock();
    let recipient = request.body_id("recipient_id").filter(|user| state.users.contains_key(user));
    let recipient = recipient.filter(|user| *user != bot.id);
    let recipient = recipient.ok_or_else(|| Refusal::new(400, 50033, "Invalid Recipient(s)"))?;
    let id = state.direct(recipient);
    Ok(state.show_channel(&state.channels[&id]))
}

/// The text, without white space at its ends.
fn content(request: &Request) -> Result<String, Refusal> {
    let content = request.text("content")?.unwrap_or_default();
    if content.chars().count() > LONGEST {
        let message = "Must be 2000 or fewer in length.";
        return Err(Refusal::invalid("content", "BASE_TYPE_MAX_LENGTH", message));
    }
    for field in ["embeds", "components", "sticker_ids", "attachments", "poll"] {
        let given =
            request.field(field).is_some_and(|value| value.as_array().is_none_or(|list| !list.is_empty()));
        if given {
            // Better than to take what Discord might refuse.
            return Err(Refusal::invalid(
                field,
                "UNKNOWN_TO_THE_STAND_IN",
                "This server knows nothing but text.",
            ));
        }
    }
    match content.trim() {
        "" => Err(Refusal::new(400, 50006, "Cannot send an empty message")),
        content => Ok(content.to_owned()),
    }
}

fn flags(request: &Request) -> Result<Option<u64>, Refusal> {
    let Some(flags) = request.field("flags") else { return Ok(None) };
    let known = flags.as_u64().filter(|flags| flags & !FLAGS == 0);
    let refusal = || Refusal::invalid("flags", "BASE_TYPE_CHOICES", "This server does not know these flags.");
    known.map(Some).ok_or_else(refusal)
}

/// The nonce, and whether no second message may have it.
fn nonce(request: &Request) -> Result<(Option<Value>, bool), Refusal> {
    let Some(nonce) = request.field("nonce") else { return Ok((None, false)) };
    if !nonce.is_string() && !nonce.is_i64() && !nonce.is_u64() {
        let message = "Nonce must be a string or an integer.";
        return Err(Refusal::invalid("nonce", "NONCE_TYPE_INVALID", message));
    }
    if key(nonce).chars().count() > LONGEST_NONCE {
        let message = "Nonce must be 25 or fewer in length.";
        return Err(Refusal::invalid("nonce", "NONCE_TYPE_TOO_LONG", message));
    }
    Ok((Some(nonce.clone()), request.field("enforce_nonce") == Some(&Value::Bool(true))))
}

/// The same for a number as for its digits.
fn key(nonce: &Value) -> String {
    nonce.as_str().map_or_else(|| nonce.to_string(), str::to_owned)
}

/// Whom the message may notify. Where the call does not say, all whom it names.
fn pings(request: &Request) -> Result<Pings, Refusal> {
    let Some(allowed) = request.field("allowed_mentions") else { return Ok(Pings::ALL) };
    let kinds = allowed.get("parse").and_then(Value::as_array).cloned();
    let parsed = |kind: &str| match &kinds {
        Some(kinds) => kinds.iter().any(|parsed| parsed == kind),
        // Only an object that says nothing of users and roles leaves everything as it is.
        None => allowed.get("users").is_none() && allowed.get("roles").is_none(),
    };
    let ids = |field: &str| -> Vec<u64> {
        allowed.get(field).and_then(Value::as_array).into_iter().flatten().filter_map(id_of).collect()
    };
    let list = |field: &'static str| {
        let named = ids(field);
        if kinds.is_some() && parsed(field) && !named.is_empty() {
            let message = format!("parse:[\"{field}\"] and {field}: [ids...] are mutually exclusive.");
            return Err(Refusal::invalid(
                "allowed_mentions",
                "MESSAGE_ALLOWED_MENTIONS_PARSE_EXCLUSIVE",
                &message,
            ));
        }
        Ok((!parsed(field)).then_some(named))
    };
    Ok(Pings {
        everyone: parsed("everyone"),
        users: list("users")?,
        roles: list("roles")?,
        replied: allowed.get("replied_user") == Some(&Value::Bool(true)),
    })
}

/// The message that is replied to. `None` also where it is gone and the call does not mind.
fn replied(state: &State, channel: &ChannelState, request: &Request) -> Result<Option<u64>, Refusal> {
    let Some(reference) = request.field("message_reference") else { return Ok(None) };
    let invalid = |code, message| Refusal::invalid("message_reference", code, message);
    let id = reference.get("message_id").and_then(id_of);
    let id = id.ok_or_else(|| invalid("BASE_TYPE_REQUIRED", "This field is required"))?;
    if reference.get("type").is_some_and(|kind| *kind != 0) {
        return Err(invalid("MESSAGE_REFERENCE_TYPE_UNKNOWN", "This server knows replies only."));
    }
    let elsewhere = reference.get("channel_id").and_then(id_of).is_some_and(|other| other != channel.id);
    if elsewhere {
        let message = "Cannot reply to a message in a different channel";
        return Err(invalid("REPLIES_CANNOT_REFERENCE_OTHER_CHANNEL", message));
    }
    if !state.may(channel, Permission::ReadMessageHistory) {
        let message = "Cannot reply without permission to read message history";
        return Err(Refusal::new(403, 160_002, message));
    }
    let found = channel.messages.get(&id);
    match found.map(|message| message["type"].as_u64().unwrap_or_default()) {
        Some(kind) if REPLIABLE.contains(&kind) => Ok(Some(id)),
        Some(_) => Err(invalid("REPLIES_CANNOT_REPLY_TO_SYSTEM_MESSAGE", "Cannot reply to a system message")),
        None if reference.get("fail_if_not_exists") == Some(&Value::Bool(false)) => Ok(None),
        None => Err(invalid("REPLIES_UNKNOWN_MESSAGE", "Unknown message")),
    }
}

/// Whether a message takes the thread out of the archive.
fn wakes(channel: &ChannelState) -> Result<bool, Refusal> {
    match channel.thread {
        Some(thread) if thread.archived && thread.locked => {
            Err(Refusal::new(400, 50083, "Thread is archived"))
        }
        Some(thread) if thread.locked => Err(Refusal::new(403, 160_005, "This thread is locked")),
        Some(thread) => Ok(thread.archived),
        None => Ok(false),
    }
}

impl State {
    /// The message that was sent with this nonce within the window.
    fn known(&self, nonce: &Value, now: Instant) -> Option<(&ChannelState, &Map<String, Value>)> {
        let (then, channel, message) = self.nonces.get(&key(nonce))?;
        let place = self.channels.get(channel).filter(|_| now < *then + self.nonce_window)?;
        Some((place, place.messages.get(message)?))
    }

    pub(super) fn unarchive(&mut self, id: u64) {
        if let Some(thread) = &mut self.channel_mut(id).thread {
            thread.archived = false;
        }
        self.tell_of_channel("THREAD_UPDATE", id);
    }

    /// Tells of a channel or a thread by an event whose content it is.
    pub(super) fn tell_of_channel(&mut self, event: &'static str, id: u64) {
        let channel = &self.channels[&id];
        if channel.thread.is_some() && !self.may(channel, Permission::ViewChannel) {
            return;
        }
        let event = Event::new(event, intents::GUILDS, channel.guild, &self.show_channel(channel));
        self.dispatch(&event);
    }
}
