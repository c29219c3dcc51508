//! What the engine needs of an AI platform.

use std::time::Duration;

use async_trait::async_trait;
use switchboard_core::{Author, Cause, ChatId, Finding, ThreadUpdate};

/// One account on an AI platform, as configured (`[[ai]]`).
#[async_trait]
pub trait AiBackend: Send + Sync {
    /// Gives a user's message to the AI, once. The answer comes later, by webhook.
    async fn send(&self, request: &AiRequest<'_>) -> Result<(), AiError>;

    /// Reads a webhook of this platform. No I/O.
    fn parse_webhook(&self, content_type: Option<&str>, body: &[u8]) -> Result<AiWebhook, WebhookError>;

    /// Checks made on request. Never sends anything that a user or an operator could see.
    async fn probe(&self) -> Vec<Finding>;
}

/// A user's message for the AI.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AiRequest<'a> {
    /// The task on the platform that the channel belongs to.
    pub task_id: &'a str,
    /// The chat.
    pub chat_id: &'a ChatId,
    /// What the user wrote.
    pub text: &'a str,
}

/// Why the AI did not take a message, or may not have.
#[derive(Debug, thiserror::Error)]
pub enum AiError {
    /// The platform could not be reached; it has not seen the message.
    #[error("the AI platform cannot be reached")]
    Unreachable(#[source] Cause),
    /// The platform answered that it cannot work now, or sends us elsewhere.
    #[error("the AI platform answered {status}")]
    Unavailable {
        /// The HTTP status.
        status: u16,
    },
    /// The platform asks for a pause.
    #[error("the AI platform asks to wait")]
    RateLimited {
        /// For how long, if it said so.
        retry_after: Option<Duration>,
    },
    /// The platform does not accept our token, also after it was read again.
    #[error("the AI platform refuses the token")]
    Unauthorized,
    /// The platform refuses this message for good.
    #[error("the AI platform refuses the message with {status}: {reason}")]
    Rejected {
        /// The HTTP status.
        status: u16,
        /// The beginning of what it answered, without the message.
        reason: String,
    },
    /// The request left us and no answer came: the platform may have taken the message.
    #[error("the AI platform did not answer")]
    Interrupted(#[source] Cause),
}

/// What the engine does after an error of the AI.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AiVerdict {
    /// Try this message again; nothing else must wait.
    Retry,
    /// Send nothing to this platform for so long (the engine's backoff if not named), then try again.
    Pause(Option<Duration>),
    /// Give this message up and go on with the next one.
    Reject,
}

impl AiError {
    /// What the engine does next. Decided here and nowhere else.
    pub fn verdict(&self) -> AiVerdict {
        match self {
            // An unknown outcome is tried again too: a message that the AI sees twice is better
            // than one that it never sees.
            Self::Unreachable(_) | Self::Unavailable { .. } | Self::Interrupted(_) => AiVerdict::Retry,
            Self::RateLimited { retry_after } => AiVerdict::Pause(*retry_after),
            Self::Unauthorized => AiVerdict::Pause(None),
            Self::Rejected { .. } => AiVerdict::Reject,
        }
    }
}

/// What a webhook says.
#[derive(Clone, Debug, PartialEq)]
pub struct AiWebhook {
    /// The chat it belongs to: the id that we sent.
    pub chat_id: ChatId,
    /// The message that was added to the dialogue, if it has an author and a text.
    pub message: Option<AiMessage>,
    /// The platform's id of that message; the same id is delivered once, for ever.
    pub message_id: Option<String>,
    /// What it states about the thread (its `task_id` among it).
    pub thread: ThreadUpdate,
}

/// A message that was added to a dialogue on the platform.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AiMessage {
    /// Who wrote it. [`Author::User`] is our own message coming back.
    pub author: Author,
    /// Its text: Markdown. Not empty.
    pub text: String,
}

/// Why a webhook cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WebhookError {
    /// Neither JSON nor a form.
    #[error("expected application/json or application/x-www-form-urlencoded")]
    UnsupportedMediaType,
    /// It is not what its content type says, or not a flat object.
    #[error("malformed: {0}")]
    Malformed(String),
    /// Well-formed, but a field is missing or has a value that cannot be understood.
    #[error("field {field:?}: {reason}")]
    Unprocessable {
        /// The field.
        field: &'static str,
        /// What is wrong with it.
        reason: String,
    },
}
