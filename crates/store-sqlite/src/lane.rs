//! Lanes: handing out places in them, and keeping in mind when each may run.

use std::time::Duration;

use switchboard_core::{IdempotencyKey, MessageId};
use switchboard_store::{ChatRef, DeliveryId, Direction, LaneId, LaneState, MessageKey};

use crate::{clock, error::Failure, write::Write};

/// Places at the end of a lane.
pub(crate) struct Places {
    pub(crate) lane: LaneId,
    /// The first of them.
    pub(crate) seq: i64,
    /// Whether nothing was pending in the lane before.
    pub(crate) was_idle: bool,
}

/// Takes as many places at the end of a chat's lane, which is made if there is none. A lane that
/// is empty becomes ready now; one that waits goes on waiting.
pub(crate) async fn take_places(
    write: &mut Write,
    chat: &ChatRef,
    direction: Direction,
    count: i64,
) -> Result<Places, Failure> {
    let (channel, direction, now) = (chat.channel.as_str(), direction.as_str(), write.now);
    let row = sqlx::query!(
        r#"
        INSERT INTO lane (chat, direction, channel, next_seq, ready_at)
        VALUES (?1, ?2, ?3, 1 + ?4, ?5)
        ON CONFLICT (chat, direction) DO UPDATE
        SET next_seq = next_seq + ?4, ready_at = coalesce(ready_at, excluded.ready_at)
        RETURNING
            id AS "lane!: i64",
            next_seq - ?4 AS "seq!: i64",
            NOT EXISTS (
                SELECT 1 FROM delivery WHERE delivery.lane = lane.id AND delivery.state = 'pending'
            ) AS "was_idle!: bool"
        "#,
        chat.key.0,
        direction,
        channel,
        count,
        now,
    )
    .fetch_one(&mut **write)
    .await?;
    Ok(Places { lane: LaneId(row.lane), seq: row.seq, was_idle: row.was_idle })
}

/// A delivery to be stored.
pub(crate) struct NewDelivery<'a> {
    pub(crate) lane: LaneId,
    pub(crate) seq: i64,
    pub(crate) message: MessageKey,
    pub(crate) part: u32,
    pub(crate) key: &'a IdempotencyKey,
    pub(crate) payload: Option<String>,
    pub(crate) reply_to: Option<&'a MessageId>,
    pub(crate) ttl: Duration,
}

/// Stores a delivery in its place.
pub(crate) async fn insert(write: &mut Write, delivery: NewDelivery<'_>) -> Result<DeliveryId, Failure> {
    let (now, expires_at) = (write.now, clock::after(write.now, delivery.ttl));
    let key = delivery.key.as_str();
    let reply_to = delivery.reply_to.map(MessageId::as_str);
    let id = sqlx::query_scalar!(
        r#"
        INSERT INTO delivery (lane, seq, message, part, run_at, expires_at, key, payload, reply_to, created_at)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?5)
        RETURNING id AS "id!: i64"
        "#,
        delivery.lane.0,
        delivery.seq,
        delivery.message.0,
        delivery.part,
        now,
        expires_at,
        key,
        delivery.payload,
        reply_to,
    )
    .fetch_one(&mut **write)
    .await?;
    Ok(DeliveryId(id))
}

/// Looks again when a lane may run, after its pending deliveries changed. One that does not exist
/// is idle.
pub(crate) async fn refresh(write: &mut Write, lane: LaneId) -> Result<LaneState, Failure> {
    let row = sqlx::query!(
        r#"
        UPDATE lane
        SET ready_at = (
            SELECT run_at FROM delivery WHERE lane = ?1 AND state = 'pending' ORDER BY seq LIMIT 1
        )
        WHERE id = ?1
        RETURNING
            (SELECT min(seq) FROM delivery WHERE lane = ?1 AND state = 'pending') AS "seq?: i64",
            ready_at AS "ready_at?: i64"
        "#,
        lane.0,
    )
    .fetch_optional(&mut **write)
    .await?;
    Ok(match row.and_then(|row| row.seq.zip(row.ready_at)) {
        Some((seq, time)) => LaneState::Ready { seq, after: clock::until(write.now, time) },
        None => LaneState::Idle,
    })
}
