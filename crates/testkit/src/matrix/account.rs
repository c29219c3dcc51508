//! What a user keeps on the server and shows of itself.

#![expect(clippy::unnecessary_wraps, reason = "whatever carries out a call is of one type")]

use serde_json::{Value, json};

use super::answer::{Outcome, Refusal};
use super::request::Request;
use super::state::State;

pub(super) fn capabilities(_: &mut State, _: &Request) -> Outcome {
    Ok(json!({ "capabilities": {
        "m.room_versions": { "default": "11", "available": { "10": "stable", "11": "stable" } },
        "m.change_password": { "enabled": true },
    } }))
}

pub(super) fn push_rules(_: &mut State, _: &Request) -> Outcome {
    Ok(json!({ "global": { "override": [], "content": [], "room": [], "sender": [], "underride": [] } }))
}

pub(super) fn profile(state: &mut State, request: &Request) -> Outcome {
    let user = state.users.get(request.name(0)).ok_or_else(|| Refusal::not_found("Profile was not found"))?;
    Ok(json!({ "displayname": user.name }))
}

pub(super) fn profile_field(state: &mut State, request: &Request) -> Outcome {
    let mut profile = profile(state, request)?;
    let field = request.name(1);
    match profile[field].take() {
        Value::Null => Err(Refusal::not_found("Profile field not found")),
        value => Ok(json!({ field: value })),
    }
}

/// Refuses what is about another user than the one who calls.
fn own(request: &Request) -> Result<(), Refusal> {
    let own = request.by().user == request.name(0);
    own.then_some(()).ok_or_else(|| Refusal::forbidden("Cannot do this for other users."))
}

pub(super) fn keep_filter(state: &mut State, request: &Request) -> Outcome {
    own(request)?;
    let filters = &mut state.user_mut(&request.by().user).filters;
    filters.push((*request.body).clone());
    Ok(json!({ "filter_id": (filters.len() - 1).to_string() }))
}

pub(super) fn filter(state: &mut State, request: &Request) -> Outcome {
    own(request)?;
    let place: Option<usize> = request.name(1).parse().ok();
    let filter = place.and_then(|place| state.user_mut(&request.by().user).filters.get(place));
    filter.cloned().ok_or_else(|| Refusal::not_found("No such filter"))
}

pub(super) fn data(state: &mut State, request: &Request) -> Outcome {
    kept(state, request, None, request.name(1))
}

pub(super) fn room_data(state: &mut State, request: &Request) -> Outcome {
    kept(state, request, Some(request.name(1)), request.name(2))
}

fn kept(state: &mut State, request: &Request, room: Option<&str>, kind: &str) -> Outcome {
    own(request)?;
    let key = (room.map(str::to_owned), kind.to_owned());
    let kept = state.user_mut(&request.by().user).account_data.get(&key);
    kept.map(|(_, content)| content.clone()).ok_or_else(|| Refusal::not_found("Account data not found"))
}

pub(super) fn keep_data(state: &mut State, request: &Request) -> Outcome {
    own(request)?;
    state.keep(request.name(0), None, request.name(1), (*request.body).clone());
    Ok(json!({}))
}

pub(super) fn keep_room_data(state: &mut State, request: &Request) -> Outcome {
    own(request)?;
    state.keep(request.name(0), Some(request.name(1)), request.name(2), (*request.body).clone());
    Ok(json!({}))
}
