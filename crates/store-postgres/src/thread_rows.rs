//! Reading and writing the rows of threads. Their chats are locked, and so nobody else does.

use std::collections::{BTreeMap, HashMap};

use serde_json::Value;
use sqlx::PgConnection;
use switchboard_core::{Flag, ThreadFields};

use crate::{
    error::Fault,
    thread::{ChatThreads, Thread},
};

/// Which of a chat's threads to read: the open one, or else the latest, and those with these ids.
#[derive(Default)]
pub(crate) struct Wanted<'a> {
    pub(crate) open: Option<i64>,
    pub(crate) thread_ids: Vec<&'a str>,
}

/// Reads threads, by chat.
pub(crate) async fn load(
    connection: &mut PgConnection,
    wanted: &BTreeMap<i64, Wanted<'_>>,
) -> Result<HashMap<i64, ChatThreads>, Fault> {
    let open: Vec<i64> = wanted.values().filter_map(|wanted| wanted.open).collect();
    let without: Vec<i64> =
        wanted.iter().filter(|(_, wanted)| wanted.open.is_none()).map(|(&chat, _)| chat).collect();
    let named = wanted.iter().flat_map(|(&chat, wanted)| wanted.thread_ids.iter().map(move |&id| (chat, id)));
    let (named_chats, named_ids): (Vec<i64>, Vec<&str>) = named.unzip();
    let rows = sqlx::query!(
        r#"
        SELECT id, chat, thread_id, fields::text AS "fields!",
               jsonb_strip_nulls(jsonb_build_object(
                   'get_contact', get_contact, 'interest', interest, 'success', success,
                   'is_bot', is_bot, 'operator', operator, 'close', close
               )) AS "flags!"
        FROM thread
        WHERE id = ANY($1)
           OR id = ANY(ARRAY(
                  SELECT (SELECT max(id) FROM thread WHERE thread.chat = input.chat)
                  FROM UNNEST($2::bigint[]) AS input (chat)
                  UNION ALL
                  SELECT thread.id
                  FROM UNNEST($3::bigint[], $4::text[]) AS input (chat, thread_id)
                  JOIN thread USING (chat, thread_id)
              ))
        ORDER BY id
        "#,
        &open,
        &without,
        &named_chats,
        &named_ids as &[&str],
    )
    .fetch_all(connection)
    .await?;
    let mut threads: HashMap<i64, ChatThreads> = HashMap::new();
    for row in rows {
        let of_chat = threads.entry(row.chat).or_default();
        if wanted[&row.chat].open == Some(row.id) {
            of_chat.open = Some(of_chat.threads.len());
        }
        of_chat.threads.push(Thread {
            id: Some(row.id),
            platform_id: row.thread_id,
            flags: flags(row.flags, row.id)?,
            fields: fields(&row.fields, row.id),
            changed: false,
            events: Vec::new(),
        });
    }
    Ok(threads)
}

/// Reads the flags as the queries put them together: an object of those that are not null.
pub(crate) fn flags(flags: Value, thread: i64) -> Result<BTreeMap<Flag, bool>, Fault> {
    serde_json::from_value(flags).map_err(|source| Fault::corrupt("thread", "flags", thread, source))
}

/// Reads `thread.fields`, as text: the driver would refuse the whole row. What cannot be read any more is as
/// good as never stated: it must not cost an answer.
pub(crate) fn fields(fields: &str, thread: i64) -> ThreadFields {
    serde_json::from_str(fields).unwrap_or_else(|error| {
        tracing::warn!(thread, %error, "the fields of a thread cannot be read; they are left out");
        ThreadFields::default()
    })
}

/// Writes what is new or has changed; every thread has its key then.
pub(crate) async fn save(
    connection: &mut PgConnection,
    chats: &mut HashMap<i64, ChatThreads>,
) -> Result<(), Fault> {
    let mut new: Vec<(i64, &mut Thread)> = Vec::new();
    let mut changed: Vec<(i64, &mut Thread)> = Vec::new();
    for (&chat, threads) in &mut *chats {
        for thread in threads.threads.iter_mut().filter(|thread| thread.changed) {
            match thread.id {
                None => new.push((chat, thread)),
                Some(id) => changed.push((id, thread)),
            }
        }
    }
    if !new.is_empty() {
        insert(connection, &mut new).await?;
    }
    if !changed.is_empty() {
        update(connection, &changed).await?;
    }
    let threads = chats.values().flat_map(|chat| &chat.threads);
    let events =
        threads.flat_map(|thread| thread.events.iter().map(|&(flag, value)| (thread.id, flag, value)));
    record(connection, &events.collect::<Vec<_>>()).await
}

async fn insert(connection: &mut PgConnection, new: &mut [(i64, &mut Thread)]) -> Result<(), Fault> {
    let columns = Columns::of(new);
    let mut ids = sqlx::query_scalar!(
        r#"
        INSERT INTO thread (
            chat, thread_id, get_contact, interest, success, is_bot, operator, close, fields
        )
        SELECT chat, thread_id,
               (flags->>'get_contact')::boolean, (flags->>'interest')::boolean,
               (flags->>'success')::boolean, (flags->>'is_bot')::boolean,
               (flags->>'operator')::boolean, (flags->>'close')::boolean, fields
        FROM UNNEST($1::bigint[], $2::text[], $3::jsonb[], $4::jsonb[])
            WITH ORDINALITY AS input (chat, thread_id, flags, fields, place)
        ORDER BY place
        RETURNING id
        "#,
        &columns.keys,
        &columns.thread_ids as &[Option<&str>],
        &columns.flags,
        &columns.fields,
    )
    .fetch_all(connection)
    .await?;
    // Keys are drawn in the order of the list.
    ids.sort_unstable();
    for ((_, thread), id) in new.iter_mut().zip(ids) {
        thread.id = Some(id);
    }
    Ok(())
}

async fn update(connection: &mut PgConnection, changed: &[(i64, &mut Thread)]) -> Result<(), Fault> {
    let columns = Columns::of(changed);
    sqlx::query!(
        r#"
        UPDATE thread
        SET thread_id = input.thread_id,
            get_contact = (input.flags->>'get_contact')::boolean,
            interest = (input.flags->>'interest')::boolean,
            success = (input.flags->>'success')::boolean,
            is_bot = (input.flags->>'is_bot')::boolean,
            operator = (input.flags->>'operator')::boolean,
            close = (input.flags->>'close')::boolean,
            fields = input.fields,
            updated_at = now()
        FROM UNNEST($1::bigint[], $2::text[], $3::jsonb[], $4::jsonb[])
            AS input (id, thread_id, flags, fields)
        WHERE thread.id = input.id
        "#,
        &columns.keys,
        &columns.thread_ids as &[Option<&str>],
        &columns.flags,
        &columns.fields,
    )
    .execute(connection)
    .await?;
    Ok(())
}

async fn record(connection: &mut PgConnection, events: &[(Option<i64>, Flag, bool)]) -> Result<(), Fault> {
    if events.is_empty() {
        return Ok(());
    }
    let threads: Vec<i64> = events.iter().filter_map(|&(thread, ..)| thread).collect();
    let flags: Vec<&str> = events.iter().map(|(_, flag, _)| flag.as_str()).collect();
    let values: Vec<bool> = events.iter().map(|&(.., value)| value).collect();
    sqlx::query!(
        r#"
        INSERT INTO event (thread, flag, value)
        SELECT thread, flag, value
        FROM UNNEST($1::bigint[], $2::text[], $3::boolean[])
            WITH ORDINALITY AS input (thread, flag, value, place)
        ORDER BY place
        "#,
        &threads,
        &flags as &[&str],
        &values,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Threads column by column, with the key that each came with.
struct Columns<'a> {
    keys: Vec<i64>,
    thread_ids: Vec<Option<&'a str>>,
    flags: Vec<Value>,
    fields: Vec<Value>,
}

impl<'a> Columns<'a> {
    fn of(threads: &'a [(i64, &mut Thread)]) -> Self {
        let json = "flags and fields have no form that JSON lacks";
        Self {
            keys: threads.iter().map(|(key, _)| *key).collect(),
            thread_ids: threads.iter().map(|(_, thread)| thread.platform_id.as_deref()).collect(),
            flags: threads
                .iter()
                .map(|(_, thread)| serde_json::to_value(&thread.flags).expect(json))
                .collect(),
            fields: threads
                .iter()
                .map(|(_, thread)| serde_json::to_value(&thread.fields).expect(json))
                .collect(),
        }
    }
}
