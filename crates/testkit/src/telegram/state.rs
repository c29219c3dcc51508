//! What the server knows for one bot, behind one lock.

use std::collections::{HashMap, VecDeque};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::{Map, Value, json};
use tokio::sync::Notify;
use tokio::time::Instant;

use super::answer::Refusal;
use super::chats::{ChatState, Letter};
use super::delivery::{Backoff, Courier, deliver};
use super::faults::Rule;
use super::journal::Journal;
use super::polling::Polling;
use super::rates::Meters;
use super::updates::{Update, Updates};
use super::webhook::Hook;

/// One bot. Handles and connections share it.
pub(super) struct Shared {
    pub(super) id: i64,
    pub(super) username: String,
    /// Told when an update came or when the poll that waits must look again.
    pub(super) wake: Notify,
    pub(super) courier: Courier,
    state: Mutex<State>,
}

/// The part that changes.
pub(super) struct State {
    pub(super) users: HashMap<i64, Value>,
    pub(super) chats: HashMap<i64, ChatState>,
    pub(super) updates: Updates,
    pub(super) hook: Option<Arc<Hook>>,
    /// What waits for the webhook, by chat.
    pub(super) lanes: HashMap<i64, VecDeque<Update>>,
    /// When the webhook last failed (in seconds since 1970), and why.
    pub(super) webhook_error: Option<(u64, String)>,
    /// Where deliveries go instead of to the webhook's host.
    pub(super) webhook_target: Option<SocketAddr>,
    pub(super) next_webhook: Option<Instant>,
    pub(super) backoff: Backoff,
    pub(super) polling: Polling,
    pub(super) journal: Journal,
    pub(super) rules: Vec<Rule>,
    pub(super) meters: Option<Meters>,
    /// `can_read_all_group_messages`.
    pub(super) reads_all: bool,
    last_id: i64,
}

impl Shared {
    pub(super) fn new(id: i64, courier: Courier) -> Self {
        let username = format!("stand_in_{id}_bot");
        let me = json!({ "id": id, "is_bot": true, "first_name": "Stand-in", "username": username });
        let state = State {
            users: HashMap::from([(id, me)]),
            chats: HashMap::new(),
            updates: Updates::new(),
            hook: None,
            lanes: HashMap::new(),
            webhook_error: None,
            webhook_target: None,
            next_webhook: None,
            backoff: Backoff { first: Duration::from_millis(20), longest: Duration::from_secs(1) },
            polling: Polling::default(),
            journal: Journal::default(),
            rules: Vec::new(),
            meters: None,
            reads_all: false,
            last_id: 0,
        };
        Self { id, username, wake: Notify::new(), courier, state: Mutex::new(state) }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        // A test that panicked while it held the lock has failed already.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Queues an update. `None` if the bot does not want its kind.
    pub(super) fn push(self: &Arc<Self>, state: &mut State, body: Map<String, Value>) -> Option<i64> {
        let update = state.updates.admit(body)?;
        let id = update.id;
        if state.hook.is_some() {
            deliver(self, state, update);
        } else {
            state.updates.push(update);
            self.wake.notify_waiters();
        }
        Some(id)
    }
}

impl State {
    /// A number that no user and no group has, for a new one.
    pub(super) fn fresh_id(&mut self) -> i64 {
        self.last_id += 1;
        self.last_id
    }

    /// The chat that a call names.
    pub(super) fn chat(&self, id: Option<i64>) -> Result<&ChatState, Refusal> {
        id.and_then(|id| self.chats.get(&id)).ok_or_else(|| Refusal::bad_request("chat not found"))
    }

    /// Writes into a chat that exists.
    pub(super) fn write(&mut self, chat: i64, letter: Letter) -> (i64, Map<String, Value>) {
        let chat = self.chats.get_mut(&chat).expect("the chat exists");
        chat.write(letter, &self.users)
    }
}
