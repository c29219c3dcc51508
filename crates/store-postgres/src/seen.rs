//! What was taken in before.

use std::collections::{HashMap, HashSet, hash_map::Entry};

use sqlx::PgConnection;
use switchboard_core::{ChannelName, EventId};

use crate::error::Fault;

/// Something that is taken in once.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct SeenKey {
    source: String,
    id: String,
}

impl SeenKey {
    /// An event on a channel.
    pub(crate) fn event(channel: &ChannelName, event: &EventId) -> Self {
        Self { source: channel_source(channel), id: event.as_str().to_owned() }
    }

    /// A message of the AI in a chat.
    pub(crate) fn ai_message(chat: i64, message_id: &str) -> Self {
        Self { source: format!("chat:{chat}"), id: message_id.to_owned() }
    }
}

fn channel_source(channel: &ChannelName) -> String {
    format!("channel:{channel}")
}

/// Marks all of them as seen. Says of each whether this is the first time; where one stands twice
/// in the list, that is the first of the two.
pub(crate) async fn take(connection: &mut PgConnection, keys: Vec<SeenKey>) -> Result<Vec<bool>, Fault> {
    if keys.is_empty() {
        return Ok(Vec::new());
    }
    let mut first_time = vec![false; keys.len()];
    let mut first_at = HashMap::new();
    for (index, key) in keys.into_iter().enumerate() {
        if let Entry::Vacant(vacant) = first_at.entry(key) {
            vacant.insert(index);
        }
    }
    let (sources, ids): (Vec<&str>, Vec<&str>) =
        first_at.keys().map(|key| (key.source.as_str(), key.id.as_str())).unzip();
    // In their order, so that two replicas that take in the same events cannot wait for each other.
    let rows = sqlx::query_as!(
        SeenKey,
        r#"
        INSERT INTO seen (source, id)
        SELECT source, id
        FROM UNNEST($1::text[], $2::text[]) AS input (source, id)
        ORDER BY source, id
        ON CONFLICT DO NOTHING
        RETURNING source, id
        "#,
        &sources as &[&str],
        &ids as &[&str],
    )
    .fetch_all(connection)
    .await?;
    for key in rows {
        if let Some(&index) = first_at.get(&key) {
            first_time[index] = true;
        }
    }
    Ok(first_time)
}

/// Which of these events were seen before.
pub(crate) async fn known(
    connection: &mut PgConnection,
    channel: &ChannelName,
    events: &[EventId],
) -> Result<HashSet<EventId>, Fault> {
    let ids: Vec<&str> = events.iter().map(EventId::as_str).collect();
    let rows = sqlx::query_scalar!(
        "SELECT id FROM seen WHERE source = $1 AND id = ANY($2)",
        channel_source(channel),
        &ids as &[&str],
    )
    .fetch_all(connection)
    .await?;
    Ok(rows.into_iter().map(EventId::new).collect())
}
