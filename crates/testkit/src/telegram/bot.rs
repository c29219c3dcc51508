//! One bot as the test sees it.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use super::delivery::{Backoff, Delivery};
use super::faults::{Fault, Plan, Rule};
use super::journal::{Call, Sent};
use super::people::object;
use super::rates::{Meters, Rates};
use super::state::Shared;
use crate::wait::wait_for;

/// One bot: what waits for it, what it did, and what goes wrong for it. Clones are the same bot.
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

    pub(super) fn shared(&self) -> &Arc<Shared> {
        &self.0
    }

    pub(super) fn add_rule(&self, rule: Rule) {
        self.0.lock().rules.push(rule);
    }

    /// The bot's own id as a user.
    pub fn id(&self) -> i64 {
        self.0.id
    }

    /// The bot's name for mentions, without `@`.
    pub fn username(&self) -> &str {
        &self.0.username
    }

    /// Whether privacy mode is off, as `getMe` tells it. Off or on, the bot is told of every message.
    pub fn reads_all_group_messages(&self, reads_all: bool) {
        self.0.lock().reads_all = reads_all;
    }
}

/// Updates.
impl Bot {
    /// Queues any update under the next id, which is returned. A malformed one is queued as it is.
    /// `None` if the bot does not want its kind.
    pub fn push_update(&self, update: Value) -> Option<i64> {
        let mut state = self.0.lock();
        self.0.push(&mut state, object(update))
    }

    /// The ids of the updates that wait: not fetched, not confirmed, or not taken by the webhook.
    pub fn unconfirmed(&self) -> Vec<i64> {
        let state = self.0.lock();
        let waiting = state.updates.waiting().iter().chain(state.lanes.values().flatten());
        let mut ids: Vec<i64> = waiting.map(|update| update.id).collect();
        ids.sort_unstable();
        ids
    }

    /// How many updates wait.
    pub fn unconfirmed_count(&self) -> usize {
        self.0.lock().pending_count()
    }

    /// Whether a long poll waits for an update now.
    pub fn is_polled(&self) -> bool {
        self.0.lock().polling.waiting > 0
    }

    /// A week goes by without updates: what waited is forgotten, and the next id has nothing to do with the last.
    pub fn idle_for_a_week(&self) {
        self.0.lock().updates.idle_for_a_week();
    }

    /// The next update gets this id, up to 2147483647. What waits stays.
    pub fn next_update_has(&self, id: i64) {
        self.0.lock().updates.go_on_from(id);
    }

    /// Whether repeated polls, conflicts and `setWebhook` are slowed down as Telegram does it. On unless switched off.
    pub fn throttled(&self, throttled: bool) {
        self.0.lock().polling.throttled = throttled;
    }
}

/// The webhook.
impl Bot {
    /// The webhook's URL, if one is set.
    pub fn webhook(&self) -> Option<String> {
        self.0.lock().hook.as_ref().map(|hook| hook.url.clone())
    }

    /// All attempts to bring an update to the webhook, in the order in which they ended.
    pub fn deliveries(&self) -> Vec<Delivery> {
        self.0.lock().journal.deliveries.clone()
    }

    /// Whatever its URL is, the webhook is called at this address by plain HTTP, as behind a proxy that ends TLS.
    pub fn webhook_listens_at(&self, address: SocketAddr) {
        self.0.lock().webhook_target = Some(address);
    }

    /// How soon failed deliveries are repeated: after `first`, then twice as late each time, up to `longest`.
    /// Telegram begins with a second and goes up to one or two minutes; the default here is 20 ms and one second.
    pub fn webhook_backoff(&self, first: Duration, longest: Duration) {
        self.0.lock().backoff = Backoff { first, longest };
    }
}

/// The journal.
impl Bot {
    /// All calls of a method, whose name may be in any case, in the order they came.
    pub fn calls(&self, method: &str) -> Vec<Call> {
        let method = method.to_ascii_lowercase();
        self.0.lock().journal.calls.iter().filter(|call| *call.method == *method).cloned().collect()
    }

    /// All calls in the order they came.
    pub fn all_calls(&self) -> Vec<Call> {
        self.0.lock().journal.calls.clone()
    }

    /// All messages that were accepted, in that order.
    pub fn sent(&self) -> Vec<Sent> {
        self.0.lock().journal.sent.clone()
    }

    /// The messages that were accepted for one chat, in that order.
    pub fn sent_to(&self, chat_id: i64) -> Vec<Sent> {
        self.0.lock().journal.sent.iter().filter(|sent| sent.chat_id == chat_id).cloned().collect()
    }

    /// The texts that were accepted for one chat, in that order.
    pub fn texts_to(&self, chat_id: i64) -> Vec<String> {
        self.sent_to(chat_id).iter().map(|sent| sent.text().to_owned()).collect()
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

    /// Waits until a method was called `count` times in all, and returns its calls.
    pub async fn wait_for_calls(&self, method: &str, count: usize, limit: Duration) -> Vec<Call> {
        let what = format!("{count} calls of {method}");
        let enough = async || Some(self.calls(method)).filter(|calls| calls.len() >= count);
        wait_for(&what, limit, enough).await
    }

    /// Waits until a long poll waits for an update.
    pub async fn wait_until_polled(&self, limit: Duration) {
        wait_for("a long poll", limit, async || self.is_polled().then_some(())).await;
    }

    /// Waits until every update was fetched and confirmed, or delivered to the webhook.
    pub async fn wait_until_confirmed(&self, limit: Duration) {
        let what = "all updates to be confirmed";
        wait_for(what, limit, async || (self.unconfirmed_count() == 0).then_some(())).await;
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

    /// Sets the limits for sending, or lifts them. None at first.
    pub fn limit(&self, rates: Option<Rates>) {
        self.0.lock().meters = rates.map(Meters::new);
    }
}
