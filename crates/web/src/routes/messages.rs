//! `POST /chat/{channel}/messages`: takes in what a visitor wrote.
//!
//! 200 says that the message is stored. Until then the page repeats it under the same id, and it
//! is taken once.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Request, State},
};
use serde::Serialize;
use switchboard_core::{Accepted, Position};

use super::{Channel, body, visitor::Visitor};
use crate::{error::ApiError, inbound::PostedMessage, note};

/// What became of the message.
#[derive(Serialize)]
pub(super) struct Taken {
    status: &'static str,
    /// Where it stands in the conversation; not known of one that was stored before.
    position: Option<Position>,
}

pub(super) async fn create(
    State(channel): State<Arc<Channel>>,
    Visitor(claim): Visitor,
    request: Request,
) -> Result<Json<Taken>, ApiError> {
    // Before the body is read: a flood is to cost as little as possible.
    channel.limits.message(&claim.visitor)?;
    let limit = channel.config.max_text;
    let body = body::read(request, limit).await?;
    let message = PostedMessage::read(&body, limit)?;
    let event = message.into_event(&claim, (channel.config.clock)());
    let accepted = channel.inbox.accept(vec![event], None).await?;
    let conversation = claim.visitor.conversation();
    channel.streams.wake(&conversation);
    channel.inbox.notes().tell(note::look(&conversation));
    Ok(Json(match accepted.first() {
        Some(Accepted::Stored(position)) => Taken { status: "stored", position: Some(*position) },
        // The rules of groups, by which events are ignored, do not apply to direct messages.
        Some(Accepted::Duplicate | Accepted::Ignored) | None => Taken { status: "duplicate", position: None },
    }))
}
