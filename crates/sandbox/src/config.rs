//! What can be set of a sandbox before it starts.

use std::{net::SocketAddr, time::Duration};

use secrecy::SecretString;
use url::Url;

/// A sandbox.
#[derive(Clone, Debug)]
pub struct SandboxConfig {
    /// Where it listens. Port 0 takes a free one.
    pub listen: SocketAddr,
    /// The bearer token that requests must carry.
    pub token: SecretString,
    /// How the panel is reached from outside, for the links in webhooks. Without it the address
    /// that it listens on.
    pub public_url: Option<Url>,
    /// Where webhooks go. They wait until it is known.
    pub webhook_url: Option<Url>,
    /// Where a visitor writes. The panel links to it while nobody has written yet.
    pub chat_url: Option<Url>,
    /// The tasks that it knows. If empty it takes any.
    pub tasks: Vec<String>,
    /// How long the bot takes to answer.
    pub delay: Duration,
    /// Whether a user's own message is sent by webhook too, as the platform does it.
    pub echo: bool,
    /// How much it keeps in memory.
    pub limits: Limits,
}

impl SandboxConfig {
    /// A sandbox that answers at once, takes any task, and does not know yet where webhooks go.
    pub fn new(listen: SocketAddr, token: SecretString) -> Self {
        Self {
            listen,
            token,
            public_url: None,
            webhook_url: None,
            chat_url: None,
            tasks: Vec::new(),
            delay: Duration::ZERO,
            echo: true,
            limits: Limits::default(),
        }
    }
}

/// How much is kept in memory. What is older is forgotten.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Requests in the list of received ones.
    pub requests: usize,
    /// Dialogues. Those with webhooks still to send are kept in any case.
    pub dialogues: usize,
    /// Messages in each dialogue.
    pub messages: usize,
    /// Webhooks that wait. While there are more, requests are answered with 503.
    pub waiting: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { requests: 100_000, dialogues: 10_000, messages: 200, waiting: 100_000 }
    }
}
