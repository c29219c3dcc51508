//! `POST /chat/{channel}/session`: makes a visitor.
//!
//! Nothing is stored: a visitor comes into being with the first message.

use std::sync::Arc;

use axum::{Json, extract::State};
use serde::Serialize;
use uuid::Uuid;

use super::Channel;
use crate::{error::ApiError, id::VisitorId};

/// What the page keeps.
#[derive(Serialize)]
pub(super) struct Session {
    token: String,
    /// Lets the page see whether another token is of the same visitor.
    visitor: Uuid,
}

pub(super) async fn create(State(channel): State<Arc<Channel>>) -> Result<Json<Session>, ApiError> {
    channel.limits.session()?;
    Ok(Json(issue(&channel, VisitorId::mint())))
}

/// A token for this visitor, good from now on.
pub(super) fn issue(channel: &Channel, visitor: VisitorId) -> Session {
    Session { token: channel.tokens.sign(visitor, (channel.config.clock)()), visitor: visitor.0 }
}
