//! `GET /healthz`: the process lives. `GET /readyz`: its database answers, so that it can take messages in.

use std::sync::{Arc, Mutex, PoisonError};

use axum::{
    Json,
    extract::State,
    http::StatusCode,
    response::{IntoResponse as _, Response},
};
use serde_json::{Value, json};
use switchboard_core::{ChannelName, ConnectionState};
use switchboard_engine::ChannelHealth;

use super::App;

pub(super) async fn live() -> Json<Value> {
    Json(json!({ "status": "ok" }))
}

/// 200 if the database answers; 503 with what is wrong otherwise, and while the gateway stops. A channel that is
/// in trouble is shown and makes nothing unready: the others, and the page, work, and another replica
/// would not do better. Anybody may read it, so the reasons, which may contain addresses, are in the log only.
pub(super) async fn ready(State(app): State<Arc<App>>) -> Response {
    let channels = app.engine.health();
    app.troubles.note(&channels);
    let mut problems = Vec::new();
    if app.stop.is_cancelled() {
        problems.push("stopping");
    }
    if !app.database.answers().await {
        problems.push("the database does not answer");
    }
    let (status, word) = if problems.is_empty() {
        (StatusCode::OK, "ready")
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "not ready")
    };
    let channels: Vec<_> = channels.iter().map(shown).collect();
    (status, Json(json!({ "status": word, "problems": problems, "channels": channels }))).into_response()
}

fn shown(health: &ChannelHealth) -> Value {
    let state = match health.state {
        ConnectionState::Stopped => "stopped",
        ConnectionState::Connecting => "connecting",
        ConnectionState::Connected => "connected",
        ConnectionState::Interrupted(_) => "interrupted",
        ConnectionState::Unauthorized(_) => "unauthorized",
    };
    json!({
        "channel": health.channel, "owned": health.owned, "state": state, "trouble": health.trouble.is_some(),
    })
}

/// The channels that were in trouble when somebody asked last.
#[derive(Default)]
pub(super) struct Troubles(Mutex<Vec<ChannelName>>);

impl Troubles {
    /// Logs what was well the last time and no longer is, and the other way round.
    pub(super) fn note(&self, channels: &[ChannelHealth]) {
        let mut before = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut troubled = Vec::new();
        for ChannelHealth { channel, trouble, .. } in channels {
            match (trouble, before.contains(channel)) {
                (Some(reason), false) => tracing::warn!(%channel, reason, "a channel is in trouble"),
                (None, true) => tracing::info!(%channel, "a channel is in trouble no more"),
                _ => {}
            }
            if trouble.is_some() {
                troubled.push(channel.clone());
            }
        }
        *before = troubled;
    }
}
