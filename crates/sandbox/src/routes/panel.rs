//! The operator's panel: two pages that are one document, its files, and what they ask for.

use std::sync::Arc;

use axum::{
    Json, Router,
    extract::{Query, State},
    http::{HeaderName, StatusCode, header},
    response::IntoResponse,
    routing::{get, post},
};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Body, Refusal};
use crate::{
    canned::Change,
    dialogue::{Author, Dialogue, Flag},
    handle::Answer,
    shared::Shared,
};

/// How many dialogues the panel lists: the latest.
const LISTED: usize = 200;

const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
    connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

pub(super) fn routes() -> Router<Arc<Shared>> {
    let html = || async { asset("text/html; charset=utf-8", include_str!("../panel/index.html")) };
    let css = || async { asset("text/css; charset=utf-8", include_str!("../panel/panel.css")) };
    let js = || async { asset("text/javascript; charset=utf-8", include_str!("../panel/panel.js")) };
    Router::new()
        .route("/panel", get(html))
        .route("/share", get(html))
        .route("/panel/panel.css", get(css))
        .route("/panel/panel.js", get(js))
        .route("/panel/api/dialogues", get(dialogues))
        .route("/panel/api/dialogue", get(dialogue))
        .route("/panel/api/answer", post(answer))
        .route("/panel/api/handover", post(handover))
        .route("/panel/api/close", post(close))
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

/// The latest dialogues, the latest first.
async fn dialogues(State(shared): State<Arc<Shared>>) -> Json<Value> {
    let state = shared.state();
    let mut latest: Vec<&Dialogue> = state.dialogues().collect();
    latest.sort_unstable_by_key(|dialogue| std::cmp::Reverse(dialogue.version));
    let shown: Vec<Value> = latest.into_iter().take(LISTED).map(summary).collect();
    Json(json!({"version": state.version(), "dialogues": shown}))
}

fn summary(dialogue: &Dialogue) -> Value {
    json!({
        "chat_id": dialogue.chat_id,
        "title": dialogue.title,
        "operator": dialogue.flags.contains(&Flag::Operator),
        "closed": dialogue.flags.contains(&Flag::Close),
        "waiting": dialogue.queue.len(),
        "last": dialogue.messages.back(),
    })
}

#[derive(Deserialize)]
struct Which {
    chat_id: String,
}

/// One dialogue with its messages.
async fn dialogue(
    State(shared): State<Arc<Shared>>,
    Query(which): Query<Which>,
) -> Result<Json<Value>, Refusal> {
    let state = shared.state();
    let dialogue = state.dialogue(&which.chat_id).ok_or_else(no_such_dialogue)?;
    Ok(Json(json!({
        "version": dialogue.version,
        "chat_id": dialogue.chat_id,
        "task_id": dialogue.task_id,
        "thread_id": dialogue.thread_id,
        "title": dialogue.title,
        "contacts": dialogue.contacts,
        "flags": dialogue.flags,
        "messages": dialogue.messages,
    })))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OperatorsAnswer {
    chat_id: String,
    text: String,
}

async fn answer(
    State(shared): State<Arc<Shared>>,
    Body(OperatorsAnswer { chat_id, text }): Body<OperatorsAnswer>,
) -> Result<Json<Value>, Refusal> {
    if text.trim().is_empty() {
        return Err(Refusal(StatusCode::UNPROCESSABLE_ENTITY, "the answer is empty".to_owned()));
    }
    let message_id = {
        let mut state = shared.state();
        state.dialogue(&chat_id).ok_or_else(no_such_dialogue)?;
        let answer = Answer { chat_id: chat_id.clone(), author: Author::Operator, text, ..Answer::default() };
        state.answer(&answer)
    };
    shared.wake(&chat_id);
    Ok(Json(json!({"message_id": message_id})))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Handover {
    chat_id: String,
    operator: bool,
}

async fn handover(
    State(shared): State<Arc<Shared>>,
    Body(handover): Body<Handover>,
) -> Result<Json<Value>, Refusal> {
    let text = if handover.operator {
        "An operator has joined this dialogue."
    } else {
        "The operator has left; the bot answers again."
    };
    announce(&shared, &handover.chat_id, Change::Operator(handover.operator), text)
}

async fn close(State(shared): State<Arc<Shared>>, Body(which): Body<Which>) -> Result<Json<Value>, Refusal> {
    announce(&shared, &which.chat_id, Change::Close, "The operator has closed this dialogue.")
}

fn announce(shared: &Arc<Shared>, chat_id: &str, change: Change, text: &str) -> Result<Json<Value>, Refusal> {
    if !shared.state().announce(chat_id, change, text) {
        return Err(no_such_dialogue());
    }
    shared.wake(chat_id);
    Ok(Json(json!({"status": "ok"})))
}

fn no_such_dialogue() -> Refusal {
    Refusal(StatusCode::NOT_FOUND, "there is no dialogue with this chat_id".to_owned())
}
