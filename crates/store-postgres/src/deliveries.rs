//! Deliveries as people see them: lists and details.

use serde_json::Value;
use sqlx::PgConnection;
use switchboard_core::{ChannelName, ChatId, MessageId};
use switchboard_store::{
    AttemptRow, DeliveryDetail, DeliveryFilter, DeliveryId, DeliveryRow, DeliveryState, Payload,
};
use time::OffsetDateTime;

use crate::{
    convert::{count, direction, state},
    error::Fault,
    payload::PayloadRow,
};

struct Row {
    id: i64,
    direction: String,
    channel: String,
    chat_id: String,
    seq: i64,
    part: i32,
    state: String,
    attempts: i32,
    last_error: Option<String>,
    created_at: OffsetDateTime,
    run_at: Option<OffsetDateTime>,
    finished_at: Option<OffsetDateTime>,
}

impl TryFrom<Row> for DeliveryRow {
    type Error = Fault;

    fn try_from(row: Row) -> Result<Self, Fault> {
        Ok(Self {
            id: DeliveryId(row.id),
            direction: direction(&row.direction, row.id)?,
            channel: ChannelName::new(row.channel),
            chat_id: ChatId::new(row.chat_id),
            seq: row.seq,
            part: count(row.part),
            state: state(&row.state, row.id)?,
            attempts: count(row.attempts),
            last_error: row.last_error,
            created_at: row.created_at,
            run_at: row.run_at,
            finished_at: row.finished_at,
        })
    }
}

/// See [`switchboard_store::AdminStore::deliveries`].
pub(crate) async fn list(
    connection: &mut PgConnection,
    filter: &DeliveryFilter,
    limit: u32,
) -> Result<Vec<DeliveryRow>, Fault> {
    let rows = sqlx::query_as!(
        Row,
        r#"
        SELECT delivery.id, lane.direction, lane.channel, chat.chat_id, delivery.seq, delivery.part,
               delivery.state, delivery.attempts, delivery.last_error, delivery.created_at,
               CASE WHEN delivery.state = 'pending' THEN delivery.run_at END AS run_at,
               delivery.finished_at
        FROM delivery
        JOIN lane ON lane.id = delivery.lane
        JOIN chat ON chat.id = lane.chat
        WHERE ($1::text IS NULL OR delivery.state = $1)
          AND ($2::text IS NULL OR lane.channel = $2)
          AND ($3::text IS NULL OR chat.chat_id = $3)
          AND ($4::bigint IS NULL OR delivery.id < $4)
        ORDER BY delivery.id DESC
        LIMIT $5
        "#,
        filter.state.map(DeliveryState::as_str),
        filter.channel.as_ref().map(ChannelName::as_str),
        filter.chat_id.as_ref().map(ChatId::as_str),
        filter.before.map(|id| id.0),
        i64::from(limit),
    )
    .fetch_all(connection)
    .await?;
    rows.into_iter().map(DeliveryRow::try_from).collect()
}

/// See [`switchboard_store::AdminStore::delivery`].
pub(crate) async fn show(
    connection: &mut PgConnection,
    id: DeliveryId,
) -> Result<Option<DeliveryDetail>, Fault> {
    let row = sqlx::query!(
        r#"
        SELECT delivery.id, lane.direction, lane.channel, chat.chat_id, delivery.seq, delivery.part,
               delivery.state, delivery.attempts, delivery.last_error, delivery.created_at,
               CASE WHEN delivery.state = 'pending' THEN delivery.run_at END AS run_at,
               delivery.finished_at, delivery.expires_at, delivery.payload, delivery.native_ids,
               message.text
        FROM delivery
        JOIN lane ON lane.id = delivery.lane
        JOIN chat ON chat.id = lane.chat
        JOIN message ON message.id = delivery.message
        WHERE delivery.id = $1
        "#,
        id.0,
    )
    .fetch_optional(&mut *connection)
    .await?;
    let Some(row) = row else { return Ok(None) };
    let payload = PayloadRow { delivery: row.id, payload: row.payload, reply_to: None, text: row.text };
    let native_ids = row.native_ids.unwrap_or_else(|| Value::Array(Vec::new()));
    let native_ids: Vec<MessageId> = serde_json::from_value(native_ids)
        .map_err(|source| Fault::corrupt("delivery", "native_ids", row.id, source))?;
    let listed: DeliveryRow = Row {
        id: row.id,
        direction: row.direction,
        channel: row.channel,
        chat_id: row.chat_id,
        seq: row.seq,
        part: row.part,
        state: row.state,
        attempts: row.attempts,
        last_error: row.last_error,
        created_at: row.created_at,
        run_at: row.run_at,
        finished_at: row.finished_at,
    }
    .try_into()?;
    let text = match payload.decode(listed.direction)? {
        Payload::ToAi { text } => text,
        Payload::ToMessenger { text, .. } => text.text().to_owned(),
    };
    let history = history(connection, id).await?;
    Ok(Some(DeliveryDetail { row: listed, text, native_ids, expires_at: row.expires_at, history }))
}

async fn history(connection: &mut PgConnection, id: DeliveryId) -> Result<Vec<AttemptRow>, Fault> {
    let rows = sqlx::query!(
        "SELECT number, outcome, error, created_at FROM attempt WHERE delivery = $1 ORDER BY id",
        id.0,
    )
    .fetch_all(connection)
    .await?;
    let attempt = rows.into_iter().map(|row| AttemptRow {
        number: count(row.number),
        outcome: row.outcome,
        error: row.error,
        at: row.created_at,
    });
    Ok(attempt.collect())
}
