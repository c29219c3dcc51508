//! The homeserver as the test sees it.

use std::sync::Arc;
use std::time::Duration;

use super::faults::{Fault, Plan, Rule};
use super::journal::{Call, Sent};
use super::people::User;
use super::rates::{Meters, Rates};
use super::server::FakeMatrix;
use super::state::{SERVER, UserState};
use crate::wait::wait_for;

/// Users.
impl FakeMatrix {
    /// A user who can log in with this name and password.
    pub fn bot(&self, name: &str, password: &str) -> User {
        self.user(name, Some(password.to_owned()))
    }

    /// A person, whose id is made of the name.
    pub fn person(&self, name: &str) -> User {
        self.user(name, None)
    }

    fn user(&self, name: &str, password: Option<String>) -> User {
        let local = name.to_lowercase().replace(|letter: char| !letter.is_ascii_alphanumeric(), "_");
        let id = format!("@{local}:{SERVER}");
        let made = UserState { name: name.to_owned(), password, ..UserState::default() };
        self.shared().lock().users.entry(id.clone()).or_insert(made);
        User::new(Arc::clone(self.shared()), id)
    }

    /// The name of the server, which ends all ids.
    pub fn server_name(&self) -> &'static str {
        SERVER
    }
}

/// The journal.
impl FakeMatrix {
    /// All calls of a route, for example `PUT /rooms/*/send/*/*`, in the order they came.
    pub fn calls(&self, route: &str) -> Vec<Call> {
        self.shared().lock().journal.calls.iter().filter(|call| *call.route == *route).cloned().collect()
    }

    /// All calls in the order they came.
    pub fn all_calls(&self) -> Vec<Call> {
        self.shared().lock().journal.calls.clone()
    }

    /// The routes that were asked for and that the server does not know, each as often as it was.
    pub fn unknown_calls(&self) -> Vec<String> {
        let state = self.shared().lock();
        state.journal.calls.iter().filter(|call| !call.known).map(|call| call.route.to_string()).collect()
    }

    /// All events that were accepted from clients, in that order.
    pub fn sent(&self) -> Vec<Sent> {
        self.shared().lock().journal.sent.clone()
    }

    /// The events that were accepted from clients for one room, in that order.
    pub fn sent_to(&self, room_id: &str) -> Vec<Sent> {
        self.shared().lock().journal.sent.iter().filter(|sent| sent.room_id == room_id).cloned().collect()
    }

    /// The texts that were accepted from clients for one room, in that order.
    pub fn texts_to(&self, room_id: &str) -> Vec<String> {
        self.sent_to(room_id).iter().map(|sent| sent.body().to_owned()).collect()
    }

    /// How many events were accepted from clients.
    pub fn sent_count(&self) -> usize {
        self.shared().lock().journal.sent.len()
    }

    /// Whether a long poll waits for news now.
    pub fn is_polled(&self) -> bool {
        self.shared().lock().polls > 0
    }

    /// Waits until `count` events were accepted from clients in all, and returns all that were.
    pub async fn wait_for_sent(&self, count: usize, limit: Duration) -> Vec<Sent> {
        let what = format!("{count} events from clients");
        wait_for(&what, limit, async || (self.sent_count() >= count).then(|| self.sent())).await
    }

    /// Waits until a route was called `count` times in all, and returns its calls.
    pub async fn wait_for_calls(&self, route: &str, count: usize, limit: Duration) -> Vec<Call> {
        let what = format!("{count} calls of {route}");
        let enough = async || Some(self.calls(route)).filter(|calls| calls.len() >= count);
        wait_for(&what, limit, enough).await
    }

    /// Waits until a long poll waits for news.
    pub async fn wait_until_polled(&self, limit: Duration) {
        wait_for("a long poll", limit, async || self.is_polled().then_some(())).await;
    }
}

/// What goes wrong.
impl FakeMatrix {
    /// Plans a fault; the plan's last word says when. Where several are due, the oldest occurs.
    pub fn plan(&self, fault: Fault) -> Plan<'_> {
        Plan::new(self, fault)
    }

    pub(super) fn add_rule(&self, rule: Rule) {
        self.shared().lock().rules.push(rule);
    }

    /// Ends all faults that were planned. Gates stay as they are.
    pub fn heals(&self) {
        self.shared().lock().rules.clear();
    }

    /// Sets the limit for sending, or lifts it. None at first.
    pub fn limit(&self, rates: Option<Rates>) {
        self.shared().lock().meters = rates.map(Meters::new);
    }

    /// How many events of each room a sync tells of where the client's filter does not say (10 at first, as Synapse
    /// has it), and at most (100 at first). Where there are more, the timeline is limited.
    pub fn timeline_limits(&self, usual: usize, most: usize) {
        self.shared().lock().timeline_limits = (usual, most);
    }
}
