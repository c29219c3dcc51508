//! What happens between the messengers, the store and the AI.
//!
//! Owns the channels (`channel`), what comes in (`intake`), what comes back (`webhook`) and
//! what goes out (`lanes`). Knows nothing of HTTP, SQL or any platform.
//!
//! - A message goes from an adapter through [`switchboard_core::Inbox`] into the store, and only
//!   from a stored delivery to the AI.
//! - A webhook goes into the store, and only from a stored delivery to a messenger. The one thing that is sent without
//!   a delivery is the typing indicator, which nobody misses.
//! - A channel is run by the one replica that holds its lease; what a former owner reports
//!   changes nothing, because every completion names the lease's token.

mod backoff;
mod channel;
mod commit;
mod config;
mod engine;
mod hints;
mod intake;
mod lanes;
mod notice;
mod owner;
mod render;
mod storable;
mod supervise;
mod typing;
mod webhook;

pub use backoff::Backoff;
pub use channel::ChannelHealth;
pub use config::{ChannelPolicy, EngineConfig, Groups, Limits, OnUnknown, Scope};
pub use engine::{Declared, Engine, EngineBuilder};
pub use supervise::TaskDied;
pub use webhook::{Ignored, WebhookOutcome};

/// The store cannot be used now; the same call may succeed later.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the store is unavailable")]
pub struct Unavailable;
