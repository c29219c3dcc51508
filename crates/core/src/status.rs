//! How a channel's connection is doing: published state, not a return value.

use std::{sync::Arc, time::Duration};

use serde::Serialize;
use tokio::{sync::watch, time::Instant};

/// The state of a channel's connection to its platform.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "state", content = "reason")]
pub enum ConnectionState {
    /// Not running on this replica.
    Stopped,
    /// Not connected yet.
    Connecting,
    /// Connected.
    Connected,
    /// The connection broke and is being made again; why.
    Interrupted(String),
    /// The credentials are refused, or another reason for which a person must act; why.
    Unauthorized(String),
}

/// Where an adapter publishes how its connection is doing. Cheap to clone.
#[derive(Clone, Debug)]
pub struct ChannelStatus {
    sender: Arc<watch::Sender<Snapshot>>,
}

#[derive(Clone, Debug)]
struct Snapshot {
    state: ConnectionState,
    progress: Instant,
    expected_within: Option<Duration>,
    undecrypted: usize,
}

impl Default for ChannelStatus {
    fn default() -> Self {
        Self::new()
    }
}

impl ChannelStatus {
    /// A channel that does not run yet.
    pub fn new() -> Self {
        let snapshot = Snapshot {
            state: ConnectionState::Stopped,
            progress: Instant::now(),
            expected_within: None,
            undecrypted: 0,
        };
        Self { sender: Arc::new(watch::Sender::new(snapshot)) }
    }

    /// Publishes a new state. Connecting and connected count as progress.
    pub fn set(&self, state: ConnectionState) {
        self.sender.send_modify(|snapshot| {
            if matches!(state, ConnectionState::Connecting | ConnectionState::Connected) {
                snapshot.progress = Instant::now();
            }
            snapshot.state = state;
        });
    }

    /// Publishes a new state in place of this one. Another one stays.
    pub fn replace(&self, old: &ConnectionState, new: ConnectionState) {
        self.sender.send_if_modified(|snapshot| {
            let replaced = snapshot.state == *old;
            if replaced {
                snapshot.state = new;
            }
            replaced
        });
    }

    /// Stamps a completed round trip with the platform.
    pub fn progress(&self) {
        self.sender.send_modify(|snapshot| snapshot.progress = Instant::now());
    }

    /// Says within which time a healthy connection always completes a round trip. Without it,
    /// silence is no sign of trouble.
    pub fn expect_progress_within(&self, limit: Duration) {
        self.sender.send_modify(|snapshot| snapshot.expected_within = Some(limit));
    }

    /// Says how many messages have come that cannot be decrypted before their keys arrive.
    pub fn set_undecrypted(&self, count: usize) {
        self.sender.send_if_modified(|snapshot| std::mem::replace(&mut snapshot.undecrypted, count) != count);
    }

    /// How many messages have come that cannot be decrypted yet.
    pub fn undecrypted(&self) -> usize {
        self.sender.borrow().undecrypted
    }

    /// The state now.
    pub fn state(&self) -> ConnectionState {
        self.sender.borrow().state.clone()
    }

    /// Why the channel cannot do its job, if it cannot: it is not connected, or it has been
    /// silent for longer than its platform allows.
    pub fn trouble(&self) -> Option<String> {
        let snapshot = self.sender.borrow();
        let silence = snapshot.progress.elapsed();
        match (&snapshot.state, snapshot.expected_within) {
            (ConnectionState::Interrupted(reason), _) => Some(format!("interrupted: {reason}")),
            (ConnectionState::Unauthorized(reason), _) => Some(format!("unauthorized: {reason}")),
            (ConnectionState::Connecting | ConnectionState::Connected, Some(limit)) if silence > limit => {
                Some(format!("no progress for {} s", silence.as_secs()))
            }
            _ => None,
        }
    }

    /// Waits until the state differs from the one that is returned first.
    pub fn subscribe(&self) -> StatusChanges {
        StatusChanges(self.sender.subscribe())
    }
}

/// The changes of a channel's state, one at a time; quick ones in between may be skipped.
pub struct StatusChanges(watch::Receiver<Snapshot>);

impl StatusChanges {
    /// The next state that differs from `last`; `None` when the channel is no more.
    pub async fn next(&mut self, last: &ConnectionState) -> Option<ConnectionState> {
        self.0.wait_for(|snapshot| snapshot.state != *last).await.ok().map(|snapshot| snapshot.state.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_state_that_is_meant_is_replaced() {
        let refused = |why: &str| ConnectionState::Unauthorized(why.to_owned());
        let status = ChannelStatus::new();
        status.set(refused("receiving"));
        status.replace(&refused("sending"), ConnectionState::Connected);
        assert_eq!(status.state(), refused("receiving"));
        status.replace(&refused("receiving"), ConnectionState::Connected);
        assert_eq!(status.state(), ConnectionState::Connected);
    }

    #[tokio::test(start_paused = true)]
    async fn silence_is_trouble_only_where_progress_is_expected() {
        let status = ChannelStatus::new();
        status.set(ConnectionState::Connected);
        tokio::time::advance(Duration::from_hours(1)).await;
        assert_eq!(status.trouble(), None);

        status.expect_progress_within(Duration::from_mins(1));
        assert_eq!(status.trouble().as_deref(), Some("no progress for 3600 s"));
        status.progress();
        assert_eq!(status.trouble(), None);
        status.set(ConnectionState::Interrupted("no route".to_owned()));
        assert_eq!(status.trouble().as_deref(), Some("interrupted: no route"));
    }
}
