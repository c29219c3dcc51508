//! Who is asking: the visitor's token in `Authorization: Bearer …`.

use std::sync::Arc;

use axum::{
    extract::FromRequestParts,
    http::{header, request::Parts},
};

use super::Channel;
use crate::{error::ApiError, token::Claim};

/// The visitor that the request's token names.
pub(super) struct Visitor(pub(super) Claim);

impl FromRequestParts<Arc<Channel>> for Visitor {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, channel: &Arc<Channel>) -> Result<Self, ApiError> {
        let header = parts.headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        let token = header.and_then(|value| value.strip_prefix("Bearer ")).ok_or(ApiError::Token)?;
        channel.tokens.check(token, (channel.config.clock)()).map(Self).ok_or(ApiError::Token)
    }
}
