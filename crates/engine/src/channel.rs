//! A channel, as the parts of the engine share it.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use serde::Serialize;
use switchboard_core::{
    ChannelName, ChannelStatus, ConnectionState, ConversationId, Messenger, Notes, Rates,
};
use switchboard_store::{About, Delivery};
use tokio::time::Instant;

use crate::{
    config::{ChannelPolicy, Limits},
    hints::Hints,
    lanes::LanesHandle,
};

/// What is known of a channel before its messenger exists: its rules, its state, and the way into
/// its lanes if this replica runs it.
pub(crate) struct Channel {
    pub(crate) policy: ChannelPolicy,
    pub(crate) status: ChannelStatus,
    /// What its adapters on the replicas tell each other.
    pub(crate) notes: Notes,
    hints: Arc<Hints>,
    messenger: OnceLock<Arc<dyn Messenger>>,
    lanes: Mutex<Option<LanesHandle>>,
}

/// A channel with its messenger.
#[derive(Clone)]
pub(crate) struct Attached {
    pub(crate) channel: Arc<Channel>,
    pub(crate) messenger: Arc<dyn Messenger>,
}

impl Attached {
    /// How fast this conversation may be sent to, and the name under which its rate is counted.
    pub(crate) fn rates(&self, conversation: &ConversationId) -> (Rates, ConversationId) {
        let capabilities = self.messenger.capabilities(conversation);
        let rates = match self.channel.policy.limits {
            Limits::Platform => capabilities.rates,
            Limits::Off => Rates::default(),
            Limits::Rates(rates) => rates,
        };
        (rates, capabilities.rated_as.unwrap_or_else(|| conversation.clone()))
    }
}

/// How a channel is doing, as far as this replica knows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ChannelHealth {
    /// The channel.
    pub channel: ChannelName,
    /// Whether this replica runs it.
    pub owned: bool,
    /// Its connection, if this replica runs it.
    #[serde(flatten)]
    pub state: ConnectionState,
    /// How many messages have come that cannot be decrypted yet.
    pub undecrypted: usize,
    /// Why it cannot do its job, if it cannot.
    pub trouble: Option<String>,
}

impl Channel {
    pub(crate) fn new(policy: ChannelPolicy, hints: Arc<Hints>) -> Self {
        let notes = {
            let (name, hints) = (policy.name.clone(), hints.clone());
            Notes::new(move |note| hints.give(&name, About::Note(note)))
        };
        let status = ChannelStatus::new();
        Self { policy, status, notes, hints, messenger: OnceLock::new(), lanes: Mutex::new(None) }
    }

    /// Says who carries out what is sent. Once, before anything comes in.
    pub(crate) fn attach(&self, messenger: &Arc<dyn Messenger>) {
        let first = self.messenger.set(messenger.clone()).is_ok();
        debug_assert!(first, "a channel has one messenger");
    }

    /// Who carries out what is sent.
    pub(crate) fn messenger(&self) -> &dyn Messenger {
        &**self.messenger.get().expect("attached before anything comes in")
    }

    /// Opens or closes the way into the lanes.
    pub(crate) fn set_lanes(&self, lanes: Option<LanesHandle>) {
        *self.lanes.lock().unwrap_or_else(PoisonError::into_inner) = lanes;
    }

    /// Hands on what was just committed, to whoever runs the channel. `asked_at` is from before the
    /// commit. Nothing is lost if it does not get there: the scan finds it.
    pub(crate) fn push(&self, deliveries: Vec<Delivery>, asked_at: Instant) {
        if deliveries.is_empty() {
            return;
        }
        match &*self.lanes.lock().unwrap_or_else(PoisonError::into_inner) {
            Some(lanes) => lanes.push(deliveries, asked_at),
            None => self.hints.give(&self.policy.name, About::Work),
        }
    }

    /// Another replica committed something: has the table searched, if this replica runs the channel.
    pub(crate) fn look(&self) {
        if let Some(lanes) = &*self.lanes.lock().unwrap_or_else(PoisonError::into_inner) {
            lanes.look();
        }
    }

    pub(crate) fn health(&self) -> ChannelHealth {
        let owned = self.lanes.lock().unwrap_or_else(PoisonError::into_inner).is_some();
        ChannelHealth {
            channel: self.policy.name.clone(),
            owned,
            state: self.status.state(),
            undecrypted: self.status.undecrypted(),
            trouble: if owned { self.status.trouble() } else { None },
        }
    }
}
