//! The adapter itself: carrying out what the engine asks.

use std::sync::Arc;

use async_trait::async_trait;
use serde::{Serialize, de::DeserializeOwned};
use switchboard_core::{
    Action, Capabilities, ConversationId, Finding, Inbox, Messenger, Receipt, RunError, SendError, SendText,
};
use teloxide_core::{
    payloads::SendChatAction,
    requests::Payload,
    types::{ChatAction, ChatId, MessageId, ThreadId},
};
use tokio_util::sync::CancellationToken;

use crate::{
    Mode,
    bot::Bot,
    capabilities::capabilities,
    format::{SendMessage, Sent},
    id::{self, Address},
    polling, probe, webhook,
};

/// One Telegram channel, as the engine sees it.
pub struct TelegramMessenger {
    bot: Arc<Bot>,
}

impl TelegramMessenger {
    pub(crate) fn new(bot: Arc<Bot>) -> Self {
        Self { bot }
    }

    async fn send(&self, address: Address, send: &SendText) -> Result<Receipt, SendError> {
        let Some(message) = SendMessage::new(address, send, self.bot.config.link_previews) else {
            return Err(rejected("Telegram takes text with entities only"));
        };
        let Sent { message_id } = self.call(address, &message).await?;
        Ok(Receipt { messages: vec![id::message(address.chat, message_id)] })
    }

    async fn show_typing(&self, address: Address) -> Result<Receipt, SendError> {
        if address.direct_messages_topic_id().is_some() {
            return Err(rejected("Telegram shows nobody who writes to a channel that somebody types"));
        }
        let mut action = SendChatAction::new(ChatId(address.chat), ChatAction::Typing);
        action.message_thread_id = address.message_thread_id().map(|topic| ThreadId(MessageId(topic)));
        let _: bool = self.call(address, &action).await?;
        Ok(Receipt::default())
    }

    /// Calls a method once. What a refusal of the token means is asked at once.
    async fn call<P, R>(&self, address: Address, payload: &P) -> Result<R, SendError>
    where
        P: Payload + Serialize + Sync,
        R: DeserializeOwned,
    {
        match self.bot.client.call(payload).await {
            Ok(result) => Ok(result),
            Err(error) => Err(self.bot.confirm(error).await.into_send_error(address)),
        }
    }
}

#[async_trait]
impl Messenger for TelegramMessenger {
    fn capabilities(&self, conversation: &ConversationId) -> Capabilities {
        capabilities(conversation)
    }

    async fn probe(&self) -> Vec<Finding> {
        probe::probe(&self.bot).await
    }

    async fn run(&self, inbox: Inbox, stop: CancellationToken) -> Result<(), RunError> {
        match &self.bot.config.mode {
            Mode::Polling => polling::run(&self.bot, inbox, stop).await,
            Mode::Webhook { url, secret } => webhook::run(&self.bot, url, secret, &inbox, stop).await,
        }
    }

    async fn execute(&self, action: &Action) -> Result<Receipt, SendError> {
        let Some(address) = Address::parse(action.conversation()) else {
            return Err(rejected("the conversation is not one of Telegram's"));
        };
        match action {
            Action::SendText(send) => self.send(address, send).await,
            Action::Typing(typing) if typing.on => self.show_typing(address).await,
            // It ends by itself, with the answer or after five seconds.
            Action::Typing(_) => Ok(Receipt::default()),
            Action::Edit(_) | Action::Delete(_) | Action::React(_) | Action::SendAttachment(_) => {
                Err(rejected("this adapter does not do this on Telegram"))
            }
        }
    }
}

fn rejected(reason: &str) -> SendError {
    SendError::Rejected { reason: reason.to_owned() }
}
