//! What a test sees of the gateway, and does to it.

use std::time::Duration;

use serde_json::Value;
use tokio::time::Instant;

use super::super::bot::Bot;
use super::super::journal::{Heartbeat, Identify, Resume};
use super::session::{Order, control};
use crate::wait::wait_for;

/// The gateway's journal.
impl Bot {
    /// How many connections have a session now.
    pub fn connections(&self) -> usize {
        self.shared().lock().sessions.iter().filter(|session| session.link.is_some()).count()
    }

    /// All attempts to begin a session.
    pub fn identifies(&self) -> Vec<Identify> {
        self.shared().lock().journal.identifies.clone()
    }

    /// All attempts to go on with a session.
    pub fn resumes(&self) -> Vec<Resume> {
        self.shared().lock().journal.resumes.clone()
    }

    /// All heartbeats of connections with a session.
    pub fn heartbeats(&self) -> Vec<Heartbeat> {
        self.shared().lock().journal.heartbeats.clone()
    }

    /// Waits until so many connections have a session.
    pub async fn wait_for_connections(&self, count: usize, limit: Duration) {
        let what = format!("{count} connections to the gateway");
        wait_for(&what, limit, async || (self.connections() == count).then_some(())).await;
    }

    /// Waits until so many sessions were begun, or refused to begin, in all, and returns the attempts.
    pub async fn wait_for_identifies(&self, count: usize, limit: Duration) -> Vec<Identify> {
        let what = format!("{count} IDENTIFY");
        wait_for(&what, limit, async || Some(self.identifies()).filter(|all| all.len() >= count)).await
    }

    /// Waits until so many sessions were resumed, or refused to be, in all, and returns the attempts.
    pub async fn wait_for_resumes(&self, count: usize, limit: Duration) -> Vec<Resume> {
        let what = format!("{count} RESUME");
        wait_for(&what, limit, async || Some(self.resumes()).filter(|all| all.len() >= count)).await
    }

    /// Waits until so many heartbeats came in all, and returns them.
    pub async fn wait_for_heartbeats(&self, count: usize, limit: Duration) -> Vec<Heartbeat> {
        let what = format!("{count} heartbeats");
        wait_for(&what, limit, async || Some(self.heartbeats()).filter(|all| all.len() >= count)).await
    }
}

/// What happens to connections and sessions.
impl Bot {
    /// Closes all connections with this code. With 4007 and 4009 their sessions end, with any other they can be
    /// resumed.
    pub fn closes_connections(&self, code: u16) {
        self.order(|| Order::Close(code));
    }

    /// Lets go of all connections without a word. The sessions can be resumed.
    pub fn drops_connections(&self) {
        self.order(|| Order::Drop);
    }

    /// Makes zombies of all connections: they stay open, but nothing is read from them and nothing is sent, not even
    /// the answer to a close. The sessions can be resumed, and new connections are well.
    pub fn freezes_connections(&self) {
        let mut state = self.shared().lock();
        for session in &mut state.sessions {
            session.order(Order::Freeze);
            session.link = None;
            session.left_at = Instant::now();
        }
    }

    /// Asks all connections to connect again (op 7).
    pub fn asks_to_reconnect(&self) {
        self.order(|| control(7, &Value::Null));
    }

    /// Asks all connections for a heartbeat at once (op 1).
    pub fn asks_for_heartbeat(&self) {
        self.order(|| control(1, &Value::Null));
    }

    /// Says on all connections that their sessions are invalid (op 9), and whether they may still be resumed. Those
    /// that may not are forgotten, and their connections hear of nothing more.
    pub fn invalidates_sessions(&self, resumable: bool) {
        self.order(|| control(9, &resumable.into()));
        if !resumable {
            self.forgets_sessions();
        }
    }

    /// Forgets all sessions, as after "a few minutes": none can be resumed. Connections are not told.
    pub fn forgets_sessions(&self) {
        self.shared().lock().sessions.clear();
    }

    /// How long a session without a connection can be resumed. Three minutes at first; Discord says "a few".
    pub fn keeps_sessions_for(&self, time: Duration) {
        self.shared().lock().session_life = time;
    }

    /// How many times the bot may still identify, 1,000 at first. Where none is left, IDENTIFY does what Discord
    /// threatens: all sessions end, and the token is no longer good.
    pub fn identifies_left(&self, count: u32) {
        self.shared().lock().identifies_left = count;
    }

    /// The token is no longer good: calls are answered 401, sessions are closed with 4004.
    pub fn revokes_token(&self) {
        self.shared().lock().revoke();
    }

    /// The token is good again.
    pub fn restores_token(&self) {
        self.shared().lock().revoked = false;
    }

    /// Has every session hear any event, whatever its intents. A malformed one is sent as it is.
    pub fn push_event(&self, name: &str, data: &Value) {
        let data = data.to_string();
        for session in &mut self.shared().lock().sessions {
            session.say(name, &data);
        }
    }

    fn order(&self, order: impl Fn() -> Order) {
        for session in &self.shared().lock().sessions {
            session.order(order());
        }
    }
}
