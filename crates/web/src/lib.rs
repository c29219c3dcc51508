//! The page messenger: a chat page on the company's own site, served by the gateway itself.
//!
//! [`Web::new`] gives two things for one channel: a [`WebMessenger`] for the engine, and a router
//! for the wiring to mount. Both work on every replica.
//!
//! The history is the gateway's own, and that makes this adapter simple. A visitor's message is
//! answered with 200 after it is stored. A stream of server-sent events reads the stored
//! conversation from the position the page names, waits until somebody says that there may be
//! more, and reads on. Nothing is sent that was not read back from the store, so a reload, a lost
//! network and a restart all show everything once and in order. Carrying out a delivery
//! (`outbound`) therefore means no more than waking the streams of its conversation.
//!
//! A visitor is a signed token (`token`) that the page keeps; nothing is stored about a visitor before
//! the first message. A site that knows its user says so by a token of its own (`identity`). What people and the AI write becomes HTML in `format` and nowhere else.

mod appearance;
mod attendant;
mod capabilities;
mod config;
mod endings;
mod error;
mod flood;
mod format;
mod id;
mod identity;
mod inbound;
mod note;
mod origin;
mod outbound;
mod pack;
mod page;
mod routes;
mod script;
mod streams;
mod texts;
mod token;

use std::sync::Arc;

use axum::Router;
use switchboard_core::Inbox;
use tokio_util::sync::CancellationToken;

pub use appearance::{Appearance, Color, NotAColor, Side, Theme, Wording};
pub use config::{Clock, ConfigError, WebConfig, check_identity_secret, check_origin, check_visitor};
pub use identity::{MAX_AHEAD, is_user, sign_identity};
pub use outbound::WebMessenger;
pub use texts::text_keys;

/// One web channel: what the engine drives, and what the HTTP server mounts.
pub struct Web {
    /// For the engine.
    pub messenger: Arc<WebMessenger>,
    /// Everything under `/chat/{channel}`, with this channel's name in the paths.
    pub router: Router,
}

impl Web {
    /// Makes the channel.
    ///
    /// `inbox` is the one for HTTP routes: it works on every replica, whoever owns the channel.
    /// Open streams end when `stop` is cancelled, so that the server's shutdown need not wait for
    /// pages that are left open. Fails on the first mistake that [`WebConfig::mistakes`] finds.
    pub fn new(config: WebConfig, inbox: Inbox, stop: CancellationToken) -> Result<Self, ConfigError> {
        if let Some(mistake) = config.mistakes().into_iter().next() {
            return Err(mistake);
        }
        let streams = Arc::new(streams::Streams::default());
        let messenger = Arc::new(WebMessenger::new(&config, streams.clone(), inbox.notes().clone()));
        let router = routes::router(config, inbox, streams, stop)?;
        Ok(Self { messenger, router })
    }
}
