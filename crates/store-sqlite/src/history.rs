//! Reading back what was said, and where it was said.

use std::collections::HashSet;

use switchboard_core::{ChannelName, ConversationId, EventId, HistoryEntry, News, Position};

use crate::{
    SqliteStore, clock,
    convert::{self, Cell},
    error::Failure,
    message::Source,
    write::Write,
};

/// What was said in a conversation after a position, oldest first.
pub(crate) async fn history(
    store: &SqliteStore,
    channel: &ChannelName,
    conversation: &ConversationId,
    after: Position,
    limit: u32,
) -> Result<Vec<HistoryEntry>, Failure> {
    let (channel, conversation) = (channel.as_str(), conversation.as_str());
    let mut reader = store.reader().await?;
    // The cross join keeps SQLite from walking through all messages of all chats in the order
    // of their ids: first the few chats, then the messages of each.
    let rows = sqlx::query_as!(
        EntryRow,
        "
        SELECT message.id, message.author, message.event_id, message.text, message.created_at
        FROM chat
        CROSS JOIN message ON message.chat = chat.id
        WHERE chat.channel = ?1 AND chat.conversation = ?2 AND message.id > ?3
        ORDER BY message.id
        LIMIT ?4
        ",
        channel,
        conversation,
        after.0,
        limit,
    )
    .fetch_all(&mut *reader)
    .await?;
    rows.into_iter().map(HistoryEntry::try_from).collect()
}

struct EntryRow {
    id: i64,
    author: String,
    event_id: Option<String>,
    text: String,
    created_at: i64,
}

impl TryFrom<EntryRow> for HistoryEntry {
    type Error = Failure;

    fn try_from(row: EntryRow) -> Result<Self, Failure> {
        let author = Cell { table: "message", column: "author", row: row.id };
        Ok(Self {
            position: Position(row.id),
            author: author.author(&row.author)?,
            event_id: row.event_id.map(EventId::new),
            text: row.text,
            at: clock::moment(row.created_at),
        })
    }
}

/// In which conversations something was stored after a position. There is one writer, so that
/// positions become visible in their order, and nothing needs to be looked at twice.
pub(crate) async fn news(
    store: &SqliteStore,
    channel: &ChannelName,
    after: Option<Position>,
) -> Result<News, Failure> {
    let mut reader = store.reader().await?;
    let Some(after) = after else {
        let last = sqlx::query_scalar!(r#"SELECT max(id) AS "last: i64" FROM message"#)
            .fetch_one(&mut *reader)
            .await?;
        return Ok(News { latest: Vec::new(), after: Position(last.unwrap_or(0)) });
    };
    let channel = channel.as_str();
    let rows = sqlx::query!(
        r#"
        SELECT chat.channel = ?1 AS "ours!: bool", chat.conversation AS "conversation!", max(message.id) AS "last!: i64"
        FROM message
        JOIN chat ON chat.id = message.chat
        WHERE message.id > ?2
        GROUP BY chat.channel, chat.conversation
        "#,
        channel,
        after.0,
    )
    .fetch_all(&mut *reader)
    .await?;
    let after = rows.iter().map(|row| row.last).fold(after.0, i64::max);
    let ours = rows.into_iter().filter(|row| row.ours);
    let latest = ours.map(|row| (ConversationId::new(row.conversation), Position(row.last)));
    Ok(News { latest: latest.collect(), after: Position(after) })
}

/// Which of these events were seen before.
pub(crate) async fn known(
    store: &SqliteStore,
    channel: &ChannelName,
    events: &[EventId],
) -> Result<HashSet<EventId>, Failure> {
    let (source, events) = (Source::Channel(channel).name(), convert::json(&events)?);
    let mut reader = store.reader().await?;
    let seen = sqlx::query_scalar!(
        "SELECT id FROM seen WHERE source = ?1 AND id IN (SELECT value FROM json_each(?2))",
        source,
        events,
    )
    .fetch_all(&mut *reader)
    .await?;
    Ok(seen.into_iter().map(EventId::new).collect())
}

/// Gives every chat of a conversation another address. A user who has a chat there already (the
/// messenger was faster than we were) keeps both; the old one stays where it is.
pub(crate) async fn move_conversation(
    store: &SqliteStore,
    channel: &ChannelName,
    from: &ConversationId,
    to: &ConversationId,
) -> Result<(), Failure> {
    let (channel, from, to) = (channel.as_str(), from.as_str(), to.as_str());
    let mut write = Write::begin(store).await?;
    sqlx::query!(
        "UPDATE OR IGNORE chat SET conversation = ?3 WHERE channel = ?1 AND conversation = ?2",
        channel,
        from,
        to,
    )
    .execute(&mut *write)
    .await?;
    write.commit().await
}
