//! `GET /chat/{channel}/widget.js`: the messenger as one script, in the browser's language.

use std::sync::Arc;

use axum::{
    Router,
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};

use crate::{WebConfig, script::Scripts};

pub(super) fn router(path: &str, config: &WebConfig) -> Router {
    let scripts = Arc::new(Scripts::new(config));
    let handler = move |headers: HeaderMap| std::future::ready(answer(&scripts, &headers));
    Router::new().without_v07_checks().route(&format!("{path}/widget.js"), get(handler))
}

/// The script, or that the browser has it already.
fn answer(scripts: &Scripts, request: &HeaderMap) -> Response {
    let asked =
        |name| request.get(name).and_then(|value: &HeaderValue| value.to_str().ok()).unwrap_or_default();
    let script = scripts.for_visitor(asked(header::ACCEPT_LANGUAGE));
    let headers = [
        (header::ETAG, script.etag.clone()),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-cache")),
        (header::VARY, HeaderValue::from_static("accept-encoding, accept-language")),
        // Also for sites that let in nothing foreign which does not say that it may be.
        (HeaderName::from_static("cross-origin-resource-policy"), HeaderValue::from_static("cross-origin")),
    ];
    if asked(header::IF_NONE_MATCH).split(',').any(|tag| script.etag == tag.trim()) {
        return (StatusCode::NOT_MODIFIED, headers).into_response();
    }
    let kind = [(header::CONTENT_TYPE, HeaderValue::from_static("text/javascript; charset=utf-8"))];
    if takes_gzip(asked(header::ACCEPT_ENCODING)) {
        let encoding = [(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"))];
        return (headers, kind, encoding, script.gzip.clone()).into_response();
    }
    (headers, kind, script.plain.clone()).into_response()
}

fn takes_gzip(accept_encoding: &str) -> bool {
    accept_encoding.split(',').any(|coding| {
        let (name, quality) = coding.split_once(';').unwrap_or((coding, ""));
        let quality = quality.trim().trim_start_matches("q=");
        name.trim().eq_ignore_ascii_case("gzip") && quality.parse().map_or(true, |quality: f32| quality > 0.0)
    })
}
