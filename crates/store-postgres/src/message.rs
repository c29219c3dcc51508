//! Messages: what comes in, and what was said. Each call's work is in a module of its own.

use std::collections::HashSet;

use async_trait::async_trait;
use sqlx::PgConnection;
use switchboard_core::{ChannelName, ChatId, ConversationId, EventId, HistoryEntry, News, Position};
use switchboard_store::{
    Accept, AcceptOutcome, ChatRef, Incident, LeaseToken, MessageStore, Notice, Reply, ReplyMessage,
    ReplyOutcome, StoreResult,
};

use crate::{
    PostgresStore, accept, chat,
    convert::author,
    error::{Fault, within},
    incident, notice,
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

    #[tracing::instrument(name = "db.notice.send", level = "debug", skip_all, fields(%channel, chat = %notice.chat))]
    async fn send_notice(
        &self,
        channel: &ChannelName,
        fence: LeaseToken,
        notice: &Notice,
        message: ReplyMessage,
    ) -> StoreResult<Option<ReplyOutcome>> {
        within("db.notice.send", notice::send(self, channel, fence, notice, &message)).await
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

    #[tracing::instrument(name = "db.message.news", level = "debug", skip_all, fields(%channel))]
    async fn news(&self, channel: &ChannelName, after: Option<Position>) -> StoreResult<News> {
        within("db.message.news", async {
            let mut session = self.session().await?;
            let news = news(&mut session, channel, after).await?;
            session.done();
            Ok(news)
        })
        .await
    }

    #[tracing::instrument(name = "db.channel.record", level = "debug", skip_all, fields(%channel))]
    async fn record(&self, channel: &ChannelName, event: &EventId, incident: Incident) -> StoreResult<bool> {
        within("db.channel.record", incident::record(self, channel, event, incident)).await
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

/// A message whose transaction began before another's may become visible after it, although its
/// position is smaller. After so long it is visible, or will never be.
const SETTLED_AFTER_SECONDS: f64 = 15.0;

async fn news(
    connection: &mut PgConnection,
    channel: &ChannelName,
    after: Option<Position>,
) -> Result<News, Fault> {
    let last = sqlx::query_scalar!(
        r#"
        SELECT max(id)
        FROM message
        WHERE id > $1 AND created_at < now() - $2 * interval '1 second'
        "#,
        after.map_or(0, |after| after.0),
        SETTLED_AFTER_SECONDS,
    )
    .fetch_one(&mut *connection)
    .await?;
    let go_on = Position(last.unwrap_or(after.map_or(0, |after| after.0)));
    let Some(after) = after else { return Ok(News { latest: Vec::new(), after: go_on }) };
    let rows = sqlx::query!(
        r#"
        SELECT chat.conversation, max(message.id) AS "last!"
        FROM message
        JOIN chat ON chat.id = message.chat
        WHERE message.id > $2 AND chat.channel = $1
        GROUP BY chat.conversation
        "#,
        channel.as_str(),
        after.0,
    )
    .fetch_all(connection)
    .await?;
    let latest = rows.into_iter().map(|row| (ConversationId::new(row.conversation), Position(row.last)));
    Ok(News { latest: latest.collect(), after: go_on })
}
