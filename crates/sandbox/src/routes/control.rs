//! `/control/…`: what [`Handle`](crate::Handle) does, over HTTP.

use std::{sync::Arc, time::Duration};

use axum::{
    Json, Router,
    extract::{Query, State},
    http::StatusCode,
    response::IntoResponse,
    routing::{get, post},
};
use serde::Deserialize;
use serde_json::{Value, json};
use url::Url;

use super::{Body, Refusal};
use crate::{
    faults::Faults,
    handle::{Answer, Handle},
    shared::Shared,
    state::Status,
};

pub(super) fn routes() -> Router<Arc<Shared>> {
    Router::new()
        .route("/control/faults", post(faults))
        .route("/control/delay", post(delay))
        .route("/control/webhook", post(webhook))
        .route("/control/pause", post(pause))
        .route("/control/answer", post(answer))
        .route("/control/requests", get(requests))
        .route("/control/status", get(status))
}

async fn faults(State(shared): State<Arc<Shared>>, Body(faults): Body<Faults>) -> Json<Value> {
    Handle::new(shared).set_faults(faults);
    done()
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Delay {
    milliseconds: u32,
}

async fn delay(State(shared): State<Arc<Shared>>, Body(delay): Body<Delay>) -> Json<Value> {
    Handle::new(shared).set_delay(Duration::from_millis(delay.milliseconds.into()));
    done()
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Webhook {
    url: Url,
}

async fn webhook(
    State(shared): State<Arc<Shared>>,
    Body(webhook): Body<Webhook>,
) -> Result<Json<Value>, Refusal> {
    if !matches!(webhook.url.scheme(), "http" | "https") {
        return Err(Refusal(StatusCode::UNPROCESSABLE_ENTITY, "expected http:// or https://".to_owned()));
    }
    Handle::new(shared).set_webhook_url(webhook.url);
    Ok(done())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Pause {
    paused: bool,
}

async fn pause(State(shared): State<Arc<Shared>>, Body(pause): Body<Pause>) -> Json<Value> {
    Handle::new(shared).pause(pause.paused);
    done()
}

async fn answer(State(shared): State<Arc<Shared>>, Body(answer): Body<Answer>) -> Json<Value> {
    Json(json!({"message_id": Handle::new(shared).answer(&answer)}))
}

#[derive(Deserialize)]
struct Which {
    #[serde(default)]
    after: u64,
    chat_id: Option<String>,
}

async fn requests(State(shared): State<Arc<Shared>>, Query(which): Query<Which>) -> impl IntoResponse {
    let mut requests = Handle::new(shared).requests(which.after);
    if let Some(chat_id) = which.chat_id {
        requests.retain(|request| request.chat_id == chat_id);
    }
    Json(json!({"requests": requests}))
}

async fn status(State(shared): State<Arc<Shared>>) -> Json<Status> {
    Json(Handle::new(shared).status())
}

fn done() -> Json<Value> {
    Json(json!({"status": "ok"}))
}
