//! What a method answers, and how that looks on the wire.

use bytes::Bytes;
use http_body_util::Full;
use hyper::Response;
use hyper::header::{CONTENT_TYPE, RETRY_AFTER};
use serde_json::{Value, json};

/// The JSON text of a method's result, or why there is none.
pub(super) type Outcome = Result<String, Refusal>;

/// An answer with `"ok": false`.
#[derive(Clone, Debug)]
pub(super) struct Refusal {
    code: u16,
    description: String,
    parameters: Option<Value>,
    retry_after: Option<u32>,
}

impl Refusal {
    pub(super) fn new(code: u16, description: impl Into<String>) -> Self {
        Self { code, description: description.into(), parameters: None, retry_after: None }
    }

    pub(super) fn bad_request(reason: impl std::fmt::Display) -> Self {
        Self::new(400, format!("Bad Request: {reason}"))
    }

    pub(super) fn forbidden(reason: impl std::fmt::Display) -> Self {
        Self::new(403, format!("Forbidden: {reason}"))
    }

    pub(super) fn unauthorized() -> Self {
        Self::new(401, "Unauthorized")
    }

    pub(super) fn no_such_method() -> Self {
        Self::new(404, "Not Found: method not found")
    }

    /// `seconds` goes into the body and into the header `Retry-After`.
    pub(super) fn too_many_requests(seconds: u32) -> Self {
        Self {
            parameters: Some(json!({ "retry_after": seconds })),
            retry_after: Some(seconds),
            ..Self::new(429, format!("Too Many Requests: retry after {seconds}"))
        }
    }

    pub(super) fn migrated(to: i64) -> Self {
        Self {
            parameters: Some(json!({ "migrate_to_chat_id": to })),
            ..Self::bad_request("group chat was upgraded to a supergroup chat")
        }
    }
}

/// The HTTP response for `outcome`.
pub(super) fn respond(outcome: Outcome) -> Response<Full<Bytes>> {
    match outcome {
        Ok(result) => raw(200, "application/json", format!("{{\"ok\":true,\"result\":{result}}}")),
        Err(refusal) => refuse(refusal),
    }
}

fn refuse(refusal: Refusal) -> Response<Full<Bytes>> {
    let mut body = json!({ "ok": false, "error_code": refusal.code, "description": refusal.description });
    if let Some(parameters) = refusal.parameters {
        body["parameters"] = parameters;
    }
    let mut response = raw(refusal.code, "application/json", body.to_string());
    if let Some(seconds) = refusal.retry_after {
        response.headers_mut().insert(RETRY_AFTER, seconds.into());
    }
    response
}

/// Any response at all.
pub(super) fn raw(status: u16, content_type: &'static str, body: impl Into<Bytes>) -> Response<Full<Bytes>> {
    let response = Response::builder().status(status).header(CONTENT_TYPE, content_type);
    response.body(Full::new(body.into())).expect("a fault's status is one of HTTP's")
}
