//! `GET /healthz`: the process lives. `GET /readyz`: it can do its job.

use std::{sync::Arc, time::Duration};

use axum::{
    Json,
    extract::State,
    http::StatusCode,
    response::{IntoResponse as _, Response},
};
use serde_json::{Value, json};
use switchboard_core::{ChannelName, ConnectionState, chain};
use switchboard_engine::ChannelHealth;
use switchboard_store::Store;
use tokio::{sync::Mutex, time::Instant};

use super::App;

/// How long the database may take to answer.
const PING_TIMEOUT: Duration = Duration::from_secs(2);
/// For how long its answer counts. A ping takes the one writer of SQLite, and anybody may ask.
const PING_FRESH: Duration = Duration::from_secs(1);

pub(super) async fn live() -> Json<Value> {
    Json(json!({ "status": "ok" }))
}

/// 200 if the database answers and no channel that this replica runs is in trouble; 503 with what
/// is wrong otherwise, and while the gateway stops. Anybody may read it, so the reasons, which may
/// contain addresses, are in the log only.
pub(super) async fn ready(State(app): State<Arc<App>>) -> Response {
    let channels = app.engine.health();
    let mut problems = Vec::new();
    if app.stop.is_cancelled() {
        problems.push("stopping".to_owned());
    }
    if !app.readiness.look(&*app.store, &channels).await {
        problems.push("the database does not answer".to_owned());
    }
    let troubled = channels.iter().filter(|it| it.trouble.is_some());
    problems.extend(troubled.map(|it| format!("channel {} is in trouble; the log says why", it.channel)));
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

/// What was found when somebody asked last.
#[derive(Default)]
pub(super) struct Readiness(Mutex<Found>);

#[derive(Default)]
struct Found {
    /// When the database was asked, and whether it answered.
    ping: Option<(Instant, bool)>,
    /// The channels that were in trouble.
    troubled: Vec<ChannelName>,
}

impl Readiness {
    /// Whether the database answers; who asks at the same time shares one ping. Logs
    /// what was well the last time and no longer is.
    async fn look(&self, store: &dyn Store, channels: &[ChannelHealth]) -> bool {
        let mut found = self.0.lock().await;
        found.note(channels);
        match found.ping {
            Some((at, answers)) if at.elapsed() < PING_FRESH => answers,
            before => {
                let answers = ping(store, before.is_none_or(|(_, answered)| answered)).await;
                found.ping = Some((Instant::now(), answers));
                answers
            }
        }
    }
}

impl Found {
    fn note(&mut self, channels: &[ChannelHealth]) {
        let mut troubled = Vec::new();
        for ChannelHealth { channel, trouble, .. } in channels {
            let Some(reason) = trouble else { continue };
            if !self.troubled.contains(channel) {
                tracing::warn!(%channel, reason, "a channel is in trouble");
            }
            troubled.push(channel.clone());
        }
        self.troubled = troubled;
    }
}

async fn ping(store: &dyn Store, log: bool) -> bool {
    let reason = match tokio::time::timeout(PING_TIMEOUT, store.ping()).await {
        Ok(Ok(())) => return true,
        Ok(Err(error)) => chain(&error),
        Err(_) => format!("no answer within {} s", PING_TIMEOUT.as_secs()),
    };
    if log {
        tracing::warn!(reason, "the database does not answer");
    }
    false
}
