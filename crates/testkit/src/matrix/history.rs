//! What was written and what holds in a room, for clients that ask.

use serde_json::{Value, json};

use super::answer::{Outcome, Refusal};
use super::request::Request;
use super::rooms::{Entry, RoomState};
use super::state::State;
use super::sync::{history_token, parse_token};

/// How many events a page of history has at most.
const MOST: usize = 1000;

/// A room that the caller is or was in, and how far the caller may look.
fn visible<'a>(state: &'a State, request: &Request) -> Result<(&'a RoomState, u64), Refusal> {
    let (id, user) = (request.name(0), &request.by().user);
    let room = state.rooms.get(id);
    let visible = room.and_then(|room| Some((room, room.visible_until(user)?)));
    visible.ok_or_else(|| Refusal::forbidden(format!("User {user} not in room {id}")))
}

pub(super) fn messages(state: &mut State, request: &Request) -> Outcome {
    let end = state.position;
    let (room, until) = visible(state, request)?;
    let token = |name: &str| request.query.get(name).map(|token| parse_token(token)).transpose();
    let (from, to) = (token("from")?, token("to")?);
    let limit = request.number("limit")?.map_or(10, |limit| usize::try_from(limit).unwrap_or(MOST)).min(MOST);
    let backwards = match request.query.get("dir").map(String::as_str) {
        Some("b") => true,
        Some("f") => false,
        Some(_) => return Err(Refusal::new(400, "M_INVALID_PARAM", "dir must be b or f")),
        None => return Err(Refusal::missing_param("dir")),
    };
    let from = from.unwrap_or(if backwards { end } else { 0 });
    let types = wanted_types(request)?;
    let in_range = |entry: &&Entry| {
        let beyond = |to: u64| if backwards { entry.position <= to } else { entry.position > to };
        let wanted = types.as_ref().is_none_or(|types| types.iter().any(|kind| kind == entry.field("type")));
        wanted && entry.position <= until && !to.is_some_and(beyond)
    };
    let page: Vec<&Entry> = if backwards {
        let known = room.entries.partition_point(|entry| entry.position <= from);
        room.entries[..known].iter().rev().filter(in_range).take(limit).collect()
    } else {
        room.after(from).iter().filter(in_range).take(limit).collect()
    };
    // Synapse has an end for every page that is not empty, so that the last one is.
    let end =
        page.last().map(|last| history_token(if backwards { last.position - 1 } else { last.position }));
    let chunk: Vec<Value> = page.into_iter().map(|entry| entry.seen_by(request.by())).collect();
    let mut answer = json!({ "start": history_token(from), "chunk": chunk });
    if let Some(end) = end {
        answer["end"] = end.into();
    }
    Ok(answer)
}

/// The types of events that the filter asks for, if it does.
fn wanted_types(request: &Request) -> Result<Option<Vec<Value>>, Refusal> {
    let Some(filter) = request.query.get("filter") else { return Ok(None) };
    let filter: Value = serde_json::from_str(filter).map_err(|_| Refusal::bad_json("Invalid filter"))?;
    Ok(filter["types"].as_array().cloned())
}

/// An event with those around it, as many before as after.
pub(super) fn context(state: &mut State, request: &Request) -> Outcome {
    let (room, until) = visible(state, request)?;
    let limit = request.number("limit")?.map_or(10, |limit| usize::try_from(limit).unwrap_or(MOST)).min(MOST);
    let event = room.find(request.name(1)).filter(|entry| entry.position <= until);
    let event = event.ok_or_else(|| Refusal::not_found("Event not found."))?;
    let known = room.entries.partition_point(|entry| entry.position < event.position);
    let before: Vec<&Entry> = room.entries[..known].iter().rev().take(limit / 2).collect();
    let after = room.after(event.position).iter().filter(|entry| entry.position <= until);
    let after: Vec<&Entry> = after.take(limit / 2).collect();
    let seen = |entries: &[&Entry]| -> Vec<Value> {
        entries.iter().map(|entry| entry.seen_by(request.by())).collect()
    };
    Ok(json!({
        "event": event.seen_by(request.by()),
        "events_before": seen(&before),
        "events_after": seen(&after),
        "start": history_token(before.last().unwrap_or(&event).position - 1),
        "end": history_token(after.last().unwrap_or(&event).position),
        "state": [],
    }))
}

pub(super) fn event(state: &mut State, request: &Request) -> Outcome {
    let (room, until) = visible(state, request)?;
    let event = room.find(request.name(1)).filter(|entry| entry.position <= until);
    event.map(|entry| entry.seen_by(request.by())).ok_or_else(|| Refusal::not_found("Event not found."))
}

pub(super) fn whole_state(state: &mut State, request: &Request) -> Outcome {
    let (room, until) = visible(state, request)?;
    let state = room.state_between(0, until);
    Ok(state.into_iter().map(|entry| entry.seen_by(request.by())).collect())
}

pub(super) fn state(state: &mut State, request: &Request) -> Outcome {
    let (room, _) = visible(state, request)?;
    let key = request.names.get(2).map(String::as_str).unwrap_or_default();
    let entry = room.state_now(request.name(1), key);
    entry.map(|entry| entry.content().clone()).ok_or_else(|| Refusal::not_found("Event not found."))
}
