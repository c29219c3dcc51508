//! What clients write: messages, that they are writing, and how far they have read.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::Instant;

use super::answer::{Outcome, Refusal};
use super::journal::Sent;
use super::request::Request;
use super::rooms::Letter;
use super::state::State;

/// How large an event may be, in bytes of JSON.
const MOST: usize = 65_536;

pub(super) fn send(state: &mut State, request: &Request) -> Outcome {
    if !request.body.is_object() {
        return Err(Refusal::bad_json("Content must be a JSON object."));
    }
    let letter = Letter::new(&request.by().user, request.name(1), (*request.body).clone());
    once(state, request, letter)
}

pub(super) fn redact(state: &mut State, request: &Request) -> Outcome {
    let content = request.text("reason").map_or_else(|| json!({}), |reason| json!({ "reason": reason }));
    let letter = Letter::new(&request.by().user, "m.room.redaction", content);
    once(state, request, Letter { redacts: Some(request.name(1).to_owned()), ..letter })
}

/// Writes an event, unless the same device has written it already under the same transaction id.
fn once(state: &mut State, request: &Request, letter: Letter) -> Outcome {
    let (room, by, txn_id) = (request.name(0), request.by(), request.name(2));
    let place = [&[request.route.to_string()], &*request.names].concat();
    if let Some(event_id) = state.device_mut(by).transactions.get(&place) {
        return Ok(json!({ "event_id": event_id }));
    }
    state.joined(room, &by.user)?;
    if letter.event(room, "").to_string().len() > MOST {
        return Err(Refusal::new(413, "M_TOO_LARGE", "event too large"));
    }
    if let Some(meters) = &mut state.meters {
        meters.count(&by.user, Instant::now()).map_err(Refusal::limit_exceeded)?;
    }
    let (kind, content) = (letter.kind.clone(), Arc::new(letter.content.clone()));
    let event_id = state.write(room, Letter { transaction: Some((by.clone(), txn_id.to_owned())), ..letter });
    state.device_mut(by).transactions.insert(place, event_id.clone());
    state.journal.sent.push(Sent {
        room_id: room.to_owned(),
        event_id: event_id.clone(),
        sender: by.user.clone(),
        kind,
        txn_id: txn_id.to_owned(),
        content,
        at: Instant::now(),
    });
    Ok(json!({ "event_id": event_id }))
}

pub(super) fn typing(state: &mut State, request: &Request) -> Outcome {
    let (by, user) = (&request.by().user, request.name(1));
    if by != user {
        return Err(Refusal::forbidden("Cannot set another user's typing state"));
    }
    let room = state.joined(request.name(0), by)?;
    let timeout = request.body["timeout"].as_u64().unwrap_or(30_000);
    if request.body["typing"] == true {
        room.typing.insert(user.to_owned(), Instant::now() + Duration::from_millis(timeout));
    } else {
        room.typing.remove(user);
    }
    Ok(json!({}))
}

pub(super) fn receipt(state: &mut State, request: &Request) -> Outcome {
    read(state, request, request.name(2))
}

pub(super) fn read_markers(state: &mut State, request: &Request) -> Outcome {
    let marked = ["m.read", "m.read.private", "m.fully_read"].iter().find_map(|kind| request.text(kind));
    marked.map_or_else(|| Ok(Value::Object(serde_json::Map::new())), |event| read(state, request, event))
}

fn read(state: &mut State, request: &Request, event: &str) -> Outcome {
    let by = &request.by().user;
    let room = state.joined(request.name(0), by)?;
    room.read.insert(by.clone(), event.to_owned());
    Ok(json!({}))
}
