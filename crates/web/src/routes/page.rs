//! `GET /chat/{channel}`: the page.

use axum::{
    Router,
    http::{HeaderValue, header},
    response::{Html, IntoResponse},
    routing::get,
};

use crate::{WebConfig, page};

/// The page is made once; it is the same for everybody.
pub(super) fn router(path: &str, config: &WebConfig) -> Router {
    let html = page::html(config);
    let policy = page::policy(config);
    let handler = move || {
        let headers = [
            (header::CONTENT_SECURITY_POLICY, policy.clone()),
            (header::CACHE_CONTROL, HeaderValue::from_static("no-cache")),
        ];
        std::future::ready((headers, Html(html.clone())).into_response())
    };
    Router::new().without_v07_checks().route(path, get(handler))
}
