//! Users' messages, taken in.

use std::{collections::BTreeMap, time::Duration};

use sqlx::PgConnection;
use switchboard_core::{Author, ChannelName, Cursor, MessageId, Place, Position};
use switchboard_store::{
    Accept, AcceptOutcome, Delivery, DeliveryId, Direction, LaneId, MessageKey, Payload, ReplyMessage, Stored,
};

use crate::{
    PostgresStore,
    chat::{self, Incoming, TakenChat},
    convert::to_micros,
    enqueue::{Enqueued, NewDelivery, NewMessage, enqueue},
    error::Fault,
    fence, reply, seen,
};

/// How often a batch is begun anew because another replica took a new chat's name meanwhile. By
/// the second time, the name is visibly taken.
const NAME_RACES: u32 = 3;

/// See [`switchboard_store::MessageStore::accept`].
pub(crate) async fn accept(store: &PostgresStore, batch: &[Accept]) -> Result<Vec<AcceptOutcome>, Fault> {
    let mut races = 0;
    loop {
        match accept_once(store, batch).await {
            Err(fault) if fault.violates(chat::NAME_TAKEN) && races < NAME_RACES => races += 1,
            result => return result,
        }
    }
}

async fn accept_once(store: &PostgresStore, batch: &[Accept]) -> Result<Vec<AcceptOutcome>, Fault> {
    let mut transaction = store.begin().await?;
    let named = batch.iter().filter(|item| item.fence.is_some()).map(|item| &item.channel);
    let fences = fence::hold(&mut transaction, named).await?;
    let ours: Vec<bool> = batch
        .iter()
        .map(|item| item.fence.is_none_or(|token| fences.confirm(&item.channel, token)))
        .collect();
    let owned = || batch.iter().zip(&ours).filter(|&(_, &ours)| ours).map(|(item, _)| item);

    let incoming: Vec<Incoming<'_>> = owned()
        .flat_map(|item| item.messages.iter().map(|message| Incoming { channel: &item.channel, message }))
        .collect();
    let stored = store_messages(&mut transaction, &incoming).await?;
    let cursors = owned().filter(|item| item.fence.is_some());
    let cursors = cursors.filter_map(|item| Some((&item.channel, item.cursor.as_ref()?))).collect();
    write_cursors(&mut transaction, &cursors).await?;
    transaction.commit().await?;

    let mut stored = stored.into_iter();
    let outcome = |(item, ours): (&Accept, bool)| {
        if ours {
            AcceptOutcome::Committed(stored.by_ref().take(item.messages.len()).collect())
        } else {
            AcceptOutcome::NotOwner
        }
    };
    Ok(batch.iter().zip(ours).map(outcome).collect())
}

/// What became of each message.
async fn store_messages(
    transaction: &mut PgConnection,
    incoming: &[Incoming<'_>],
) -> Result<Vec<Stored>, Fault> {
    let keys = incoming.iter().map(|new| seen::SeenKey::event(new.channel, &new.message.event_id));
    let first_time = seen::take(transaction, keys.collect()).await?;
    let fresh: Vec<Incoming<'_>> =
        incoming.iter().zip(&first_time).filter(|&(_, &first)| first).map(|(new, _)| *new).collect();
    if fresh.is_empty() {
        return Ok(first_time.iter().map(|_| Stored::Duplicate).collect());
    }

    let taken = chat::take(transaction, &fresh).await?;
    let chats: Vec<&TakenChat> = taken.of_message.iter().map(|&place| &taken.chats[place]).collect();
    let messages: Vec<NewMessage<'_>> =
        fresh.iter().zip(&chats).map(|(new, chat)| new_message(*new, chat)).collect();
    let enqueued = enqueue(transaction, Direction::ToAi, &messages).await?;
    let answers: Vec<NewMessage<'_>> =
        fresh.iter().zip(&chats).filter_map(|(new, chat)| own_answer(*new, chat)).collect();
    let mut answered = enqueue(transaction, Direction::ToMessenger, &answers).await?.into_iter();

    let mut new = fresh.iter().zip(chats).zip(enqueued).map(|((new, chat), row)| {
        let answer = new.message.answer.as_ref().and_then(|answer| Some((answer, answered.next()?)));
        stored(*new, chat, &row, answer)
    });
    let outcomes = first_time.into_iter().map(|first| {
        let new = if first { new.next() } else { None };
        new.unwrap_or(Stored::Duplicate)
    });
    Ok(outcomes.collect())
}

fn new_message<'a>(new: Incoming<'a>, chat: &TakenChat) -> NewMessage<'a> {
    let message = new.message;
    let to_ai = || NewDelivery {
        key: &message.key,
        payload: None,
        reply_to: None,
        ttl_micros: to_micros(message.ttl),
    };
    NewMessage {
        chat: chat.chat.key.0,
        thread: chat.thread,
        author: Author::User,
        event_id: Some(message.event_id.as_str()),
        ai_message_id: None,
        native_id: message.native_id.as_ref().map(MessageId::as_str),
        text: &message.text,
        sent_at: message.sent_at,
        deliveries: if message.answer.is_none() { vec![to_ai()] } else { Vec::new() },
    }
}

/// The gateway's own answer to a message, if it has one.
fn own_answer<'a>(new: Incoming<'a>, chat: &TakenChat) -> Option<NewMessage<'a>> {
    let answer = new.message.answer.as_ref()?;
    let reply_to = reply_to(new, chat);
    Some(reply::message_for_user(chat.chat.key.0, chat.thread, None, answer, reply_to))
}

/// In a group, an answer refers to what it answers.
fn reply_to<'a>(new: Incoming<'a>, chat: &TakenChat) -> Option<&'a str> {
    let native_id = new.message.native_id.as_ref().map(MessageId::as_str);
    native_id.filter(|_| chat.chat.place == Place::Group)
}

fn stored(
    new: Incoming<'_>,
    chat: &TakenChat,
    row: &Enqueued,
    answer: Option<(&ReplyMessage, Enqueued)>,
) -> Stored {
    let to_ai = row.deliveries.iter().map(|delivery| Delivery {
        id: DeliveryId(delivery.id),
        lane: LaneId(delivery.lane),
        seq: delivery.seq,
        chat: chat.chat.clone(),
        message: MessageKey(row.message),
        key: new.message.key.clone(),
        payload: Payload::ToAi { text: new.message.text.clone() },
        attempts: 0,
        begun: false,
        run_in: Duration::ZERO,
        expires_in: new.message.ttl,
        lane_was_idle: delivery.lane_was_idle,
    });
    let mut deliveries: Vec<Delivery> = to_ai.collect();
    if let Some((answer, row)) = answer {
        deliveries.extend(reply::deliveries(&chat.chat, answer, &row, reply_to(new, chat)));
    }
    Stored::New { position: Position(row.message), deliveries }
}

/// Writes the cursors of channels whose fences are held; the last one of a channel counts.
async fn write_cursors(
    transaction: &mut PgConnection,
    cursors: &BTreeMap<&ChannelName, &Cursor>,
) -> Result<(), Fault> {
    if cursors.is_empty() {
        return Ok(());
    }
    let (channels, cursors): (Vec<&str>, Vec<&str>) =
        cursors.iter().map(|(channel, cursor)| (channel.as_str(), cursor.as_str())).unzip();
    sqlx::query!(
        r#"
        WITH held AS (
            SELECT name, input.cursor
            FROM channel
            JOIN UNNEST($1::text[], $2::text[]) AS input (channel, cursor) ON input.channel = name
            ORDER BY name
            FOR NO KEY UPDATE OF channel
        )
        UPDATE channel
        SET cursor = held.cursor
        FROM held
        WHERE channel.name = held.name
        "#,
        &channels as &[&str],
        &cursors as &[&str],
    )
    .execute(transaction)
    .await?;
    Ok(())
}
