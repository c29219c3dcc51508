//! The fence: who names a channel's token may complete its work, and nobody else.

use std::collections::{BTreeSet, HashMap};

use sqlx::PgConnection;
use switchboard_core::ChannelName;
use switchboard_store::LeaseToken;

use crate::error::Fault;

/// The tokens of some channels, which no new owner can change until the transaction ends.
pub(crate) struct Fences(HashMap<String, i64>);

impl Fences {
    /// Whether this is the channel's token.
    pub(crate) fn confirm(&self, channel: &ChannelName, token: LeaseToken) -> bool {
        self.0.get(channel.as_str()) == Some(&token.0)
    }
}

impl FromIterator<(String, i64)> for Fences {
    fn from_iter<T: IntoIterator<Item = (String, i64)>>(held: T) -> Self {
        Self(held.into_iter().collect())
    }
}

/// Reads the channels' tokens and holds them.
///
/// `FOR KEY SHARE` is in nobody's way but a new owner's, who takes the row `FOR UPDATE`: neither the
/// lease's renewal nor the writing of a cursor waits for the completions that are under way.
pub(crate) async fn hold<'a>(
    connection: &mut PgConnection,
    channels: impl Iterator<Item = &'a ChannelName>,
) -> Result<Fences, Fault> {
    let names: BTreeSet<&str> = channels.map(ChannelName::as_str).collect();
    if names.is_empty() {
        return Ok(Fences(HashMap::new()));
    }
    let names = Vec::from_iter(names);
    let rows = sqlx::query!(
        r#"
        SELECT name, lease_token
        FROM channel
        WHERE name = ANY($1)
        ORDER BY name
        FOR KEY SHARE
        "#,
        &names as &[&str],
    )
    .fetch_all(connection)
    .await?;
    Ok(rows.into_iter().map(|row| (row.name, row.lease_token)).collect())
}
