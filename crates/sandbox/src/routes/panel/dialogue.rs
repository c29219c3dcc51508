//! `GET /panel/api/dialogue?chat_id=…&after=…`: one dialogue with its messages.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Query, State},
};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Refusal, no_such_dialogue};
use crate::shared::Shared;

#[derive(Deserialize)]
pub(super) struct Which {
    chat_id: String,
    /// Only the messages that came or changed after this version.
    #[serde(default)]
    after: u64,
}

pub(super) async fn dialogue(
    State(shared): State<Arc<Shared>>,
    Query(which): Query<Which>,
) -> Result<Json<Value>, Refusal> {
    let state = shared.state();
    let dialogue = state.dialogue(&which.chat_id).ok_or_else(no_such_dialogue)?;
    let messages: Vec<_> = dialogue.messages.iter().filter(|message| message.version > which.after).collect();
    Ok(Json(json!({
        "version": dialogue.version,
        "chat_id": dialogue.chat_id,
        "task_id": dialogue.task_id,
        "thread_id": dialogue.thread_id,
        "title": dialogue.title,
        "phone": dialogue.contact.phone,
        "email": dialogue.contact.email,
        "phase": dialogue.phase(),
        "flags": dialogue.flags,
        "unread": dialogue.unread,
        // Whatever the page has from before this one was forgotten here.
        "oldest": dialogue.messages.front().map(|message| &message.id),
        "messages": messages,
    })))
}
