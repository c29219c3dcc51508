//! What a call answers, and how that looks on the wire.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::Response;
use hyper::header::{CONTENT_TYPE, RETRY_AFTER};
use serde_json::{Value, json};

/// The JSON of a call's result, or why there is none.
pub(super) type Outcome = Result<Value, Refusal>;

/// An answer with an error's status.
#[derive(Clone, Debug)]
pub(super) struct Refusal {
    status: u16,
    body: Value,
    retry_after: Option<Duration>,
}

impl Refusal {
    pub(super) fn new(status: u16, errcode: &str, error: impl Into<String>) -> Self {
        let body = json!({ "errcode": errcode, "error": error.into() });
        Self { status, body, retry_after: None }
    }

    pub(super) fn unrecognized() -> Self {
        Self::new(404, "M_UNRECOGNIZED", "Unrecognized request")
    }

    pub(super) fn not_found(what: impl Into<String>) -> Self {
        Self::new(404, "M_NOT_FOUND", what)
    }

    pub(super) fn forbidden(reason: impl Into<String>) -> Self {
        Self::new(403, "M_FORBIDDEN", reason)
    }

    pub(super) fn bad_json(reason: impl Into<String>) -> Self {
        Self::new(400, "M_BAD_JSON", reason)
    }

    pub(super) fn missing_param(name: &str) -> Self {
        Self::new(400, "M_MISSING_PARAM", format!("Missing required query parameter {name}"))
    }

    pub(super) fn missing_token() -> Self {
        Self::new(401, "M_MISSING_TOKEN", "Missing access token")
    }

    /// `soft_logout`: whether the device is still there, and a new login may go on with it.
    pub(super) fn unknown_token(soft_logout: bool) -> Self {
        let mut refusal = Self::new(401, "M_UNKNOWN_TOKEN", "Invalid access token passed.");
        refusal.body["soft_logout"] = soft_logout.into();
        refusal
    }

    /// The wait goes into the body in milliseconds, and into the header `Retry-After` in seconds.
    pub(super) fn limit_exceeded(wait: Duration) -> Self {
        let mut refusal = Self::new(429, "M_LIMIT_EXCEEDED", "Too Many Requests");
        refusal.body["retry_after_ms"] = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX).into();
        Self { retry_after: Some(wait), ..refusal }
    }
}

/// The HTTP response for `outcome`.
pub(super) fn respond(outcome: Outcome) -> Response<Full<Bytes>> {
    let refusal = match outcome {
        Ok(result) => return raw(200, "application/json", result.to_string()),
        Err(refusal) => refusal,
    };
    let mut response = raw(refusal.status, "application/json", refusal.body.to_string());
    if let Some(wait) = refusal.retry_after {
        let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
        response.headers_mut().insert(RETRY_AFTER, seconds.into());
    }
    response
}

/// Any response at all.
pub(super) fn raw(status: u16, content_type: &'static str, body: impl Into<Bytes>) -> Response<Full<Bytes>> {
    let response = Response::builder().status(status).header(CONTENT_TYPE, content_type);
    response.body(Full::new(body.into())).expect("a fault's status is one of HTTP's")
}
