//! The queue, read: lanes that may run, and what is pending in them.

use async_trait::async_trait;
use serde_json::Value;
use sqlx::PgConnection;
use switchboard_core::{ChannelName, IdempotencyKey};
use switchboard_store::{
    Begin, Begun, Delivery, DeliveryId, Direction, LaneId, MessageKey, QueueStore, ReadyLane, ScanFrom,
    Settle, Settled, StoreResult,
};

use crate::{
    PostgresStore, begin,
    chat::ChatRow,
    convert::{count, direction, from_micros},
    error::{Fault, within},
    payload::PayloadRow,
    settle,
};

#[async_trait]
impl QueueStore for PostgresStore {
    #[tracing::instrument(name = "db.lane.ready", level = "debug", skip_all, fields(%channel))]
    async fn ready_lanes(
        &self,
        channel: &ChannelName,
        direction: Direction,
        from: ScanFrom,
        limit: u32,
    ) -> StoreResult<Vec<ReadyLane>> {
        within("db.lane.ready", async {
            let mut session = self.session().await?;
            let lanes = ready_lanes(&mut session, channel, direction, from, limit).await?;
            session.done();
            Ok(lanes)
        })
        .await
    }

    #[tracing::instrument(name = "db.delivery.load", level = "debug", skip_all, fields(lanes = lanes.len()))]
    async fn load(
        &self,
        channel: &ChannelName,
        lanes: &[LaneId],
        per_lane: u32,
    ) -> StoreResult<Vec<Delivery>> {
        within("db.delivery.load", async {
            let mut session = self.session().await?;
            let deliveries = load(&mut session, channel, lanes, per_lane).await?;
            session.done();
            Ok(deliveries)
        })
        .await
    }

    #[tracing::instrument(name = "db.delivery.begin", level = "debug", skip_all, fields(items = batch.len()))]
    async fn begin(&self, batch: Vec<Begin>) -> StoreResult<Vec<Begun>> {
        within("db.delivery.begin", begin::begin(self, &batch)).await
    }

    #[tracing::instrument(name = "db.delivery.settle", level = "debug", skip_all, fields(items = batch.len()))]
    async fn settle(&self, batch: Vec<Settle>) -> StoreResult<Vec<Settled>> {
        within("db.delivery.settle", settle::settle(self, &batch)).await
    }
}

async fn ready_lanes(
    connection: &mut PgConnection,
    channel: &ChannelName,
    direction: Direction,
    from: ScanFrom,
    limit: u32,
) -> Result<Vec<ReadyLane>, Fault> {
    let rows = sqlx::query!(
        r#"
        SELECT id, (extract(epoch FROM ready_at) * 1000000)::bigint AS "ready_at_micros!"
        FROM lane
        WHERE channel = $1 AND direction = $2
          AND ready_at <= now()
          AND (ready_at, id) > (timestamptz 'epoch' + $3::bigint * interval '1 microsecond', $4)
        ORDER BY ready_at, id
        LIMIT $5
        "#,
        channel.as_str(),
        direction.as_str(),
        from.ready_at_micros,
        from.lane,
        i64::from(limit),
    )
    .fetch_all(connection)
    .await?;
    let ready = rows.into_iter().map(|row| ReadyLane {
        lane: LaneId(row.id),
        scanned: ScanFrom { ready_at_micros: row.ready_at_micros, lane: row.id },
    });
    Ok(ready.collect())
}

struct DeliveryRow {
    id: i64,
    lane: i64,
    seq: i64,
    direction: String,
    chat: i64,
    chat_id: String,
    channel: String,
    conversation: String,
    place: String,
    message: i64,
    text: String,
    key: String,
    payload: Option<Value>,
    reply_to: Option<String>,
    attempts: i32,
    begun: bool,
    run_in: i64,
    expires_in: i64,
}

async fn load(
    connection: &mut PgConnection,
    channel: &ChannelName,
    lanes: &[LaneId],
    per_lane: u32,
) -> Result<Vec<Delivery>, Fault> {
    let lanes: Vec<i64> = lanes.iter().map(|lane| lane.0).collect();
    let rows = sqlx::query_as!(
        DeliveryRow,
        r#"
        SELECT d.id, d.lane, d.seq, lane.direction,
               chat.id AS chat, chat.chat_id, chat.channel, chat.conversation, chat.place,
               message.id AS message,
               -- The text of a message for the user is in the payload, rendered.
               CASE WHEN d.payload IS NULL THEN message.text ELSE '' END AS "text!",
               d.key, d.payload, d.reply_to, d.attempts, d.begun,
               (extract(epoch FROM d.run_at - now()) * 1000000)::bigint AS "run_in!",
               (extract(epoch FROM d.expires_at - now()) * 1000000)::bigint AS "expires_in!"
        FROM (SELECT DISTINCT UNNEST($1::bigint[]) AS lane) AS wanted
        CROSS JOIN LATERAL (
            SELECT * FROM delivery
            WHERE delivery.lane = wanted.lane AND delivery.state = 'pending'
            ORDER BY delivery.seq
            LIMIT $2
        ) AS d
        JOIN lane ON lane.id = d.lane AND lane.channel = $3
        JOIN chat ON chat.id = lane.chat
        JOIN message ON message.id = d.message
        ORDER BY d.lane, d.seq
        "#,
        &lanes,
        i64::from(per_lane),
        channel.as_str(),
    )
    .fetch_all(connection)
    .await?;
    rows.into_iter().map(Delivery::try_from).collect()
}

impl TryFrom<DeliveryRow> for Delivery {
    type Error = Fault;

    fn try_from(row: DeliveryRow) -> Result<Self, Fault> {
        let payload =
            PayloadRow { delivery: row.id, payload: row.payload, reply_to: row.reply_to, text: row.text };
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
            chat: chat.try_into()?,
            message: MessageKey(row.message),
            key: IdempotencyKey::new(row.key),
            payload: payload.decode(direction(&row.direction, row.lane)?)?,
            attempts: count(row.attempts),
            begun: row.begun,
            run_in: from_micros(row.run_in),
            expires_in: from_micros(row.expires_in),
            lane_was_idle: false,
        })
    }
}
