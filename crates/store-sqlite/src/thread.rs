//! What the AI's webhooks say of its dialogue.

use std::collections::BTreeMap;

use switchboard_core::{Flag, ThreadFields, ThreadUpdate};
use switchboard_store::ChatKey;

use crate::{
    chat::{open_new_thread, set_open_thread},
    convert,
    error::Failure,
    reply::Addressee,
    write::Write,
};

/// Finds the thread that an update means, or makes it, and applies the update. Gives the thread's
/// key.
pub(crate) async fn update(write: &mut Write, to: &Addressee, update: ThreadUpdate) -> Result<i64, Failure> {
    let thread_id = update.thread_id.clone();
    let found = find(write, to, thread_id.as_deref()).await?;
    let (mut thread, open) = if let Some(thread) = found {
        let open = to.open_thread == Some(thread.id);
        (thread, open)
    } else {
        let id = open_new_thread(write, to.chat.key, thread_id.as_deref()).await?;
        (ThreadState::new(id, thread_id), true)
    };
    let (changed, events) = thread.apply(update);
    if changed {
        thread.save(write).await?;
    }
    for (flag, value) in events {
        store_event(write, thread.id, flag, value).await?;
    }
    if open && thread.flags.get(&Flag::Close) == Some(&true) {
        set_open_thread(write, to.chat.key, None).await?;
    }
    Ok(thread.id)
}

/// A thread as far as an update can change it.
pub(crate) struct ThreadState {
    pub(crate) id: i64,
    pub(crate) thread_id: Option<String>,
    pub(crate) flags: BTreeMap<Flag, bool>,
    pub(crate) fields: ThreadFields,
}

impl ThreadState {
    fn new(id: i64, thread_id: Option<String>) -> Self {
        Self { id, thread_id, flags: BTreeMap::new(), fields: ThreadFields::default() }
    }

    /// Applies what is stated. Gives whether anything changed, and the flags that did so visibly:
    /// to begin with, a flag that was never stated is as good as *no*.
    fn apply(&mut self, update: ThreadUpdate) -> (bool, Vec<(Flag, bool)>) {
        let mut changed = false;
        if update.thread_id.is_some() && self.thread_id != update.thread_id {
            self.thread_id = update.thread_id;
            changed = true;
        }
        let mut events = Vec::new();
        for (flag, value) in update.flags {
            let before = self.flags.insert(flag, value);
            changed |= before != Some(value);
            if before.unwrap_or(false) != value {
                events.push((flag, value));
            }
        }
        let before = self.fields.clone();
        self.fields.merge(update.fields);
        (changed || self.fields != before, events)
    }

    async fn save(&self, write: &mut Write) -> Result<(), Failure> {
        let [get_contact, interest, success, is_bot, operator, close] =
            Flag::ALL.map(|flag| self.flags.get(&flag).copied());
        let (fields, now) = (convert::json(&self.fields)?, write.now);
        sqlx::query!(
            "
            UPDATE thread
            SET thread_id = ?2, get_contact = ?3, interest = ?4, success = ?5, is_bot = ?6,
                operator = ?7, close = ?8, fields = ?9, updated_at = ?10
            WHERE id = ?1
            ",
            self.id,
            self.thread_id,
            get_contact,
            interest,
            success,
            is_bot,
            operator,
            close,
            fields,
            now,
        )
        .execute(&mut **write)
        .await?;
        Ok(())
    }
}

/// A row of `thread`.
pub(crate) struct ThreadRecord {
    pub(crate) id: i64,
    pub(crate) thread_id: Option<String>,
    pub(crate) get_contact: Option<bool>,
    pub(crate) interest: Option<bool>,
    pub(crate) success: Option<bool>,
    pub(crate) is_bot: Option<bool>,
    pub(crate) operator: Option<bool>,
    pub(crate) close: Option<bool>,
    pub(crate) fields: String,
}

/// What cannot be read any more is as good as never stated: it must not cost an answer.
fn readable_fields(fields: &str, thread: i64) -> ThreadFields {
    serde_json::from_str(fields).unwrap_or_else(|error| {
        tracing::warn!(thread, %error, "the fields of a thread cannot be read; they are left out");
        ThreadFields::default()
    })
}

impl From<ThreadRecord> for ThreadState {
    fn from(row: ThreadRecord) -> Self {
        let stated = [row.get_contact, row.interest, row.success, row.is_bot, row.operator, row.close];
        let flags = Flag::ALL.into_iter().zip(stated);
        Self {
            id: row.id,
            thread_id: row.thread_id,
            flags: flags.filter_map(|(flag, value)| Some((flag, value?))).collect(),
            fields: readable_fields(&row.fields, row.id),
        }
    }
}

async fn find(
    write: &mut Write,
    to: &Addressee,
    thread_id: Option<&str>,
) -> Result<Option<ThreadState>, Failure> {
    let row = match thread_id {
        Some(thread_id) => find_named(write, to.chat.key, thread_id, to.open_thread).await?,
        None => find_current(write, to.chat.key, to.open_thread).await?,
    };
    Ok(row.map(ThreadState::from))
}

/// The thread with this id, else the open one if its id is unknown.
async fn find_named(
    write: &mut Write,
    chat: ChatKey,
    thread_id: &str,
    open: Option<i64>,
) -> Result<Option<ThreadRecord>, Failure> {
    let row = sqlx::query_as!(
        ThreadRecord,
        r#"
        SELECT
            id, thread_id, get_contact AS "get_contact: bool", interest AS "interest: bool",
            success AS "success: bool", is_bot AS "is_bot: bool", operator AS "operator: bool",
            close AS "close: bool", fields
        FROM thread
        WHERE chat = ?1 AND (thread_id = ?2 OR (id = ?3 AND thread_id IS NULL))
        ORDER BY thread_id IS NULL
        LIMIT 1
        "#,
        chat.0,
        thread_id,
        open,
    )
    .fetch_optional(&mut **write)
    .await?;
    Ok(row)
}

/// The open thread, else the latest.
async fn find_current(
    write: &mut Write,
    chat: ChatKey,
    open: Option<i64>,
) -> Result<Option<ThreadRecord>, Failure> {
    let row = sqlx::query_as!(
        ThreadRecord,
        r#"
        SELECT
            id, thread_id, get_contact AS "get_contact: bool", interest AS "interest: bool",
            success AS "success: bool", is_bot AS "is_bot: bool", operator AS "operator: bool",
            close AS "close: bool", fields
        FROM thread
        WHERE chat = ?1
        ORDER BY id IS ?2 DESC, id DESC
        LIMIT 1
        "#,
        chat.0,
        open,
    )
    .fetch_optional(&mut **write)
    .await?;
    Ok(row)
}

async fn store_event(write: &mut Write, thread: i64, flag: Flag, value: bool) -> Result<(), Failure> {
    let (flag, now) = (flag.as_str(), write.now);
    sqlx::query!(
        "INSERT INTO event (thread, flag, value, created_at) VALUES (?, ?, ?, ?)",
        thread,
        flag,
        value,
        now,
    )
    .execute(&mut **write)
    .await?;
    Ok(())
}
