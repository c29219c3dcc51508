//! Rooms as the server knows them: what was written, and what follows from it.

use std::collections::{BTreeMap, HashMap};

use serde_json::{Map, Value, json};
use tokio::time::Instant;

use super::clock::unix_millis;
use super::request::Device;

/// What is to be written into a room.
pub(super) struct Letter {
    pub(super) sender: String,
    pub(super) kind: String,
    pub(super) state_key: Option<String>,
    pub(super) content: Value,
    /// The event that it takes back.
    pub(super) redacts: Option<String>,
    /// The device it was sent from, and under which transaction id.
    pub(super) transaction: Option<(Device, String)>,
    /// Whether no sync tells of it.
    pub(super) unheard: bool,
}

/// One event.
pub(super) struct Entry {
    pub(super) position: u64,
    /// As it stands in history, but for what depends on who looks.
    event: Value,
    transaction: Option<(Device, String)>,
    pub(super) unheard: bool,
}

/// One room.
#[derive(Default)]
pub(super) struct RoomState {
    id: String,
    /// In the order of their positions.
    pub(super) entries: Vec<Entry>,
    /// Where the state events are among the entries.
    state: Vec<usize>,
    /// Until when somebody is seen writing.
    pub(super) typing: HashMap<String, Instant>,
    /// The event that each user has read up to.
    pub(super) read: BTreeMap<String, String>,
}

impl Letter {
    /// A message event.
    pub(super) fn new(sender: &str, kind: &str, content: Value) -> Self {
        Self {
            sender: sender.to_owned(),
            kind: kind.to_owned(),
            state_key: None,
            content,
            redacts: None,
            transaction: None,
            unheard: false,
        }
    }

    /// A state event.
    pub(super) fn state(sender: &str, kind: &str, key: &str, content: Value) -> Self {
        Self { state_key: Some(key.to_owned()), ..Self::new(sender, kind, content) }
    }

    /// The event as all see it.
    pub(super) fn event(&self, room: &str, id: &str) -> Value {
        let mut event = json!({
            "type": self.kind, "sender": self.sender, "content": self.content, "event_id": id, "room_id": room,
            "origin_server_ts": unix_millis(), "unsigned": {},
        });
        if let Some(key) = &self.state_key {
            event["state_key"] = key.as_str().into();
        }
        if let Some(redacted) = &self.redacts {
            event["redacts"] = redacted.as_str().into();
        }
        event
    }
}

impl Entry {
    /// The event as a user's device sees it in history.
    pub(super) fn seen_by(&self, by: &Device) -> Value {
        let mut event = self.event.clone();
        if let Some((_, txn)) = self.transaction.as_ref().filter(|(device, _)| device == by) {
            event["unsigned"]["transaction_id"] = txn.as_str().into();
        }
        if let Some(at) = event["origin_server_ts"].as_u64().filter(|_| event["unsigned"].is_object()) {
            event["unsigned"]["age"] = unix_millis().saturating_sub(at).into();
        }
        event
    }

    /// The event as a user's device sees it in a sync, which names the room elsewhere.
    pub(super) fn synced_to(&self, by: &Device) -> Value {
        let mut event = self.seen_by(by);
        event.as_object_mut().map(|event| event.remove("room_id"));
        event
    }

    /// One of its texts: `type`, `event_id`, `sender`.
    pub(super) fn field(&self, name: &str) -> &str {
        self.event[name].as_str().unwrap_or_default()
    }

    pub(super) fn event(&self) -> &Value {
        &self.event
    }

    pub(super) fn content(&self) -> &Value {
        &self.event["content"]
    }
}

impl RoomState {
    pub(super) fn new(id: &str) -> Self {
        Self { id: id.to_owned(), ..Self::default() }
    }

    pub(super) fn write(&mut self, id: &str, position: u64, letter: Letter) {
        let mut event = letter.event(&self.id, id);
        if let Some(key) = &letter.state_key {
            if let Some(before) = self.state_at(&letter.kind, key, position) {
                event["unsigned"]["prev_content"] = before.content().clone();
                event["unsigned"]["replaces_state"] = before.field("event_id").into();
            }
            self.state.push(self.entries.len());
        }
        if let Some(redacted) = letter.redacts.as_deref().and_then(|id| self.find_mut(id)) {
            redacted.event["content"] = json!({});
            redacted.event["unsigned"]["redacted_because"] = event.clone();
        }
        if letter.kind == "m.room.message" {
            // Synapse takes whoever has written for one who writes no more.
            self.typing.remove(&letter.sender);
        }
        let Letter { transaction, unheard, .. } = letter;
        self.entries.push(Entry { position, event, transaction, unheard });
    }

    /// Puts something into the timeline as it is, whatever it is.
    pub(super) fn inject(&mut self, position: u64, event: Value) {
        self.entries.push(Entry { position, event, transaction: None, unheard: false });
    }

    pub(super) fn find(&self, id: &str) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.field("event_id") == id)
    }

    fn find_mut(&mut self, id: &str) -> Option<&mut Entry> {
        self.entries.iter_mut().find(|entry| entry.field("event_id") == id)
    }

    /// What happened after this position.
    pub(super) fn after(&self, position: u64) -> &[Entry] {
        &self.entries[self.entries.partition_point(|entry| entry.position <= position)..]
    }

    /// The state events that held at position `until`, without those that were there at `after` already.
    pub(super) fn state_between(&self, after: u64, until: u64) -> Vec<&Entry> {
        let mut latest = BTreeMap::new();
        for entry in self.state.iter().map(|place| &self.entries[*place]) {
            if (after + 1..=until).contains(&entry.position) {
                latest.insert((entry.field("type"), entry.field("state_key")), entry);
            }
        }
        latest.into_values().collect()
    }

    fn state_at(&self, kind: &str, key: &str, position: u64) -> Option<&Entry> {
        let mut events = self.state.iter().rev().map(|place| &self.entries[*place]);
        events.find(|entry| {
            entry.position <= position && entry.field("type") == kind && entry.field("state_key") == key
        })
    }

    /// A state event as it is now.
    pub(super) fn state_now(&self, kind: &str, key: &str) -> Option<&Entry> {
        self.state_at(kind, key, u64::MAX)
    }

    /// Somebody's membership now: `join`, `invite`, `leave`, `ban`.
    pub(super) fn membership(&self, user: &str) -> &str {
        self.membership_at(user, u64::MAX)
    }

    pub(super) fn membership_at(&self, user: &str, position: u64) -> &str {
        let entry = self.state_at("m.room.member", user, position);
        entry.and_then(|entry| entry.content()["membership"].as_str()).unwrap_or("leave")
    }

    /// All that have this membership now.
    pub(super) fn members(&self, membership: &str) -> Vec<&Entry> {
        let mut members = self.state_between(0, u64::MAX);
        members.retain(|entry| {
            entry.field("type") == "m.room.member" && entry.content()["membership"] == membership
        });
        members
    }

    /// How far a user may look: to the end, or to where the user left. `None` for those who never were in.
    pub(super) fn visible_until(&self, user: &str) -> Option<u64> {
        if self.membership(user) == "join" {
            return Some(u64::MAX);
        }
        let left = self.state_now("m.room.member", user)?;
        (self.membership_at(user, left.position - 1) == "join").then_some(left.position)
    }
}

/// The fields of a JSON object, none for anything else.
pub(super) fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(fields) => fields,
        _ => Map::new(),
    }
}
