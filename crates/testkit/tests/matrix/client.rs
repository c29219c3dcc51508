//! A client that knows nothing but HTTP.

use std::time::Duration;

use reqwest::{Client, Error, RequestBuilder, Response};
use serde_json::{Value, json};
use switchboard_testkit::matrix::{FakeMatrix, Posted, Room, User};

pub const PASSWORD: &str = "the-password-of-the-bot";
/// For whatever a test waits for.
pub const LIMIT: Duration = Duration::from_secs(30);

/// A status and a body.
pub type Answer = (u16, Value);

#[derive(Clone)]
pub struct Http {
    client: Client,
    base: String,
    token: Option<String>,
}

impl Http {
    /// A client that is not logged in.
    pub fn new(matrix: &FakeMatrix) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = Client::builder().build().expect("a client");
        Self { client, base: format!("{}/_matrix/client", matrix.url()), token: None }
    }

    /// With this token.
    pub fn with_token(&self, token: &str) -> Self {
        Self { token: Some(token.to_owned()), ..self.clone() }
    }

    /// Any call at all: `GET /v3/sync`.
    pub fn request(&self, call: &str) -> RequestBuilder {
        let (method, path) = call.split_once(' ').expect("a method and a path");
        let request = self.client.request(method.parse().expect("a method"), format!("{}{path}", self.base));
        match &self.token {
            Some(token) => request.bearer_auth(token),
            None => request,
        }
    }

    /// Makes a call, with a body unless it is null.
    pub async fn response(&self, call: &str, body: &Value) -> Result<Response, Error> {
        let request = self.request(call);
        if body.is_null() { request } else { request.json(body) }.send().await
    }

    pub async fn call(&self, call: &str, body: Value) -> Result<Answer, Error> {
        let response = self.response(call, &body).await?;
        Ok((response.status().as_u16(), response.json().await?))
    }

    /// Makes a call that must succeed, and returns its result.
    pub async fn result(&self, call: &str, body: Value) -> Value {
        let (status, body) = self.call(call, body).await.expect("an answer");
        assert_eq!(status, 200, "{call}: {body}");
        body
    }

    pub async fn get(&self, path: &str) -> Value {
        self.result(&format!("GET {path}"), Value::Null).await
    }

    /// Makes a call that must be refused, and returns the status and the code.
    pub async fn refused(&self, call: &str, body: Value) -> (u16, String) {
        let (status, body) = self.call(call, body).await.expect("an answer");
        assert!(body["error"].is_string(), "{call}: {status} {body}");
        (status, body["errcode"].as_str().expect("a code").to_owned())
    }

    /// Sends a text under a transaction id, and returns the event's id.
    pub async fn send(&self, room: &Room, txn: &str, text: &str) -> String {
        let sent = self.result(&send(room, txn), json!({ "msgtype": "m.text", "body": text })).await;
        sent["event_id"].as_str().expect("an id").to_owned()
    }

    /// Syncs from a position (from the beginning if it is empty), at once.
    pub async fn sync(&self, since: &str) -> Value {
        let since = if since.is_empty() { String::new() } else { format!("&since={since}") };
        self.get(&format!("/v3/sync?timeout=0{since}")).await
    }

    /// A page of history.
    pub async fn page(&self, room: &Room, query: &str) -> Value {
        self.get(&format!("/v3/rooms/{}/messages?{query}", room.id())).await
    }
}

/// The call that sends to a room.
pub fn send(room: &Room, txn: &str) -> String {
    format!("PUT /v3/rooms/{}/send/m.room.message/{txn}", room.id())
}

/// The position after a sync.
pub fn next(sync: &Value) -> String {
    sync["next_batch"].as_str().expect("a position").to_owned()
}

/// The timeline of a room in a sync.
pub fn timeline<'a>(sync: &'a Value, room: &Room) -> &'a Value {
    &sync["rooms"]["join"][room.id()]["timeline"]
}

/// The texts of a list of events, those of all others empty.
pub fn texts(events: &Value) -> Vec<&str> {
    let events = events.as_array().expect("a list");
    events.iter().map(|event| event["content"]["body"].as_str().unwrap_or_default()).collect()
}

/// The ids of a list of events.
pub fn ids(events: &Value) -> Vec<&str> {
    events
        .as_array()
        .expect("a list")
        .iter()
        .map(|event| event["event_id"].as_str().expect("an id"))
        .collect()
}

/// What stands in a room: a server, the bot with its client, Alice, and the direct room that all of them are in.
pub struct Town {
    pub matrix: FakeMatrix,
    pub bot: User,
    pub alice: User,
    pub room: Room,
    pub http: Http,
}

pub async fn start() -> Town {
    let matrix = FakeMatrix::start().await.expect("the server starts");
    let (bot, alice) = (matrix.bot("support", PASSWORD), matrix.person("Alice"));
    let room = alice.direct(&bot);
    room.adds(&bot);
    let http = Http::new(&matrix).with_token(&bot.logs_in().access_token);
    Town { matrix, bot, alice, room, http }
}

/// Posts these texts, and returns the last.
pub fn says(town: &Town, texts: &[&str]) -> Posted {
    let posted = texts.iter().map(|text| town.alice.sends(&town.room, text));
    posted.last().expect("a text at least")
}
