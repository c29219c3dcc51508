//! What comes in: users' messages and the AI's webhooks. Both are batches, since a commit is the
//! expensive thing: items that arrive together share one transaction.

use std::{collections::HashSet, time::Duration};

use async_trait::async_trait;
use switchboard_core::{
    AiName, Author, ChannelName, ChatId, ChatIdChoice, ConversationId, Cursor, EventId, HistoryEntry,
    IdempotencyKey, MessageId, News, Place, Position, ThreadUpdate, UserId, markup::Rendered,
};
use time::OffsetDateTime;

use crate::{ChatKey, ChatRef, Delivery, LeaseToken, MessageKey, StoreResult};

/// What one call of an adapter hands over.
#[derive(Clone, Debug)]
pub struct Accept {
    /// The channel.
    pub channel: ChannelName,
    /// The owner's token; `None` where every replica may accept (HTTP).
    pub fence: Option<LeaseToken>,
    /// The messages, in their order.
    pub messages: Vec<AcceptMessage>,
    /// The adapter's new cursor. Ignored without a `fence`.
    pub cursor: Option<Cursor>,
}

/// One message of a user.
#[derive(Clone, Debug)]
pub struct AcceptMessage {
    /// By which it is recognised if it comes again.
    pub event_id: EventId,
    /// The chat, which is made if there is none on this route.
    pub chat: ChatSpec,
    /// The text, without U+0000.
    pub text: String,
    /// Its id on the messenger.
    pub native_id: Option<MessageId>,
    /// When the messenger says it was written.
    pub sent_at: Option<OffsetDateTime>,
    /// The key of the delivery to the AI.
    pub key: IdempotencyKey,
    /// For how long the delivery to the AI is tried.
    pub ttl: Duration,
    /// After how long without an answer the user is told so; `None`: never.
    pub notice_after: Option<Duration>,
    /// The gateway's own answer. With it, nothing goes to the AI: `key`, `ttl` and `notice_after` do
    /// not count.
    pub answer: Option<ReplyMessage>,
}

/// Where a chat is, and how it is called if it is new.
#[derive(Clone, Debug)]
pub struct ChatSpec {
    /// The conversation.
    pub conversation: ConversationId,
    /// The user; `None` where a whole room shares the chat.
    pub user: Option<UserId>,
    /// Its names to choose from. Where other routes have both (a chat keeps its name when its
    /// conversation moves, and then a late message comes from the old address), it is called
    /// `{unambiguous}~2`, or `~3` and so on: the first that is free.
    pub chat_id: ChatIdChoice,
    /// Direct or group.
    pub place: Place,
    /// The user's name now.
    pub user_name: Option<String>,
}

/// What became of an [`Accept`].
#[derive(Clone, Debug)]
pub enum AcceptOutcome {
    /// It is committed; what became of each message, in their order.
    Committed(Vec<Stored>),
    /// The fence is not the channel's token any more; nothing of it is stored.
    NotOwner,
}

/// What became of one message.
#[derive(Clone, Debug)]
pub enum Stored {
    /// It is stored.
    New {
        /// Where it stands in its chat.
        position: Position,
        /// The one that takes it to the AI, or those that take the gateway's own answer to the
        /// messenger.
        deliveries: Vec<Delivery>,
    },
    /// It had been stored before (or came twice in this very batch); nothing changed.
    Duplicate,
}

/// What one webhook asks for.
#[derive(Clone, Debug)]
pub struct Reply {
    /// Where it came from.
    pub ai: AiName,
    /// The chat, as it is remembered. Where the chat of this key has another `chat_id` or channel, it
    /// is none that we know ([`ReplyOutcome::UnknownChat`]).
    pub chat: ChatRef,
    /// The platform's id of the message. A message whose id was delivered before in this chat is
    /// not stored again; the thread is updated all the same.
    pub message_id: Option<String>,
    /// What it says about the thread.
    pub thread: ThreadUpdate,
    /// The message for the user, if there is one.
    pub message: Option<ReplyMessage>,
}

/// A message for the user.
#[derive(Clone, Debug)]
pub struct ReplyMessage {
    /// The AI, an operator, or the gateway.
    pub author: Author,
    /// The text: Markdown, without U+0000.
    pub text: String,
    /// Its parts, rendered for the messenger. One delivery each: without any, the message is
    /// stored and nothing is sent.
    pub parts: Vec<NewPart>,
    /// For how long the deliveries are tried.
    pub ttl: Duration,
}

/// One part of a message for the user.
#[derive(Clone, Debug)]
pub struct NewPart {
    /// The key of its delivery.
    pub key: IdempotencyKey,
    /// The rendered text.
    pub text: Rendered,
}

/// What became of a [`Reply`].
#[derive(Clone, Debug)]
pub enum ReplyOutcome {
    /// The message is stored, and these deliveries take it to the messenger, in order. (None,
    /// where it has no parts.)
    Stored {
        /// Where it stands in its chat.
        position: Position,
        /// One per part.
        deliveries: Vec<Delivery>,
    },
    /// The message had been stored before; at most the thread was updated.
    Duplicate,
    /// There was no message; at most the thread was updated.
    Updated,
    /// There is no such chat (any more), or the chat of this key is another.
    UnknownChat,
}

/// A user who waits for an answer for longer than configured, and has not been told yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// The chat.
    pub chat: ChatKey,
    /// The chat's name. Where the chat of this key has another one, the notice is not due.
    pub chat_id: ChatId,
    /// The conversation, to render the notice for it.
    pub conversation: ConversationId,
}

/// Something that happened on a channel and is no message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Incident {
    /// The people in a conversation can be reached no longer, or again.
    Reachable {
        /// The conversation.
        conversation: ConversationId,
        /// Whether it can be written to now.
        reachable: bool,
    },
    /// The platform handed over something that the adapter cannot read.
    Unreadable {
        /// What is wrong with it.
        reason: String,
        /// As it came.
        raw: Vec<u8>,
    },
}

/// What comes in, and what was said.
#[async_trait]
pub trait MessageStore: Send + Sync {
    /// Stores what adapters handed over, in one transaction; the outcomes are in the order of the
    /// batch. Per item, in order:
    ///
    /// 1. With a `fence`: if it is not the channel's token, the outcome is `NotOwner`. The channel's
    ///    row stays locked against a new owner until the commit.
    /// 2. Per message: if (channel, event id) was seen before, `Duplicate`. Otherwise the chat on
    ///    its route is found or made (its preferred chat id is taken unless another route has it,
    ///    then the unambiguous one, then the first free one that [`ChatSpec::chat_id`] tells of) and
    ///    its name and what an answer refers to are updated; where it has no open thread, one is opened (its
    ///    thread_id yet unknown); where `notice_after` is given, and no notice is due or was sent
    ///    since the last answer, a notice becomes due; the message is stored; a delivery is enqueued
    ///    in the chat's lane to the AI, or the gateway's own `answer` is stored behind it, with a
    ///    delivery per part in the chat's lane to the messenger.
    /// 3. With a `fence`: the cursor is stored.
    ///
    /// The chat's row is locked before the message's id is drawn, so that ids within a chat
    /// become visible in their order; the lane's row is locked while the sequence number is drawn.
    async fn accept(&self, batch: Vec<Accept>) -> StoreResult<Vec<AcceptOutcome>>;

    /// Stores what webhooks ask for, in one transaction; the outcomes are in the order of the
    /// batch. Per item, in order:
    ///
    /// 1. The chat's row is locked; if there is none, or it is another chat's, `UnknownChat`.
    /// 2. The thread: the chat's thread with this `thread_id`; else the open thread if its
    ///    thread_id is unknown (it gets this one); else a new one, which becomes the open one.
    ///    Where no thread_id is stated: the open thread, else the latest, else a new one. Where the
    ///    update states nothing at all and there is no message, nothing happens.
    ///    Stated flags and fields replace the stored ones (`extra` and its names are merged); for every
    ///    flag that gets another value, from unknown to *no* excepted, an event is stored. `close`
    ///    going to yes takes the thread from being the chat's open one.
    /// 3. Where there is a `message`: if its `message_id` was delivered before in this chat,
    ///    `Duplicate`. A webhook without a message takes no id: the same id may still come with one.
    /// 4. The message is stored, one delivery per part is enqueued in the chat's lane to the
    ///    messenger (in a group, the first part refers to the user's message that waits for an answer, if it is the only one), and unless its author is the
    ///    gateway, nothing is awaited any more: no notice is due, and the next may be sent.
    async fn reply(&self, batch: Vec<Reply>) -> StoreResult<Vec<ReplyOutcome>>;

    /// The chat that the AI knows by this id.
    async fn find_chat(&self, chat_id: &ChatId) -> StoreResult<Option<ChatRef>>;

    /// At most `limit` chats of the channel whose notice is due now, longest due first.
    async fn due_notices(&self, channel: &ChannelName, limit: u32) -> StoreResult<Vec<Notice>>;

    /// Stores a notice like a reply of the gateway's, if it is still due and the fence holds: `None`
    /// otherwise. It is not due any more then, until the next answer came and failed to come.
    async fn send_notice(
        &self,
        channel: &ChannelName,
        fence: LeaseToken,
        notice: &Notice,
        message: ReplyMessage,
    ) -> StoreResult<Option<ReplyOutcome>>;

    /// What was said in a conversation of the channel after a position, oldest first.
    async fn history(
        &self,
        channel: &ChannelName,
        conversation: &ConversationId,
        after: Position,
        limit: u32,
    ) -> StoreResult<Vec<HistoryEntry>>;

    /// In which conversations of the channel something was stored after a position; see
    /// [`switchboard_core::Inbox::news`].
    async fn news(&self, channel: &ChannelName, after: Option<Position>) -> StoreResult<News>;

    /// Stores an incident, unless its event was seen before (`false`). That a conversation can be
    /// reached or not is an event on the open or else the latest thread of each of its chats, where
    /// it is another than the one before; a conversation without a chat has none.
    async fn record(&self, channel: &ChannelName, event: &EventId, incident: Incident) -> StoreResult<bool>;

    /// Which of these events of the channel were seen before.
    async fn known(&self, channel: &ChannelName, events: &[EventId]) -> StoreResult<HashSet<EventId>>;

    /// Gives every chat of a conversation another address. Does nothing if there is none. A user
    /// who has a chat at the new address already keeps both: the old one stays where it is.
    async fn move_conversation(
        &self,
        channel: &ChannelName,
        from: &ConversationId,
        to: &ConversationId,
    ) -> StoreResult<()>;
}

impl From<MessageKey> for Position {
    fn from(key: MessageKey) -> Self {
        Self(key.0)
    }
}
