//! Telling a user that the answer is late.

use switchboard_core::{ChannelName, ChatId, ConversationId, ThreadUpdate};
use switchboard_store::{ChatKey, LeaseToken, Notice, ReplyMessage, ReplyOutcome};

use crate::{
    SqliteStore,
    error::Failure,
    fence::Fences,
    reply::{Addressee, refuse_nul_in, store_message},
    thread,
    write::Write,
};

/// Whose notice is due now, longest due first.
pub(crate) async fn due(
    store: &SqliteStore,
    channel: &ChannelName,
    limit: u32,
) -> Result<Vec<Notice>, Failure> {
    let channel = channel.as_str();
    let mut reader = store.reader().await?;
    let rows = sqlx::query!(
        "
        SELECT id, chat_id, conversation
        FROM chat
        WHERE channel = ?1 AND notice_at <= CAST(unixepoch('subsec') * 1000000 AS INTEGER)
        ORDER BY notice_at, id
        LIMIT ?2
        ",
        channel,
        limit,
    )
    .fetch_all(&mut *reader)
    .await?;
    let notices = rows.into_iter().map(|row| Notice {
        chat: ChatKey(row.id),
        chat_id: ChatId::new(row.chat_id),
        conversation: ConversationId::new(row.conversation),
    });
    Ok(notices.collect())
}

/// Stores a notice, if it is still due.
pub(crate) async fn send(
    store: &SqliteStore,
    channel: &ChannelName,
    fence: LeaseToken,
    chat: ChatKey,
    notice: ReplyMessage,
) -> Result<Option<ReplyOutcome>, Failure> {
    refuse_nul_in(&notice)?;
    let mut write = Write::begin(store).await?;
    if !Fences::default().holds(&mut write, channel, fence).await? || !mark(&mut write, channel, chat).await?
    {
        return Ok(None);
    }
    let Some(to) = Addressee::find(&mut write, chat).await? else { return Ok(None) };
    let thread = thread::update(&mut write, &to, ThreadUpdate::default()).await?;
    let outcome = store_message(&mut write, to, thread, None, notice).await?;
    write.commit().await?;
    Ok(Some(outcome.into()))
}

/// Keeps in mind that the user has been told. `false`: the notice is not due.
async fn mark(write: &mut Write, channel: &ChannelName, chat: ChatKey) -> Result<bool, Failure> {
    let (channel, now) = (channel.as_str(), write.now);
    let marked = sqlx::query!(
        "
        UPDATE chat
        SET notice_at = NULL, notice_sent = 1
        WHERE id = ?1 AND channel = ?2 AND notice_at <= ?3
        ",
        chat.0,
        channel,
        now,
    )
    .execute(&mut **write)
    .await?;
    Ok(marked.rows_affected() == 1)
}
