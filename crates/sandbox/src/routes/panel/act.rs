//! `POST /panel/api/answer`, `…/handover` and `…/close`: what an operator does that the user sees.

use std::sync::Arc;

use axum::{Json, extract::State};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{super::Body, Refusal, done, no_such_dialogue, unprocessable};
use crate::{
    dialogue::{Author, Dialogue, Flag},
    handle::Answer,
    shared::Shared,
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct OperatorsAnswer {
    chat_id: String,
    text: String,
}

pub(super) async fn answer(
    State(shared): State<Arc<Shared>>,
    Body(OperatorsAnswer { chat_id, text }): Body<OperatorsAnswer>,
) -> Result<Json<Value>, Refusal> {
    if text.trim().is_empty() {
        return Err(unprocessable("the answer is empty"));
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
pub(super) struct Handover {
    chat_id: String,
    operator: bool,
}

pub(super) async fn handover(
    State(shared): State<Arc<Shared>>,
    Body(Handover { chat_id, operator }): Body<Handover>,
) -> Result<Json<Value>, Refusal> {
    let text = if operator {
        "An operator has joined this dialogue."
    } else {
        "The operator has left; the AI answers again."
    };
    announce(&shared, &chat_id, text, (Flag::Operator, operator))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Which {
    chat_id: String,
}

pub(super) async fn close(
    State(shared): State<Arc<Shared>>,
    Body(Which { chat_id }): Body<Which>,
) -> Result<Json<Value>, Refusal> {
    announce(&shared, &chat_id, "The operator has closed this dialogue.", (Flag::Close, true))
}

/// Sets a flag and tells the user of it, if that changes anything.
fn announce(
    shared: &Arc<Shared>,
    chat_id: &str,
    text: &str,
    (flag, value): (Flag, bool),
) -> Result<Json<Value>, Refusal> {
    let set = |dialogue: &mut Dialogue| dialogue.set(flag, value);
    let found = shared.state().edit(chat_id, Some(Author::Operator), text, set);
    shared.wake(chat_id);
    done(found)
}
