//! What the gateway remembers: the models, the [`Store`] trait and the conformance suite that
//! every store passes.
//!
//! A store knows nothing of messengers, of the AI or of HTTP. What it promises:
//!
//! - What a method returned `Ok` for is committed and survives a crash.
//! - Every call is atomic per item: an item of a batch is stored whole or not at all. Where the
//!   database refuses one item ([`StoreError::Refused`]), nothing of the whole batch is stored; the
//!   caller finds the item by repeating them one by one.
//! - Texts are without U+0000, which Postgres cannot store. One that has it is refused by every store.
//! - Sequence numbers of a lane and positions of a chat's messages become visible in their order.
//! - Whoever names a row by a key that they remember also says what the row is (a chat's `chat_id` and
//!   channel, a delivery's idempotency key, a lane's channel); where it is not, nothing changes. A
//!   database that was restored, or whose standby took over, hands out the same keys again.
//! - Times come from the database's clock only; durations cross this border, times of day do not
//!   (but for display).

mod admin;
#[cfg(feature = "conformance")]
pub mod conformance;
mod error;
mod hint;
mod lease;
mod queue;
mod write;

use async_trait::async_trait;

pub use admin::{
    AdminStore, AttemptRow, ChatDetail, DeliveryDetail, DeliveryFilter, DeliveryRow, DeliveryState, EventRow,
    QueueCounts, REACHABLE, RefusedWebhook, ThreadRow, WebhookRow,
};
pub use error::{StoreError, StoreResult};
pub use hint::{About, Hint, HintStore};
pub use lease::{Lease, LeaseStore, LeaseToken};
pub use queue::{
    Begin, Begun, ChatKey, ChatRef, Delivery, DeliveryId, Direction, LaneId, LaneState, MessageKey, Outcome,
    Payload, QueueStore, ReadyLane, ScanFrom, Settle, Settled,
};
pub use write::{
    Accept, AcceptMessage, AcceptOutcome, ChatSpec, Incident, MessageStore, NewPart, Notice, Reply,
    ReplyMessage, ReplyOutcome, Stored,
};

/// Everything a gateway stores. Implemented for Postgres and for SQLite.
#[async_trait]
pub trait Store: LeaseStore + MessageStore + QueueStore + HintStore + AdminStore {
    /// Brings the tables up to this version. Safe to call from several replicas at once.
    async fn migrate(&self) -> StoreResult<()>;

    /// Checks that the store can be written to now, with one quick round trip.
    async fn ping(&self) -> StoreResult<()>;

    /// How long a replica must wait for the lease of an owner that died: not at all where the
    /// store itself proves that there is no other process (SQLite).
    fn single_process(&self) -> bool;

    /// Closes all connections after what is under way is done.
    async fn close(&self);
}
