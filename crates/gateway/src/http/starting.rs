//! What is served while the gateway starts: that it lives, and that everything else must wait.
//! The database may be away for long, and nobody's connection should hang meanwhile.

use axum::{
    Json, Router,
    http::StatusCode,
    response::{IntoResponse as _, Response},
    routing::get,
};
use serde_json::json;

use super::{health, refusal, try_again};

pub(super) fn router() -> Router {
    Router::new().route("/healthz", get(health::live)).route("/readyz", get(ready)).fallback(wait)
}

async fn ready() -> Response {
    let body = json!({ "status": "not ready", "problems": ["starting"], "channels": [] });
    try_again((StatusCode::SERVICE_UNAVAILABLE, Json(body)).into_response())
}

async fn wait() -> Response {
    try_again(refusal(StatusCode::SERVICE_UNAVAILABLE, "the gateway is starting; try again"))
}
