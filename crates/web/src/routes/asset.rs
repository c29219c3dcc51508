//! `GET /chat/{channel}/{file}`: the page's scripts and its style.

use axum::{
    Router,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};

use crate::page::{ASSETS, Asset};

/// A route per file.
pub(super) fn router(path: &str) -> Router {
    ASSETS.iter().fold(Router::new().without_v07_checks(), |router, asset| {
        let etag = asset.etag();
        let handler = move |headers: HeaderMap| std::future::ready(answer(asset, &etag, &headers));
        router.route(&format!("{path}/{}", asset.name), get(handler))
    })
}

/// The file, or that the browser has it already.
fn answer(asset: &Asset, etag: &HeaderValue, request: &HeaderMap) -> Response {
    let headers =
        [(header::ETAG, etag.clone()), (header::CACHE_CONTROL, HeaderValue::from_static("no-cache"))];
    if request.get(header::IF_NONE_MATCH) == Some(etag) {
        return (StatusCode::NOT_MODIFIED, headers).into_response();
    }
    (headers, [(header::CONTENT_TYPE, asset.content_type)], asset.content).into_response()
}
