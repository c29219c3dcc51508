//! Rooms, who is in them and who is typing there.

use anyhow::{Context, Result};
use hyper::Method;
use serde_json::{Value, json};

use super::account::Account;

/// A room to be made. Others come in by invitation only.
#[derive(Clone, Debug)]
pub struct NewRoom {
    name: Option<String>,
    direct: bool,
    encrypted: bool,
    invited: Vec<String>,
}

impl NewRoom {
    /// For two, marked as such in the invitation.
    pub fn direct(other: &str) -> Self {
        Self { name: None, direct: true, encrypted: false, invited: vec![other.to_owned()] }
    }

    /// For many, with a name.
    pub fn group(name: &str) -> Self {
        Self { name: Some(name.to_owned()), direct: false, encrypted: false, invited: Vec::new() }
    }

    /// Invites one more from the start.
    pub fn invite(mut self, user_id: &str) -> Self {
        self.invited.push(user_id.to_owned());
        self
    }

    /// Has it end-to-end encrypted.
    pub fn encrypted(mut self) -> Self {
        self.encrypted = true;
        self
    }

    fn to_json(&self) -> Value {
        let encryption = json!({
            "type": "m.room.encryption",
            "state_key": "",
            "content": { "algorithm": "m.megolm.v1.aes-sha2" },
        });
        let state = if self.encrypted { vec![encryption] } else { Vec::new() };
        let mut room = json!({
            "preset": if self.direct { "trusted_private_chat" } else { "private_chat" },
            "is_direct": self.direct,
            "invite": self.invited,
            "initial_state": state,
        });
        if let Some(name) = &self.name {
            room["name"] = name.as_str().into();
        }
        room
    }
}

impl Account {
    /// Makes a room. Returns its id.
    pub async fn create_room(&self, room: &NewRoom) -> Result<String> {
        let answer = self.client(Method::POST, "/createRoom", Some(&room.to_json())).await?;
        answer["room_id"].as_str().map(str::to_owned).context("Synapse gives a room_id")
    }

    /// Invites a user into a room.
    pub async fn invite(&self, room: &str, user_id: &str) -> Result<()> {
        let body = json!({ "user_id": user_id });
        self.client(Method::POST, &format!("/rooms/{room}/invite"), Some(&body)).await.map(drop)
    }

    /// Comes into a room.
    pub async fn join(&self, room: &str) -> Result<()> {
        self.client(Method::POST, &format!("/rooms/{room}/join"), Some(&json!({}))).await.map(drop)
    }

    /// Goes out of a room, or declines the invitation.
    pub async fn leave(&self, room: &str) -> Result<()> {
        self.client(Method::POST, &format!("/rooms/{room}/leave"), Some(&json!({}))).await.map(drop)
    }

    /// The ids of the users who are in the room, sorted. Who is only invited is not.
    pub async fn members(&self, room: &str) -> Result<Vec<String>> {
        let answer = self.client(Method::GET, &format!("/rooms/{room}/joined_members"), None).await?;
        let joined = answer["joined"].as_object().context("Synapse gives the joined")?;
        let mut members: Vec<String> = joined.keys().cloned().collect();
        members.sort_unstable();
        Ok(members)
    }

    /// The ids of the users who are typing in the room now.
    pub async fn typing(&self, room: &str) -> Result<Vec<String>> {
        let sync = self.client(Method::GET, "/sync?timeout=0", None).await?;
        let events =
            sync["rooms"]["join"][room]["ephemeral"]["events"].as_array().cloned().unwrap_or_default();
        let typing = events.iter().find(|event| event["type"] == "m.typing");
        let users = typing.and_then(|event| event["content"]["user_ids"].as_array()).into_iter().flatten();
        Ok(users.filter_map(Value::as_str).map(str::to_owned).collect())
    }

    /// Shows that this user types in the room for the next thirty seconds, or no longer does.
    pub async fn types(&self, room: &str, typing: bool) -> Result<()> {
        let path = format!("/rooms/{room}/typing/{}", self.user_id);
        let body = json!({ "typing": typing, "timeout": 30_000 });
        self.client(Method::PUT, &path, Some(&body)).await.map(drop)
    }
}
