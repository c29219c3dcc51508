//! What a bot asked for, what was accepted from it, and what its connections did.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;
use tokio::time::Instant;

use super::request::Request;
use super::snowflake::id_of;

/// One call of the REST API.
#[derive(Clone, Debug)]
pub struct Call {
    /// The method and the path below `/api/v10`, with `*` for each id, for example `GET /channels/*/messages`.
    pub route: Arc<str>,
    /// The channel that the path names.
    pub channel_id: Option<u64>,
    /// What stood behind the question mark.
    pub query: Arc<BTreeMap<String, String>>,
    /// The body. `null` where there was none.
    pub body: Arc<Value>,
    /// When it had been read.
    pub at: Instant,
    /// The status it was answered with. `None` until then, and for ever where the answer was withheld.
    pub status: Option<u16>,
}

/// One message that was accepted from the bot.
#[derive(Clone, Debug)]
pub struct Sent {
    /// The channel, the thread or the direct channel it is in.
    pub channel_id: u64,
    /// Its id.
    pub message_id: u64,
    /// What it was sent with.
    pub body: Arc<Value>,
    /// The message as Discord shows it.
    pub message: Arc<Value>,
    /// When it was accepted.
    pub at: Instant,
}

impl Sent {
    /// The text as it is shown: without white space at its ends.
    pub fn content(&self) -> &str {
        self.message["content"].as_str().unwrap_or_default()
    }

    /// The message that it answers. `None` also where that one was gone already.
    pub fn reply_to(&self) -> Option<u64> {
        id_of(&self.message["message_reference"]["message_id"])
    }

    /// The nonce, as it came.
    pub fn nonce(&self) -> Option<&Value> {
        self.body.get("nonce").filter(|nonce| !nonce.is_null())
    }

    /// Whether anybody was notified: a user, a role, or everyone.
    pub fn pings(&self) -> bool {
        let any = |field: &str| self.message[field].as_array().is_some_and(|list| !list.is_empty());
        any("mentions") || any("mention_roles") || self.message["mention_everyone"] == true
    }
}

/// One attempt to begin a session.
#[derive(Clone, Copy, Debug)]
pub struct Identify {
    /// The connection, counted from 1 over the whole server.
    pub connection: u64,
    /// What the bot wants to hear of.
    pub intents: u64,
    /// When it came.
    pub at: Instant,
    /// Whether READY was sent for it.
    pub accepted: bool,
}

/// One attempt to go on with a session.
#[derive(Clone, Debug)]
pub struct Resume {
    /// The connection, counted from 1 over the whole server.
    pub connection: u64,
    /// Whether it came to the address that READY named for it.
    pub at_resume_url: bool,
    /// The session.
    pub session_id: String,
    /// The number of the last event that the bot says it has.
    pub seq: u64,
    /// When it came.
    pub at: Instant,
    /// How many events were sent again. `None` where the session could not go on.
    pub replayed: Option<usize>,
}

/// One sign of life from the bot.
#[derive(Clone, Copy, Debug)]
pub struct Heartbeat {
    /// The connection, counted from 1 over the whole server.
    pub connection: u64,
    /// The number of the last event that the bot says it has.
    pub seq: Option<u64>,
    /// When it came.
    pub at: Instant,
    /// Whether it was acknowledged.
    pub acknowledged: bool,
}

/// All that a bot did. Only ever grows.
#[derive(Default)]
pub(super) struct Journal {
    pub(super) calls: Vec<Call>,
    pub(super) sent: Vec<Sent>,
    pub(super) identifies: Vec<Identify>,
    pub(super) resumes: Vec<Resume>,
    pub(super) heartbeats: Vec<Heartbeat>,
}

impl Journal {
    /// Writes down a call and returns its place, for [`Journal::answered`].
    pub(super) fn called(&mut self, request: &Request, at: Instant) -> usize {
        self.calls.push(Call {
            route: Arc::clone(&request.route),
            channel_id: request.channel(),
            query: Arc::clone(&request.query),
            body: Arc::clone(&request.body),
            at,
            status: None,
        });
        self.calls.len() - 1
    }

    pub(super) fn answered(&mut self, call: usize, status: u16) {
        self.calls[call].status = Some(status);
    }
}
