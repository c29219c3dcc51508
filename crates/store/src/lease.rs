//! Who runs a channel.

use std::time::Duration;

use async_trait::async_trait;
use switchboard_core::{ChannelName, Cursor};

use crate::StoreResult;

/// Grows with every change of a channel's owner. Named in every completion, so that what a former
/// owner reports changes nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LeaseToken(pub i64);

/// The ownership of a channel, as acquired.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lease {
    /// To be named in everything the owner does.
    pub token: LeaseToken,
    /// Where the adapter stood when its cursor was last stored.
    pub cursor: Option<Cursor>,
}

/// Ownership of channels.
#[async_trait]
pub trait LeaseStore: Send + Sync {
    /// Makes the channel known; does nothing if it is. A channel of this name but of another kind
    /// gets the new kind and loses its cursor.
    async fn register_channel(&self, channel: &ChannelName, kind: &str) -> StoreResult<()>;

    /// Takes the channel for `ttl` if nobody owns it, its owner's time is over, or `by_force`.
    /// `None`: somebody else owns it. The token is greater than every one before.
    async fn acquire(
        &self,
        channel: &ChannelName,
        replica: &str,
        ttl: Duration,
        by_force: bool,
    ) -> StoreResult<Option<Lease>>;

    /// Whether a replica owns the channel now. One that is not known is owned by nobody.
    async fn is_owned(&self, channel: &ChannelName) -> StoreResult<bool>;

    /// Extends the ownership to `ttl` from now. `false`: it is not ours any more. An expired lease
    /// that nobody else took in the meantime is extended too.
    async fn renew(&self, channel: &ChannelName, token: LeaseToken, ttl: Duration) -> StoreResult<bool>;

    /// Gives the channel back. Does nothing if it is not ours any more.
    async fn release(&self, channel: &ChannelName, token: LeaseToken) -> StoreResult<()>;

    /// The secret of a registered channel, for what it signs. The first call stores `new`; every
    /// call returns what was stored then.
    async fn channel_secret(&self, channel: &ChannelName, new: &str) -> StoreResult<String>;

    /// The channel's cursor.
    async fn cursor(&self, channel: &ChannelName) -> StoreResult<Option<Cursor>>;
}
