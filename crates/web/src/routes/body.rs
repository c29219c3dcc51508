//! Reading what was posted, whole and in time.

use std::time::Duration;

use axum::{
    body::Bytes,
    extract::{FromRequest as _, Request},
    http::StatusCode,
};
use tokio::time::timeout;

use crate::error::ApiError;

/// How long a body may take to arrive. It is for all of it: one that comes byte by byte would
/// otherwise hold its connection for as long as it likes. The page gives up as early.
const TIMEOUT: Duration = Duration::from_secs(30);

/// The body of the request. `limit` is told to whoever sends more than the router lets through.
pub(super) async fn read(request: Request, limit: usize) -> Result<Bytes, ApiError> {
    let read = timeout(TIMEOUT, Bytes::from_request(request, &())).await;
    read.map_err(|_| ApiError::Slow)?.map_err(|rejection| {
        if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE {
            ApiError::TooLong { limit }
        } else {
            ApiError::Json { reason: "it ended early".to_owned() }
        }
    })
}
