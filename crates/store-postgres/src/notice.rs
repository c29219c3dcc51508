//! Users who wait for an answer for too long.

use sqlx::PgConnection;
use switchboard_core::{ChannelName, ChatId, ConversationId, ThreadUpdate};
use switchboard_store::{ChatKey, LeaseToken, Notice, ReplyMessage, ReplyOutcome};

use crate::{
    PostgresStore,
    error::Fault,
    fence,
    reply::{Request, reply},
};

/// See [`switchboard_store::MessageStore::due_notices`].
pub(crate) async fn due(
    connection: &mut PgConnection,
    channel: &ChannelName,
    limit: u32,
) -> Result<Vec<Notice>, Fault> {
    let rows = sqlx::query!(
        r#"
        SELECT id, chat_id, conversation
        FROM chat
        WHERE channel = $1 AND notice_at <= now()
        ORDER BY notice_at, id
        LIMIT $2
        "#,
        channel.as_str(),
        i64::from(limit),
    )
    .fetch_all(connection)
    .await?;
    let notices = rows.into_iter().map(|row| Notice {
        chat: ChatKey(row.id),
        chat_id: ChatId::new(row.chat_id),
        conversation: ConversationId::new(row.conversation),
    });
    Ok(notices.collect())
}

/// See [`switchboard_store::MessageStore::send_notice`].
pub(crate) async fn send(
    store: &PostgresStore,
    channel: &ChannelName,
    token: LeaseToken,
    notice: &Notice,
    message: &ReplyMessage,
) -> Result<Option<ReplyOutcome>, Fault> {
    let mut transaction = store.begin().await?;
    let fences = fence::hold(&mut transaction, [channel].into_iter()).await?;
    let outcome = if fences.confirm(channel, token) && claim(&mut transaction, channel, notice).await? {
        let request = Request {
            chat: notice.chat.0,
            chat_id: &notice.chat_id,
            channel,
            message_id: None,
            update: &ThreadUpdate::default(),
            message: Some(message),
        };
        reply(&mut transaction, &[request]).await?.pop()
    } else {
        None
    };
    transaction.commit().await?;
    Ok(outcome)
}

/// Locks the chat, and takes its notice if it is still due.
async fn claim(
    transaction: &mut PgConnection,
    channel: &ChannelName,
    notice: &Notice,
) -> Result<bool, Fault> {
    let claimed = sqlx::query!(
        r#"
        UPDATE chat
        SET notice_at = NULL, notice_sent = TRUE
        WHERE id = $1 AND channel = $2 AND chat_id = $3 AND notice_at <= now()
        "#,
        notice.chat.0,
        channel.as_str(),
        notice.chat_id.as_str(),
    )
    .execute(transaction)
    .await?;
    Ok(claimed.rows_affected() > 0)
}
