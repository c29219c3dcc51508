//! One dialogue: its messages, its flags, and the webhooks that are still to be sent.

use std::collections::{BTreeSet, VecDeque};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{canned::Change, contact::Contact, outbox::Outgoing};

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
    /// It waits for its turn, or for its answer.
    Waiting,
    /// It was not taken, and is repeated until it is.
    Repeated {
        /// How often it was tried.
        attempts: u32,
        /// What it was answered with at last. `None`: there was no answer.
        status: Option<u16>,
    },
    /// It was answered with 2xx.
    Delivered,
    /// It was answered with this status, after which it is not repeated.
    Refused(u16),
    /// None was sent.
    NotSent,
}

/// What a dialogue has or has not. The names are the platform's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
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

/// Who answers in a dialogue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Phase {
    Ai,
    Operator,
    Closed,
}

/// A message of a dialogue, or a change of it that nobody put into words.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Message {
    pub(crate) id: String,
    pub(crate) thread_id: String,
    /// `None`: it only notes a change. The user does not get to see it.
    pub(crate) author: Option<Author>,
    pub(crate) text: String,
    #[serde(with = "time::serde::rfc3339")]
    pub(crate) at: OffsetDateTime,
    /// Whether the user left a contact in it.
    pub(crate) contact: bool,
    pub(crate) progress: Progress,
    /// The state's version when it was added or changed.
    pub(crate) version: u64,
}

/// A dialogue. It is the same for one chat for ever; closing it only changes its thread.
#[derive(Debug)]
pub(crate) struct Dialogue {
    pub(crate) chat_id: String,
    pub(crate) task_id: String,
    pub(crate) thread_id: String,
    pub(crate) title: String,
    pub(crate) contact: Contact,
    pub(crate) flags: BTreeSet<Flag>,
    pub(crate) messages: VecDeque<Message>,
    /// How many messages of the user no operator has looked at.
    pub(crate) unread: u32,
    /// Grows with every change, over all dialogues.
    pub(crate) version: u64,
    /// The version of the last message.
    pub(crate) spoke: u64,
    pub(crate) queue: VecDeque<Outgoing>,
    /// Whether a task is sending what is in the queue.
    pub(crate) working: bool,
    /// Whether the first one in the queue had to be repeated.
    pub(crate) failing: bool,
}

impl Dialogue {
    pub(crate) fn new(chat_id: &str, task_id: &str) -> Self {
        Self {
            chat_id: chat_id.to_owned(),
            task_id: task_id.to_owned(),
            thread_id: new_thread_id(),
            title: title(chat_id),
            contact: Contact::default(),
            flags: BTreeSet::new(),
            messages: VecDeque::new(),
            unread: 0,
            version: 0,
            spoke: 0,
            queue: VecDeque::new(),
            working: false,
            failing: false,
        }
    }

    pub(crate) fn phase(&self) -> Phase {
        if self.flags.contains(&Flag::Close) {
            Phase::Closed
        } else if self.flags.contains(&Flag::Operator) {
            Phase::Operator
        } else {
            Phase::Ai
        }
    }

    /// A message of the user opens a new thread if the last one is closed.
    pub(crate) fn reopen(&mut self) {
        if self.flags.contains(&Flag::Close) {
            self.flags.clear();
            self.thread_id = new_thread_id();
        }
    }

    /// The last message that somebody wrote.
    pub(crate) fn last_said(&self) -> Option<&Message> {
        self.messages.iter().rev().find(|message| message.author.is_some())
    }

    /// Sets a flag; returns whether that changed it.
    pub(crate) fn set(&mut self, flag: Flag, value: bool) -> bool {
        if value { self.flags.insert(flag) } else { self.flags.remove(&flag) }
    }

    pub(crate) fn apply(&mut self, change: Change) {
        match change {
            Change::Nothing => {}
            Change::Operator(operator) => _ = self.set(Flag::Operator, operator),
            Change::Contact => {
                self.flags.extend([Flag::GetContact, Flag::Interest]);
                "+1 555 0100".clone_into(&mut self.contact.phone);
            }
            Change::Close => self.flags.extend([Flag::Close, Flag::Success]),
        }
    }

    /// Notes how the user can be reached, if anything of it is known; returns whether it is.
    pub(crate) fn capture(&mut self, contact: Contact) -> bool {
        if contact.is_empty() {
            return false;
        }
        self.contact.update(contact);
        self.flags.insert(Flag::GetContact);
        true
    }

    /// The contact as webhooks have it: an object, or an empty string if there is none.
    pub(crate) fn contacts(&self) -> Value {
        let mut contacts = json!({});
        for (name, value) in [("phone", &self.contact.phone), ("email", &self.contact.email)] {
            if !value.is_empty() {
                contacts[name] = json!(value);
            }
        }
        if self.contact.is_empty() {
            return json!("");
        }
        contacts["username"] = json!(self.title);
        contacts
    }

    /// Adds a message to those that are shown, and forgets the oldest ones over the limit.
    pub(crate) fn remember(&mut self, message: Message, limit: usize) {
        self.version = message.version;
        if message.author.is_some() {
            self.spoke = message.version;
        }
        if message.author == Some(Author::User) {
            self.unread = self.unread.saturating_add(1);
        }
        self.messages.push_back(message);
        while self.messages.len() > limit {
            self.messages.pop_front();
        }
    }

    pub(crate) fn set_progress(&mut self, message_id: &str, progress: Progress, version: u64) {
        self.version = version;
        // The newest ones are the ones in question.
        if let Some(message) = self.messages.iter_mut().rev().find(|message| message.id == message_id) {
            message.progress = progress;
            message.version = version;
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
