//! Who is in which room, as far as clients ask and change it.

#![expect(clippy::unnecessary_wraps, reason = "whatever carries out a call is of one type")]

use serde_json::{Map, Value, json};

use super::answer::{Outcome, Refusal};
use super::request::Request;
use super::state::State;

pub(super) fn joined_rooms(state: &mut State, request: &Request) -> Outcome {
    let user = &request.by().user;
    let joined = state.rooms.iter().filter(|(_, room)| room.membership(user) == "join");
    let joined: Vec<&String> = joined.map(|(id, _)| id).collect();
    Ok(json!({ "joined_rooms": joined }))
}

pub(super) fn join(state: &mut State, request: &Request) -> Outcome {
    let (id, user) = (request.name(0), &request.by().user);
    let room = state.rooms.get(id).ok_or_else(|| Refusal::not_found("No known servers"))?;
    let public =
        room.state_now("m.room.join_rules", "").is_some_and(|rules| rules.content()["join_rule"] == "public");
    match room.membership(user) {
        "join" => {}
        "ban" => return Err(Refusal::forbidden("You are banned from this room")),
        "invite" => drop(state.set_membership(id, user, user, "join")),
        _ if public => drop(state.set_membership(id, user, user, "join")),
        _ => return Err(Refusal::forbidden("You are not invited to this room.")),
    }
    Ok(json!({ "room_id": id }))
}

pub(super) fn leave(state: &mut State, request: &Request) -> Outcome {
    let (id, user) = (request.name(0), &request.by().user);
    match state.rooms.get(id).map(|room| room.membership(user)) {
        Some("join" | "invite") => drop(state.set_membership(id, user, user, "leave")),
        Some("leave") => {}
        _ => return Err(Refusal::forbidden(format!("User {user} not in room {id}"))),
    }
    Ok(json!({}))
}

pub(super) fn forget(_: &mut State, _: &Request) -> Outcome {
    Ok(json!({}))
}

pub(super) fn members(state: &mut State, request: &Request) -> Outcome {
    let room = state.joined(request.name(0), &request.by().user)?;
    let members = room.state_between(0, u64::MAX).into_iter().filter(|entry| {
        let membership = &entry.content()["membership"];
        let asked = |name: &str| request.query.get(name);
        entry.field("type") == "m.room.member"
            && asked("membership").is_none_or(|wanted| membership == wanted.as_str())
            && asked("not_membership").is_none_or(|unwanted| membership != unwanted.as_str())
    });
    let chunk: Vec<Value> = members.map(|entry| entry.seen_by(request.by())).collect();
    Ok(json!({ "chunk": chunk }))
}

pub(super) fn joined_members(state: &mut State, request: &Request) -> Outcome {
    let room = state.joined(request.name(0), &request.by().user)?;
    let members = room.members("join").into_iter();
    let joined: Map<String, Value> = members
        .map(|entry| {
            let name = &entry.content()["displayname"];
            (entry.field("state_key").to_owned(), json!({ "display_name": name, "avatar_url": null }))
        })
        .collect();
    Ok(json!({ "joined": joined }))
}
