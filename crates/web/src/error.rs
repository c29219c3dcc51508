//! What the routes answer when they refuse: a status, a code for programs, a reason for people.

use std::time::Duration;

use axum::{
    Json,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Serialize;
use switchboard_core::{AcceptError, ReadError};

use crate::{flood::Wait, identity::IdentityError};

/// When to try again after the store could not be read.
const READ_PAUSE: Duration = Duration::from_secs(2);

/// Why a request is refused.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ApiError {
    #[error("the token is missing, not valid here, or no longer good; ask for a new session")]
    Token,
    #[error(transparent)]
    Identity(#[from] IdentityError),
    #[error("this site is not among the channel's allowed origins")]
    Origin,
    #[error("the body cannot be used: {reason}")]
    Json { reason: String },
    #[error("the body took too long to arrive")]
    Slow,
    #[error("Last-Event-ID is not a position")]
    LastEventId,
    #[error("the message is empty")]
    Empty,
    #[error("the message is longer than {limit} characters")]
    TooLong { limit: usize },
    #[error("too fast")]
    Flood { retry_after: Duration },
    #[error("nothing can be stored or read at the moment")]
    Unavailable { retry_after: Duration },
}

/// The body of a refusal.
#[derive(Serialize)]
struct Refusal {
    /// Does not change: programs and translations go by it.
    error: &'static str,
    reason: String,
    /// The longest text that is taken, in Unicode code points.
    #[serde(skip_serializing_if = "Option::is_none")]
    limit: Option<usize>,
    /// In seconds; also in the header.
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_after: Option<u64>,
}

impl ApiError {
    fn status(&self) -> (StatusCode, &'static str) {
        match self {
            Self::Token => (StatusCode::UNAUTHORIZED, "token"),
            // Nothing that is shown could be good, so no 401.
            Self::Identity(error @ IdentityError::NotConfigured) => (StatusCode::FORBIDDEN, error.code()),
            Self::Identity(error) => (StatusCode::UNAUTHORIZED, error.code()),
            Self::Origin => (StatusCode::FORBIDDEN, "origin"),
            Self::Json { .. } => (StatusCode::BAD_REQUEST, "json"),
            Self::Slow => (StatusCode::REQUEST_TIMEOUT, "slow"),
            Self::LastEventId => (StatusCode::BAD_REQUEST, "last_event_id"),
            Self::Empty => (StatusCode::UNPROCESSABLE_ENTITY, "empty"),
            Self::TooLong { .. } => (StatusCode::PAYLOAD_TOO_LARGE, "too_long"),
            Self::Flood { .. } => (StatusCode::TOO_MANY_REQUESTS, "flood"),
            Self::Unavailable { .. } => (StatusCode::SERVICE_UNAVAILABLE, "unavailable"),
        }
    }

    fn retry_after(&self) -> Option<u64> {
        match self {
            // Whole seconds, rounded up: who waits that long is let in.
            Self::Flood { retry_after } | Self::Unavailable { retry_after } => {
                Some(retry_after.as_secs() + u64::from(retry_after.subsec_nanos() > 0))
            }
            _ => None,
        }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let (status, error) = self.status();
        let retry_after = self.retry_after();
        let limit = if let Self::TooLong { limit } = self { Some(limit) } else { None };
        let refusal = Refusal { error, reason: self.to_string(), limit, retry_after };
        let mut response = (status, Json(refusal)).into_response();
        if let Some(seconds) = retry_after {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if status == StatusCode::UNAUTHORIZED {
            response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

impl From<AcceptError> for ApiError {
    fn from(error: AcceptError) -> Self {
        match error {
            AcceptError::Unavailable { retry_after } => Self::Unavailable { retry_after },
            // Cannot be said to routes, which need not own the channel; if it is, another try
            // finds the right replica.
            AcceptError::NotOwner => Self::Unavailable { retry_after: READ_PAUSE },
        }
    }
}

impl From<ReadError> for ApiError {
    fn from(ReadError: ReadError) -> Self {
        Self::Unavailable { retry_after: READ_PAUSE }
    }
}

impl From<Wait> for ApiError {
    fn from(Wait(retry_after): Wait) -> Self {
        Self::Flood { retry_after }
    }
}
