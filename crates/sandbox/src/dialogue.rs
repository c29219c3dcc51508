//! One dialogue: its messages, its flags, and the webhooks that are still to be sent.

use std::collections::{BTreeSet, VecDeque};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{canned::Change, outbox::Outgoing};

/// Who wrote a message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Author {
    /// The bot.
    #[default]
    Bot,
    /// An operator.
    Operator,
    /// The user.
    User,
}

/// What became of the webhook of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Progress {
    /// It waits, or is repeated until it is answered.
    Waiting,
    /// It was answered with 2xx.
    Delivered,
    /// It was answered with this status, after which it is not repeated.
    Refused(u16),
    /// None was sent.
    NotSent,
}

/// What a dialogue has or has not. The names are the platform's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Flag {
    GetContact,
    Interest,
    Success,
    IsBot,
    Operator,
    Close,
}

impl Flag {
    pub(crate) const ALL: [(Self, &str); 6] = [
        (Self::GetContact, "get_contact"),
        (Self::Interest, "interest"),
        (Self::Success, "success"),
        (Self::IsBot, "is_bot"),
        (Self::Operator, "operator"),
        (Self::Close, "close"),
    ];
}

/// A message of a dialogue.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Message {
    pub(crate) id: String,
    pub(crate) thread_id: String,
    pub(crate) author: Author,
    pub(crate) text: String,
    #[serde(with = "time::serde::rfc3339")]
    pub(crate) at: OffsetDateTime,
    pub(crate) progress: Progress,
}

/// A dialogue. It is the same for one chat for ever; closing it only changes its thread.
#[derive(Debug)]
pub(crate) struct Dialogue {
    pub(crate) chat_id: String,
    pub(crate) task_id: String,
    pub(crate) thread_id: String,
    pub(crate) title: String,
    pub(crate) contacts: Value,
    pub(crate) flags: BTreeSet<Flag>,
    pub(crate) messages: VecDeque<Message>,
    /// Grows with every change, over all dialogues.
    pub(crate) version: u64,
    pub(crate) queue: VecDeque<Outgoing>,
    /// Whether a task is sending what is in the queue.
    pub(crate) working: bool,
}

impl Dialogue {
    pub(crate) fn new(chat_id: &str, task_id: &str) -> Self {
        Self {
            chat_id: chat_id.to_owned(),
            task_id: task_id.to_owned(),
            thread_id: new_thread_id(),
            title: title(chat_id),
            contacts: Value::String(String::new()),
            flags: BTreeSet::new(),
            messages: VecDeque::new(),
            version: 0,
            queue: VecDeque::new(),
            working: false,
        }
    }

    /// A message of the user opens a new thread if the last one is closed.
    pub(crate) fn reopen(&mut self) {
        if self.flags.contains(&Flag::Close) {
            self.flags.clear();
            self.thread_id = new_thread_id();
        }
    }

    pub(crate) fn apply(&mut self, change: Change) {
        match change {
            Change::Nothing => {}
            Change::Operator(true) => _ = self.flags.insert(Flag::Operator),
            Change::Operator(false) => _ = self.flags.remove(&Flag::Operator),
            Change::Contact => {
                self.flags.extend([Flag::GetContact, Flag::Interest]);
                self.contacts = json!({"phone": "+1 555 0100", "username": self.title});
            }
            Change::Close => self.flags.extend([Flag::Close, Flag::Success]),
        }
    }

    /// Adds a message to those that are shown, and forgets the oldest ones over the limit.
    pub(crate) fn remember(&mut self, message: Message, limit: usize) {
        self.messages.push_back(message);
        while self.messages.len() > limit {
            self.messages.pop_front();
        }
    }

    pub(crate) fn set_progress(&mut self, message_id: &str, progress: Progress) {
        // The newest ones are the ones in question.
        if let Some(message) = self.messages.iter_mut().rev().find(|message| message.id == message_id) {
            message.progress = progress;
        }
    }
}

/// A number with more digits than number types hold, as the platform's ids look.
fn new_thread_id() -> String {
    Uuid::new_v4().as_u128().to_string()
}

/// A name for the user, of whom nothing is known but the chat's id.
fn title(chat_id: &str) -> String {
    let letters: Vec<char> = chat_id.chars().filter(|c| c.is_alphanumeric()).collect();
    let last = &letters[letters.len().saturating_sub(6)..];
    format!("Visitor {}", last.iter().collect::<String>())
}
