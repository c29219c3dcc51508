//! What happened in a room.

use serde_json::Value;

/// An event of a room, as the server gives it.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// `$…`
    pub id: String,
    /// The user it is from.
    pub sender: String,
    /// Its type: `m.room.message`, `m.room.encrypted`, `m.room.member` and so on.
    pub kind: String,
    /// What it says.
    pub content: Value,
    /// All of it.
    pub raw: Value,
}

impl Event {
    /// The plain text of a message; empty where it is none.
    pub fn body(&self) -> &str {
        self.content["body"].as_str().unwrap_or_default()
    }
}

pub(super) fn read(raw: &Value) -> Event {
    let text = |name: &str| raw[name].as_str().unwrap_or_default().to_owned();
    Event {
        id: text("event_id"),
        sender: text("sender"),
        kind: text("type"),
        content: raw["content"].clone(),
        raw: raw.clone(),
    }
}
