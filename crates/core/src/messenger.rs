//! The trait that an adapter implements.

use async_trait::async_trait;
use tokio_util::sync::CancellationToken;

use crate::{Action, Capabilities, ConversationId, Finding, Inbox, Receipt, RunError, SendError};

/// One channel on one messenger.
///
/// The engine owns the order of sends, their retries, their rates and their splitting, and every
/// rule about who may write. An adapter translates, and has no queue and no memory of its own
/// beyond its connection.
#[async_trait]
pub trait Messenger: Send + Sync {
    /// What this channel can do, in a conversation. Called often and before every action, so it
    /// must be quick: data, no I/O.
    fn capabilities(&self, conversation: &ConversationId) -> Capabilities;

    /// Checks made on request: token, rights, intents, keys. Never sends anything that a user
    /// could see. An empty list means that there is nothing to check.
    async fn probe(&self) -> Vec<Finding>;

    /// Receives until `stop`. Called by the replica that owns the channel, once at a time;
    /// another replica may take over after this one stopped.
    ///
    /// Everything received goes to `inbox`, and only after [`Inbox::accept`] returned `Ok` may it
    /// be confirmed to the platform. Reconnecting is the adapter's own business, published as
    /// [`crate::ConnectionState`]; it returns an error only when a person must act, and `Ok` only
    /// after `stop`.
    async fn run(&self, inbox: Inbox, stop: CancellationToken) -> Result<(), RunError>;

    /// Carries out one action that the capabilities allow, once: no retry and no waiting for a
    /// rate limit, the engine does both. May be called at any time, also while [`Self::run`] is
    /// not running, and for several conversations at once; never twice at once for one chat. The
    /// engine stores the receipt.
    async fn execute(&self, action: &Action) -> Result<Receipt, SendError>;
}
