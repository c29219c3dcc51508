//! Deliveries for people: lists, details, and what to do with what was given up.

use std::time::Duration;

use switchboard_core::{ChannelName, ChatId};
use switchboard_store::{
    AttemptRow, DeliveryDetail, DeliveryFilter, DeliveryId, DeliveryRow, DeliveryState, LaneId, QueueCounts,
};

use crate::{SqliteStore, clock, convert::Cell, error::Failure, lane, write::Write};

/// A row of `delivery`, with where it belongs.
struct Record {
    id: i64,
    direction: String,
    channel: String,
    chat_id: String,
    seq: i64,
    part: i64,
    state: String,
    attempts: i64,
    last_error: Option<String>,
    created_at: i64,
    run_at: i64,
    finished_at: Option<i64>,
}

impl TryFrom<Record> for DeliveryRow {
    type Error = Failure;

    fn try_from(row: Record) -> Result<Self, Failure> {
        let column = |column| Cell { table: "delivery", column, row: row.id };
        let state = column("state").state(&row.state)?;
        Ok(Self {
            id: DeliveryId(row.id),
            direction: Cell { table: "lane", column: "direction", row: row.id }.direction(&row.direction)?,
            seq: row.seq,
            part: column("part").count(row.part)?,
            state,
            attempts: column("attempts").count(row.attempts)?,
            created_at: clock::moment(row.created_at),
            run_at: (state == DeliveryState::Pending).then(|| clock::moment(row.run_at)),
            finished_at: row.finished_at.map(clock::moment),
            channel: ChannelName::new(row.channel),
            chat_id: ChatId::new(row.chat_id),
            last_error: row.last_error,
        })
    }
}

/// At most this many deliveries, newest first.
pub(crate) async fn list(
    store: &SqliteStore,
    filter: &DeliveryFilter,
    limit: u32,
) -> Result<Vec<DeliveryRow>, Failure> {
    let state = filter.state.map(DeliveryState::as_str);
    let channel = filter.channel.as_ref().map(ChannelName::as_str);
    let chat_id = filter.chat_id.as_ref().map(ChatId::as_str);
    let before = filter.before.map(|id| id.0);
    let mut reader = store.reader().await?;
    let rows = sqlx::query_as!(
        Record,
        r#"
        SELECT
            delivery.id, lane.direction, lane.channel, chat.chat_id, delivery.seq, delivery.part,
            delivery.state, delivery.attempts, delivery.last_error, delivery.created_at, delivery.run_at,
            delivery.finished_at
        FROM delivery
        JOIN lane ON lane.id = delivery.lane
        JOIN chat ON chat.id = lane.chat
        WHERE (?1 IS NULL OR delivery.state = ?1)
            AND (?2 IS NULL OR lane.channel = ?2)
            AND (?3 IS NULL OR chat.chat_id = ?3)
            AND (?4 IS NULL OR delivery.id < ?4)
        ORDER BY delivery.id DESC
        LIMIT ?5
        "#,
        state,
        channel,
        chat_id,
        before,
        limit,
    )
    .fetch_all(&mut *reader)
    .await?;
    rows.into_iter().map(DeliveryRow::try_from).collect()
}

/// One delivery with its history.
pub(crate) async fn show(store: &SqliteStore, id: DeliveryId) -> Result<Option<DeliveryDetail>, Failure> {
    let mut snapshot = store.snapshot().await?;
    let row = sqlx::query_as!(
        Record,
        "
        SELECT
            delivery.id, lane.direction, lane.channel, chat.chat_id, delivery.seq, delivery.part,
            delivery.state, delivery.attempts, delivery.last_error, delivery.created_at, delivery.run_at,
            delivery.finished_at
        FROM delivery
        JOIN lane ON lane.id = delivery.lane
        JOIN chat ON chat.id = lane.chat
        WHERE delivery.id = ?
        ",
        id.0,
    )
    .fetch_optional(&mut *snapshot)
    .await?;
    let Some(row) = row else { return Ok(None) };
    let content = sqlx::query!(
        "
        SELECT delivery.payload, delivery.native_ids, delivery.expires_at, message.text
        FROM delivery
        JOIN message ON message.id = delivery.message
        WHERE delivery.id = ?
        ",
        id.0,
    )
    .fetch_one(&mut *snapshot)
    .await?;
    let column = |column| Cell { table: "delivery", column, row: id.0 };
    let text = match content.payload {
        Some(payload) => column("payload").rendered(&payload)?.text().to_owned(),
        None => content.text,
    };
    let native_ids = match content.native_ids {
        Some(ids) => column("native_ids").json(&ids)?,
        None => Vec::new(),
    };
    Ok(Some(DeliveryDetail {
        row: row.try_into()?,
        text,
        native_ids,
        expires_at: clock::moment(content.expires_at),
        history: attempts(&mut snapshot, id).await?,
    }))
}

async fn attempts(snapshot: &mut sqlx::SqliteConnection, id: DeliveryId) -> Result<Vec<AttemptRow>, Failure> {
    let rows = sqlx::query!(
        "
        SELECT id, number, outcome, error, created_at
        FROM attempt
        WHERE delivery = ?
        ORDER BY id
        ",
        id.0,
    )
    .fetch_all(snapshot)
    .await?;
    let attempts = rows.into_iter().map(|row| {
        Ok(AttemptRow {
            number: Cell { table: "attempt", column: "number", row: row.id }.count(row.number)?,
            outcome: row.outcome,
            error: row.error,
            at: clock::moment(row.created_at),
        })
    });
    attempts.collect()
}

/// Makes a delivery that was given up pending again.
pub(crate) async fn retry(store: &SqliteStore, id: DeliveryId, ttl: Duration) -> Result<bool, Failure> {
    let mut write = Write::begin(store).await?;
    let (now, expires_at) = (write.now, clock::after(write.now, ttl));
    let lane = sqlx::query_scalar!(
        "
        UPDATE delivery
        SET state = 'pending', run_at = ?2, expires_at = ?3, finished_at = NULL
        WHERE id = ?1 AND state IN ('dead', 'discarded')
        RETURNING lane
        ",
        id.0,
        now,
        expires_at,
    )
    .fetch_optional(&mut *write)
    .await?;
    finish(write, lane).await
}

/// Gives a delivery up for good.
pub(crate) async fn discard(store: &SqliteStore, id: DeliveryId) -> Result<bool, Failure> {
    let mut write = Write::begin(store).await?;
    let now = write.now;
    let lane = sqlx::query_scalar!(
        "
        UPDATE delivery
        SET state = 'discarded', finished_at = ?2
        WHERE id = ?1 AND state IN ('pending', 'dead')
        RETURNING lane
        ",
        id.0,
        now,
    )
    .fetch_optional(&mut *write)
    .await?;
    finish(write, lane).await
}

/// Lets the lane of a delivery that changed go on with its first pending one.
async fn finish(mut write: Write, lane: Option<i64>) -> Result<bool, Failure> {
    let Some(lane) = lane else { return Ok(false) };
    lane::refresh(&mut write, LaneId(lane)).await?;
    write.commit().await?;
    Ok(true)
}

/// How many deliveries are open. The states are written out, so that the indexes of the open ones
/// serve and the many that were sent are not touched.
pub(crate) async fn count(store: &SqliteStore) -> Result<Vec<QueueCounts>, Failure> {
    let mut reader = store.reader().await?;
    let rows = sqlx::query!(
        r#"
        SELECT
            lane.channel AS "channel!", lane.direction AS "direction!",
            sum(open.pending) AS "pending!: i64", sum(open.dead) AS "dead!: i64"
        FROM (
            SELECT lane, 1 AS pending, 0 AS dead FROM delivery WHERE state = 'pending'
            UNION ALL
            SELECT lane, 0 AS pending, 1 AS dead FROM delivery WHERE state = 'dead'
        ) AS open
        JOIN lane ON lane.id = open.lane
        GROUP BY lane.channel, lane.direction
        ORDER BY lane.channel, lane.direction
        "#
    )
    .fetch_all(&mut *reader)
    .await?;
    let counts = rows.into_iter().map(|row| {
        let column = |column| Cell { table: "lane", column, row: 0 };
        Ok(QueueCounts {
            channel: ChannelName::new(row.channel),
            direction: column("direction").direction(&row.direction)?,
            pending: column("pending").count(row.pending)?,
            dead: column("dead").count(row.dead)?,
        })
    });
    counts.collect()
}
