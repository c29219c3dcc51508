//! Taking in what users wrote.

use std::time::Duration;

use switchboard_core::{Author, ChannelName, Position};
use switchboard_store::{
    Accept, AcceptMessage, AcceptOutcome, ChatRef, Delivery, Direction, MessageKey, Payload, Stored,
};

use crate::{
    SqliteStore, chat,
    error::{Failure, refuse_nul},
    fence::Fences,
    lane::{self, NewDelivery},
    message::{self, NewMessage, Source},
    reply::{self, Addressee, refuse_nul_in},
    write::Write,
};

pub(crate) async fn accept(store: &SqliteStore, batch: Vec<Accept>) -> Result<Vec<AcceptOutcome>, Failure> {
    for message in batch.iter().flat_map(|item| &item.messages) {
        refuse_nul(&message.text)?;
        message.answer.as_ref().map_or(Ok(()), refuse_nul_in)?;
    }
    let mut write = Write::begin(store).await?;
    let mut fences = Fences::default();
    let mut outcomes = Vec::with_capacity(batch.len());
    for item in batch {
        let allowed = match item.fence {
            Some(fence) => fences.holds(&mut write, &item.channel, fence).await?,
            None => true,
        };
        outcomes.push(if allowed { accept_item(&mut write, item).await? } else { AcceptOutcome::NotOwner });
    }
    write.commit().await?;
    Ok(outcomes)
}

async fn accept_item(write: &mut Write, item: Accept) -> Result<AcceptOutcome, Failure> {
    let mut stored = Vec::with_capacity(item.messages.len());
    for message in item.messages {
        stored.push(accept_message(write, &item.channel, message).await?);
    }
    // Who does not own the channel does not know where its adapter stands.
    if let (Some(_), Some(cursor)) = (item.fence, item.cursor) {
        let (name, cursor) = (item.channel.as_str(), cursor.as_str());
        sqlx::query!("UPDATE channel SET cursor = ? WHERE name = ?", cursor, name)
            .execute(&mut **write)
            .await?;
    }
    Ok(AcceptOutcome::Committed(stored))
}

async fn accept_message(
    write: &mut Write,
    channel: &ChannelName,
    message: AcceptMessage,
) -> Result<Stored, Failure> {
    if !message::see(write, Source::Channel(channel), message.event_id.as_str()).await? {
        return Ok(Stored::Duplicate);
    }
    let entered = chat::enter(write, channel, &message).await?;
    let stored = NewMessage {
        chat: entered.chat.key,
        thread: entered.thread,
        author: Author::User,
        event_id: Some(&message.event_id),
        ai_message_id: None,
        native_id: message.native_id.as_ref(),
        text: &message.text,
        sent_at: message.sent_at,
    };
    let key = message::insert(write, stored).await?;
    let deliveries = match message.answer {
        Some(answer) => {
            let to = Addressee::find(write, entered.chat.key).await?.expect("the chat was just entered");
            let to = to.answering(message.native_id);
            reply::store_message(write, to, entered.thread, None, answer).await?.deliveries
        }
        None => vec![ask_ai(write, entered.chat, key, message).await?],
    };
    Ok(Stored::New { position: Position::from(key), deliveries })
}

/// Enqueues the delivery to the AI.
async fn ask_ai(
    write: &mut Write,
    chat: ChatRef,
    stored: MessageKey,
    message: AcceptMessage,
) -> Result<Delivery, Failure> {
    let places = lane::take_places(write, &chat, Direction::ToAi, 1).await?;
    let delivery = NewDelivery {
        lane: places.lane,
        seq: places.seq,
        message: stored,
        part: 0,
        key: &message.key,
        payload: None,
        reply_to: None,
        ttl: message.ttl,
    };
    Ok(Delivery {
        id: lane::insert(write, delivery).await?,
        lane: places.lane,
        seq: places.seq,
        chat,
        message: stored,
        key: message.key,
        payload: Payload::ToAi { text: message.text },
        attempts: 0,
        begun: false,
        run_in: Duration::ZERO,
        expires_in: message.ttl,
        lane_was_idle: places.was_idle,
    })
}
