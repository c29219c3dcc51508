//! What a sync tells: everything that happened since a position, as far as the user may know.

use serde_json::{Map, Value, json};

use super::answer::Refusal;
use super::request::Device;
use super::rooms::{Entry, RoomState};
use super::state::State;

/// What a sync asks for.
pub(super) struct Sync {
    pub(super) by: Device,
    /// `None` for all.
    pub(super) since: Option<u64>,
    /// How many events of each room, counted from the latest.
    pub(super) limit: usize,
    /// The rooms to be told of. `None` for all.
    pub(super) rooms: Option<Vec<Value>>,
    pub(super) full_state: bool,
}

/// The token for a position, in a sync.
pub(super) fn sync_token(position: u64) -> String {
    format!("s{position}")
}

/// The token for a position, in history.
pub(super) fn history_token(position: u64) -> String {
    format!("t{position}")
}

/// The position that a token of either kind stands for.
pub(super) fn parse_token(token: &str) -> Result<u64, Refusal> {
    let position = token.strip_prefix(['s', 't']).and_then(|position| position.parse().ok());
    position.ok_or_else(|| Refusal::new(400, "M_UNKNOWN", "Invalid stream token"))
}

impl Sync {
    /// The answer as it is now, and whether it tells anything.
    pub(super) fn answer(&self, state: &State) -> (bool, Value) {
        let (mut join, mut invite, mut leave) = (Map::new(), Map::new(), Map::new());
        let wanted = |id: &str| self.rooms.as_ref().is_none_or(|rooms| rooms.iter().any(|room| room == id));
        for (id, room) in state.rooms.iter().filter(|(id, _)| wanted(id)) {
            let (list, told) = match room.membership(&self.by.user) {
                "join" => (&mut join, self.joined(state, id, room)),
                "invite" => (&mut invite, self.invited(room)),
                _ => (&mut leave, self.left(room)),
            };
            list.extend(told.map(|told| (id.clone(), told)));
        }
        let account_data = self.account_data(state, None);
        let changed = self.changed_keys(state);
        let no_rooms = join.is_empty() && invite.is_empty() && leave.is_empty();
        let told = &state.users[&self.by.user].devices[&self.by.id].told;
        let told = told.iter().filter(|(position, _)| self.since.is_none_or(|since| *position > since));
        let told: Vec<&Value> = told.map(|(_, event)| event).collect();
        let quiet = no_rooms && account_data.is_empty() && changed.is_empty() && told.is_empty();
        let news = self.since.is_none() || self.full_state || !quiet;
        let keys = &state.users[&self.by.user].devices[&self.by.id].keys;
        let answer = json!({
            "next_batch": sync_token(state.position.max(self.since.unwrap_or(0))),
            "account_data": { "events": account_data },
            "presence": { "events": [] },
            "to_device": { "events": told },
            "device_lists": { "changed": changed, "left": [] },
            "device_one_time_keys_count": keys.counts(),
            "device_unused_fallback_key_types": keys.fallback_types(),
            "rooms": { "join": join, "invite": invite, "leave": leave },
        });
        (news, answer)
    }

    /// Whether the user was in the room already when the last sync was answered.
    fn was(&self, room: &RoomState, membership: &str) -> bool {
        self.since.is_some_and(|since| room.membership_at(&self.by.user, since) == membership)
    }

    fn joined(&self, state: &State, id: &str, room: &RoomState) -> Option<Value> {
        let account_data = self.account_data(state, Some(id));
        let known = self.since.filter(|_| self.was(room, "join"));
        let fresh = room.after(known.unwrap_or(0));
        if known.is_some() && !self.full_state && fresh.is_empty() && account_data.is_empty() {
            return None;
        }
        let mut told = self.timeline(room, fresh, known.unwrap_or(0));
        told["account_data"] = json!({ "events": account_data });
        told["ephemeral"] = json!({ "events": [] });
        told["unread_notifications"] = json!({ "highlight_count": 0, "notification_count": 0 });
        told["summary"] = self.summary(room);
        Some(told)
    }

    /// The latest of these events, and the state before them as far as the user does not know it.
    fn timeline(&self, room: &RoomState, fresh: &[Entry], known: u64) -> Value {
        let heard = fresh.iter().rposition(|entry| entry.unheard).map_or(0, |place| place + 1);
        let first = heard.max(fresh.len().saturating_sub(self.limit));
        let begin = match fresh.get(first) {
            Some(entry) => entry.position - 1,
            None => fresh.last().map_or(known, |entry| entry.position),
        };
        let events: Vec<Value> = fresh[first..].iter().map(|entry| entry.synced_to(&self.by)).collect();
        let state = room.state_between(if self.full_state { 0 } else { known }, begin);
        let state: Vec<Value> = state.into_iter().map(|entry| entry.synced_to(&self.by)).collect();
        json!({
            "timeline": { "events": events, "limited": first > 0, "prev_batch": history_token(begin) },
            "state": { "events": state },
        })
    }

    fn summary(&self, room: &RoomState) -> Value {
        let (joined, invited) = (room.members("join"), room.members("invite"));
        let others = joined.iter().chain(&invited).map(|member| member.field("state_key"));
        let heroes: Vec<&str> = others.filter(|user| *user != self.by.user).take(5).collect();
        json!({
            "m.heroes": heroes,
            "m.joined_member_count": joined.len(),
            "m.invited_member_count": invited.len(),
        })
    }

    fn invited(&self, room: &RoomState) -> Option<Value> {
        let invitation = room.state_now("m.room.member", &self.by.user)?;
        if self.since.is_some_and(|since| invitation.position <= since) && !self.full_state {
            return None;
        }
        let named = ["m.room.create", "m.room.join_rules", "m.room.name", "m.room.encryption"];
        let inviter = room.state_now("m.room.member", invitation.field("sender"));
        let stripped =
            named.iter().filter_map(|kind| room.state_now(kind, "")).chain(inviter).chain([invitation]);
        let stripped: Vec<Value> = stripped.map(stripped_event).collect();
        Some(json!({ "invite_state": { "events": stripped } }))
    }

    fn left(&self, room: &RoomState) -> Option<Value> {
        let since = self.since?;
        let leaving = room.state_now("m.room.member", &self.by.user)?;
        if leaving.position <= since {
            return None;
        }
        if !self.was(room, "join") {
            let events = [leaving.synced_to(&self.by)];
            return Some(
                json!({ "timeline": { "events": events, "limited": false }, "state": { "events": [] } }),
            );
        }
        let fresh = room.after(since);
        let seen = fresh.partition_point(|entry| entry.position <= leaving.position);
        Some(self.timeline(room, &fresh[..seen], since))
    }

    /// Whose keys have changed, as far as the user shares a room with them.
    fn changed_keys<'a>(&self, state: &'a State) -> Vec<&'a String> {
        let Some(since) = self.since else { return Vec::new() };
        let fresh = state.users.iter().filter(|(_, user)| user.keys.changed > since).map(|(id, _)| id);
        let together = |id: &str| {
            let mut rooms = state.rooms.values();
            rooms.any(|room| [id, &self.by.user].iter().all(|user| room.membership(user) == "join"))
        };
        fresh.filter(|id| **id == self.by.user || together(id)).collect()
    }

    /// What the user's clients keep, for all rooms or for one, as far as it is new.
    fn account_data(&self, state: &State, room: Option<&str>) -> Vec<Value> {
        let kept = &state.users[&self.by.user].account_data;
        let fresh = kept.iter().filter(|((place, _), (position, _))| {
            place.as_deref() == room && self.since.is_none_or(|since| *position > since)
        });
        fresh.map(|((_, kind), (_, content))| json!({ "type": kind, "content": content })).collect()
    }
}

/// A state event for somebody who is not in the room.
fn stripped_event(entry: &Entry) -> Value {
    let event = entry.event();
    json!({
        "type": event["type"], "state_key": event["state_key"], "sender": event["sender"], "content": event["content"],
    })
}
