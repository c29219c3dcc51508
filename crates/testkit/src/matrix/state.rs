//! What the server knows, behind one lock.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde_json::{Map, Value};
use tokio::sync::Notify;

use super::answer::Refusal;
use super::faults::Rule;
use super::journal::Journal;
use super::keys::{DeviceKeys, UserKeys};
use super::rates::Meters;
use super::request::Device;
use super::rooms::{Letter, RoomState};

/// The name of the server, which ends all ids.
pub(super) const SERVER: &str = "stand-in.test";

/// The server. Handles and connections share it.
#[derive(Default)]
pub(super) struct Shared {
    /// Told of every change, for those that wait in a long poll.
    pub(super) changed: Notify,
    state: Mutex<State>,
}

/// A user, the bots included.
#[derive(Default)]
pub(super) struct UserState {
    pub(super) name: String,
    /// With which the user can log in.
    pub(super) password: Option<String>,
    pub(super) devices: BTreeMap<String, DeviceState>,
    /// By room (`None` for all) and type, with the position at which it was last changed.
    pub(super) account_data: BTreeMap<(Option<String>, String), (u64, Value)>,
    pub(super) filters: Vec<Value>,
    pub(super) keys: UserKeys,
    /// The position after which this user last asked for news.
    pub(super) heard: u64,
    /// What the last sync answered.
    pub(super) last_sync: Option<Value>,
}

/// A device, which outlives its tokens.
#[derive(Default)]
pub(super) struct DeviceState {
    pub(super) token: Option<String>,
    /// Whether it may be logged in again although its token has ended.
    pub(super) softly_logged_out: bool,
    pub(super) display_name: Option<String>,
    pub(super) keys: DeviceKeys,
    /// What other devices said to it, with the position at which they did.
    pub(super) told: Vec<(u64, Value)>,
    /// The events that were sent from it, by what their path names.
    pub(super) transactions: HashMap<Vec<String>, String>,
}

/// The part that changes.
pub(super) struct State {
    pub(super) users: BTreeMap<String, UserState>,
    pub(super) rooms: BTreeMap<String, RoomState>,
    /// The tokens that are good no more, and whether their device is still there.
    pub(super) ended: HashMap<String, bool>,
    /// How far the server has come: the position of the last change.
    pub(super) position: u64,
    last_id: u64,
    /// How many events of a room a sync tells of where the filter says nothing, and at most.
    pub(super) timeline_limits: (usize, usize),
    /// How many long polls wait.
    pub(super) polls: usize,
    pub(super) journal: Journal,
    pub(super) rules: Vec<Rule>,
    pub(super) meters: Option<Meters>,
}

impl Default for State {
    fn default() -> Self {
        Self {
            users: BTreeMap::new(),
            rooms: BTreeMap::new(),
            ended: HashMap::new(),
            position: 0,
            last_id: 0,
            timeline_limits: (10, 100),
            polls: 0,
            journal: Journal::default(),
            rules: Vec::new(),
            meters: None,
        }
    }
}

impl Shared {
    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        // A test that panicked while it held the lock has failed already.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes something, and has the long polls look whether it concerns them.
    pub(super) fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let result = change(&mut self.lock());
        self.changed.notify_waiters();
        result
    }
}

impl State {
    /// A number that nothing else has.
    pub(super) fn fresh_id(&mut self) -> u64 {
        self.last_id += 1;
        self.last_id
    }

    /// The position of something that happens now.
    pub(super) fn next_position(&mut self) -> u64 {
        self.position += 1;
        self.position
    }

    /// Writes an event into a room that exists, and returns its id.
    pub(super) fn write(&mut self, room: &str, letter: Letter) -> String {
        let (id, position) = (format!("$stand-in-{:034}", self.fresh_id()), self.next_position());
        self.rooms.get_mut(room).expect("the room exists").write(&id, position, letter);
        id
    }

    /// Has somebody's membership of a room become this.
    pub(super) fn set_membership(&mut self, room: &str, by: &str, user: &str, membership: &str) -> String {
        let name = self.users.get(user).map_or(user, |user| &user.name);
        let mut content = Map::new();
        content.insert("membership".to_owned(), membership.into());
        if matches!(membership, "join" | "invite") {
            content.insert("displayname".to_owned(), name.into());
        }
        self.write(room, Letter::state(by, "m.room.member", user, content.into()))
    }

    /// Keeps account data of a user, for all rooms or for one.
    pub(super) fn keep(&mut self, user: &str, room: Option<&str>, kind: &str, content: Value) {
        let position = self.next_position();
        let key = (room.map(str::to_owned), kind.to_owned());
        self.user_mut(user).account_data.insert(key, (position, content));
    }

    /// A user that exists.
    pub(super) fn user_mut(&mut self, id: &str) -> &mut UserState {
        self.users.get_mut(id).expect("users are never forgotten")
    }

    /// The device that calls.
    pub(super) fn device_mut(&mut self, by: &Device) -> &mut DeviceState {
        self.user_mut(&by.user).devices.get_mut(&by.id).expect("devices are never forgotten")
    }

    /// Whose device has this token.
    pub(super) fn authorize(&self, token: &str) -> Result<Device, Refusal> {
        let devices = self
            .users
            .iter()
            .flat_map(|(user, known)| known.devices.iter().map(move |(id, device)| (user, id, device)));
        let found = devices.into_iter().find(|(.., device)| device.token.as_deref() == Some(token));
        let refusal = || Refusal::unknown_token(self.ended.get(token).copied().unwrap_or(false));
        found.map(|(user, id, _)| Device { user: user.clone(), id: id.clone() }).ok_or_else(refusal)
    }

    /// Gives a device a new token and ends its old one. Makes the device where it is not known.
    pub(super) fn log_in(&mut self, user: &str, device: &str) -> String {
        let mut random = [0; 16];
        getrandom::fill(&mut random).expect("the system has random numbers");
        let token = format!("syt_{:032x}", u128::from_be_bytes(random));
        let device = self.user_mut(user).devices.entry(device.to_owned()).or_default();
        if let Some(old) = device.token.replace(token.clone()) {
            self.ended.insert(old, false);
        }
        token
    }

    /// Ends a device's token, for good or until it is logged in again.
    pub(super) fn end_session(&mut self, by: &Device, softly: bool) {
        let device = self.device_mut(by);
        device.softly_logged_out = softly;
        if let Some(token) = device.token.take() {
            self.ended.insert(token, softly);
        }
    }

    /// A name for a device that said none of its own.
    pub(super) fn fresh_device(&mut self) -> String {
        format!("STANDIN{:03}", self.fresh_id())
    }

    /// A room that this user is in.
    pub(super) fn joined(&mut self, room: &str, user: &str) -> Result<&mut RoomState, Refusal> {
        let refusal = || Refusal::forbidden(format!("User {user} not in room {room}"));
        self.rooms.get_mut(room).filter(|room| room.membership(user) == "join").ok_or_else(refusal)
    }
}
