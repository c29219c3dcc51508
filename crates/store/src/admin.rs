//! What people ask for: lists, and what to do with what was given up.

use std::{collections::BTreeMap, time::Duration};

use async_trait::async_trait;
use serde::Serialize;
use switchboard_core::{
    AiName, ChannelName, ChatId, ConversationId, Flag, MessageId, Place, ThreadFields, UserId,
};
use time::OffsetDateTime;

use crate::{DeliveryId, Direction, StoreResult};

/// The state of a delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum DeliveryState {
    /// It waits for its turn or its next attempt.
    Pending,
    /// It was sent.
    Sent,
    /// It was given up.
    Dead,
    /// A person discarded it.
    Discarded,
}

impl DeliveryState {
    /// The word that is stored and shown.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Sent => "sent",
            Self::Dead => "dead",
            Self::Discarded => "discarded",
        }
    }
}

/// Which deliveries to list. `None`: all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeliveryFilter {
    /// In this state.
    pub state: Option<DeliveryState>,
    /// Of this channel.
    pub channel: Option<ChannelName>,
    /// Of this chat.
    pub chat_id: Option<ChatId>,
    /// Only those with a smaller id, for the next page.
    pub before: Option<DeliveryId>,
}

/// A delivery as it is listed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DeliveryRow {
    /// Its key.
    pub id: DeliveryId,
    /// Which way it goes.
    pub direction: Direction,
    /// The channel.
    pub channel: ChannelName,
    /// The chat.
    pub chat_id: ChatId,
    /// Its place in its lane.
    pub seq: i64,
    /// Which part of its message, from 0.
    pub part: u32,
    /// Its state.
    pub state: DeliveryState,
    /// How often it was tried.
    pub attempts: u32,
    /// Why the last attempt failed.
    pub last_error: Option<String>,
    /// When it was stored.
    #[serde(with = "time::serde::rfc3339")]
    pub created_at: OffsetDateTime,
    /// When it is tried next, if it is pending.
    #[serde(with = "time::serde::rfc3339::option")]
    pub run_at: Option<OffsetDateTime>,
    /// When it was settled.
    #[serde(with = "time::serde::rfc3339::option")]
    pub finished_at: Option<OffsetDateTime>,
}

/// A delivery with its history.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DeliveryDetail {
    /// The delivery.
    #[serde(flatten)]
    pub row: DeliveryRow,
    /// The text: a user's as written, a reply's part as it was rendered.
    pub text: String,
    /// The ids that the messenger gave to what was sent.
    pub native_ids: Vec<MessageId>,
    /// When it is given up if it is still pending.
    #[serde(with = "time::serde::rfc3339")]
    pub expires_at: OffsetDateTime,
    /// The attempts that did not send it, oldest first.
    pub history: Vec<AttemptRow>,
}

/// An attempt that did not send a delivery.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AttemptRow {
    /// Which one, from 1.
    pub number: u32,
    /// `retry` or `dead`.
    pub outcome: String,
    /// What went wrong.
    pub error: String,
    /// When it ended.
    #[serde(with = "time::serde::rfc3339")]
    pub at: OffsetDateTime,
}

/// How many deliveries are open, per channel and direction.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct QueueCounts {
    /// The channel.
    pub channel: ChannelName,
    /// Which way.
    pub direction: Direction,
    /// How many wait.
    pub pending: u64,
    /// How many were given up.
    pub dead: u64,
}

/// A webhook that was refused or ignored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefusedWebhook {
    /// The AI account whose address it came to.
    pub ai: AiName,
    /// Why.
    pub reason: String,
    /// Its content type.
    pub content_type: Option<String>,
    /// Its body.
    pub body: Vec<u8>,
}

/// A webhook that was kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebhookRow {
    /// Its number; grows.
    pub id: i64,
    /// What was kept.
    pub webhook: RefusedWebhook,
    /// When it came.
    pub at: OffsetDateTime,
}

/// A chat with its threads.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ChatDetail {
    /// The name that the AI knows it by.
    pub chat_id: ChatId,
    /// The channel.
    pub channel: ChannelName,
    /// The conversation.
    pub conversation: ConversationId,
    /// The user; `None` where a whole room shares the chat.
    pub user: Option<UserId>,
    /// Direct or group.
    pub place: Place,
    /// The user's name, as it was last seen.
    pub user_name: Option<String>,
    /// When the user first wrote.
    #[serde(with = "time::serde::rfc3339")]
    pub created_at: OffsetDateTime,
    /// Its threads, oldest first.
    pub threads: Vec<ThreadRow>,
}

/// A thread, with what changed on it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ThreadRow {
    /// The platform's id of it; `None` until the platform names it.
    pub thread_id: Option<String>,
    /// Whether the chat's next message belongs to it.
    pub open: bool,
    /// The flags that were ever stated.
    pub flags: BTreeMap<Flag, bool>,
    /// The other fields that were ever stated.
    pub fields: ThreadFields,
    /// When it was opened.
    #[serde(with = "time::serde::rfc3339")]
    pub created_at: OffsetDateTime,
    /// When it last changed.
    #[serde(with = "time::serde::rfc3339")]
    pub updated_at: OffsetDateTime,
    /// The flags' changes, oldest first.
    pub events: Vec<EventRow>,
}

/// The name under which it is stored that the user can be reached, or no longer.
pub const REACHABLE: &str = "reachable";

/// Something changed on a thread.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct EventRow {
    /// What changed: one of the thread's flags ([`switchboard_core::Flag`]), or [`REACHABLE`].
    pub flag: String,
    /// Its new value.
    pub value: bool,
    /// When.
    #[serde(with = "time::serde::rfc3339")]
    pub at: OffsetDateTime,
}

/// For people.
#[async_trait]
pub trait AdminStore: Send + Sync {
    /// At most `limit` deliveries, newest first.
    async fn deliveries(&self, filter: &DeliveryFilter, limit: u32) -> StoreResult<Vec<DeliveryRow>>;

    /// One delivery with its history.
    async fn delivery(&self, id: DeliveryId) -> StoreResult<Option<DeliveryDetail>>;

    /// Makes a dead or discarded delivery pending again, now and for another `ttl`, in its old
    /// place in its lane. `false`: it is neither, or there is none.
    async fn retry_delivery(&self, id: DeliveryId, ttl: Duration) -> StoreResult<bool>;

    /// Gives up a pending or dead delivery for good; the lane goes on with the next one. `false`:
    /// it is neither, or there is none.
    async fn discard_delivery(&self, id: DeliveryId) -> StoreResult<bool>;

    /// How many deliveries are open.
    async fn queue_counts(&self) -> StoreResult<Vec<QueueCounts>>;

    /// Keeps a webhook that was refused or ignored, for a person to look at. At most the last
    /// `keep` of them are kept, so that a flood of nonsense cannot fill the disk.
    async fn keep_webhook(&self, webhook: &RefusedWebhook, keep: u32) -> StoreResult<()>;

    /// At most `limit` of the webhooks that were kept, newest first.
    async fn webhooks(&self, limit: u32) -> StoreResult<Vec<WebhookRow>>;

    /// A chat with its threads.
    async fn chat(&self, chat_id: &ChatId) -> StoreResult<Option<ChatDetail>>;
}
