//! Whether a channel's owner is still its owner.

use std::collections::HashMap;

use switchboard_core::ChannelName;
use switchboard_store::LeaseToken;

use crate::{error::Failure, write::Write};

/// The tokens of the channels that a batch has met. They cannot change while its transaction
/// lasts, so each is read once.
#[derive(Default)]
pub(crate) struct Fences(HashMap<ChannelName, Option<i64>>);

impl Fences {
    /// Whether this is the channel's token. A channel that does not exist has none.
    pub(crate) async fn holds(
        &mut self,
        write: &mut Write,
        channel: &ChannelName,
        fence: LeaseToken,
    ) -> Result<bool, Failure> {
        let token = if let Some(token) = self.0.get(channel) {
            *token
        } else {
            let token = token(write, channel).await?;
            self.0.insert(channel.clone(), token);
            token
        };
        Ok(token == Some(fence.0))
    }
}

async fn token(write: &mut Write, channel: &ChannelName) -> Result<Option<i64>, Failure> {
    let name = channel.as_str();
    let token = sqlx::query_scalar!("SELECT lease_token FROM channel WHERE name = ?", name)
        .fetch_optional(&mut **write)
        .await?;
    Ok(token)
}
