//! A chat as people see it: with its threads and what changed on them.

use sqlx::PgConnection;
use switchboard_core::{ChannelName, ChatId, ConversationId, UserId};
use switchboard_store::{ChatDetail, EventRow, ThreadRow};

use crate::{
    convert::place,
    error::Fault,
    thread_rows::{fields, flags},
};

/// See [`switchboard_store::AdminStore::chat`].
pub(crate) async fn show(
    connection: &mut PgConnection,
    chat_id: &ChatId,
) -> Result<Option<ChatDetail>, Fault> {
    let row = sqlx::query!(
        r#"
        SELECT id, chat_id, channel, conversation, user_id, place, user_name, open_thread, created_at
        FROM chat
        WHERE chat_id = $1
        "#,
        chat_id.as_str(),
    )
    .fetch_optional(&mut *connection)
    .await?;
    let Some(row) = row else { return Ok(None) };
    Ok(Some(ChatDetail {
        chat_id: ChatId::new(row.chat_id),
        channel: ChannelName::new(row.channel),
        conversation: ConversationId::new(row.conversation),
        user: Some(row.user_id).filter(|user| !user.is_empty()).map(UserId::new),
        place: place(&row.place, row.id)?,
        user_name: row.user_name,
        created_at: row.created_at,
        threads: threads(connection, row.id, row.open_thread).await?,
    }))
}

async fn threads(
    connection: &mut PgConnection,
    chat: i64,
    open: Option<i64>,
) -> Result<Vec<ThreadRow>, Fault> {
    let rows = sqlx::query!(
        r#"
        SELECT id, thread_id, fields::text AS "fields!", created_at, updated_at,
               jsonb_strip_nulls(jsonb_build_object(
                   'get_contact', get_contact, 'interest', interest, 'success', success,
                   'is_bot', is_bot, 'operator', operator, 'close', close
               )) AS "flags!"
        FROM thread
        WHERE chat = $1
        ORDER BY id
        "#,
        chat,
    )
    .fetch_all(&mut *connection)
    .await?;
    let mut threads = Vec::with_capacity(rows.len());
    for row in rows {
        threads.push(ThreadRow {
            thread_id: row.thread_id,
            open: open == Some(row.id),
            flags: flags(row.flags, row.id)?,
            fields: fields(&row.fields, row.id),
            created_at: row.created_at,
            updated_at: row.updated_at,
            events: events(connection, row.id).await?,
        });
    }
    Ok(threads)
}

async fn events(connection: &mut PgConnection, thread: i64) -> Result<Vec<EventRow>, Fault> {
    let rows = sqlx::query!(
        r#"SELECT flag, value, created_at AS "at" FROM event WHERE thread = $1 ORDER BY id"#,
        thread,
    )
    .fetch_all(connection)
    .await?;
    Ok(rows.into_iter().map(|row| EventRow { flag: row.flag, value: row.value, at: row.at }).collect())
}
