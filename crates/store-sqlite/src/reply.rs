//! Taking in what the AI and its operators wrote.

use std::time::Duration;

use switchboard_core::{Author, MessageId, Place, Position, ThreadUpdate, markup::Rendered};
use switchboard_store::{
    ChatKey, ChatRef, Delivery, Direction, MessageKey, NewPart, Payload, Reply, ReplyMessage, ReplyOutcome,
};

use crate::{
    SqliteStore,
    chat::{ChatRow, SEVERAL},
    convert,
    error::{Failure, refuse_nul},
    lane::{self, NewDelivery},
    message::{self, NewMessage, Source},
    thread,
    write::Write,
};

pub(crate) async fn reply(store: &SqliteStore, batch: Vec<Reply>) -> Result<Vec<ReplyOutcome>, Failure> {
    batch.iter().filter_map(|item| item.message.as_ref()).try_for_each(refuse_nul_in)?;
    let mut write = Write::begin(store).await?;
    let mut outcomes = Vec::with_capacity(batch.len());
    for item in batch {
        outcomes.push(reply_item(&mut write, item).await?);
    }
    write.commit().await?;
    Ok(outcomes)
}

/// Refuses a message that has U+0000 anywhere.
pub(crate) fn refuse_nul_in(message: &ReplyMessage) -> Result<(), Failure> {
    refuse_nul(&message.text)?;
    message.parts.iter().try_for_each(|part| {
        if let Rendered::Html { text, .. } = &part.text {
            refuse_nul(text)?;
        }
        refuse_nul(part.text.text())
    })
}

async fn reply_item(write: &mut Write, item: Reply) -> Result<ReplyOutcome, Failure> {
    let same = |found: &Addressee| {
        found.chat.chat_id == item.chat.chat_id && found.chat.channel == item.chat.channel
    };
    let Some(chat) = Addressee::find(write, item.chat.key).await?.filter(same) else {
        return Ok(ReplyOutcome::UnknownChat);
    };
    let thread = if item.message.is_some() || item.thread != ThreadUpdate::default() {
        Some(thread::update(write, &chat, item.thread).await?)
    } else {
        None
    };
    if item.message.is_some()
        && let Some(id) = &item.message_id
        && !message::see(write, Source::Chat(item.chat.key), id).await?
    {
        return Ok(ReplyOutcome::Duplicate);
    }
    match (item.message, thread) {
        (Some(message), Some(thread)) => {
            let stored = store_message(write, chat, thread, item.message_id.as_deref(), message).await?;
            Ok(stored.into())
        }
        _ => Ok(ReplyOutcome::Updated),
    }
}

/// The chat that a reply is for.
pub(crate) struct Addressee {
    pub(crate) chat: ChatRef,
    pub(crate) open_thread: Option<i64>,
    last_native_id: Option<String>,
    /// Whether its user waits to be told that the answer is late, or has been told.
    awaits: bool,
}

impl Addressee {
    /// With another question than the one that is open.
    pub(crate) fn answering(self, question: Option<MessageId>) -> Self {
        Self { last_native_id: question.map(|id| id.as_str().to_owned()), ..self }
    }

    pub(crate) async fn find(write: &mut Write, key: ChatKey) -> Result<Option<Self>, Failure> {
        let row = sqlx::query!(
            r#"
            SELECT
                chat_id, channel, conversation, place, open_thread, last_native_id,
                (notice_at IS NOT NULL OR notice_sent) AS "awaits!: bool"
            FROM chat
            WHERE id = ?
            "#,
            key.0,
        )
        .fetch_optional(&mut **write)
        .await?;
        let Some(row) = row else { return Ok(None) };
        let route = ChatRow {
            id: key.0,
            chat_id: row.chat_id,
            channel: row.channel,
            conversation: row.conversation,
            place: row.place,
        };
        Ok(Some(Self {
            chat: route.try_into()?,
            open_thread: row.open_thread,
            last_native_id: row.last_native_id,
            awaits: row.awaits,
        }))
    }
}

/// A message for the user that was stored.
pub(crate) struct StoredReply {
    message: MessageKey,
    /// One per part.
    pub(crate) deliveries: Vec<Delivery>,
}

impl From<StoredReply> for ReplyOutcome {
    fn from(stored: StoredReply) -> Self {
        Self::Stored { position: Position::from(stored.message), deliveries: stored.deliveries }
    }
}

/// Stores a message for the user, and one delivery per part.
pub(crate) async fn store_message(
    write: &mut Write,
    to: Addressee,
    thread: i64,
    ai_message_id: Option<&str>,
    message: ReplyMessage,
) -> Result<StoredReply, Failure> {
    let stored = NewMessage {
        chat: to.chat.key,
        thread,
        author: message.author,
        event_id: None,
        ai_message_id,
        native_id: None,
        text: &message.text,
        sent_at: None,
    };
    let key = message::insert(write, stored).await?;
    let question_is_open = to.chat.place == Place::Group && to.last_native_id.is_some();
    if message.author != Author::Gateway && (to.awaits || question_is_open) {
        sqlx::query!(
            "UPDATE chat SET notice_at = NULL, notice_sent = 0, last_native_id = NULL WHERE id = ?",
            to.chat.key.0
        )
        .execute(&mut **write)
        .await?;
    }

    let deliveries = enqueue(write, to, key, message.parts, message.ttl).await?;
    Ok(StoredReply { message: key, deliveries })
}

/// One delivery per part, in the chat's lane to the messenger.
async fn enqueue(
    write: &mut Write,
    to: Addressee,
    message: MessageKey,
    parts: Vec<NewPart>,
    ttl: Duration,
) -> Result<Vec<Delivery>, Failure> {
    // Taking no place would make the lane ready all the same, with nothing to do in it.
    if parts.is_empty() {
        return Ok(Vec::new());
    }
    let reply_to = match to.chat.place {
        Place::Group => to.last_native_id.filter(|question| question != SEVERAL).map(MessageId::new),
        Place::Direct => None,
    };
    let count = i64::try_from(parts.len()).unwrap_or(i64::MAX);
    let places = lane::take_places(write, &to.chat, Direction::ToMessenger, count).await?;
    let mut deliveries = Vec::with_capacity(parts.len());
    for ((seq, number), part) in (places.seq..).zip(0_u32..).zip(parts) {
        let delivery = NewDelivery {
            lane: places.lane,
            seq,
            message,
            part: number,
            key: &part.key,
            payload: Some(convert::stored_text(&part.text)?),
            reply_to: reply_to.as_ref().filter(|_| number == 0),
            ttl,
        };
        deliveries.push(Delivery {
            id: lane::insert(write, delivery).await?,
            lane: places.lane,
            seq,
            chat: to.chat.clone(),
            message,
            key: part.key,
            payload: Payload::ToMessenger {
                text: part.text,
                reply_to: reply_to.clone().filter(|_| number == 0),
            },
            attempts: 0,
            begun: false,
            run_in: Duration::ZERO,
            expires_in: ttl,
            lane_was_idle: places.was_idle && number == 0,
        });
    }
    Ok(deliveries)
}
