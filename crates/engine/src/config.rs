//! What the engine is told about itself and about each channel.

use std::time::Duration;

use switchboard_core::{AiName, ChannelName, Rates};

use crate::Backoff;

/// Settings of the engine.
#[derive(Clone, Debug)]
pub struct EngineConfig {
    /// This process among those that share the store; unique and new with every start.
    pub replica: String,
    /// How long a channel stays ours without a renewal. Another replica takes over after that.
    pub lease_ttl: Duration,
    /// For how long a user's message is tried at the AI.
    pub ai_ttl: Duration,
    /// For how long a reply is tried at a messenger.
    pub messenger_ttl: Duration,
    /// How long to wait between attempts.
    pub backoff: Backoff,
    /// How many deliveries of one channel and direction are under way at once.
    pub in_flight: usize,
    /// How often the table is searched for work that did not come through memory.
    pub scan_every: Duration,
}

/// Settings of a channel that do not depend on its messenger.
#[derive(Clone, Debug)]
pub struct ChannelPolicy {
    /// Its name.
    pub name: ChannelName,
    /// The kind of its messenger; stored, so that a changed kind is noticed.
    pub kind: String,
    /// The AI that answers.
    pub ai: AiName,
    /// The AI platform's task for this channel.
    pub task_id: String,
    /// What is taken in from groups.
    pub groups: Groups,
    /// Who shares a chat in groups.
    pub scope: Scope,
    /// How fast it may send.
    pub limits: Limits,
    /// What to do where a send's outcome cannot be known.
    pub on_unknown: OnUnknown,
    /// For how long the typing indicator is kept alive at most.
    pub typing_cap: Duration,
    /// What the user is told, in Markdown, when no answer came for this long. `None`: nothing.
    pub notice: Option<(String, Duration)>,
}

/// What is taken in from groups.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Groups {
    /// What is addressed to the bot.
    Mention,
    /// Everything.
    All,
    /// Nothing.
    Off,
}

/// Who shares a chat in groups.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Nobody: one chat per user.
    User,
    /// Everybody in the room.
    Room,
}

/// How fast a channel may send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limits {
    /// As fast as the platform's published rates allow.
    Platform,
    /// As fast as it can.
    Off,
    /// At these rates.
    Rates(Rates),
}

/// What to do where a send's outcome cannot be known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnUnknown {
    /// Send again: rather twice than never.
    Retry,
    /// Give up: rather never than twice.
    Drop,
}
