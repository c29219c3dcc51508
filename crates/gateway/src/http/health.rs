//! `GET /healthz`: the process lives. `GET /readyz`: it can do its job.

use std::{sync::Arc, time::Duration};

use axum::{
    Json,
    extract::State,
    http::StatusCode,
    response::{IntoResponse as _, Response},
};
use serde_json::{Value, json};

use super::App;

/// How long the database may take to answer.
const PING_TIMEOUT: Duration = Duration::from_secs(2);

pub(super) async fn live() -> Json<Value> {
    Json(json!({ "status": "ok" }))
}

/// 200 if the database answers and no channel that this replica runs is in trouble; 503 with the
/// reasons otherwise, and while the gateway stops.
pub(super) async fn ready(State(app): State<Arc<App>>) -> Response {
    let mut problems = Vec::new();
    if app.stop.is_cancelled() {
        problems.push("stopping".to_owned());
    }
    match tokio::time::timeout(PING_TIMEOUT, app.store.ping()).await {
        Ok(Ok(())) => {}
        // What exactly is wrong is in the log: the answer may be read by anybody.
        Ok(Err(_)) | Err(_) => problems.push("the database does not answer".to_owned()),
    }
    let channels = app.engine.health();
    for channel in &channels {
        if let Some(trouble) = &channel.trouble {
            problems.push(format!("channel {}: {trouble}", channel.channel));
        }
    }
    let (status, word) = if problems.is_empty() {
        (StatusCode::OK, "ready")
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "not ready")
    };
    (status, Json(json!({ "status": word, "problems": problems, "channels": channels }))).into_response()
}
