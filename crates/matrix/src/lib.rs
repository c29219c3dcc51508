//! Matrix.
// The SDK's futures are nested that deeply.
#![recursion_limit = "256"]

mod account;
mod capabilities;
mod config;
mod connection;
mod error;
mod format;
mod homeserver;
mod id;
mod inbound;
mod marks;
mod outbound;
mod probe;
mod receiving;
mod recovery;

pub use account::StateError;
pub use config::{
    ConfigError, Edited, Invites, Login, MatrixConfig, check_homeserver_url, check_inviter, check_user,
};
pub use outbound::MatrixMessenger;
pub use recovery::recovery_key;
