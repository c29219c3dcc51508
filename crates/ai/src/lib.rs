//! AI platforms behind one trait. The engine knows [`AiBackend`] and nothing of any platform.
//!
//! To add a platform: a module beside [`selarti`] whose type implements [`AiBackend`]. It gives
//! one message to the platform per call and says with an [`AiError`] what became of it, and it
//! reads the platform's webhooks. Queues, retries and storage are not its business.

mod backend;
pub mod selarti;

pub use backend::{AiBackend, AiError, AiMessage, AiRequest, AiVerdict, AiWebhook, WebhookError};
