//! The operator's panel: two pages that are one document, its files, and what they ask for.
//!
//! The page learns from a stream that something changed, and then asks what it shows.

mod act;
mod assets;
mod changes;
mod dialogue;
mod dialogues;
mod mark;

use std::sync::Arc;

use axum::{
    Json, Router,
    http::StatusCode,
    routing::{get, post},
};
use serde_json::{Value, json};

use super::Refusal;
use crate::shared::Shared;

pub(super) fn routes() -> Router<Arc<Shared>> {
    Router::new()
        .merge(assets::routes())
        .route("/panel/api/changes", get(changes::changes))
        .route("/panel/api/dialogues", get(dialogues::dialogues))
        .route("/panel/api/dialogue", get(dialogue::dialogue))
        .route("/panel/api/answer", post(act::answer))
        .route("/panel/api/handover", post(act::handover))
        .route("/panel/api/close", post(act::close))
        .route("/panel/api/flag", post(mark::flag))
        .route("/panel/api/contact", post(mark::contact))
        .route("/panel/api/read", post(mark::read))
}

/// The answer to a change that was made if there is such a dialogue.
fn done(found: bool) -> Result<Json<Value>, Refusal> {
    if found { Ok(Json(json!({"status": "ok"}))) } else { Err(no_such_dialogue()) }
}

fn no_such_dialogue() -> Refusal {
    Refusal(StatusCode::NOT_FOUND, "there is no dialogue with this chat_id".to_owned())
}

fn unprocessable(reason: &str) -> Refusal {
    Refusal(StatusCode::UNPROCESSABLE_ENTITY, reason.to_owned())
}
