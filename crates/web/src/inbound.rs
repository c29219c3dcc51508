//! What a visitor wrote, checked and made into an event.

use serde::Deserialize;
use switchboard_core::{Addressed, Event, IncomingMessage, Place};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{error::ApiError, token::Claim};

/// What the page posts.
#[derive(Debug, Deserialize)]
pub(crate) struct PostedMessage {
    /// Made by the page once per message, so that a message that is posted again is taken once.
    pub(crate) id: Uuid,
    /// As typed.
    pub(crate) text: String,
}

impl PostedMessage {
    /// The most bytes that a message of `max_text` code points takes as JSON: every one of them
    /// may be written as two `\uXXXX`, and the rest of the object is small.
    pub(crate) fn max_body(max_text: usize) -> usize {
        max_text.saturating_mul(12).saturating_add(1024)
    }

    /// Reads and checks a request's body.
    pub(crate) fn read(body: &[u8], max_text: usize) -> Result<Self, ApiError> {
        let mut message: Self =
            serde_json::from_slice(body).map_err(|error| ApiError::Json { reason: error.to_string() })?;
        // PostgreSQL cannot store it in a text, and nobody can see it.
        message.text.retain(|c| c != '\0');
        if message.text.trim().is_empty() {
            return Err(ApiError::Empty);
        }
        if message.text.chars().count() > max_text {
            return Err(ApiError::TooLong { limit: max_text });
        }
        Ok(message)
    }

    /// The event that this is.
    pub(crate) fn into_event(self, claim: &Claim, now: OffsetDateTime) -> Event {
        let visitor = &claim.visitor;
        Event::Message(IncomingMessage {
            event_id: visitor.event(self.id),
            conversation: visitor.conversation(),
            place: Place::Direct,
            addressed: Addressed::ToBot,
            user: visitor.user(),
            user_name: claim.name.clone(),
            native_id: None,
            text: self.text,
            sent_at: Some(now),
            answer: None,
        })
    }
}
