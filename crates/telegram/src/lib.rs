//! Telegram, by the Bot API.
//!
//! [`Telegram::new`] gives a [`TelegramMessenger`] for the engine and, in webhook mode, a router for the
//! wiring to mount. The Bot API may be Telegram's own or a self-hosted one.
//!
//! - `polling` and `webhook` receive, the former from where the `cursor` stands; `inbound` makes events of what they receive, and puts into words
//!   whatever is no text.
//! - `outbound` sends; `format` makes the parameters, `error` says what a failure means.
//! - `client` is the transport. Methods, parameters and types are those of teloxide-core.
//! - `probe` looks on request at what can be looked at without disturbing anybody.
//!
//! What is taken in: messages that people write in private chats, groups and topics, and in the name of
//! a chat (anonymous administrators, people who write as their channel), the latter under the chat's
//! id; and what people write to a channel that has the bot answer for it, each in a conversation of their
//! own. What is not: other bots, the channel's own messages, channel posts and their copies in a
//! discussion group, and service messages. Somebody who blocks the bot, lets it in or throws it out is
//! an event on the chat, and so is a group that becomes a supergroup.

mod bot;
mod capabilities;
mod client;
mod config;
mod cursor;
mod error;
mod format;
mod id;
mod inbound;
mod outbound;
mod polling;
mod probe;
mod webhook;

use std::sync::Arc;

use axum::Router;
use switchboard_core::Inbox;

pub use config::{
    API_URL, ConfigError, Edited, Mode, TelegramConfig, check_api_url, check_token, check_webhook_url,
};
pub use outbound::TelegramMessenger;
pub use webhook::route;

/// One Telegram channel: what the engine drives, and what the HTTP server mounts.
pub struct Telegram {
    /// For the engine.
    pub messenger: Arc<TelegramMessenger>,
    /// In webhook mode, the route at [`route`]. It works on every replica.
    pub router: Option<Router>,
}

impl Telegram {
    /// Makes the channel. Opens no connection.
    ///
    /// `inbox` is the one for HTTP routes: it works on every replica, whoever owns the channel. Fails
    /// on the first mistake that [`TelegramConfig::mistakes`] finds.
    pub fn new(config: TelegramConfig, inbox: Inbox) -> Result<Self, ConfigError> {
        if let Some(mistake) = config.mistakes().into_iter().next() {
            return Err(mistake);
        }
        let bot = Arc::new(bot::Bot::new(config)?);
        let router = webhook::router(&bot, inbox);
        Ok(Self { messenger: Arc::new(TelegramMessenger::new(bot)), router })
    }
}
