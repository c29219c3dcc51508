//! A user on one device, who reads and writes without encryption.

use anyhow::{Context, Result};
use hyper::Method;
use serde_json::{Value, json};

use super::events::{self, Event};
use super::homeserver::random_hex;
use super::http::call;
use super::shared::Homeserver;

/// A user as logged in on one device.
///
/// In an encrypted room it sees ciphertext, and what it says is not encrypted; [`Peer`](super::Peer) is for those.
#[derive(Clone, Debug)]
pub struct Account {
    homeserver: Homeserver,
    /// `@alice-5f0c…:localhost`
    pub user_id: String,
    /// For [`Homeserver::login`].
    pub password: String,
    /// What its device authenticates with.
    pub access_token: String,
    /// Which device that is.
    pub device_id: String,
}

impl Account {
    /// Reads the answer to a registration or a login.
    pub(super) fn new(homeserver: &Homeserver, password: &str, answer: &Value) -> Result<Self> {
        let text = |name: &str| {
            answer[name].as_str().map(str::to_owned).with_context(|| format!("Synapse gives a {name}"))
        };
        Ok(Self {
            homeserver: homeserver.clone(),
            user_id: text("user_id")?,
            password: password.to_owned(),
            access_token: text("access_token")?,
            device_id: text("device_id")?,
        })
    }

    /// Where it is registered.
    pub fn homeserver(&self) -> &Homeserver {
        &self.homeserver
    }

    /// Says `text`. Returns the event's id.
    pub async fn say(&self, room: &str, text: &str) -> Result<String> {
        self.send(room, &json!({ "msgtype": "m.text", "body": text })).await
    }

    /// Sends a message with this content. Returns the event's id.
    pub async fn send(&self, room: &str, content: &Value) -> Result<String> {
        self.send_as(room, "m.room.message", &random_hex()?, content).await
    }

    /// Sends an event of any type with this transaction id, with which it is sent once however often it is called.
    pub async fn send_as(
        &self,
        room: &str,
        kind: &str,
        transaction: &str,
        content: &Value,
    ) -> Result<String> {
        let path = format!("/rooms/{room}/send/{kind}/{transaction}");
        let answer = self.client(Method::PUT, &path, Some(content)).await?;
        answer["event_id"].as_str().map(str::to_owned).context("Synapse gives an event_id")
    }

    /// Takes back what an event says.
    pub async fn redact(&self, room: &str, event: &str) -> Result<()> {
        let path = format!("/rooms/{room}/redact/{event}/{}", random_hex()?);
        self.client(Method::PUT, &path, Some(&json!({}))).await.map(drop)
    }

    /// All that happened in the room, oldest first, as far as this user may see it.
    pub async fn history(&self, room: &str) -> Result<Vec<Event>> {
        let mut history = Vec::new();
        let mut from = String::new();
        loop {
            let path = format!("/rooms/{room}/messages?dir=f&limit=500{from}");
            let page = self.client(Method::GET, &path, None).await?;
            let events = page["chunk"].as_array().context("Synapse gives a chunk")?;
            history.extend(events.iter().map(events::read));
            match page["end"].as_str() {
                Some(end) if !events.is_empty() => from = format!("&from={end}"),
                _ => return Ok(history),
            }
        }
    }

    /// The unencrypted messages in the room, oldest first. One that was taken back has no content.
    pub async fn messages(&self, room: &str) -> Result<Vec<Event>> {
        let mut events = self.history(room).await?;
        events.retain(|event| event.kind == "m.room.message");
        Ok(events)
    }

    /// A call of the client-server API, by the path that follows `/_matrix/client/v3`.
    pub async fn client(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Value> {
        self.call(method, &format!("/_matrix/client/v3{path}"), body).await
    }

    /// A call by its whole path.
    pub(super) async fn call(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Value> {
        let url = format!("{}{path}", self.homeserver.base_url());
        call(method, &url, Some(&self.access_token), body).await
    }
}
