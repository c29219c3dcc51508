//! Who is asking: the visitor's token in `Authorization: Bearer …`.

use std::sync::Arc;

use axum::{
    extract::FromRequestParts,
    http::{HeaderMap, header, request::Parts},
};

use super::Channel;
use crate::{error::ApiError, token::Claim};

/// The visitor that the request's token names.
pub(super) struct Visitor(pub(super) Claim);

impl FromRequestParts<Arc<Channel>> for Visitor {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, channel: &Arc<Channel>) -> Result<Self, ApiError> {
        let token = bearer(&parts.headers)?.ok_or(ApiError::Token)?;
        channel.tokens.check(token, (channel.config.clock)()).map(Self).ok_or(ApiError::Token)
    }
}

/// The token of a request; `None` where it has none. Anything else in its place is refused.
pub(super) fn bearer(headers: &HeaderMap) -> Result<Option<&str>, ApiError> {
    let Some(value) = headers.get(header::AUTHORIZATION) else { return Ok(None) };
    value.to_str().ok().and_then(|value| value.strip_prefix("Bearer ")).map(Some).ok_or(ApiError::Token)
}
