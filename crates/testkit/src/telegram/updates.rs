//! The queue of updates that wait for the bot, and which kinds go into it.

use std::collections::VecDeque;
use std::sync::Arc;

use serde_json::{Map, Value};

use super::params::Params;

/// How far behind the next id an offset may lie and still be understood, as in the real server.
const REMEMBERED: i64 = 200_000;
/// How far ahead of the next id an offset may lie and still be understood.
const AHEAD: i64 = 10;
/// Sent only to bots that ask for them by name.
const UNASKED: [&str; 3] = ["chat_member", "message_reaction", "message_reaction_count"];

/// An update with its id.
#[derive(Clone)]
pub(super) struct Update {
    pub(super) id: i64,
    /// The chat it belongs to: updates of one chat reach a webhook one after another.
    pub(super) chat: i64,
    /// All of it as JSON.
    pub(super) json: Arc<str>,
}

/// Updates that were not confirmed yet.
pub(super) struct Updates {
    next_id: i64,
    waiting: VecDeque<Update>,
    /// `None` is the default choice.
    allowed: Option<Vec<String>>,
}

impl Updates {
    pub(super) fn new() -> Self {
        Self { next_id: random_id(), waiting: VecDeque::new(), allowed: None }
    }

    /// Gives `body` the next id. `None` if the bot does not want updates of its kind.
    pub(super) fn admit(&mut self, mut body: Map<String, Value>) -> Option<Update> {
        body.remove("update_id");
        let (kind, content) =
            body.iter().next().map_or(("", &Value::Null), |(kind, content)| (kind.as_str(), content));
        if !self.wants(kind) {
            return None;
        }
        let chat = chat_of(content);
        let id = self.next_id;
        self.next_id += 1;
        body.insert("update_id".to_owned(), id.into());
        Some(Update { id, chat, json: Value::Object(body).to_string().into() })
    }

    fn wants(&self, kind: &str) -> bool {
        match &self.allowed {
            // What is no update at all is there to see what becomes of it.
            _ if kind.is_empty() => true,
            Some(allowed) => allowed.iter().any(|allowed| allowed == kind),
            None => !UNASKED.contains(&kind),
        }
    }

    pub(super) fn push(&mut self, update: Update) {
        self.waiting.push_back(update);
    }

    /// Confirms what lies before `offset` and returns the JSON list of up to `limit` updates from there.
    /// `None` where nothing waits.
    ///
    /// A negative offset keeps so many of the last ones. One that the queue cannot know confirms nothing.
    pub(super) fn read(&mut self, offset: i64, limit: usize) -> Option<String> {
        if offset < 0 {
            let kept = usize::try_from(-offset).unwrap_or(usize::MAX);
            self.waiting.drain(..self.waiting.len().saturating_sub(kept));
        }
        if offset > 0 && (self.next_id - REMEMBERED..=self.next_id + AHEAD).contains(&offset) {
            while self.waiting.front().is_some_and(|update| update.id < offset) {
                self.waiting.pop_front();
            }
        }
        if self.waiting.is_empty() {
            return None;
        }
        let updates: Vec<&str> = self.waiting.iter().take(limit).map(|update| &*update.json).collect();
        Some(format!("[{}]", updates.join(",")))
    }

    /// Takes over `allowed_updates` where the call has it. An empty list is the default choice again.
    pub(super) fn choose(&mut self, params: &Params) {
        if let Some(Value::Array(kinds)) = params.json("allowed_updates") {
            let kinds: Vec<String> = kinds.iter().filter_map(Value::as_str).map(str::to_owned).collect();
            self.allowed = (!kinds.is_empty()).then_some(kinds);
        }
    }

    pub(super) fn allowed(&self) -> Option<&[String]> {
        self.allowed.as_deref()
    }

    pub(super) fn waiting(&self) -> &VecDeque<Update> {
        &self.waiting
    }

    /// Takes all out, for a webhook, or to forget them.
    pub(super) fn take(&mut self) -> VecDeque<Update> {
        std::mem::take(&mut self.waiting)
    }

    /// Goes on with this id.
    pub(super) fn go_on_from(&mut self, id: i64) {
        self.next_id = id;
    }

    /// Forgets what waits, as after a day, and goes on with an id that has nothing to do with the last, as after a
    /// week without updates.
    pub(super) fn idle_for_a_week(&mut self) {
        self.waiting.clear();
        let last = self.next_id;
        while (self.next_id - last).abs() <= REMEMBERED {
            self.next_id = random_id();
        }
    }
}

/// An id to go on with: positive, and far from both ends of 32 bits.
fn random_id() -> i64 {
    let mut bytes = [0; 4];
    getrandom::fill(&mut bytes).expect("the system has random numbers");
    REMEMBERED + i64::from(u32::from_ne_bytes(bytes) >> 2)
}

/// The chat that an update's content is about, its user's id where there is none, or zero.
fn chat_of(content: &Value) -> i64 {
    let paths = ["/chat/id", "/message/chat/id", "/from/id", "/user/id"];
    paths.iter().find_map(|path| content.pointer(path)?.as_i64()).unwrap_or_default()
}
