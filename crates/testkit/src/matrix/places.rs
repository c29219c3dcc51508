//! Rooms as the test sees them.

use std::fmt;
use std::sync::Arc;

use serde_json::{Value, json};
use tokio::time::Instant;

use super::draft::Posted;
use super::people::{User, make_room};
use super::rooms::Letter;
use super::server::FakeMatrix;
use super::state::{SERVER, Shared, UserState};

/// A room. Clones are the same room.
#[derive(Clone)]
pub struct Room {
    shared: Arc<Shared>,
    id: String,
}

impl fmt::Debug for Room {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Room").field("id", &self.id).finish_non_exhaustive()
    }
}

impl Room {
    pub(super) fn new(shared: Arc<Shared>, id: String) -> Self {
        Self { shared, id }
    }

    /// The room's id, for example `!room0000000000007:stand-in.test`.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Makes this user a member, invited or not, without a call.
    pub fn adds(&self, user: &User) {
        self.shared.change(|state| state.set_membership(&self.id, user.id(), user.id(), "join"));
    }

    /// What this user is to the room: `join`, `invite`, `leave` or `ban`.
    pub fn membership(&self, user: &User) -> String {
        self.shared.lock().rooms[&self.id].membership(user.id()).to_owned()
    }

    /// Sets any state, for example `m.room.topic`. Returns the event.
    pub fn sets(&self, by: &User, kind: &str, state_key: &str, content: Value) -> Posted {
        self.write(Letter::state(by.id(), kind, state_key, content))
    }

    /// Puts this into the timeline as it is, well-formed or not. Syncs and history give it out to the letter, but for
    /// `room_id`, which syncs leave out. Returns the position at which it is.
    pub fn injects(&self, event: Value) -> u64 {
        self.shared.change(|state| {
            let position = state.next_position();
            state.rooms.get_mut(&self.id).expect("rooms are never forgotten").inject(position, event);
            position
        })
    }

    /// All events of the room, oldest first, as its members see them.
    pub fn events(&self) -> Vec<Value> {
        self.shared.lock().rooms[&self.id].entries.iter().map(|entry| entry.event().clone()).collect()
    }

    /// Whether this user is seen writing.
    pub fn shows_typing(&self, user: &User) -> bool {
        self.shared.lock().rooms[&self.id].typing.get(user.id()).is_some_and(|until| *until > Instant::now())
    }

    /// The event that this user says to have read up to.
    pub fn read_by(&self, user: &User) -> Option<String> {
        self.shared.lock().rooms[&self.id].read.get(user.id()).cloned()
    }

    pub(super) fn write(&self, letter: Letter) -> Posted {
        self.shared.change(|state| {
            let event_id = state.write(&self.id, letter);
            Posted { room_id: self.id.clone(), event_id, position: state.position }
        })
    }
}

/// What the server itself says.
impl FakeMatrix {
    /// The room in which the server speaks to this user, who is invited there. Each call makes a new one.
    pub fn server_room(&self, user: &User) -> Room {
        let notices = format!("@server:{SERVER}");
        self.shared().change(|state| {
            let server = || UserState { name: "Server Notices".to_owned(), ..UserState::default() };
            state.users.entry(notices.clone()).or_insert_with(server);
            let room = make_room(state, &notices);
            state.set_membership(&room, &notices, user.id(), "invite");
            state.keep(user.id(), Some(&room), "m.tag", json!({ "tags": { "m.server_notice": {} } }));
            Room::new(Arc::clone(self.shared()), room)
        })
    }

    /// The server says something in such a room.
    pub fn server_says(&self, room: &Room, text: &str) -> Posted {
        let content = json!({
            "msgtype": "m.server_notice", "body": text, "server_notice_type": "m.server_notice.usage_limit_reached",
        });
        room.write(Letter::new(&format!("@server:{SERVER}"), "m.room.message", content))
    }
}
