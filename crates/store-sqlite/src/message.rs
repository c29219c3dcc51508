//! The messages' side of the store, and a row of `message`.

use std::collections::HashSet;

use async_trait::async_trait;
use switchboard_core::{
    Author, ChannelName, ChatId, ConversationId, EventId, HistoryEntry, MessageId, News, Position,
};
use switchboard_store::{
    Accept, AcceptOutcome, ChatKey, ChatRef, Incident, LeaseToken, MessageKey, MessageStore, Notice, Reply,
    ReplyMessage, ReplyOutcome, StoreResult,
};
use time::OffsetDateTime;

use crate::{
    SqliteStore, accept, chat, clock,
    error::{Failure, named},
    history, incident, notice, reply,
    write::Write,
};

#[async_trait]
impl MessageStore for SqliteStore {
    async fn accept(&self, batch: Vec<Accept>) -> StoreResult<Vec<AcceptOutcome>> {
        named("db.message.accept", accept::accept(self, batch)).await
    }

    async fn reply(&self, batch: Vec<Reply>) -> StoreResult<Vec<ReplyOutcome>> {
        named("db.message.reply", reply::reply(self, batch)).await
    }

    async fn find_chat(&self, chat_id: &ChatId) -> StoreResult<Option<ChatRef>> {
        named("db.chat.find", chat::find(self, chat_id)).await
    }

    async fn due_notices(&self, channel: &ChannelName, limit: u32) -> StoreResult<Vec<Notice>> {
        named("db.notice.due", notice::due(self, channel, limit)).await
    }

    async fn send_notice(
        &self,
        channel: &ChannelName,
        fence: LeaseToken,
        notice: &Notice,
        message: ReplyMessage,
    ) -> StoreResult<Option<ReplyOutcome>> {
        named("db.notice.send", notice::send(self, channel, fence, notice, message)).await
    }

    async fn history(
        &self,
        channel: &ChannelName,
        conversation: &ConversationId,
        after: Position,
        limit: u32,
    ) -> StoreResult<Vec<HistoryEntry>> {
        named("db.message.history", history::history(self, channel, conversation, after, limit)).await
    }

    async fn news(&self, channel: &ChannelName, after: Option<Position>) -> StoreResult<News> {
        named("db.message.news", history::news(self, channel, after)).await
    }

    async fn record(&self, channel: &ChannelName, event: &EventId, incident: Incident) -> StoreResult<bool> {
        named("db.channel.record", incident::record(self, channel, event, incident)).await
    }

    async fn known(&self, channel: &ChannelName, events: &[EventId]) -> StoreResult<HashSet<EventId>> {
        named("db.message.known", history::known(self, channel, events)).await
    }

    async fn move_conversation(
        &self,
        channel: &ChannelName,
        from: &ConversationId,
        to: &ConversationId,
    ) -> StoreResult<()> {
        named("db.chat.move", history::move_conversation(self, channel, from, to)).await
    }
}

/// A message to be stored.
pub(crate) struct NewMessage<'a> {
    pub(crate) chat: ChatKey,
    pub(crate) thread: i64,
    pub(crate) author: Author,
    pub(crate) event_id: Option<&'a EventId>,
    pub(crate) ai_message_id: Option<&'a str>,
    pub(crate) native_id: Option<&'a MessageId>,
    pub(crate) text: &'a str,
    pub(crate) sent_at: Option<OffsetDateTime>,
}

/// Stores a message.
pub(crate) async fn insert(write: &mut Write, message: NewMessage<'_>) -> Result<MessageKey, Failure> {
    let (now, author) = (write.now, message.author.as_str());
    let event_id = message.event_id.map(EventId::as_str);
    let native_id = message.native_id.map(MessageId::as_str);
    let sent_at = message.sent_at.map(clock::stored);
    let id = sqlx::query_scalar!(
        r#"
        INSERT INTO message (chat, thread, author, event_id, ai_message_id, native_id, text, sent_at, created_at)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
        RETURNING id AS "id!: i64"
        "#,
        message.chat.0,
        message.thread,
        author,
        event_id,
        message.ai_message_id,
        native_id,
        message.text,
        sent_at,
        now,
    )
    .fetch_one(&mut **write)
    .await?;
    Ok(MessageKey(id))
}

/// Where what was seen is remembered.
#[derive(Clone, Copy)]
pub(crate) enum Source<'a> {
    /// Events of a channel.
    Channel(&'a ChannelName),
    /// Messages of the AI for a chat.
    Chat(ChatKey),
}

impl Source<'_> {
    pub(crate) fn name(self) -> String {
        match self {
            Self::Channel(channel) => format!("channel:{channel}"),
            Self::Chat(chat) => format!("chat:{chat}"),
        }
    }
}

/// Remembers that this was seen. `false`: it had been before.
pub(crate) async fn see(write: &mut Write, source: Source<'_>, id: &str) -> Result<bool, Failure> {
    let source = source.name();
    let seen = sqlx::query!("INSERT INTO seen (source, id) VALUES (?, ?) ON CONFLICT DO NOTHING", source, id)
        .execute(&mut **write)
        .await?;
    Ok(seen.rows_affected() == 1)
}
