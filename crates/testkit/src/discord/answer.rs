//! What a call answers, and how that looks on the wire.

use bytes::Bytes;
use http_body_util::Full;
use hyper::Response;
use hyper::header::{CONTENT_TYPE, RETRY_AFTER};
use serde_json::{Value, json};

/// Whose limit was exceeded, as in `X-RateLimit-Scope`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// The bot's, in one bucket.
    User,
    /// The bot's, over all buckets.
    Global,
    /// That of a resource which others use too. Not counted as an invalid request.
    Shared,
}

/// The JSON of a call's result (`null` is no content), or why there is none.
pub(super) type Outcome = Result<Value, Refusal>;

/// An answer with an error's status.
#[derive(Clone, Debug)]
pub(super) struct Refusal {
    status: u16,
    code: u32,
    message: String,
    errors: Option<Value>,
    limited: Option<(f64, Scope)>,
}

impl Refusal {
    pub(super) fn new(status: u16, code: u32, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into(), errors: None, limited: None }
    }

    pub(super) fn unauthorized() -> Self {
        Self::new(401, 0, "401: Unauthorized")
    }

    pub(super) fn not_found() -> Self {
        Self::new(404, 0, "404: Not Found")
    }

    pub(super) fn missing_access() -> Self {
        Self::new(403, 50001, "Missing Access")
    }

    pub(super) fn missing_permissions() -> Self {
        Self::new(403, 50013, "Missing Permissions")
    }

    pub(super) fn unknown_channel() -> Self {
        Self::new(404, 10003, "Unknown Channel")
    }

    pub(super) fn unknown_message() -> Self {
        Self::new(404, 10008, "Unknown Message")
    }

    /// 50035: what is wrong with one field of the body or of the query.
    pub(super) fn invalid(field: &str, code: &str, message: &str) -> Self {
        let errors = json!({ field: { "_errors": [{ "code": code, "message": message }] } });
        Self { errors: Some(errors), ..Self::new(400, 50035, "Invalid Form Body") }
    }

    /// 429 with the seconds until it passes.
    pub(super) fn too_many_requests(seconds: f64, scope: Scope) -> Self {
        let message = match scope {
            Scope::Shared => "The resource is being rate limited.",
            Scope::User | Scope::Global => "You are being rate limited.",
        };
        Self { limited: Some((seconds, scope)), ..Self::new(429, 0, message) }
    }
}

/// The HTTP response for `outcome`.
pub(super) fn respond(outcome: Outcome) -> Response<Full<Bytes>> {
    match outcome {
        Ok(Value::Null) => raw(204, "text/html; charset=utf-8", ""),
        Ok(result) => raw(200, "application/json", result.to_string()),
        Err(refusal) => refuse(refusal),
    }
}

fn refuse(refusal: Refusal) -> Response<Full<Bytes>> {
    let Some((seconds, scope)) = refusal.limited else {
        let mut body = json!({ "message": refusal.message, "code": refusal.code });
        if let Some(errors) = refusal.errors {
            body["errors"] = errors;
        }
        return raw(refusal.status, "application/json", body.to_string());
    };
    let global = scope == Scope::Global;
    let body = json!({ "message": refusal.message, "retry_after": seconds, "global": global });
    let mut response = raw(refusal.status, "application/json", body.to_string());
    let headers = response.headers_mut();
    // Whole seconds here, a fraction in the body.
    headers.insert(RETRY_AFTER, text(format!("{:.0}", seconds.ceil())));
    let scope = match scope {
        Scope::User => "user",
        Scope::Global => "global",
        Scope::Shared => "shared",
    };
    headers.insert("x-ratelimit-scope", text(scope.to_owned()));
    if global {
        headers.insert("x-ratelimit-global", text("true".to_owned()));
    }
    response
}

pub(super) fn text(value: String) -> hyper::header::HeaderValue {
    value.try_into().expect("digits and letters may stand in a header")
}

/// Any response at all.
pub(super) fn raw(status: u16, content_type: &'static str, body: impl Into<Bytes>) -> Response<Full<Bytes>> {
    let response = Response::builder().status(status).header(CONTENT_TYPE, content_type);
    response.body(Full::new(body.into())).expect("a fault's status is one of HTTP's")
}
