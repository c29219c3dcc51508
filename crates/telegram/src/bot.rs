//! The bot itself: its settings, its connections, and who it is.

use std::sync::{Mutex, PoisonError};

use serde::Deserialize;
use teloxide_core::{payloads::GetMe, types::AllowedUpdate};
use tokio::sync::OnceCell;

use crate::{
    ConfigError, Edited, TelegramConfig,
    client::Client,
    error::{CallError, Conflict},
};

/// Shared by the messenger and its route.
pub(crate) struct Bot {
    pub(crate) config: TelegramConfig,
    /// For everything but polls.
    pub(crate) client: Client,
    me: OnceCell<Me>,
    /// Who keeps this process from polling, for the probe.
    conflict: Mutex<Option<Conflict>>,
}

/// What of `getMe` is of use to us. Everything else may be missing: servers differ.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub(crate) struct Me {
    pub(crate) id: u64,
    pub(crate) username: Option<String>,
    /// Privacy mode is off. (An administrator of a group reads everything there in any case.)
    #[serde(default)]
    pub(crate) can_read_all_group_messages: bool,
}

impl Bot {
    pub(crate) fn new(config: TelegramConfig) -> Result<Self, ConfigError> {
        let client = Client::new(&config, config.call_timeout)?;
        Ok(Self { config, client, me: OnceCell::new(), conflict: Mutex::default() })
    }

    /// Who the bot is. Asked once: what it is needed for is recognising mentions, and a bot's name
    /// does not change while it is in use.
    pub(crate) async fn me(&self) -> Result<&Me, CallError> {
        self.me.get_or_try_init(|| self.ask_me()).await
    }

    /// Asks who the bot is, whatever is known.
    pub(crate) async fn ask_me(&self) -> Result<Me, CallError> {
        self.client.call(&GetMe::new()).await
    }

    /// What to make of a failed call. Telegram refuses a good token now and then, so that one such answer
    /// proves nothing: it is believed if `getMe` is refused too, and is otherwise a failure that passes.
    pub(crate) async fn confirm(&self, error: CallError) -> CallError {
        match error {
            CallError::Refused(refusal) if refusal.is_of_the_token() => match self.ask_me().await {
                Err(CallError::Refused(again)) if again.is_of_the_token() => CallError::Refused(refusal),
                _ => CallError::Unconfirmed(refusal),
            },
            error => error,
        }
    }

    /// Notes who keeps the updates from us.
    pub(crate) fn set_conflict(&self, conflict: Option<Conflict>) {
        *self.conflict.lock().unwrap_or_else(PoisonError::into_inner) = conflict;
    }

    /// Who kept the updates from us when they were last asked for.
    pub(crate) fn conflict(&self) -> Option<Conflict> {
        *self.conflict.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The updates that are of use. Said explicitly, since what another program chose would stay.
    pub(crate) fn allowed_updates(&self) -> Vec<AllowedUpdate> {
        let mut allowed = vec![AllowedUpdate::Message, AllowedUpdate::MyChatMember];
        if self.config.edited == Edited::Forward {
            allowed.push(AllowedUpdate::EditedMessage);
        }
        allowed
    }
}
