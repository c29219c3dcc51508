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
    let (columns, counts) = Columns::of(messages);
    let row = insert(connection, direction, &columns, &counts).await?;
    let mut lanes: HashMap<i64, Reserved> = HashMap::with_capacity(row.chats.len());
    for (((chat, lane), first_seq), idle) in row.chats.into_iter().zip(row.lanes).zip(row.seqs).zip(row.idle)
    {
        lanes.insert(chat, Reserved { id: lane, next_seq: first_seq, idle });
    }
    let mut ids = row.deliveries.into_iter();
    let enqueued = messages.iter().zip(row.messages).map(|(message, id)| {
        let delivery = |_: &NewDelivery<'_>| {
            let missing = || Fault::corrupt("lane", "chat", message.chat, "a chat without its lane");
            let lane = lanes.get_mut(&message.chat).ok_or_else(missing)?;
            Ok(lane.next(ids.next().ok_or_else(missing)?))
        };
        let deliveries: Result<_, Fault> = message.deliveries.iter().map(delivery).collect();
        Ok(Enqueued { message: id, deliveries: deliveries? })
    });
    enqueued.collect()
}

/// Sequence numbers of a lane that are ours to give.
struct Reserved {
    id: i64,
    next_seq: i64,
    idle: bool,
}

impl Reserved {
    fn next(&mut self, id: i64) -> EnqueuedDelivery {
        let delivery = EnqueuedDelivery { id, lane: self.id, seq: self.next_seq, lane_was_idle: self.idle };
        self.next_seq += 1;
        self.idle = false;
        delivery
    }
}

/// The keys of what was stored, in the order it was given; and of each lane by its chat, the first
/// sequence number that was taken from it and whether nothing was pending there.
struct InsertedRow {
    messages: Vec<i64>,
    deliveries: Vec<i64>,
    chats: Vec<i64>,
    lanes: Vec<i64>,
    seqs: Vec<i64>,
    idle: Vec<bool>,
}

/// Locks the chats' lanes and takes as many sequence numbers from each as it gets deliveries; a lane
/// that none is taken from is left out. What is to be pending there makes the lane ready, unless it
/// waits for something earlier. Stores the messages and the deliveries.
async fn insert(
    connection: &mut PgConnection,
    direction: Direction,
    columns: &Columns<'_>,
    counts: &BTreeMap<i64, i64>,
) -> Result<InsertedRow, Fault> {
    let (chats, counts): (Vec<i64>, Vec<i64>) = counts.iter().unzip();
    // Keys are drawn in the order of the lists; that is how the n-th row is found again.
    let row = sqlx::query_as!(
        InsertedRow,
        r#"
        WITH held AS (
            SELECT lane.id, lane.ready_at IS NULL AS idle, input.deliveries
            FROM lane
            JOIN UNNEST($2::bigint[], $3::bigint[]) AS input (chat, deliveries) ON input.chat = lane.chat
            WHERE lane.direction = $1
            ORDER BY lane.id
            FOR NO KEY UPDATE OF lane
        ), reserved AS (
            UPDATE lane
            SET next_seq = lane.next_seq + held.deliveries,
                ready_at = coalesce(lane.ready_at, now())
            FROM held
            WHERE lane.id = held.id
            RETURNING lane.chat, lane.id, lane.next_seq - held.deliveries AS first_seq, held.idle
        ), stored AS (
            INSERT INTO message (chat, thread, author, event_id, ai_message_id, native_id, text, sent_at)
            SELECT chat, thread, author, event_id, ai_message_id, native_id, text, sent_at
            FROM UNNEST(
                $4::bigint[], $5::bigint[], $6::text[], $7::text[], $8::text[], $9::text[], $10::text[],
                $11::timestamptz[]
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
            SELECT messages.ids[input.message], reserved.id, reserved.first_seq + input.nth, part, key, payload,
                   reply_to, now() + ttl * interval '1 microsecond'
            FROM messages
            CROSS JOIN UNNEST(
                $12::integer[], $13::bigint[], $14::bigint[], $15::integer[], $16::text[], $17::jsonb[],
                $18::text[], $19::bigint[]
            ) WITH ORDINALITY AS input (
                message, chat, nth, part, key, payload, reply_to, ttl, place
            )
            JOIN reserved ON reserved.chat = input.chat
            ORDER BY input.place
            RETURNING id
        )
        SELECT ids AS "messages!",
               ARRAY(SELECT id FROM queued ORDER BY id) AS "deliveries!",
               ARRAY(SELECT chat FROM reserved ORDER BY chat) AS "chats!",
               ARRAY(SELECT id FROM reserved ORDER BY chat) AS "lanes!",
               ARRAY(SELECT first_seq FROM reserved ORDER BY chat) AS "seqs!",
               ARRAY(SELECT idle FROM reserved ORDER BY chat) AS "idle!"
        FROM messages
        "#,
        direction.as_str(),
        &chats,
        &counts,
        &columns.chats,
        &columns.threads,
        &columns.authors as &[&str],
        &columns.event_ids as &[Option<&str>],
        &columns.ai_message_ids as &[Option<&str>],
        &columns.native_ids as &[Option<&str>],
        &columns.texts as &[&str],
        &columns.sent_ats as &[Option<OffsetDateTime>],
        &columns.messages,
        &columns.lane_chats,
        &columns.places,
        &columns.parts,
        &columns.keys as &[&str],
        &columns.payloads as &[Option<Value>],
        &columns.reply_tos as &[Option<&str>],
        &columns.ttls,
    )
    .fetch_one(connection)
    .await?;
    Ok(row)
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
    /// The chat whose lane it goes to.
    lane_chats: Vec<i64>,
    /// Which it is of those that go to this lane, from 0.
    places: Vec<i64>,
    parts: Vec<i32>,
    keys: Vec<&'a str>,
    payloads: Vec<Option<Value>>,
    reply_tos: Vec<Option<&'a str>>,
    ttls: Vec<i64>,
}

impl<'a> Columns<'a> {
    /// Also says how many deliveries each chat's lane gets, of those that get some.
    fn of(messages: &[NewMessage<'a>]) -> (Self, BTreeMap<i64, i64>) {
        let mut columns = Self::default();
        let mut counts = BTreeMap::new();
        for (message, number) in messages.iter().zip(1..) {
            columns.chats.push(message.chat);
            columns.threads.push(message.thread);
            columns.authors.push(message.author.as_str());
            columns.event_ids.push(message.event_id);
            columns.ai_message_ids.push(message.ai_message_id);
            columns.native_ids.push(message.native_id);
            columns.texts.push(message.text);
            columns.sent_ats.push(message.sent_at);
            for (delivery, part) in message.deliveries.iter().zip(0..) {
                let count = counts.entry(message.chat).or_insert(0);
                columns.messages.push(number);
                columns.lane_chats.push(message.chat);
                columns.places.push(*count);
                *count += 1;
                columns.parts.push(part);
                columns.keys.push(delivery.key.as_str());
                columns.payloads.push(delivery.payload.clone());
                columns.reply_tos.push(delivery.reply_to);
                columns.ttls.push(delivery.ttl_micros);
            }
        }
        (columns, counts)
    }
}
