//! Why a sandbox cannot start.

use std::{io, net::SocketAddr};

/// Why a sandbox cannot start.
#[derive(Debug, thiserror::Error)]
pub enum SandboxError {
    /// The port cannot be taken.
    #[error("cannot listen on {listen}")]
    Listen {
        /// Where it should have listened.
        listen: SocketAddr,
        /// Why it cannot.
        #[source]
        source: io::Error,
    },
    /// The client for webhooks cannot be made.
    #[error("cannot make an HTTP client")]
    Client(#[source] reqwest::Error),
}
