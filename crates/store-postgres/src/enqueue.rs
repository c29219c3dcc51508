//! Into the queue: lanes hand out sequence numbers, messages and their deliveries are stored.

use std::collections::{BTreeMap, HashMap};

use serde_json::Value;
use sqlx::PgConnection;
use switchboard_core::{Author, IdempotencyKey};
use switchboard_store::Direction;
use time::OffsetDateTime;

use crate::error::Fault;

/// A message, with its deliveries, all in one lane.
pub(crate) struct NewMessage<'a> {
    pub(crate) chat: i64,
    pub(crate) thread: i64,
    pub(crate) author: Author,
    pub(crate) event_id: Option<&'a str>,
    pub(crate) ai_message_id: Option<&'a str>,
    pub(crate) native_id: Option<&'a str>,
    pub(crate) text: &'a str,
    pub(crate) sent_at: Option<OffsetDateTime>,
    pub(crate) deliveries: Vec<NewDelivery<'a>>,
}

/// One delivery of a message.
pub(crate) struct NewDelivery<'a> {
    pub(crate) key: &'a IdempotencyKey,
    /// Encoded; null to the AI.
    pub(crate) payload: Option<Value>,
    pub(crate) reply_to: Option<&'a str>,
    pub(crate) ttl_micros: i64,
}

/// What a message and its deliveries got.
pub(crate) struct Enqueued {
    pub(crate) message: i64,
    pub(crate) deliveries: Vec<EnqueuedDelivery>,
}

pub(crate) struct EnqueuedDelivery {
    pub(crate) id: i64,
    pub(crate) lane: i64,
    pub(crate) seq: i64,
    pub(crate) lane_was_idle: bool,
}

/// Stores the messages and enqueues their deliveries, in their order. The chats are locked.
pub(crate) async fn enqueue(
    connection: &mut PgConnection,
    direction: Direction,
    messages: &[NewMessage<'_>],
) -> Result<Vec<Enqueued>, Fault> {
    if messages.is_empty() {
        return Ok(Vec::new());
    }
    let mut counts = BTreeMap::new();
    for message in messages {
        *counts.entry(message.chat).or_default() += message.deliveries.len();
    }
    let mut lanes = reserve(connection, direction, &counts).await?;
    let mut places = Vec::with_capacity(messages.len());
    for message in messages {
        let mut next = || lanes.get_mut(&message.chat).map(Reserved::next);
        let of_message: Option<Vec<LanePlace>> = message.deliveries.iter().map(|_| next()).collect();
        let missing = || Fault::corrupt("lane", "chat", message.chat, "a chat without its lane");
        places.push(of_message.ok_or_else(missing)?);
    }
    let ids = insert(connection, messages, &places).await?;
    let delivery =
        |(id, LanePlace { lane, seq, lane_was_idle })| EnqueuedDelivery { id, lane, seq, lane_was_idle };
    let enqueued = ids.into_iter().zip(places).map(|((message, ids), places)| Enqueued {
        message,
        deliveries: ids.into_iter().zip(places).map(delivery).collect(),
    });
    Ok(enqueued.collect())
}

/// Sequence numbers of a lane that are ours to give.
struct Reserved {
    id: i64,
    next_seq: i64,
    idle: bool,
}

/// A delivery's place in its lane.
struct LanePlace {
    lane: i64,
    seq: i64,
    lane_was_idle: bool,
}

impl Reserved {
    fn next(&mut self) -> LanePlace {
        let place = LanePlace { lane: self.id, seq: self.next_seq, lane_was_idle: self.idle };
        self.next_seq += 1;
        self.idle = false;
        place
    }
}

/// Locks the chats' lanes and takes so many sequence numbers from each; a lane that none is taken
/// from is left out. What is to be pending there makes the lane ready, unless it waits for
/// something earlier.
async fn reserve(
    connection: &mut PgConnection,
    direction: Direction,
    counts: &BTreeMap<i64, usize>,
) -> Result<HashMap<i64, Reserved>, Fault> {
    let chats: Vec<i64> = counts.keys().copied().collect();
    let counts: Vec<i64> =
        counts.values().map(|&count| i64::try_from(count).expect("a batch fits in memory")).collect();
    let rows = sqlx::query!(
        r#"
        WITH held AS (
            SELECT lane.id, lane.ready_at IS NULL AS idle, input.deliveries
            FROM lane
            JOIN UNNEST($2::bigint[], $3::bigint[]) AS input (chat, deliveries) ON input.chat = lane.chat
            WHERE lane.direction = $1 AND input.deliveries > 0
            ORDER BY lane.id
            FOR NO KEY UPDATE OF lane
        )
        UPDATE lane
        SET next_seq = lane.next_seq + held.deliveries,
            ready_at = coalesce(lane.ready_at, now())
        FROM held
        WHERE lane.id = held.id
        RETURNING lane.chat, lane.id,
                  lane.next_seq - held.deliveries AS "first_seq!",
                  held.idle AS "idle!"
        "#,
        direction.as_str(),
        &chats,
        &counts,
    )
    .fetch_all(connection)
    .await?;
    let reserved = rows
        .into_iter()
        .map(|row| (row.chat, Reserved { id: row.id, next_seq: row.first_seq, idle: row.idle }));
    Ok(reserved.collect())
}

/// Returns the key of each message and the keys of its deliveries.
async fn insert(
    connection: &mut PgConnection,
    messages: &[NewMessage<'_>],
    places: &[Vec<LanePlace>],
) -> Result<Vec<(i64, Vec<i64>)>, Fault> {
    let columns = Columns::of(messages, places);
    // Keys are drawn in the order of the lists; that is how the n-th row is found again.
    let row = sqlx::query!(
        r#"
        WITH stored AS (
            INSERT INTO message (chat, thread, author, event_id, ai_message_id, native_id, text, sent_at)
            SELECT chat, thread, author, event_id, ai_message_id, native_id, text, sent_at
            FROM UNNEST(
                $1::bigint[], $2::bigint[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[],
                $8::timestamptz[]
            ) WITH ORDINALITY AS input (
                chat, thread, author, event_id, ai_message_id, native_id, text, sent_at, place
            )
            ORDER BY place
            RETURNING id
        ), messages AS (
            SELECT array_agg(id ORDER BY id) AS ids
            FROM stored
        ), queued AS (
            INSERT INTO delivery (message, lane, seq, part, key, payload, reply_to, expires_at)
            SELECT messages.ids[input.message], lane, seq, part, key, payload, reply_to,
                   now() + ttl * interval '1 microsecond'
            FROM messages
            CROSS JOIN UNNEST(
                $9::integer[], $10::bigint[], $11::bigint[], $12::integer[], $13::text[], $14::jsonb[],
                $15::text[], $16::bigint[]
            ) WITH ORDINALITY AS input (
                message, lane, seq, part, key, payload, reply_to, ttl, place
            )
            ORDER BY input.place
            RETURNING id
        )
        SELECT ids AS "messages!", ARRAY(SELECT id FROM queued ORDER BY id) AS "deliveries!"
        FROM messages
        "#,
        &columns.chats,
        &columns.threads,
        &columns.authors as &[&str],
        &columns.event_ids as &[Option<&str>],
        &columns.ai_message_ids as &[Option<&str>],
        &columns.native_ids as &[Option<&str>],
        &columns.texts as &[&str],
        &columns.sent_ats as &[Option<OffsetDateTime>],
        &columns.messages,
        &columns.lanes,
        &columns.seqs,
        &columns.parts,
        &columns.keys as &[&str],
        &columns.payloads as &[Option<Value>],
        &columns.reply_tos as &[Option<&str>],
        &columns.ttls,
    )
    .fetch_one(connection)
    .await?;
    let mut deliveries = row.deliveries.into_iter();
    let of_message = |places: &Vec<LanePlace>| deliveries.by_ref().take(places.len()).collect();
    Ok(row.messages.into_iter().zip(places.iter().map(of_message)).collect())
}

/// The messages and the deliveries, column by column.
#[derive(Default)]
struct Columns<'a> {
    chats: Vec<i64>,
    threads: Vec<i64>,
    authors: Vec<&'a str>,
    event_ids: Vec<Option<&'a str>>,
    ai_message_ids: Vec<Option<&'a str>>,
    native_ids: Vec<Option<&'a str>>,
    texts: Vec<&'a str>,
    sent_ats: Vec<Option<OffsetDateTime>>,
    /// Of each delivery the place of its message, from 1.
    messages: Vec<i32>,
    lanes: Vec<i64>,
    seqs: Vec<i64>,
    parts: Vec<i32>,
    keys: Vec<&'a str>,
    payloads: Vec<Option<Value>>,
    reply_tos: Vec<Option<&'a str>>,
    ttls: Vec<i64>,
}

impl<'a> Columns<'a> {
    fn of(messages: &[NewMessage<'a>], places: &[Vec<LanePlace>]) -> Self {
        let mut columns = Self::default();
        for ((message, places), number) in messages.iter().zip(places).zip(1..) {
            columns.chats.push(message.chat);
            columns.threads.push(message.thread);
            columns.authors.push(message.author.as_str());
            columns.event_ids.push(message.event_id);
            columns.ai_message_ids.push(message.ai_message_id);
            columns.native_ids.push(message.native_id);
            columns.texts.push(message.text);
            columns.sent_ats.push(message.sent_at);
            for ((delivery, place), part) in message.deliveries.iter().zip(places).zip(0..) {
                columns.messages.push(number);
                columns.lanes.push(place.lane);
                columns.seqs.push(place.seq);
                columns.parts.push(part);
                columns.keys.push(delivery.key.as_str());
                columns.payloads.push(delivery.payload.clone());
                columns.reply_tos.push(delivery.reply_to);
                columns.ttls.push(delivery.ttl_micros);
            }
        }
        columns
    }
}
