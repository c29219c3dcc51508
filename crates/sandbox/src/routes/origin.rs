//! Keeps other sites' pages away. The panel and the control API have no password, so a page that
//! somebody has open beside them must not be able to change anything.
//!
//! Browsers name the page's origin in every request that can change something. Programs do not,
//! and pass.

use std::sync::Arc;

use axum::{
    extract::{Request, State},
    http::{HeaderMap, Method, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use url::Url;

use super::Refusal;
use crate::shared::Shared;

/// Refuses what a page of another site asks for.
pub(super) async fn guard(State(shared): State<Arc<Shared>>, request: Request, next: Next) -> Response {
    let reads = [Method::GET, Method::HEAD].contains(request.method());
    if reads || is_own(request.headers(), &shared.public_url) {
        return next.run(request).await;
    }
    Refusal(StatusCode::FORBIDDEN, "a page of another site asks for this".to_owned()).into_response()
}

fn is_own(headers: &HeaderMap, public_url: &Url) -> bool {
    let Some(origin) = headers.get(header::ORIGIN) else { return true };
    let Some(origin) = origin.to_str().ok().and_then(|origin| Url::parse(origin).ok()) else {
        // "null" among them: a page without an origin is not ours.
        return false;
    };
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    origin.origin() == public_url.origin() || host.is_some_and(|host| host == origin.authority())
}
