//! AI platforms behind one trait. The engine knows [`AiBackend`] and nothing of any platform.

mod backend;

pub use backend::{AiBackend, AiError, AiMessage, AiRequest, AiVerdict, AiWebhook, WebhookError};
