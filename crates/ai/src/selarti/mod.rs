//! The platform Selarti: messages go out as HTTP requests, answers come back by webhook.
//!
//! | file | holds |
//! |---|---|
//! | `config` | what is configured, and what can be wrong with it |
//! | `token` | where the bearer token comes from |
//! | `client` | the request, and what each outcome of it means |
//! | `probe` | the checks of the command `doctor` |
//! | `webhook` | the twenty fields, and what each is used for |
//! | `values` | the many forms in which a value may come |
//! | `body` | JSON and forms, taken apart without losing anything |

mod body;
mod client;
mod config;
mod probe;
mod token;
mod values;
mod webhook;

use async_trait::async_trait;
use switchboard_core::Finding;

use crate::{AiBackend, AiError, AiRequest, AiWebhook, WebhookError};
use client::Client;

pub use config::{ConfigError, SelartiConfig};
pub use token::{TokenError, TokenSource};

/// One account on the platform.
#[derive(Debug)]
pub struct Selarti {
    client: Client,
}

impl Selarti {
    /// Prepares the account; reads the token, but sends nothing.
    ///
    /// A TLS provider of rustls must have been installed for the process before.
    pub fn new(config: SelartiConfig) -> Result<Self, ConfigError> {
        Ok(Self { client: Client::new(config)? })
    }
}

#[async_trait]
impl AiBackend for Selarti {
    async fn send(&self, request: &AiRequest<'_>) -> Result<(), AiError> {
        self.client.send(request).await
    }

    fn parse_webhook(&self, content_type: Option<&str>, body: &[u8]) -> Result<AiWebhook, WebhookError> {
        webhook::read(body::read(content_type, body)?)
    }

    async fn probe(&self) -> Vec<Finding> {
        probe::probe(&self.client).await
    }
}
