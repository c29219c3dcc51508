//! Discord, by its REST API and its gateway, version 10.
//!
//! [`DiscordMessenger::new`] gives the adapter for the engine.
//!
//! - `gateway` keeps a connection and hands over what happens, in order; `receiving` takes it, fetches what was
//!   missed, and stores it with where the channel stands (`marks`); `inbound` makes events of messages, and puts
//!   into words whatever is no text.
//! - `outbound` sends; `format` makes the body, `error` says what a failure means, `limits` what Discord would
//!   refuse.
//! - `client` is the transport of REST calls. Ids are serenity's types.
//! - `probe` looks on request at what can be looked at without disturbing anybody.
//!
//! What is taken in: messages that people write in direct channels, channels of guilds, threads and posts of
//! forums; a thread is a conversation. What is not: bots, webhooks, the channel's own messages, what the system
//! says (somebody joined), edits and deletions.
//!
//! What was missed is found as follows. A session of the gateway outlives its connection, and its process too, by
//! some minutes: its events come again in order. After that, history is read: of the direct channels that are
//! known, and of whatever the guilds name. A person who writes directly for the first time while no session lasts
//! is found when writing again, since Discord does not tell a bot its direct channels.

mod bot;
mod capabilities;
mod client;
mod config;
mod error;
mod format;
mod gateway;
mod id;
mod inbound;
mod limits;
mod marks;
mod outbound;
mod probe;
mod receiving;

pub use config::{API_URL, ConfigError, DiscordConfig, check_api_url, check_token};
pub use outbound::DiscordMessenger;
