//! What goes out: deliveries in their lanes.

use std::time::Duration;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use switchboard_core::{
    ChannelName, ChatId, ConversationId, IdempotencyKey, MessageId, Place, Receipt, markup::Rendered,
};

use crate::{LeaseToken, StoreResult};

/// Declares an integer newtype over a table's key.
macro_rules! key {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub i64);

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

key! {
    /// A row of `chat`.
    ChatKey
}
key! {
    /// A row of `message`; also its position in its chat.
    MessageKey
}
key! {
    /// A row of `lane`.
    LaneId
}
key! {
    /// A row of `delivery`.
    DeliveryId
}

/// Which way a lane leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// Users' messages to the AI.
    ToAi,
    /// Replies to the messenger.
    ToMessenger,
}

impl Direction {
    /// The word that is stored and shown.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ToAi => "to_ai",
            Self::ToMessenger => "to_messenger",
        }
    }
}

/// Where a chat is: its route. It never changes, unless the platform gives the conversation
/// another id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChatRef {
    /// Our key.
    pub key: ChatKey,
    /// The name that the AI knows it by.
    pub chat_id: ChatId,
    /// The channel.
    pub channel: ChannelName,
    /// The conversation.
    pub conversation: ConversationId,
    /// Direct or group.
    pub place: Place,
}

/// A pending delivery, with all that is needed to carry it out.
#[derive(Clone, Debug, PartialEq)]
pub struct Delivery {
    /// Its key.
    pub id: DeliveryId,
    /// Its lane.
    pub lane: LaneId,
    /// Its place in the lane; a lane hands out 1, 2, 3 …
    pub seq: i64,
    /// The chat it belongs to.
    pub chat: ChatRef,
    /// What is delivered.
    pub message: MessageKey,
    /// The same over all attempts.
    pub key: IdempotencyKey,
    /// What to send.
    pub payload: Payload,
    /// How often it was tried before.
    pub attempts: u32,
    /// Whether an attempt was begun whose outcome was never stored: the process died meanwhile.
    /// Only where beginnings are stored ([`QueueStore::begin`]).
    pub begun: bool,
    /// How long it must still wait, from when it was read. Zero: it may run.
    pub run_in: Duration,
    /// After how long it expires, from when it was read. Zero: it has.
    pub expires_in: Duration,
    /// Whether nothing else was pending in its lane when it was enqueued. Always false where it
    /// was read from the table.
    pub lane_was_idle: bool,
}

impl Delivery {
    /// Which way it goes.
    pub fn direction(&self) -> Direction {
        match self.payload {
            Payload::ToAi { .. } => Direction::ToAi,
            Payload::ToMessenger { .. } => Direction::ToMessenger,
        }
    }
}

/// What a delivery sends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Payload {
    /// A user's message.
    ToAi {
        /// What the user wrote.
        text: String,
    },
    /// One part of a message for the user. Stored as `{"v":1,"text":{…}}`.
    ToMessenger {
        /// The rendered text.
        text: Rendered,
        /// The message that it answers.
        reply_to: Option<MessageId>,
    },
}

/// A lane whose first pending delivery may run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReadyLane {
    /// The lane.
    pub lane: LaneId,
    /// Where the scan stands after it.
    pub scanned: ScanFrom,
}

/// Where a scan over the ready lanes goes on: after this (ready_at in microseconds since 1970 by
/// the database's clock, lane). The default begins anew.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ScanFrom {
    /// The `ready_at` of the last lane seen.
    pub ready_at_micros: i64,
    /// That lane.
    pub lane: i64,
}

/// What an attempt came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It was sent.
    Sent(Receipt),
    /// It is tried again after this long.
    Retry {
        /// The time to wait.
        after: Duration,
        /// Why it failed.
        error: String,
    },
    /// It is given up.
    Dead {
        /// Why.
        error: String,
    },
}

/// The completion of one attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settle {
    /// The channel.
    pub channel: ChannelName,
    /// The owner's token.
    pub fence: LeaseToken,
    /// The lane.
    pub lane: LaneId,
    /// The delivery.
    pub delivery: DeliveryId,
    /// Its key. Where the delivery of this id has another one, nothing changes.
    pub key: IdempotencyKey,
    /// What it came to.
    pub outcome: Outcome,
    /// Whether an attempt was made: false where it expired untried, so that its count stays.
    pub attempted: bool,
}

/// The beginning of one attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Begin {
    /// The channel.
    pub channel: ChannelName,
    /// The owner's token.
    pub fence: LeaseToken,
    /// The delivery.
    pub delivery: DeliveryId,
    /// Its key. Where the delivery of this id has another one, nothing changes.
    pub key: IdempotencyKey,
}

/// What became of a [`Begin`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Begun {
    /// It is committed.
    Committed,
    /// The fence is not the channel's token any more; nothing changed.
    NotOwner,
}

/// What became of a [`Settle`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Settled {
    /// It is committed. (Also where the delivery was not pending any more, because a person
    /// discarded it, and where it is another than was believed: then only the lane's state is
    /// reported.)
    Committed(LaneState),
    /// The fence is not the channel's token any more; nothing changed.
    NotOwner,
}

/// What a lane looks like after a completion.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LaneState {
    /// Nothing is pending.
    Idle,
    /// Something is pending.
    Ready {
        /// The first pending delivery's place in the lane.
        seq: i64,
        /// After how long it may run (zero: now).
        after: Duration,
    },
}

/// The queue.
#[async_trait]
pub trait QueueStore: Send + Sync {
    /// At most `limit` lanes of the channel in this direction that may run now, ordered by
    /// (ready_at, lane), after `from`.
    async fn ready_lanes(
        &self,
        channel: &ChannelName,
        direction: Direction,
        from: ScanFrom,
        limit: u32,
    ) -> StoreResult<Vec<ReadyLane>>;

    /// The first `per_lane` pending deliveries of each of these lanes of the channel, in the order of
    /// (lane, seq). A lane that is another channel's has none.
    async fn load(
        &self,
        channel: &ChannelName,
        lanes: &[LaneId],
        per_lane: u32,
    ) -> StoreResult<Vec<Delivery>>;

    /// Remembers that attempts at these deliveries begin, in one transaction. Called before an attempt
    /// only where one that is cut off must not be repeated; every completion takes it back. What is
    /// not pending any more is left alone. `NotOwner`: nothing changed, and nothing may begin.
    async fn begin(&self, batch: Vec<Begin>) -> StoreResult<Vec<Begun>>;

    /// Completes attempts, in one transaction; the outcomes are in the order of the batch. Per
    /// item: if the fence is not the channel's token (its row stays locked against a new owner until
    /// the commit), `NotOwner`. Otherwise the delivery, if it is pending and has this key, gets its new state and
    /// its count of attempts; what did not send it is kept in `attempt`; and the lane's `ready_at` becomes
    /// the `run_at` of its first pending delivery, read after the lane's row was locked, so that
    /// no wake-up is lost.
    ///
    /// Two completions of one lane in one batch are applied in their order.
    async fn settle(&self, batch: Vec<Settle>) -> StoreResult<Vec<Settled>>;
}
