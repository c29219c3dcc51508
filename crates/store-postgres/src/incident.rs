//! What happened on a channel and is no message.

use sqlx::PgConnection;
use switchboard_core::{ChannelName, ConversationId, EventId};
use switchboard_store::{Incident, REACHABLE};

use crate::{PostgresStore, error::Fault, seen};

/// See [`switchboard_store::MessageStore::record`].
pub(crate) async fn record(
    store: &PostgresStore,
    channel: &ChannelName,
    event: &EventId,
    incident: Incident,
) -> Result<bool, Fault> {
    let mut transaction = store.begin().await?;
    let first_time = seen::take(&mut transaction, vec![seen::SeenKey::event(channel, event)]).await?;
    let new = first_time == [true];
    if new {
        match incident {
            Incident::Reachable { conversation, reachable } => {
                note_reachable(&mut transaction, channel, &conversation, reachable).await?;
            }
            Incident::Unreadable { reason, raw } => {
                keep(&mut transaction, channel, event, &reason, &raw).await?;
            }
        }
    }
    transaction.commit().await?;
    Ok(new)
}

/// An event on a thread of each chat, where it is another than the one before. Everybody can be
/// reached at first.
async fn note_reachable(
    transaction: &mut PgConnection,
    channel: &ChannelName,
    conversation: &ConversationId,
    reachable: bool,
) -> Result<(), Fault> {
    sqlx::query!(
        r#"
        WITH there AS (
            SELECT id, coalesce(open_thread, (SELECT max(id) FROM thread WHERE thread.chat = chat.id)) AS thread
            FROM chat
            WHERE channel = $1 AND conversation = $2
            ORDER BY channel, conversation, user_id
            FOR NO KEY UPDATE OF chat
        )
        INSERT INTO event (thread, flag, value)
        SELECT there.thread, $3, $4
        FROM there
        WHERE there.thread IS NOT NULL
          AND $4 <> coalesce((
              SELECT event.value
              FROM event JOIN thread ON thread.id = event.thread
              WHERE thread.chat = there.id AND event.flag = $3
              ORDER BY event.id DESC
              LIMIT 1
          ), TRUE)
        "#,
        channel.as_str(),
        conversation.as_str(),
        REACHABLE,
        reachable,
    )
    .execute(transaction)
    .await?;
    Ok(())
}

async fn keep(
    transaction: &mut PgConnection,
    channel: &ChannelName,
    event: &EventId,
    reason: &str,
    raw: &[u8],
) -> Result<(), Fault> {
    sqlx::query!(
        "INSERT INTO unreadable (channel, event_id, reason, raw) VALUES ($1, $2, $3, $4)",
        channel.as_str(),
        event.as_str(),
        reason,
        raw,
    )
    .execute(transaction)
    .await?;
    Ok(())
}
