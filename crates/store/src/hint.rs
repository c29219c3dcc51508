//! What replicas tell each other in passing, so that nobody has to wait for a regular search.

use async_trait::async_trait;
use switchboard_core::ChannelName;

use crate::StoreResult;

/// Something that another replica may want to know at once. Never kept: what is lost with it is
/// time, because everybody also searches the store every so often.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hint {
    /// The channel it is about.
    pub channel: ChannelName,
    /// What there is to know.
    pub about: About,
}

/// What a [`Hint`] says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum About {
    /// Deliveries were committed by a replica that does not run the channel.
    Work,
    /// A note of the channel's adapter; see [`switchboard_core::Notes`].
    Note(String),
}

/// Between the replicas that share a store.
#[async_trait]
pub trait HintStore: Send + Sync {
    /// Tells all replicas that listen, `from` being the one that tells. What is too long for the
    /// store (8 kB) is left out. Costs a round trip, so hints go together.
    async fn hint(&self, from: &str, hints: Vec<Hint>) -> StoreResult<()>;

    /// Calls `heard` with what all replicas but `me` tell from now on, in the order of each. Returns
    /// only when it fails; what is told until it is called again is lost. Where there is no other
    /// process, it waits for ever.
    async fn listen(&self, me: &str, heard: &(dyn Fn(Hint) + Send + Sync)) -> StoreResult<()>;
}
