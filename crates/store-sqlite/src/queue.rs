//! Finding what may run.

use std::time::Duration;

use async_trait::async_trait;
use switchboard_core::{ChannelName, IdempotencyKey, MessageId};
use switchboard_store::{
    Begin, Begun, ChatRef, Delivery, DeliveryId, Direction, LaneId, MessageKey, Payload, QueueStore,
    ReadyLane, ScanFrom, Settle, Settled, StoreResult,
};

use crate::{
    SqliteStore,
    chat::ChatRow,
    clock,
    convert::{self, Cell},
    error::{Failure, named},
    settle,
};

#[async_trait]
impl QueueStore for SqliteStore {
    async fn ready_lanes(
        &self,
        channel: &ChannelName,
        direction: Direction,
        from: ScanFrom,
        limit: u32,
    ) -> StoreResult<Vec<ReadyLane>> {
        named("db.lane.ready", ready_lanes(self, channel, direction, from, limit)).await
    }

    async fn load(
        &self,
        channel: &ChannelName,
        lanes: &[LaneId],
        per_lane: u32,
    ) -> StoreResult<Vec<Delivery>> {
        named("db.delivery.load", load(self, channel, lanes, per_lane)).await
    }

    async fn begin(&self, batch: Vec<Begin>) -> StoreResult<Vec<Begun>> {
        named("db.delivery.begin", settle::begin(self, batch)).await
    }

    async fn settle(&self, batch: Vec<Settle>) -> StoreResult<Vec<Settled>> {
        named("db.delivery.settle", settle::settle(self, batch)).await
    }
}

async fn ready_lanes(
    store: &SqliteStore,
    channel: &ChannelName,
    direction: Direction,
    from: ScanFrom,
    limit: u32,
) -> Result<Vec<ReadyLane>, Failure> {
    let (channel, direction) = (channel.as_str(), direction.as_str());
    let mut reader = store.reader().await?;
    let rows = sqlx::query!(
        r#"
        SELECT id, ready_at AS "ready_at!"
        FROM lane
        WHERE channel = ?1 AND direction = ?2
            AND ready_at <= CAST(unixepoch('subsec') * 1000000 AS INTEGER)
            AND (ready_at, id) > (?3, ?4)
        ORDER BY ready_at, id
        LIMIT ?5
        "#,
        channel,
        direction,
        from.ready_at_micros,
        from.lane,
        limit,
    )
    .fetch_all(&mut *reader)
    .await?;
    let ready = rows.into_iter().map(|row| ReadyLane {
        lane: LaneId(row.id),
        scanned: ScanFrom { ready_at_micros: row.ready_at, lane: row.id },
    });
    Ok(ready.collect())
}

async fn load(
    store: &SqliteStore,
    channel: &ChannelName,
    lanes: &[LaneId],
    per_lane: u32,
) -> Result<Vec<Delivery>, Failure> {
    let (channel, lanes) = (channel.as_str(), convert::json(&lanes)?);
    let mut reader = store.reader().await?;
    let rows = sqlx::query_as!(
        DeliveryRecord,
        r#"
        SELECT
            delivery.id AS "id!", delivery.lane, delivery.seq, delivery.message, delivery.key, delivery.payload,
            delivery.reply_to, delivery.attempts, delivery.begun AS "begun: bool", delivery.run_at, delivery.expires_at,
            iif(delivery.payload IS NULL, message.text, '') AS "text!: String",
            chat.id AS "chat!", chat.chat_id, chat.channel, chat.conversation, chat.place,
            CAST(unixepoch('subsec') * 1000000 AS INTEGER) AS "now!: i64"
        FROM lane
        JOIN delivery ON delivery.id IN (
            SELECT head.id
            FROM delivery AS head
            WHERE head.lane = lane.id AND head.state = 'pending'
            ORDER BY head.seq
            LIMIT ?2
        )
        JOIN message ON message.id = delivery.message
        JOIN chat ON chat.id = lane.chat
        WHERE lane.id IN (SELECT value FROM json_each(?1)) AND lane.channel = ?3
        ORDER BY lane.id, delivery.seq
        "#,
        lanes,
        per_lane,
        channel,
    )
    .fetch_all(&mut *reader)
    .await?;
    rows.into_iter().map(Delivery::try_from).collect()
}

/// A pending delivery with its message and its chat.
struct DeliveryRecord {
    id: i64,
    lane: i64,
    seq: i64,
    message: i64,
    key: String,
    payload: Option<String>,
    reply_to: Option<String>,
    attempts: i64,
    begun: bool,
    run_at: i64,
    expires_at: i64,
    text: String,
    chat: i64,
    chat_id: String,
    channel: String,
    conversation: String,
    place: String,
    now: i64,
}

impl TryFrom<DeliveryRecord> for Delivery {
    type Error = Failure;

    fn try_from(row: DeliveryRecord) -> Result<Self, Failure> {
        let column = |column| Cell { table: "delivery", column, row: row.id };
        let payload = match &row.payload {
            None => Payload::ToAi { text: row.text },
            Some(stored) => Payload::ToMessenger {
                text: column("payload").rendered(stored)?,
                reply_to: row.reply_to.map(MessageId::new),
            },
        };
        let run_in = clock::until(row.now, row.run_at);
        let expires_in: Duration = clock::until(row.now, row.expires_at);
        let chat = ChatRow {
            id: row.chat,
            chat_id: row.chat_id,
            channel: row.channel,
            conversation: row.conversation,
            place: row.place,
        };
        Ok(Self {
            id: DeliveryId(row.id),
            lane: LaneId(row.lane),
            seq: row.seq,
            chat: ChatRef::try_from(chat)?,
            message: MessageKey(row.message),
            key: IdempotencyKey::new(row.key),
            payload,
            attempts: column("attempts").count(row.attempts)?,
            begun: row.begun,
            run_in,
            expires_in,
            lane_was_idle: false,
        })
    }
}
