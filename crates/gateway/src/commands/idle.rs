//! An adapter that is made for a command and never run.

use std::{collections::HashSet, sync::Arc};

use async_trait::async_trait;
use secrecy::SecretString;
use switchboard_core::{
    AcceptError, Accepted, ChannelStatus, ConversationId, Cursor, Event, EventId, HistoryEntry, Inbox,
    Intake, News, Position, ReadError,
};
use tokio_util::sync::CancellationToken;
use url::Url;

use crate::{Adapter, AdapterContext, BuildAdapter, config::ChannelConfig};

/// What the database says of a channel. As in [`AdapterContext`].
#[derive(Default)]
pub(super) struct Known {
    pub(super) unused: bool,
    /// Certainly run by a gateway.
    pub(super) running: bool,
    pub(super) cursor: Option<Cursor>,
}

/// The channel's adapter. An error is one of its configuration.
pub(super) fn adapter(
    channel: ChannelConfig<BuildAdapter>,
    public_url: Url,
    known: Known,
) -> anyhow::Result<Adapter> {
    (channel.adapter)(AdapterContext {
        channel: channel.name,
        inbox: Inbox::new(Arc::new(Closed), ChannelStatus::new()),
        // It signs nothing that anybody keeps.
        secret: SecretString::from("0".repeat(64)),
        groups: channel.groups,
        unused: known.unused,
        cursor: known.cursor,
        public_url,
        stop: CancellationToken::new(),
    })
}

/// An inbox that takes nothing: what does not run receives nothing.
struct Closed;

#[async_trait]
impl Intake for Closed {
    async fn accept(&self, _: Vec<Event>, _: Option<Cursor>) -> Result<Vec<Accepted>, AcceptError> {
        Err(AcceptError::NotOwner)
    }

    async fn cursor(&self) -> Result<Option<Cursor>, ReadError> {
        Err(ReadError)
    }

    async fn history(&self, _: &ConversationId, _: Position, _: u32) -> Result<Vec<HistoryEntry>, ReadError> {
        Err(ReadError)
    }

    async fn news(&self, _: Option<Position>) -> Result<News, ReadError> {
        Err(ReadError)
    }

    async fn known(&self, _: &[EventId]) -> Result<HashSet<EventId>, ReadError> {
        Err(ReadError)
    }
}
