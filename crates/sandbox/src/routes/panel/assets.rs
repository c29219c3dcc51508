//! `GET /panel`, `GET /share` and their files.

use std::sync::Arc;

use axum::{
    Router,
    http::{HeaderName, header},
    response::IntoResponse,
    routing::get,
};

use crate::shared::Shared;

const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
    img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; \
    require-trusted-types-for 'script'; trusted-types 'none'";

const HTML: &str = "text/html; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";

/// Every file: its path, its type, and what it says.
const FILES: [(&str, &str, &str); 9] = [
    ("/panel", HTML, include_str!("../../panel/index.html")),
    ("/share", HTML, include_str!("../../panel/index.html")),
    ("/panel/panel.css", CSS, include_str!("../../panel/panel.css")),
    ("/panel/panel.js", SCRIPT, include_str!("../../panel/panel.js")),
    ("/panel/list.js", SCRIPT, include_str!("../../panel/list.js")),
    ("/panel/dialogue.js", SCRIPT, include_str!("../../panel/dialogue.js")),
    ("/panel/markdown.js", SCRIPT, include_str!("../../panel/markdown.js")),
    ("/panel/page.js", SCRIPT, include_str!("../../panel/page.js")),
    ("/panel/icon.svg", "image/svg+xml", include_str!("../../panel/icon.svg")),
];

pub(super) fn routes() -> Router<Arc<Shared>> {
    FILES.into_iter().fold(Router::new(), |router, (path, content_type, text)| {
        router.route(path, get(move || async move { asset(content_type, text) }))
    })
}

fn asset(content_type: &'static str, text: &'static str) -> impl IntoResponse {
    let headers: [(HeaderName, &str); 5] = [
        (header::CONTENT_TYPE, content_type),
        (header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CACHE_CONTROL, "no-cache"),
    ];
    (headers, text)
}
