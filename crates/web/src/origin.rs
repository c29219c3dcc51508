//! Which sites may call the routes: the page's own origin, and those that are configured.
//!
//! A visitor is known by a token in a header and never by a cookie, so a foreign site can do
//! nothing in a visitor's name anyway. What this keeps out is foreign pages that use the channel
//! as their own.

use std::sync::Arc;

use axum::{
    extract::{Request, State},
    http::{HeaderMap, HeaderValue, Method, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};

use crate::error::ApiError;

/// For how long a browser may remember what it was allowed, in seconds.
const PREFLIGHT_MAX_AGE: HeaderValue = HeaderValue::from_static("600");

/// Refuses foreign origins, and tells browsers that the allowed ones are allowed.
pub(crate) async fn guard(State(allowed): State<Arc<[String]>>, request: Request, next: Next) -> Response {
    let origin = request.headers().get(header::ORIGIN).cloned();
    let is_allowed = origin.as_ref().is_none_or(|origin| is_allowed(origin, request.headers(), &allowed));
    let mut response = match &origin {
        _ if !is_allowed => ApiError::Origin.into_response(),
        Some(_) if request.method() == Method::OPTIONS => preflight(),
        _ => next.run(request).await,
    };
    let headers = response.headers_mut();
    headers.insert(header::VARY, HeaderValue::from_static("Origin"));
    if let Some(origin) = origin.filter(|_| is_allowed) {
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static("retry-after"));
    }
    response
}

/// The origin is the page's own or a configured one. The page's own is told by the browser where
/// it says so at all, and otherwise by the host that was asked for. The scheme does not count
/// there: encryption may end at a proxy before us. What has no origin to name ("null": a sandboxed
/// frame, a file) is foreign whatever else it says.
fn is_allowed(origin: &HeaderValue, headers: &HeaderMap, allowed: &[String]) -> bool {
    let Ok(origin) = origin.to_str() else { return false };
    if origin == "null" {
        return false;
    }
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    let own = origin.split_once("://").map(|(_, authority)| authority);
    allowed.iter().any(|allowed| allowed == origin)
        || headers.get("sec-fetch-site").is_some_and(|site| site == "same-origin")
        || (own.is_some() && own == host)
}

fn preflight() -> Response {
    let mut response = StatusCode::NO_CONTENT.into_response();
    let headers = response.headers_mut();
    headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("GET, POST"));
    headers.insert(
        header::ACCESS_CONTROL_ALLOW_HEADERS,
        HeaderValue::from_static("authorization, content-type, last-event-id"),
    );
    headers.insert(header::ACCESS_CONTROL_MAX_AGE, PREFLIGHT_MAX_AGE);
    response
}
