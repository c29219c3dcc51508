//! People and bots: what they do besides writing.

use std::fmt;
use std::sync::Arc;

use serde_json::{Value, json};

use super::places::Room;
use super::request::Device;
use super::rooms::{Letter, RoomState};
use super::state::{SERVER, Shared, State};

/// A user, person or bot. Clones are the same user.
#[derive(Clone)]
pub struct User {
    shared: Arc<Shared>,
    id: String,
}

/// A device that is logged in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// The token that its calls carry.
    pub access_token: String,
    /// The device's id, which outlives the token.
    pub device_id: String,
}

impl fmt::Debug for User {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("User").field("id", &self.id).finish_non_exhaustive()
    }
}

impl User {
    pub(super) fn new(shared: Arc<Shared>, id: String) -> Self {
        Self { shared, id }
    }

    /// The user's id, for example `@alice:stand-in.test`.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The name to be shown.
    pub fn name(&self) -> String {
        self.shared.lock().users[&self.id].name.clone()
    }

    /// Whether a client of this user has asked for what comes after this position, and so has what came before.
    pub fn has_heard(&self, position: u64) -> bool {
        self.shared.lock().users[&self.id].heard >= position
    }

    /// Whether a client of this user has asked for what comes after all that there is.
    pub fn is_up_to_date(&self) -> bool {
        let state = self.shared.lock();
        state.users[&self.id].heard >= state.position
    }
}

/// Rooms.
impl User {
    /// Makes a room that needs an invitation.
    pub fn makes_room(&self, name: &str) -> Room {
        self.shared.change(|state| {
            let room = make_room(state, &self.id);
            state.write(&room, Letter::state(&self.id, "m.room.name", "", json!({ "name": name })));
            Room::new(Arc::clone(&self.shared), room)
        })
    }

    /// Makes a direct room and invites the other there, whose client must join.
    pub fn direct(&self, other: &Self) -> Room {
        self.shared.change(|state| {
            let room = make_room(state, &self.id);
            let content = json!({ "membership": "invite", "displayname": state.users[&other.id].name, "is_direct": true });
            state.write(&room, Letter::state(&self.id, "m.room.member", &other.id, content));
            let key = (None, "m.direct".to_owned());
            let known = state.users[&self.id].account_data.get(&key).map(|(_, content)| content.clone());
            let mut rooms = known.unwrap_or_else(|| json!({}));
            let with = rooms[&other.id].as_array().cloned().unwrap_or_default();
            rooms[&other.id] = with.into_iter().chain([room.as_str().into()]).collect();
            state.keep(&self.id, None, "m.direct", rooms);
            Room::new(Arc::clone(&self.shared), room)
        })
    }

    /// Invites another into a room.
    pub fn invites(&self, room: &Room, other: &Self) {
        self.shared.change(|state| state.set_membership(room.id(), &self.id, &other.id, "invite"));
    }

    /// Joins a room, invited or not.
    pub fn joins(&self, room: &Room) {
        room.adds(self);
    }

    /// Leaves a room, or declines the invitation.
    pub fn leaves(&self, room: &Room) {
        self.shared.change(|state| state.set_membership(room.id(), &self.id, &self.id, "leave"));
    }

    /// Throws another out of a room, or takes the invitation back.
    pub fn kicks(&self, room: &Room, other: &Self) {
        self.shared.change(|state| state.set_membership(room.id(), &self.id, &other.id, "leave"));
    }

    /// Throws another out of a room for good.
    pub fn bans(&self, room: &Room, other: &Self) {
        self.shared.change(|state| state.set_membership(room.id(), &self.id, &other.id, "ban"));
    }

    /// Takes another name, of which all rooms are told.
    pub fn renames(&self, name: &str) {
        self.shared.change(|state| {
            name.clone_into(&mut state.user_mut(&self.id).name);
            let rooms = state.rooms.iter().filter(|(_, room)| room.membership(&self.id) == "join");
            for room in rooms.map(|(id, _)| id.clone()).collect::<Vec<_>>() {
                state.set_membership(&room, &self.id, &self.id, "join");
            }
        });
    }
}

/// Devices.
impl User {
    /// Has a client of this user say something to all devices of another (`to_device`), which is not encrypted.
    pub fn tells_devices(&self, other: &Self, kind: &str, content: &Value) {
        let event = json!({ "type": kind, "sender": self.id, "content": content });
        self.shared.change(|state| {
            let position = state.next_position();
            for device in state.user_mut(&other.id).devices.values_mut() {
                device.told.push((position, event.clone()));
            }
        });
    }
}

/// Sessions.
impl User {
    /// Logs a new device in, without a call.
    pub fn logs_in(&self) -> Session {
        self.shared.change(|state| {
            let device_id = state.fresh_device();
            Session { access_token: state.log_in(&self.id, &device_id), device_id }
        })
    }

    /// The sessions that are open now.
    pub fn sessions(&self) -> Vec<Session> {
        let state = self.shared.lock();
        let devices = state.users[&self.id].devices.iter();
        let open = devices.filter_map(|(id, device)| Some((id.clone(), device.token.clone()?)));
        open.map(|(device_id, access_token)| Session { access_token, device_id }).collect()
    }

    /// Ends all sessions for good, as when the user removes the devices. Long polls are told at once.
    pub fn logs_out(&self) {
        self.end_sessions(false);
    }

    /// Ends all sessions, but leaves the devices to be logged in again. Long polls are told at once.
    pub fn logs_out_softly(&self) {
        self.end_sessions(true);
    }

    fn end_sessions(&self, softly: bool) {
        self.shared.change(|state| {
            for id in state.users[&self.id].devices.keys().cloned().collect::<Vec<_>>() {
                state.end_session(&Device { user: self.id.clone(), id }, softly);
            }
        });
    }
}

/// A room with nobody but its maker, who must exist.
pub(super) fn make_room(state: &mut State, maker: &str) -> String {
    let id = format!("!room{:013}:{SERVER}", state.fresh_id());
    state.rooms.insert(id.clone(), RoomState::new(&id));
    let mut set = |kind: &str, content| drop(state.write(&id, Letter::state(maker, kind, "", content)));
    set("m.room.create", json!({ "room_version": "11" }));
    state.set_membership(&id, maker, maker, "join");
    let mut set = |kind: &str, content| drop(state.write(&id, Letter::state(maker, kind, "", content)));
    set("m.room.power_levels", json!({ "users": { maker: 100 } }));
    set("m.room.join_rules", json!({ "join_rule": "invite" }));
    set("m.room.history_visibility", json!({ "history_visibility": "shared" }));
    id
}
