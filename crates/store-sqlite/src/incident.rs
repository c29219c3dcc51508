//! What happened on a channel and is no message.

use switchboard_core::{ChannelName, ConversationId, EventId};
use switchboard_store::{Incident, REACHABLE};

use crate::{
    SqliteStore,
    error::{Failure, refuse_nul},
    message::{self, Source},
    write::Write,
};

/// See [`switchboard_store::MessageStore::record`].
pub(crate) async fn record(
    store: &SqliteStore,
    channel: &ChannelName,
    event: &EventId,
    incident: Incident,
) -> Result<bool, Failure> {
    let mut write = Write::begin(store).await?;
    let new = message::see(&mut write, Source::Channel(channel), event.as_str()).await?;
    if new {
        match incident {
            Incident::Reachable { conversation, reachable } => {
                note_reachable(&mut write, channel, &conversation, reachable).await?;
            }
            Incident::Unreadable { reason, raw } => {
                refuse_nul(&reason)?;
                keep(&mut write, channel, event, &reason, &raw).await?;
            }
        }
    }
    write.commit().await?;
    Ok(new)
}

/// An event on a thread of each chat, where it is another than the one before. Everybody can be
/// reached at first.
async fn note_reachable(
    write: &mut Write,
    channel: &ChannelName,
    conversation: &ConversationId,
    reachable: bool,
) -> Result<(), Failure> {
    let (channel, conversation, now) = (channel.as_str(), conversation.as_str(), write.now);
    sqlx::query!(
        "
        WITH there AS (
            SELECT id, coalesce(open_thread, (SELECT max(id) FROM thread WHERE thread.chat = chat.id)) AS thread
            FROM chat
            WHERE channel = ?1 AND conversation = ?2
        )
        INSERT INTO event (thread, flag, value, created_at)
        SELECT there.thread, ?3, ?4, ?5
        FROM there
        WHERE there.thread IS NOT NULL
            AND ?4 <> coalesce((
                SELECT event.value
                FROM event JOIN thread ON thread.id = event.thread
                WHERE thread.chat = there.id AND event.flag = ?3
                ORDER BY event.id DESC
                LIMIT 1
            ), 1)
        ",
        channel,
        conversation,
        REACHABLE,
        reachable,
        now,
    )
    .execute(&mut **write)
    .await?;
    Ok(())
}

async fn keep(
    write: &mut Write,
    channel: &ChannelName,
    event: &EventId,
    reason: &str,
    raw: &[u8],
) -> Result<(), Failure> {
    let (channel, event, now) = (channel.as_str(), event.as_str(), write.now);
    sqlx::query!(
        "INSERT INTO unreadable (channel, event_id, reason, raw, created_at) VALUES (?, ?, ?, ?, ?)",
        channel,
        event,
        reason,
        raw,
        now,
    )
    .execute(&mut **write)
    .await?;
    Ok(())
}
