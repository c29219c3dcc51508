//! What people ask for: the trait, the webhooks that were kept, and chats with their threads.

use std::{collections::HashMap, time::Duration};

use async_trait::async_trait;
use switchboard_core::{AiName, ChannelName, ChatId, ConversationId, UserId};
use switchboard_store::{
    AdminStore, ChatDetail, DeliveryDetail, DeliveryFilter, DeliveryId, DeliveryRow, EventRow, QueueCounts,
    RefusedWebhook, StoreResult, ThreadRow, WebhookRow,
};

use crate::{
    SqliteStore, clock,
    convert::Cell,
    deliveries,
    error::{Failure, named},
    thread::{ThreadRecord, ThreadState},
    write::Write,
};

#[async_trait]
impl AdminStore for SqliteStore {
    async fn deliveries(&self, filter: &DeliveryFilter, limit: u32) -> StoreResult<Vec<DeliveryRow>> {
        named("db.delivery.list", deliveries::list(self, filter, limit)).await
    }

    async fn delivery(&self, id: DeliveryId) -> StoreResult<Option<DeliveryDetail>> {
        named("db.delivery.show", deliveries::show(self, id)).await
    }

    async fn retry_delivery(&self, id: DeliveryId, ttl: Duration) -> StoreResult<bool> {
        named("db.delivery.retry", deliveries::retry(self, id, ttl)).await
    }

    async fn discard_delivery(&self, id: DeliveryId) -> StoreResult<bool> {
        named("db.delivery.discard", deliveries::discard(self, id)).await
    }

    async fn queue_counts(&self) -> StoreResult<Vec<QueueCounts>> {
        named("db.delivery.count", deliveries::count(self)).await
    }

    async fn keep_webhook(&self, webhook: &RefusedWebhook, keep: u32) -> StoreResult<()> {
        named("db.webhook.keep", keep_webhook(self, webhook, keep)).await
    }

    async fn webhooks(&self, limit: u32) -> StoreResult<Vec<WebhookRow>> {
        named("db.webhook.list", webhooks(self, limit)).await
    }

    async fn chat(&self, chat_id: &ChatId) -> StoreResult<Option<ChatDetail>> {
        named("db.chat.show", chat(self, chat_id)).await
    }
}

async fn keep_webhook(store: &SqliteStore, webhook: &RefusedWebhook, keep: u32) -> Result<(), Failure> {
    let mut write = Write::begin(store).await?;
    let (ai, now) = (webhook.ai.as_str(), write.now);
    sqlx::query!(
        "INSERT INTO webhook (ai, reason, content_type, body, created_at) VALUES (?, ?, ?, ?, ?)",
        ai,
        webhook.reason,
        webhook.content_type,
        webhook.body,
        now,
    )
    .execute(&mut *write)
    .await?;
    sqlx::query!(
        "DELETE FROM webhook WHERE id <= (SELECT id FROM webhook ORDER BY id DESC LIMIT 1 OFFSET ?)",
        keep,
    )
    .execute(&mut *write)
    .await?;
    write.commit().await
}

async fn webhooks(store: &SqliteStore, limit: u32) -> Result<Vec<WebhookRow>, Failure> {
    let mut reader = store.reader().await?;
    let rows = sqlx::query!(
        "
        SELECT id, ai, reason, content_type, body, created_at
        FROM webhook
        ORDER BY id DESC
        LIMIT ?
        ",
        limit,
    )
    .fetch_all(&mut *reader)
    .await?;
    let kept = rows.into_iter().map(|row| WebhookRow {
        id: row.id,
        webhook: RefusedWebhook {
            ai: AiName::new(row.ai),
            reason: row.reason,
            content_type: row.content_type,
            body: row.body,
        },
        at: clock::moment(row.created_at),
    });
    Ok(kept.collect())
}

async fn chat(store: &SqliteStore, chat_id: &ChatId) -> Result<Option<ChatDetail>, Failure> {
    let id = chat_id.as_str();
    let mut snapshot = store.snapshot().await?;
    let row = sqlx::query!(
        "
        SELECT id, channel, conversation, user_id, place, user_name, open_thread, created_at
        FROM chat
        WHERE chat_id = ?
        ",
        id,
    )
    .fetch_optional(&mut *snapshot)
    .await?;
    let Some(row) = row else { return Ok(None) };
    let place = Cell { table: "chat", column: "place", row: row.id };
    Ok(Some(ChatDetail {
        chat_id: chat_id.clone(),
        channel: ChannelName::new(row.channel),
        conversation: ConversationId::new(row.conversation),
        user: (!row.user_id.is_empty()).then(|| UserId::new(row.user_id)),
        place: place.place(&row.place)?,
        user_name: row.user_name,
        created_at: clock::moment(row.created_at),
        threads: threads(&mut snapshot, row.id, row.open_thread).await?,
    }))
}

async fn threads(
    snapshot: &mut sqlx::SqliteConnection,
    chat: i64,
    open: Option<i64>,
) -> Result<Vec<ThreadRow>, Failure> {
    let mut events = events(&mut *snapshot, chat).await?;
    let rows = sqlx::query!(
        r#"
        SELECT
            id, thread_id, get_contact AS "get_contact: bool", interest AS "interest: bool",
            success AS "success: bool", is_bot AS "is_bot: bool", operator AS "operator: bool",
            close AS "close: bool", fields, created_at, updated_at
        FROM thread
        WHERE chat = ?
        ORDER BY id
        "#,
        chat,
    )
    .fetch_all(snapshot)
    .await?;
    let threads = rows.into_iter().map(|row| {
        let record = ThreadRecord {
            id: row.id,
            thread_id: row.thread_id,
            get_contact: row.get_contact,
            interest: row.interest,
            success: row.success,
            is_bot: row.is_bot,
            operator: row.operator,
            close: row.close,
            fields: row.fields,
        };
        let thread = ThreadState::from(record);
        ThreadRow {
            thread_id: thread.thread_id,
            open: open == Some(thread.id),
            flags: thread.flags,
            fields: thread.fields,
            created_at: clock::moment(row.created_at),
            updated_at: clock::moment(row.updated_at),
            events: events.remove(&thread.id).unwrap_or_default(),
        }
    });
    Ok(threads.collect())
}

/// What changed on the threads of a chat, by thread, oldest first.
async fn events(
    snapshot: &mut sqlx::SqliteConnection,
    chat: i64,
) -> Result<HashMap<i64, Vec<EventRow>>, Failure> {
    let rows = sqlx::query!(
        r#"
        SELECT event.thread, event.flag, event.value AS "value: bool", event.created_at
        FROM event
        JOIN thread ON thread.id = event.thread
        WHERE thread.chat = ?
        ORDER BY event.id
        "#,
        chat,
    )
    .fetch_all(snapshot)
    .await?;
    let mut events: HashMap<i64, Vec<EventRow>> = HashMap::new();
    for row in rows {
        let event = EventRow { flag: row.flag, value: row.value, at: clock::moment(row.created_at) };
        events.entry(row.thread).or_default().push(event);
    }
    Ok(events)
}
