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
    notice: &Notice,
    message: ReplyMessage,
) -> Result<Option<ReplyOutcome>, Failure> {
    refuse_nul_in(&message)?;
    let mut write = Write::begin(store).await?;
    if !Fences::default().holds(&mut write, channel, fence).await?
        || !mark(&mut write, channel, notice).await?
    {
        return Ok(None);
    }
    let Some(to) = Addressee::find(&mut write, notice.chat).await? else { return Ok(None) };
    let thread = thread::update(&mut write, &to, ThreadUpdate::default()).await?;
    let outcome = store_message(&mut write, to, thread, None, message).await?;
    write.commit().await?;
    Ok(Some(outcome.into()))
}

/// Keeps in mind that the user has been told. `false`: the notice is not due.
async fn mark(write: &mut Write, channel: &ChannelName, notice: &Notice) -> Result<bool, Failure> {
    let (channel, chat_id, now) = (channel.as_str(), notice.chat_id.as_str(), write.now);
    let marked = sqlx::query!(
        "
        UPDATE chat
        SET notice_at = NULL, notice_sent = 1
        WHERE id = ?1 AND channel = ?2 AND chat_id = ?3 AND notice_at <= ?4
        ",
        notice.chat.0,
        channel,
        chat_id,
        now,
    )
    .execute(&mut **write)
    .await?;
    Ok(marked.rows_affected() == 1)
}
