//! The adapter itself: carrying out what the engine asks.

use std::sync::Arc;

use async_trait::async_trait;
use switchboard_core::{
    Action, Capabilities, ChannelName, ConnectionState, ConversationId, Finding, Inbox, Messenger, Notes,
    Receipt, RunError, SendError,
};
use tokio_util::sync::CancellationToken;

use crate::{WebConfig, capabilities::capabilities, note, streams::Streams};

/// One web channel, as the engine sees it.
pub struct WebMessenger {
    channel: ChannelName,
    /// The configured origins over which tokens would travel unencrypted.
    unencrypted: Vec<String>,
    streams: Arc<Streams>,
    /// To the pages on other replicas.
    notes: Notes,
}

impl WebMessenger {
    pub(crate) fn new(config: &WebConfig, streams: Arc<Streams>, notes: Notes) -> Self {
        let unencrypted =
            config.allowed_origins.iter().filter(|origin| !is_private(origin)).cloned().collect();
        Self { channel: config.channel.clone(), unencrypted, streams, notes }
    }

    /// How many pages this replica is sending to at the moment.
    pub fn open_streams(&self) -> usize {
        self.streams.count()
    }
}

#[async_trait]
impl Messenger for WebMessenger {
    fn capabilities(&self, _conversation: &ConversationId) -> Capabilities {
        capabilities()
    }

    async fn probe(&self) -> Vec<Finding> {
        let warning = |origin: &String| {
            Finding::warning(
                format!("{origin} is allowed to show the page and is not encrypted"),
                "serve the site over https and change allowed_origins",
            )
        };
        self.unencrypted.iter().map(warning).collect()
    }

    /// There is nobody to connect to: what visitors write comes in by the routes, on every
    /// replica, and so does not go through this run's inbox.
    async fn run(&self, inbox: Inbox, stop: CancellationToken) -> Result<(), RunError> {
        tracing::debug!(channel = %self.channel, "web channel is open");
        inbox.status().set(ConnectionState::Connected);
        stop.cancelled().await;
        inbox.status().set(ConnectionState::Stopped);
        Ok(())
    }

    async fn execute(&self, action: &Action) -> Result<Receipt, SendError> {
        match action {
            // The text was stored before its delivery was made; the streams read it from there.
            Action::SendText(send) => {
                self.streams.wake(&send.conversation);
                self.notes.tell(note::look(&send.conversation));
            }
            Action::Typing(typing) => {
                self.streams.typing(&typing.conversation, typing.on);
                self.notes.tell(note::typing(&typing.conversation, typing.on));
            }
            Action::Edit(_) | Action::Delete(_) | Action::React(_) | Action::SendAttachment(_) => {
                return Err(SendError::Rejected { reason: "the page cannot do this".to_owned() });
            }
        }
        Ok(Receipt::default())
    }
}

/// Encrypted, or on this machine.
fn is_private(origin: &str) -> bool {
    const LOCAL: [&str; 3] = ["localhost", "127.0.0.1", "[::1]"];
    let Some(host) = origin.strip_prefix("http://") else { return true };
    LOCAL
        .iter()
        .any(|local| host.strip_prefix(local).is_some_and(|rest| rest.is_empty() || rest.starts_with(':')))
}
