//! What a bot was asked, and what it accepted.

use std::sync::Arc;

use serde_json::Value;
use tokio::time::Instant;

use super::delivery::Delivery;
use super::params::Params;

/// One call of a method.
#[derive(Clone, Debug)]
pub struct Call {
    /// The method's name in lower case.
    pub method: Arc<str>,
    /// What it was called with.
    pub params: Arc<Params>,
    /// When it had been read.
    pub at: Instant,
    /// The status it was answered with. `None` until then, and for ever where the answer was withheld.
    pub status: Option<u16>,
}

/// One message that was accepted from the bot.
#[derive(Clone, Debug)]
pub struct Sent {
    /// The chat it is in.
    pub chat_id: i64,
    /// Its id, unique within the chat.
    pub message_id: i64,
    /// The parameters of its `sendMessage`.
    pub params: Arc<Params>,
    /// When it was accepted.
    pub at: Instant,
}

impl Sent {
    /// The text.
    pub fn text(&self) -> &str {
        self.params.text("text").unwrap_or_default()
    }

    /// The topic that it asked for.
    pub fn topic(&self) -> Option<i64> {
        self.params.integer("message_thread_id")
    }

    /// The message that it answers.
    pub fn reply_to(&self) -> Option<i64> {
        self.params.json("reply_parameters")?.get("message_id")?.as_i64()
    }

    /// The entities, empty where there were none.
    pub fn entities(&self) -> Vec<Value> {
        match self.params.json("entities") {
            Some(Value::Array(entities)) => entities,
            _ => Vec::new(),
        }
    }
}

/// All that a bot was asked. Only ever grows.
#[derive(Default)]
pub(super) struct Journal {
    pub(super) calls: Vec<Call>,
    pub(super) sent: Vec<Sent>,
    pub(super) deliveries: Vec<Delivery>,
}

impl Journal {
    /// Writes down a call and returns its place, for [`Journal::answered`].
    pub(super) fn called(&mut self, method: &str, params: &Arc<Params>, at: Instant) -> usize {
        self.calls.push(Call { method: method.into(), params: Arc::clone(params), at, status: None });
        self.calls.len() - 1
    }

    pub(super) fn answered(&mut self, call: usize, status: u16) {
        self.calls[call].status = Some(status);
    }
}
