//! Messages: what comes in, and what was said. Each call's work is in a module of its own.

use std::collections::HashSet;

use async_trait::async_trait;
use sqlx::PgConnection;
use switchboard_core::{ChannelName, ChatId, ConversationId, EventId, HistoryEntry, Position};
use switchboard_store::{
    Accept, AcceptOutcome, ChatKey, ChatRef, LeaseToken, MessageStore, Notice, Reply, ReplyMessage,
    ReplyOutcome, StoreResult,
};

use crate::{
    PostgresStore, accept, chat,
    convert::author,
    error::{Fault, within},
    notice,
    reply::{self, Request},
    seen,
};

#[async_trait]
impl MessageStore for PostgresStore {
    #[tracing::instrument(name = "db.message.accept", level = "debug", skip_all, fields(items = batch.len()))]
    async fn accept(&self, batch: Vec<Accept>) -> StoreResult<Vec<AcceptOutcome>> {
        within("db.message.accept", accept::accept(self, &batch)).await
    }

    #[tracing::instrument(name = "db.message.reply", level = "debug", skip_all, fields(items = batch.len()))]
    async fn reply(&self, batch: Vec<Reply>) -> StoreResult<Vec<ReplyOutcome>> {
        within("db.message.reply", async {
            let requests: Vec<Request<'_>> = batch.iter().map(Request::from).collect();
            let mut transaction = self.begin().await?;
            let outcomes = reply::reply(&mut transaction, &requests).await?;
            transaction.commit().await?;
            Ok(outcomes)
        })
        .await
    }

    #[tracing::instrument(name = "db.chat.find", level = "debug", skip_all, fields(%chat_id))]
    async fn find_chat(&self, chat_id: &ChatId) -> StoreResult<Option<ChatRef>> {
        within("db.chat.find", async {
            let mut session = self.session().await?;
            let chat = chat::find(&mut session, chat_id).await?;
            session.done();
            Ok(chat)
        })
        .await
    }

    #[tracing::instrument(name = "db.notice.due", level = "debug", skip_all, fields(%channel))]
    async fn due_notices(&self, channel: &ChannelName, limit: u32) -> StoreResult<Vec<Notice>> {
        within("db.notice.due", async {
            let mut session = self.session().await?;
            let notices = notice::due(&mut session, channel, limit).await?;
            session.done();
            Ok(notices)
        })
        .await
    }

    #[tracing::instrument(name = "db.notice.send", level = "debug", skip_all, fields(%channel, %chat))]
    async fn send_notice(
        &self,
        channel: &ChannelName,
        fence: LeaseToken,
        chat: ChatKey,
        notice: ReplyMessage,
    ) -> StoreResult<Option<ReplyOutcome>> {
        within("db.notice.send", notice::send(self, channel, fence, chat, &notice)).await
    }

    #[tracing::instrument(name = "db.message.history", level = "debug", skip_all, fields(%channel))]
    async fn history(
        &self,
        channel: &ChannelName,
        conversation: &ConversationId,
        after: Position,
        limit: u32,
    ) -> StoreResult<Vec<HistoryEntry>> {
        within("db.message.history", async {
            let mut session = self.session().await?;
            let entries = history(&mut session, channel, conversation, after, limit).await?;
            session.done();
            Ok(entries)
        })
        .await
    }

    #[tracing::instrument(name = "db.message.known", level = "debug", skip_all, fields(%channel))]
    async fn known(&self, channel: &ChannelName, events: &[EventId]) -> StoreResult<HashSet<EventId>> {
        within("db.message.known", async {
            let mut session = self.session().await?;
            let known = seen::known(&mut session, channel, events).await?;
            session.done();
            Ok(known)
        })
        .await
    }

    #[tracing::instrument(name = "db.chat.move", level = "debug", skip_all, fields(%channel))]
    async fn move_conversation(
        &self,
        channel: &ChannelName,
        from: &ConversationId,
        to: &ConversationId,
    ) -> StoreResult<()> {
        within("db.chat.move", async {
            let mut session = self.session().await?;
            chat::move_conversation(&mut session, channel, from, to).await?;
            session.done();
            Ok(())
        })
        .await
    }
}

async fn history(
    connection: &mut PgConnection,
    channel: &ChannelName,
    conversation: &ConversationId,
    after: Position,
    limit: u32,
) -> Result<Vec<HistoryEntry>, Fault> {
    let rows = sqlx::query!(
        r#"
        SELECT said.id, said.author, said.event_id, said.text, said.created_at
        FROM chat
        CROSS JOIN LATERAL (
            SELECT id, author, event_id, text, created_at
            FROM message
            WHERE message.chat = chat.id AND message.id > $3
            ORDER BY message.id
            LIMIT $4
        ) AS said
        WHERE chat.channel = $1 AND chat.conversation = $2
        ORDER BY said.id
        LIMIT $4
        "#,
        channel.as_str(),
        conversation.as_str(),
        after.0,
        i64::from(limit),
    )
    .fetch_all(connection)
    .await?;
    rows.into_iter()
        .map(|row| {
            Ok(HistoryEntry {
                position: Position(row.id),
                author: author(&row.author, row.id)?,
                event_id: row.event_id.map(EventId::new),
                text: row.text,
                at: row.created_at,
            })
        })
        .collect()
}
