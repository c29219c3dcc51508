//! One bot as the test sees it.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::faults::{Fault, Plan, Rule};
use super::journal::{Call, Sent};
use super::rates::{Meters, Rates};
use super::state::Shared;
use crate::wait::wait_for;

/// One bot: who there is for it, what it did, and what goes wrong for it. Clones are the same bot.
#[derive(Clone)]
pub struct Bot(Arc<Shared>);

impl fmt::Debug for Bot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bot").field("id", &self.0.id).finish_non_exhaustive()
    }
}

impl Bot {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self(shared)
    }

    pub(super) fn shared(&self) -> &Shared {
        &self.0
    }

    pub(super) fn add_rule(&self, rule: Rule) {
        self.0.lock().rules.push(rule);
    }

    /// The bot's own id as a user, and its application's.
    pub fn id(&self) -> u64 {
        self.0.id
    }

    /// What to write to mention it.
    pub fn mention(&self) -> String {
        format!("<@{}>", self.0.id)
    }

    /// Whether the developer portal grants the intent MESSAGE_CONTENT. Without it the gateway closes sessions that ask
    /// for it (4014), and calls do not show what people wrote to others.
    pub fn reads_content(&self, granted: bool) {
        self.0.lock().reads_content = granted;
    }

    /// How long a nonce is remembered. Five minutes at first; Discord says "the past few minutes".
    pub fn remembers_nonces_for(&self, window: Duration) {
        self.0.lock().nonce_window = window;
    }
}

/// The journal.
impl Bot {
    /// All calls of a route, for example `POST /channels/*/messages`, in the order they came.
    pub fn calls(&self, route: &str) -> Vec<Call> {
        self.0.lock().journal.calls.iter().filter(|call| *call.route == *route).cloned().collect()
    }

    /// All calls in the order they came.
    pub fn all_calls(&self) -> Vec<Call> {
        self.0.lock().journal.calls.clone()
    }

    /// All messages that were accepted, in that order. One that was sent again with its nonce is there once.
    pub fn sent(&self) -> Vec<Sent> {
        self.0.lock().journal.sent.clone()
    }

    /// The messages that were accepted for one channel, in that order.
    pub fn sent_to(&self, channel_id: u64) -> Vec<Sent> {
        self.0.lock().journal.sent.iter().filter(|sent| sent.channel_id == channel_id).cloned().collect()
    }

    /// The texts that were accepted for one channel, in that order.
    pub fn texts_to(&self, channel_id: u64) -> Vec<String> {
        self.sent_to(channel_id).iter().map(|sent| sent.content().to_owned()).collect()
    }

    /// How many messages were accepted.
    pub fn sent_count(&self) -> usize {
        self.0.lock().journal.sent.len()
    }

    /// Waits until `count` messages were accepted in all, and returns all that were.
    pub async fn wait_for_sent(&self, count: usize, limit: Duration) -> Vec<Sent> {
        let what = format!("{count} messages from the bot");
        wait_for(&what, limit, async || (self.sent_count() >= count).then(|| self.sent())).await
    }

    /// Waits until a route was called `count` times in all, and returns its calls.
    pub async fn wait_for_calls(&self, route: &str, count: usize, limit: Duration) -> Vec<Call> {
        let what = format!("{count} calls of {route}");
        let enough = async || Some(self.calls(route)).filter(|calls| calls.len() >= count);
        wait_for(&what, limit, enough).await
    }
}

/// What goes wrong.
impl Bot {
    /// Plans a fault; the plan's last word says when. Where several are due, the oldest occurs.
    pub fn plan(&self, fault: Fault) -> Plan<'_> {
        Plan::new(self, fault)
    }

    /// Ends all faults that were planned.
    pub fn heals(&self) {
        self.0.lock().rules.clear();
    }

    /// Sets limits, or lifts them. None at first: every answer then says that its bucket is nearly full.
    pub fn limit(&self, rates: Option<Rates>) {
        self.0.lock().meters = rates.map(Meters::new);
    }
}
