//! What comes back: from the AI's webhook into the store.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use switchboard_ai::{AiMessage, AiWebhook};
use switchboard_core::{AiName, Author, ChatId, chain};
use switchboard_store::{ChatRef, Reply, ReplyMessage, ReplyOutcome};
use tokio::time::Instant;

use crate::{Engine, Unavailable, channel::Attached, render::render};

/// How many routes are remembered. They do not change, so this only bounds memory.
const MAX_ROUTES: usize = 50_000;

/// What became of a webhook. All of it is committed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WebhookOutcome {
    /// Its message is stored and on its way to the user.
    Stored,
    /// Its message had been stored before.
    Duplicate,
    /// It has no message for a user; the thread is updated where the chat is ours.
    Ignored(Ignored),
}

/// Why a webhook has no message for a user.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Ignored {
    /// We do not know the chat.
    UnknownChat,
    /// The chat belongs to another task.
    OtherTask,
    /// It is the user's own message coming back.
    OwnMessage,
    /// It has no text.
    NoText,
}

impl Ignored {
    /// The word in the answer and in the counter.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::UnknownChat => "unknown_chat",
            Self::OtherTask => "other_task",
            Self::OwnMessage => "own_message",
            Self::NoText => "no_text",
        }
    }
}

/// The routes of chats, so that not every webhook asks the store. A stale entry does no harm: the
/// store uses the chat's key, and takes the address from its row.
#[derive(Default)]
pub(crate) struct Routes(Mutex<HashMap<ChatId, ChatRef>>);

impl Routes {
    fn get(&self, chat_id: &ChatId) -> Option<ChatRef> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(chat_id).cloned()
    }

    fn insert(&self, chat: &ChatRef) {
        let mut routes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if routes.len() >= MAX_ROUTES {
            routes.clear();
        }
        routes.insert(chat.chat_id.clone(), chat.clone());
    }

    fn remove(&self, chat_id: &ChatId) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(chat_id);
    }
}

impl Engine {
    /// Stores what a webhook of this AI says, and sends its message on its way. Returns after the
    /// commit; after an error nothing is stored, and the same webhook may come again.
    pub async fn webhook(&self, ai: &AiName, webhook: AiWebhook) -> Result<WebhookOutcome, Unavailable> {
        let unknown = WebhookOutcome::Ignored(Ignored::UnknownChat);
        let Some(chat) = self.route(&webhook.chat_id).await? else { return Ok(unknown) };
        if let Some(outcome) = self.reply(ai, &webhook, &chat).await? {
            return Ok(outcome);
        }
        // The chat that was remembered is gone; there may be a new one of the same name.
        self.routes.remove(&webhook.chat_id);
        let Some(chat) = self.route(&webhook.chat_id).await? else { return Ok(unknown) };
        Ok(self.reply(ai, &webhook, &chat).await?.unwrap_or(unknown))
    }

    /// `None`: there is no such chat any more.
    async fn reply(
        &self,
        ai: &AiName,
        webhook: &AiWebhook,
        chat: &ChatRef,
    ) -> Result<Option<WebhookOutcome>, Unavailable> {
        let Some(attached) = self.channels.get(&chat.channel).filter(|it| it.channel.policy.ai == *ai) else {
            return Ok(Some(WebhookOutcome::Ignored(Ignored::UnknownChat)));
        };
        let stated_task = webhook.thread.fields.task_id.as_ref();
        if stated_task.is_some_and(|task| *task != attached.channel.policy.task_id) {
            return Ok(Some(WebhookOutcome::Ignored(Ignored::OtherTask)));
        }

        let message = self.message_for_user(attached, chat, webhook.message.clone());
        let ignored = message.as_ref().err().copied();
        let asked_at = Instant::now();
        let reply = Reply {
            ai: ai.clone(),
            chat: chat.clone(),
            message_id: webhook.message_id.clone(),
            thread: webhook.thread.clone(),
            message: message.ok(),
        };
        Ok(match (self.replies.submit(reply).await?, ignored) {
            (ReplyOutcome::UnknownChat, _) => None,
            (_, Some(reason)) => Some(WebhookOutcome::Ignored(reason)),
            (ReplyOutcome::Stored { deliveries, .. }, None) => {
                attached.channel.push(deliveries, asked_at);
                Some(WebhookOutcome::Stored)
            }
            (ReplyOutcome::Duplicate | ReplyOutcome::Updated, None) => Some(WebhookOutcome::Duplicate),
        })
    }

    async fn route(&self, chat_id: &ChatId) -> Result<Option<ChatRef>, Unavailable> {
        if let Some(chat) = self.routes.get(chat_id) {
            return Ok(Some(chat));
        }
        match self.store.find_chat(chat_id).await {
            Ok(chat) => {
                if let Some(chat) = &chat {
                    self.routes.insert(chat);
                }
                Ok(chat)
            }
            Err(error) => {
                tracing::warn!(error = %chain(&error), "the store did not answer");
                Err(Unavailable)
            }
        }
    }

    /// The message that the user gets, rendered and split for the channel; or why there is none.
    fn message_for_user(
        &self,
        to: &Attached,
        chat: &ChatRef,
        message: Option<AiMessage>,
    ) -> Result<ReplyMessage, Ignored> {
        let AiMessage { author, text } = message.ok_or(Ignored::NoText)?;
        if author == Author::User {
            return Err(Ignored::OwnMessage);
        }
        let message = render(&*to.messenger, &chat.conversation, author, text, self.config.messenger_ttl);
        if message.parts.is_empty() { Err(Ignored::NoText) } else { Ok(message) }
    }
}
