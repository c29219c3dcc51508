//! Chats: found or made by their route, and locked.

use std::collections::{HashMap, HashSet};

use sqlx::PgConnection;
use switchboard_core::{ChannelName, ChatId, ConversationId, MessageId, Place, UserId};
use switchboard_store::{AcceptMessage, ChatKey, ChatRef, Direction};

use crate::{
    convert::{place, place_word, to_micros},
    error::Fault,
};

/// The constraint that is violated where two chats that are made at the same time, here and on
/// another replica, prefer the same name. The one that comes second has to try again.
pub(crate) const NAME_TAKEN: &str = "chat_chat_id_key";

/// What stands in `chat.last_native_id` where several questions wait for an answer.
pub(crate) const SEVERAL: &str = "";

/// A user's message on its way in.
#[derive(Clone, Copy)]
pub(crate) struct Incoming<'a> {
    pub(crate) channel: &'a ChannelName,
    pub(crate) message: &'a AcceptMessage,
}

impl<'a> Incoming<'a> {
    /// The route of its chat.
    fn route(&self) -> Route<'a> {
        let chat = &self.message.chat;
        let user = chat.user.as_ref().map_or("", UserId::as_str);
        (self.channel.as_str(), chat.conversation.as_str(), user)
    }
}

/// Channel, conversation, user (empty where a room shares the chat).
type Route<'a> = (&'a str, &'a str, &'a str);

/// The chats of some incoming messages, locked.
pub(crate) struct TakenChats {
    pub(crate) chats: Vec<TakenChat>,
    /// For each message, the place of its chat in `chats`.
    pub(crate) of_message: Vec<usize>,
}

/// A chat with its open thread.
pub(crate) struct TakenChat {
    pub(crate) chat: ChatRef,
    pub(crate) thread: i64,
}

/// Finds or makes the chat of each message, brings it up to date and locks it. Where a chat has
/// no open thread, opens one.
pub(crate) async fn take(
    connection: &mut PgConnection,
    incoming: &[Incoming<'_>],
) -> Result<TakenChats, Fault> {
    let (wanted, of_message) = Wanted::collect(incoming);
    let rows = upsert(connection, &wanted).await?;

    let threadless: Vec<i64> =
        rows.iter().filter(|row| row.open_thread.is_none()).map(|row| row.id).collect();
    let opened = open_threads(connection, &threadless).await?;

    let mut by_route: HashMap<_, _> = rows.into_iter().map(|row| (row.route(), row)).collect();
    let mut chats = Vec::with_capacity(wanted.len());
    for chat in &wanted {
        let (channel, conversation, user) = chat.route;
        let route = (channel.to_owned(), conversation.to_owned(), user.to_owned());
        let row = by_route.remove(&route).expect("the statement returns each route that it was given");
        let thread = row.open_thread.unwrap_or_else(|| opened[&row.id]);
        chats.push(TakenChat { chat: ChatRow::from(row).try_into()?, thread });
    }
    Ok(TakenChats { chats, of_message })
}

/// What the messages of one chat ask for together.
struct Wanted<'a> {
    route: Route<'a>,
    first: &'a AcceptMessage,
    /// The name it gets if it is new and no other chat has it.
    preferred: &'a str,
    user_name: Option<&'a str>,
    native_id: Option<&'a str>,
    notice_after: Option<i64>,
}

impl<'a> Wanted<'a> {
    /// Also returns, for each message, the place of its chat.
    fn collect(incoming: &[Incoming<'a>]) -> (Vec<Self>, Vec<usize>) {
        let mut wanted: Vec<Self> = Vec::new();
        let mut places = HashMap::new();
        let mut preferred = HashSet::new();
        let mut of_message = Vec::with_capacity(incoming.len());
        for message in incoming {
            let route = message.route();
            let place = *places.entry(route).or_insert_with(|| {
                wanted.push(Self::new(route, message.message, &mut preferred));
                wanted.len() - 1
            });
            wanted[place].add(message.message);
            of_message.push(place);
        }
        (wanted, of_message)
    }

    fn new(route: Route<'a>, first: &'a AcceptMessage, preferred_before: &mut HashSet<&'a str>) -> Self {
        let names = &first.chat.chat_id;
        let preferred = if preferred_before.insert(names.preferred.as_str()) {
            names.preferred.as_str()
        } else {
            names.unambiguous.as_str()
        };
        Self { route, first, preferred, user_name: None, native_id: None, notice_after: None }
    }

    /// The last name counts, and the first notice. Of several questions in a group, none can be told to be
    /// the one that is answered.
    fn add(&mut self, message: &'a AcceptMessage) {
        self.user_name = message.chat.user_name.as_deref().or(self.user_name);
        let native_id = message.native_id.as_ref().filter(|_| message.answer.is_none());
        self.native_id = match (self.native_id, native_id.map(MessageId::as_str)) {
            (Some(_), Some(_)) if message.chat.place == Place::Group => Some(SEVERAL),
            (earlier, last) => last.or(earlier),
        };
        let notice_after = message.notice_after.filter(|_| message.answer.is_none());
        self.notice_after = self.notice_after.or(notice_after.map(to_micros));
    }
}

struct UpsertedRow {
    id: i64,
    chat_id: String,
    channel: String,
    conversation: String,
    user_id: String,
    place: String,
    open_thread: Option<i64>,
}

impl UpsertedRow {
    fn route(&self) -> (String, String, String) {
        (self.channel.clone(), self.conversation.clone(), self.user_id.clone())
    }
}

/// A new chat is named as [`ChatSpec::chat_id`](switchboard_store::ChatSpec) says; one that is
/// there keeps its name.
async fn upsert(connection: &mut PgConnection, wanted: &[Wanted<'_>]) -> Result<Vec<UpsertedRow>, Fault> {
    let channels: Vec<&str> = wanted.iter().map(|chat| chat.route.0).collect();
    let conversations: Vec<&str> = wanted.iter().map(|chat| chat.route.1).collect();
    let users: Vec<&str> = wanted.iter().map(|chat| chat.route.2).collect();
    let preferred: Vec<&str> = wanted.iter().map(|chat| chat.preferred).collect();
    let unambiguous: Vec<&str> =
        wanted.iter().map(|chat| chat.first.chat.chat_id.unambiguous.as_str()).collect();
    let places: Vec<&str> = wanted.iter().map(|chat| place_word(chat.first.chat.place)).collect();
    let user_names: Vec<Option<&str>> = wanted.iter().map(|chat| chat.user_name).collect();
    let native_ids: Vec<Option<&str>> = wanted.iter().map(|chat| chat.native_id).collect();
    let notices: Vec<Option<i64>> = wanted.iter().map(|chat| chat.notice_after).collect();
    let rows = sqlx::query_as!(
        UpsertedRow,
        r#"
        INSERT INTO chat AS c (
            channel, conversation, user_id, chat_id, place, user_name, last_native_id, notice_at
        )
        SELECT channel, conversation, user_id,
               CASE WHEN NOT EXISTS (
                   SELECT FROM chat other
                   WHERE other.chat_id = preferred
                     AND (other.channel, other.conversation, other.user_id)
                         <> (input.channel, input.conversation, input.user_id)
               ) THEN preferred ELSE (
                   WITH RECURSIVE candidate (number, name) AS (
                       SELECT 1, unambiguous
                       UNION ALL
                       SELECT number + 1, unambiguous || '~' || (number + 1)
                       FROM candidate
                       WHERE EXISTS (
                           SELECT FROM chat other
                           WHERE other.chat_id = candidate.name
                             AND (other.channel, other.conversation, other.user_id)
                                 <> (input.channel, input.conversation, input.user_id)
                       )
                   )
                   SELECT name FROM candidate ORDER BY number DESC LIMIT 1
               ) END,
               place, user_name, native_id, now() + notice_after * interval '1 microsecond'
        FROM UNNEST(
            $1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[],
            $8::text[], $9::bigint[]
        ) AS input (
            channel, conversation, user_id, preferred, unambiguous, place, user_name, native_id,
            notice_after
        )
        ORDER BY channel, conversation, user_id
        ON CONFLICT (channel, conversation, user_id) DO UPDATE
        SET user_name = coalesce(excluded.user_name, c.user_name),
            last_native_id = CASE
                WHEN excluded.last_native_id IS NULL THEN c.last_native_id
                WHEN c.last_native_id IS NULL OR c.place = 'direct' THEN excluded.last_native_id
                ELSE $10
            END,
            notice_at = CASE WHEN c.notice_sent THEN c.notice_at
                             ELSE coalesce(c.notice_at, excluded.notice_at) END
        RETURNING id, chat_id, channel, conversation, user_id, place, open_thread
        "#,
        &channels as &[&str],
        &conversations as &[&str],
        &users as &[&str],
        &preferred as &[&str],
        &unambiguous as &[&str],
        &places as &[&str],
        &user_names as &[Option<&str>],
        &native_ids as &[Option<&str>],
        &notices as &[Option<i64>],
        SEVERAL,
    )
    .fetch_all(connection)
    .await?;
    Ok(rows)
}

/// Opens a thread in each chat; a chat that is new also gets its lanes. Returns the threads by
/// chat.
async fn open_threads(connection: &mut PgConnection, chats: &[i64]) -> Result<HashMap<i64, i64>, Fault> {
    if chats.is_empty() {
        return Ok(HashMap::new());
    }
    let rows = sqlx::query!(
        r#"
        WITH opened AS (
            INSERT INTO thread (chat)
            SELECT UNNEST($1::bigint[])
            RETURNING id, chat
        ), lanes AS (
            INSERT INTO lane (chat, direction, channel)
            SELECT chat.id, direction, chat.channel
            FROM chat CROSS JOIN UNNEST($2::text[]) AS direction
            WHERE chat.id = ANY($1)
            ON CONFLICT DO NOTHING
        )
        UPDATE chat
        SET open_thread = opened.id
        FROM opened
        WHERE chat.id = opened.chat
        RETURNING opened.chat, opened.id AS thread
        "#,
        chats,
        &[Direction::ToAi.as_str(), Direction::ToMessenger.as_str()] as &[&str],
    )
    .fetch_all(connection)
    .await?;
    Ok(rows.into_iter().map(|row| (row.chat, row.thread)).collect())
}

/// The columns of a [`ChatRef`].
pub(crate) struct ChatRow {
    pub(crate) id: i64,
    pub(crate) chat_id: String,
    pub(crate) channel: String,
    pub(crate) conversation: String,
    pub(crate) place: String,
}

impl From<UpsertedRow> for ChatRow {
    fn from(row: UpsertedRow) -> Self {
        let UpsertedRow { id, chat_id, channel, conversation, place, .. } = row;
        Self { id, chat_id, channel, conversation, place }
    }
}

impl TryFrom<ChatRow> for ChatRef {
    type Error = Fault;

    fn try_from(row: ChatRow) -> Result<Self, Fault> {
        Ok(Self {
            key: ChatKey(row.id),
            place: place(&row.place, row.id)?,
            chat_id: ChatId::new(row.chat_id),
            channel: ChannelName::new(row.channel),
            conversation: ConversationId::new(row.conversation),
        })
    }
}

/// The chat that the AI knows by this id.
pub(crate) async fn find(connection: &mut PgConnection, chat_id: &ChatId) -> Result<Option<ChatRef>, Fault> {
    let row = sqlx::query_as!(
        ChatRow,
        "SELECT id, chat_id, channel, conversation, place FROM chat WHERE chat_id = $1",
        chat_id.as_str(),
    )
    .fetch_optional(connection)
    .await?;
    row.map(ChatRef::try_from).transpose()
}

/// Gives every chat of a conversation another address. A user who already has a chat there keeps
/// both as they are: two dialogues cannot become one.
pub(crate) async fn move_conversation(
    connection: &mut PgConnection,
    channel: &ChannelName,
    from: &ConversationId,
    to: &ConversationId,
) -> Result<(), Fault> {
    sqlx::query!(
        r#"
        UPDATE chat
        SET conversation = $3
        WHERE channel = $1 AND conversation = $2
          AND NOT EXISTS (
              SELECT FROM chat there
              WHERE there.channel = $1 AND there.conversation = $3 AND there.user_id = chat.user_id
          )
        "#,
        channel.as_str(),
        from.as_str(),
        to.as_str(),
    )
    .execute(connection)
    .await?;
    Ok(())
}
