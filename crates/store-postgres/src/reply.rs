//! What webhooks ask for.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    iter,
    time::Duration,
};

use sqlx::PgConnection;
use switchboard_core::{Author, ChannelName, ChatId, MessageId, Place, Position, ThreadUpdate};
use switchboard_store::{
    ChatRef, Delivery, DeliveryId, Direction, LaneId, MessageKey, NewPart, Payload, Reply, ReplyMessage,
    ReplyOutcome,
};

use crate::{
    chat::{ChatRow, SEVERAL},
    convert::to_micros,
    enqueue::{Enqueued, EnqueuedDelivery, NewDelivery, NewMessage, enqueue},
    error::Fault,
    payload, seen,
    thread::ChatThreads,
    thread_rows,
};

/// One reply: a webhook's, or a notice of the gateway's own.
#[derive(Clone, Copy)]
pub(crate) struct Request<'a> {
    pub(crate) chat: i64,
    /// What the chat of this key must be; it is unknown otherwise.
    pub(crate) chat_id: &'a ChatId,
    pub(crate) channel: &'a ChannelName,
    pub(crate) message_id: Option<&'a str>,
    pub(crate) update: &'a ThreadUpdate,
    pub(crate) message: Option<&'a ReplyMessage>,
}

impl<'a> From<&'a Reply> for Request<'a> {
    fn from(reply: &'a Reply) -> Self {
        Self {
            chat: reply.chat.key.0,
            chat_id: &reply.chat.chat_id,
            channel: &reply.chat.channel,
            message_id: reply.message_id.as_deref(),
            update: &reply.thread,
            message: reply.message.as_ref(),
        }
    }
}

impl Request<'_> {
    /// Its chat, if that is the one which it is believed to be.
    fn chat_in<'c>(&self, chats: &'c HashMap<i64, LockedChat>) -> Option<&'c LockedChat> {
        let locked = chats.get(&self.chat)?;
        let same = locked.chat.chat_id == *self.chat_id && locked.chat.channel == *self.channel;
        same.then_some(locked)
    }
}

/// What has been found out about a request.
struct Known<'a> {
    request: Request<'a>,
    /// The thread that it is about: its place in its chat's.
    thread: Option<usize>,
    duplicate: bool,
    /// It is the one that the open question is quoted in.
    quotes: bool,
}

/// A chat that is locked.
struct LockedChat {
    chat: ChatRef,
    last_native_id: Option<String>,
    open_thread: Option<i64>,
    /// Whether there is a notice to take back, or one that was sent.
    awaited: bool,
}

/// See [`switchboard_store::MessageStore::reply`]. Works within the caller's transaction.
pub(crate) async fn reply(
    transaction: &mut PgConnection,
    requests: &[Request<'_>],
) -> Result<Vec<ReplyOutcome>, Fault> {
    let chats = lock_chats(transaction, requests).await?;
    let of_known_chats: Vec<Request<'_>> =
        requests.iter().filter(|request| request.chat_in(&chats).is_some()).copied().collect();
    if of_known_chats.is_empty() {
        return Ok(requests.iter().map(|_| ReplyOutcome::UnknownChat).collect());
    }

    let mut threads = load_threads(transaction, &chats, &of_known_chats).await?;
    let mut known: Vec<Known<'_>> = of_known_chats
        .into_iter()
        .map(|request| {
            let of_chat = threads.entry(request.chat).or_default();
            let thread = of_chat.apply(request.update, request.message.is_some());
            Known { request, thread, duplicate: false, quotes: false }
        })
        .collect();
    thread_rows::save(transaction, &mut threads).await?;
    mark_duplicates(transaction, &mut known).await?;
    mark_quotes(&mut known);

    let messages: Vec<NewMessage<'_>> =
        known.iter().filter_map(|known| new_message(known, &chats, &threads)).collect();
    let enqueued = enqueue(transaction, Direction::ToMessenger, &messages).await?;
    update_chats(transaction, &chats, &threads, &messages).await?;

    let mut known = known.iter();
    let mut enqueued = enqueued.iter();
    let outcomes = requests.iter().map(|request| match request.chat_in(&chats) {
        None => ReplyOutcome::UnknownChat,
        Some(locked) => {
            let known = known.next().expect("one of each request whose chat is known");
            outcome(known, locked, &mut enqueued)
        }
    });
    Ok(outcomes.collect())
}

async fn lock_chats(
    transaction: &mut PgConnection,
    requests: &[Request<'_>],
) -> Result<HashMap<i64, LockedChat>, Fault> {
    let ids: Vec<i64> = requests.iter().map(|request| request.chat).collect();
    let rows = sqlx::query!(
        r#"
        SELECT id, chat_id, channel, conversation, place, last_native_id, open_thread,
               notice_at IS NOT NULL OR notice_sent AS "awaited!"
        FROM chat
        WHERE id = ANY($1)
        ORDER BY channel, conversation, user_id
        FOR NO KEY UPDATE
        "#,
        &ids,
    )
    .fetch_all(transaction)
    .await?;
    let mut chats = HashMap::with_capacity(rows.len());
    for row in rows {
        let chat = ChatRow {
            id: row.id,
            chat_id: row.chat_id,
            channel: row.channel,
            conversation: row.conversation,
            place: row.place,
        };
        chats.insert(
            row.id,
            LockedChat {
                chat: chat.try_into()?,
                last_native_id: row.last_native_id,
                open_thread: row.open_thread,
                awaited: row.awaited,
            },
        );
    }
    Ok(chats)
}

async fn load_threads(
    transaction: &mut PgConnection,
    chats: &HashMap<i64, LockedChat>,
    requests: &[Request<'_>],
) -> Result<HashMap<i64, ChatThreads>, Fault> {
    let mut wanted: BTreeMap<i64, thread_rows::Wanted<'_>> = BTreeMap::new();
    for request in requests {
        let of_chat = wanted.entry(request.chat).or_default();
        of_chat.open = chats[&request.chat].open_thread;
        of_chat.thread_ids.extend(request.update.thread_id.as_deref());
    }
    thread_rows::load(transaction, &wanted).await
}

async fn mark_duplicates(transaction: &mut PgConnection, known: &mut [Known<'_>]) -> Result<(), Fault> {
    // An id that comes without its message may still come with it.
    let names_a_message =
        |known: &&mut Known<'_>| known.request.message.is_some() && known.request.message_id.is_some();
    let mut named: Vec<&mut Known<'_>> = known.iter_mut().filter(names_a_message).collect();
    let keys = named.iter().filter_map(|known| {
        let message_id = known.request.message_id?;
        Some(seen::SeenKey::ai_message(known.request.chat, message_id))
    });
    let first_time = seen::take(transaction, keys.collect()).await?;
    for (known, first) in named.iter_mut().zip(first_time) {
        known.duplicate = !first;
    }
    Ok(())
}

/// A question is quoted by its first answer, and by the notices before that.
fn mark_quotes(known: &mut [Known<'_>]) {
    let mut answered = HashSet::new();
    for known in known.iter_mut().filter(|known| !known.duplicate) {
        let Some(message) = known.request.message else { continue };
        known.quotes = !answered.contains(&known.request.chat);
        if message.author != Author::Gateway {
            answered.insert(known.request.chat);
        }
    }
}

/// `None`: it brings no message, or one that is stored already.
fn new_message<'a>(
    known: &Known<'a>,
    chats: &'a HashMap<i64, LockedChat>,
    threads: &HashMap<i64, ChatThreads>,
) -> Option<NewMessage<'a>> {
    let message = known.request.message.filter(|_| !known.duplicate)?;
    let locked = &chats[&known.request.chat];
    let place = known.thread.expect("what brings a message is about a thread");
    let thread = threads[&known.request.chat].threads[place].id.expect("every thread was stored");
    let message_id = known.request.message_id;
    Some(message_for_user(known.request.chat, thread, message_id, message, locked.reply_to(known)))
}

/// A message for the user, with a delivery for each part.
pub(crate) fn message_for_user<'a>(
    chat: i64,
    thread: i64,
    ai_message_id: Option<&'a str>,
    message: &'a ReplyMessage,
    reply_to: Option<&'a str>,
) -> NewMessage<'a> {
    let delivery = |(number, part): (usize, &'a NewPart)| NewDelivery {
        key: &part.key,
        payload: Some(payload::encode(&part.text)),
        reply_to: reply_to.filter(|_| number == 0),
        ttl_micros: to_micros(message.ttl),
    };
    NewMessage {
        chat,
        thread,
        author: message.author,
        event_id: None,
        ai_message_id,
        native_id: None,
        text: &message.text,
        sent_at: None,
        deliveries: message.parts.iter().enumerate().map(delivery).collect(),
    }
}

/// The deliveries of a message for the user, as they were stored.
pub(crate) fn deliveries(
    chat: &ChatRef,
    message: &ReplyMessage,
    row: &Enqueued,
    reply_to: Option<&str>,
) -> Vec<Delivery> {
    let delivery = |(number, (part, delivery)): (usize, (&NewPart, &EnqueuedDelivery))| Delivery {
        id: DeliveryId(delivery.id),
        lane: LaneId(delivery.lane),
        seq: delivery.seq,
        chat: chat.clone(),
        message: MessageKey(row.message),
        key: part.key.clone(),
        payload: Payload::ToMessenger {
            text: part.text.clone(),
            reply_to: reply_to.filter(|_| number == 0).map(MessageId::new),
        },
        attempts: 0,
        begun: false,
        run_in: Duration::ZERO,
        expires_in: message.ttl,
        lane_was_idle: delivery.lane_was_idle,
    };
    iter::zip(&message.parts, &row.deliveries).enumerate().map(delivery).collect()
}

impl LockedChat {
    /// What a reply refers to: in a group, the one question that is open.
    fn reply_to(&self, known: &Known<'_>) -> Option<&str> {
        let open = self.last_native_id.as_deref().filter(|question| *question != SEVERAL);
        open.filter(|_| known.quotes && self.chat.place == Place::Group)
    }

    /// Whether an answer changes what is stored of it.
    fn waits(&self) -> bool {
        self.awaited || (self.chat.place == Place::Group && self.last_native_id.is_some())
    }
}

/// Writes which thread is open now, and that nothing is awaited and no question is open any more where an
/// answer came.
async fn update_chats(
    transaction: &mut PgConnection,
    chats: &HashMap<i64, LockedChat>,
    threads: &HashMap<i64, ChatThreads>,
    messages: &[NewMessage<'_>],
) -> Result<(), Fault> {
    let answers = messages.iter().filter(|message| message.author != Author::Gateway);
    let answered_chats: HashSet<i64> = answers.map(|message| message.chat).collect();
    let mut ids = Vec::new();
    let mut open_threads = Vec::new();
    let mut answered = Vec::new();
    for (&id, locked) in chats {
        let of_chat = threads.get(&id);
        let open = of_chat.and_then(|chat| chat.threads[chat.open?].id);
        let is_answered = locked.waits() && answered_chats.contains(&id);
        if is_answered || open != locked.open_thread {
            ids.push(id);
            open_threads.push(open);
            answered.push(is_answered);
        }
    }
    if ids.is_empty() {
        return Ok(());
    }
    sqlx::query!(
        r#"
        UPDATE chat
        SET open_thread = input.open_thread,
            notice_at = CASE WHEN input.answered THEN NULL ELSE chat.notice_at END,
            notice_sent = chat.notice_sent AND NOT input.answered,
            last_native_id = CASE WHEN input.answered THEN NULL ELSE chat.last_native_id END
        FROM UNNEST($1::bigint[], $2::bigint[], $3::boolean[]) AS input (id, open_thread, answered)
        WHERE chat.id = input.id
        "#,
        &ids,
        &open_threads as &[Option<i64>],
        &answered,
    )
    .execute(transaction)
    .await?;
    Ok(())
}

fn outcome<'a>(
    known: &Known<'_>,
    locked: &LockedChat,
    enqueued: &mut impl Iterator<Item = &'a Enqueued>,
) -> ReplyOutcome {
    match known.request.message {
        _ if known.duplicate => ReplyOutcome::Duplicate,
        None => ReplyOutcome::Updated,
        Some(message) => {
            let row = enqueued.next().expect("one of each message that is stored");
            let deliveries = deliveries(&locked.chat, message, row, locked.reply_to(known));
            ReplyOutcome::Stored { position: Position(row.message), deliveries }
        }
    }
}
