//! The adapter itself: carrying out what the engine asks.

use async_trait::async_trait;
use reqwest::Method;
use switchboard_core::{
    Action, Capabilities, ConversationId, Finding, Inbox, Messenger, Receipt, RunError, SendError, SendText,
};
use tokio_util::sync::CancellationToken;

use crate::{
    ConfigError, DiscordConfig, bot,
    capabilities::capabilities,
    client::{Client, Reply, Route},
    error::CallError,
    format::{NewMessage, Sent},
    id::{self, Address},
    probe, receiving,
};

/// "Cannot reply without permission to read message history."
const NO_REPLY: u32 = 160_002;

/// One Discord channel, as the engine sees it.
#[derive(Debug)]
pub struct DiscordMessenger {
    config: DiscordConfig,
    client: Client,
}

impl DiscordMessenger {
    /// Makes the channel. Opens no connection. Fails on the first mistake that
    /// [`DiscordConfig::mistakes`] finds.
    pub fn new(config: DiscordConfig) -> Result<Self, ConfigError> {
        if let Some(mistake) = config.mistakes().into_iter().next() {
            return Err(mistake);
        }
        let client = Client::new(&config)?;
        Ok(Self { config, client })
    }

    async fn send(&self, address: Address, send: &SendText) -> Result<Receipt, SendError> {
        let Some(message) = NewMessage::new(send, self.config.link_previews) else {
            return Err(rejected("Discord takes markdown only"));
        };
        let reply = match self.post(address, &message).await {
            Err(CallError::Refused(refusal)) if refusal.code == NO_REPLY && message.is_reply() => {
                self.post(address, &message.without_reference()).await
            }
            reply => reply,
        };
        match reply.and_then(|reply| reply.read()) {
            Ok(Sent { id }) => Ok(Receipt { messages: vec![id::message(id.get())] }),
            Err(error) => Err(self.explain(error).await),
        }
    }

    async fn post(&self, address: Address, message: &NewMessage<'_>) -> Result<Reply, CallError> {
        let route = Route { name: "POST messages", major: address.channel };
        let path = format!("/channels/{}/messages", address.channel);
        self.client.call(Method::POST, route, &path, Some(message)).await
    }

    async fn show_typing(&self, address: Address) -> Result<Receipt, SendError> {
        let route = Route { name: "POST typing", major: address.channel };
        let path = format!("/channels/{}/typing", address.channel);
        match self.client.call(Method::POST, route, &path, None::<&()>).await {
            Ok(_) => Ok(Receipt::default()),
            Err(error) => Err(self.explain(error).await),
        }
    }

    /// What a failure means for what was to be done. What a refusal of the token means is asked at once.
    async fn explain(&self, error: CallError) -> SendError {
        bot::confirm(&self.client, error).await.into_send_error()
    }
}

#[async_trait]
impl Messenger for DiscordMessenger {
    fn capabilities(&self, _: &ConversationId) -> Capabilities {
        capabilities()
    }

    async fn probe(&self) -> Vec<Finding> {
        probe::probe(&self.client, &self.config).await
    }

    async fn run(&self, inbox: Inbox, stop: CancellationToken) -> Result<(), RunError> {
        receiving::run(&self.client, &self.config, inbox, stop).await
    }

    async fn execute(&self, action: &Action) -> Result<Receipt, SendError> {
        let Some(address) = Address::parse(action.conversation()) else {
            return Err(rejected("the conversation is not one of Discord's"));
        };
        match action {
            Action::SendText(send) => self.send(address, send).await,
            Action::Typing(typing) if typing.on => self.show_typing(address).await,
            // It ends by itself, with the answer or after ten seconds.
            Action::Typing(_) => Ok(Receipt::default()),
            Action::Edit(_) | Action::Delete(_) | Action::React(_) | Action::SendAttachment(_) => {
                Err(rejected("this adapter does not do this on Discord"))
            }
        }
    }
}

fn rejected(reason: &str) -> SendError {
    SendError::Rejected { reason: reason.to_owned() }
}
