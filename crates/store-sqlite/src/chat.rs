//! Chats: finding and making them.

use std::time::Duration;

use switchboard_core::{ChannelName, ChatId, ConversationId};
use switchboard_store::{AcceptMessage, ChatKey, ChatRef, ChatSpec};

use crate::{
    SqliteStore, clock,
    convert::{Cell, place_word},
    error::Failure,
    write::Write,
};

/// What stands in `chat.last_native_id` where several questions wait for an answer.
pub(crate) const SEVERAL: &str = "";

/// A row of `chat`, as far as its route goes.
pub(crate) struct ChatRow {
    pub(crate) id: i64,
    pub(crate) chat_id: String,
    pub(crate) channel: String,
    pub(crate) conversation: String,
    pub(crate) place: String,
}

impl TryFrom<ChatRow> for ChatRef {
    type Error = Failure;

    fn try_from(row: ChatRow) -> Result<Self, Failure> {
        let place = Cell { table: "chat", column: "place", row: row.id };
        Ok(Self {
            key: ChatKey(row.id),
            place: place.place(&row.place)?,
            chat_id: ChatId::new(row.chat_id),
            channel: ChannelName::new(row.channel),
            conversation: ConversationId::new(row.conversation),
        })
    }
}

/// The chat that the AI knows by this id.
pub(crate) async fn find(store: &SqliteStore, chat_id: &ChatId) -> Result<Option<ChatRef>, Failure> {
    let chat_id = chat_id.as_str();
    let mut reader = store.reader().await?;
    let row = sqlx::query_as!(
        ChatRow,
        "SELECT id, chat_id, channel, conversation, place FROM chat WHERE chat_id = ?",
        chat_id,
    )
    .fetch_optional(&mut *reader)
    .await?;
    row.map(ChatRef::try_from).transpose()
}

/// The chat that a message belongs to, and its open thread.
pub(crate) struct Entered {
    pub(crate) chat: ChatRef,
    pub(crate) thread: i64,
}

/// Finds or makes the chat on a message's route, brings it up to date, and opens a thread where
/// none is open.
pub(crate) async fn enter(
    write: &mut Write,
    channel: &ChannelName,
    message: &AcceptMessage,
) -> Result<Entered, Failure> {
    let (id, chat_id, open_thread) = match update(write, channel, message).await? {
        Some(found) => found,
        None => make(write, channel, message).await?,
    };
    let thread = match open_thread {
        Some(thread) => thread,
        None => open_new_thread(write, ChatKey(id), None).await?,
    };
    let chat = ChatRef {
        key: ChatKey(id),
        chat_id: ChatId::new(chat_id),
        channel: channel.clone(),
        conversation: message.chat.conversation.clone(),
        place: message.chat.place,
    };
    Ok(Entered { chat, thread })
}

/// Opens a thread, which becomes the chat's open one.
pub(crate) async fn open_new_thread(
    write: &mut Write,
    chat: ChatKey,
    thread_id: Option<&str>,
) -> Result<i64, Failure> {
    let now = write.now;
    let thread = sqlx::query_scalar!(
        r#"
        INSERT INTO thread (chat, thread_id, created_at, updated_at)
        VALUES (?1, ?2, ?3, ?3)
        RETURNING id AS "id!: i64"
        "#,
        chat.0,
        thread_id,
        now,
    )
    .fetch_one(&mut **write)
    .await?;
    set_open_thread(write, chat, Some(thread)).await?;
    Ok(thread)
}

/// Says which thread is the chat's open one.
pub(crate) async fn set_open_thread(
    write: &mut Write,
    chat: ChatKey,
    thread: Option<i64>,
) -> Result<(), Failure> {
    sqlx::query!("UPDATE chat SET open_thread = ? WHERE id = ?", thread, chat.0)
        .execute(&mut **write)
        .await?;
    Ok(())
}

/// A chat's key, its name and its open thread.
type Found = (i64, String, Option<i64>);

async fn update(
    write: &mut Write,
    channel: &ChannelName,
    message: &AcceptMessage,
) -> Result<Option<Found>, Failure> {
    let Route { channel, conversation, user } = route(channel, &message.chat);
    let native_id = question(message);
    let notice_at = notice_after(message).map(|wait| clock::after(write.now, wait));
    // What is not stated this time is left as it was.
    let row = sqlx::query!(
        r#"
        UPDATE chat
        SET user_name = coalesce(?4, user_name),
            last_native_id = CASE
                WHEN ?5 IS NULL THEN last_native_id
                WHEN last_native_id IS NULL OR place = 'direct' THEN ?5
                ELSE ?7
            END,
            notice_at = CASE WHEN notice_sent THEN notice_at ELSE coalesce(notice_at, ?6) END
        WHERE channel = ?1 AND conversation = ?2 AND user_id = ?3
        RETURNING id AS "id!: i64", chat_id AS "chat_id!", open_thread AS "open_thread: i64"
        "#,
        channel,
        conversation,
        user,
        message.chat.user_name,
        native_id,
        notice_at,
        SEVERAL,
    )
    .fetch_optional(&mut **write)
    .await?;
    Ok(row.map(|row| (row.id, row.chat_id, row.open_thread)))
}

/// Makes a chat, and names it as [`ChatSpec::chat_id`] says.
async fn make(write: &mut Write, channel: &ChannelName, message: &AcceptMessage) -> Result<Found, Failure> {
    let Route { channel, conversation, user } = route(channel, &message.chat);
    let preferred = message.chat.chat_id.preferred.as_str();
    let unambiguous = message.chat.chat_id.unambiguous.as_str();
    let place = place_word(message.chat.place);
    let native_id = question(message);
    let now = write.now;
    let notice_at = notice_after(message).map(|wait| clock::after(now, wait));
    let row = sqlx::query!(
        r#"
        INSERT INTO chat (
            channel, conversation, user_id, chat_id, place, user_name, last_native_id, notice_at, created_at
        )
        VALUES (
            ?1, ?2, ?3,
            CASE WHEN NOT EXISTS (SELECT 1 FROM chat WHERE chat_id = ?4) THEN ?4 ELSE (
                WITH RECURSIVE candidate (number, name) AS (
                    SELECT 1, ?5
                    UNION ALL
                    SELECT number + 1, ?5 || '~' || (number + 1)
                    FROM candidate
                    WHERE EXISTS (SELECT 1 FROM chat WHERE chat_id = candidate.name)
                )
                SELECT name FROM candidate ORDER BY number DESC LIMIT 1
            ) END,
            ?6, ?7, ?8, ?9, ?10
        )
        RETURNING id AS "id!: i64", chat_id AS "chat_id!"
        "#,
        channel,
        conversation,
        user,
        preferred,
        unambiguous,
        place,
        message.chat.user_name,
        native_id,
        notice_at,
        now,
    )
    .fetch_one(&mut **write)
    .await?;
    Ok((row.id, row.chat_id, None))
}

/// What an answer may refer to.
fn question(message: &AcceptMessage) -> Option<&str> {
    let native_id = message.native_id.as_ref().filter(|_| message.answer.is_none());
    native_id.map(switchboard_core::MessageId::as_str)
}

/// Who has the gateway's own answer does not wait for another.
fn notice_after(message: &AcceptMessage) -> Option<Duration> {
    message.notice_after.filter(|_| message.answer.is_none())
}

/// By which a chat is found.
struct Route<'a> {
    channel: &'a str,
    conversation: &'a str,
    /// Empty where a whole room shares the chat.
    user: &'a str,
}

fn route<'a>(channel: &'a ChannelName, chat: &'a ChatSpec) -> Route<'a> {
    Route {
        channel: channel.as_str(),
        conversation: chat.conversation.as_str(),
        user: chat.user.as_ref().map_or("", switchboard_core::UserId::as_str),
    }
}
