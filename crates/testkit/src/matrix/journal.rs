//! What the server was asked, and what it accepted.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;
use tokio::time::Instant;

use super::request::Request;

/// One call of the client-server API.
#[derive(Clone, Debug)]
pub struct Call {
    /// The method and the path below `/_matrix/client/v3`, with `*` for what is named, for example
    /// `PUT /rooms/*/send/*/*`. Of a route that the server does not know, the method and the whole path.
    pub route: Arc<str>,
    /// Whether the server knows the route. What it does not know it answers 404 `M_UNRECOGNIZED`.
    pub known: bool,
    /// What stood in the place of each `*`.
    pub names: Arc<[String]>,
    /// The room that the path names.
    pub room_id: Option<String>,
    /// What stood behind the question mark.
    pub query: Arc<BTreeMap<String, String>>,
    /// The body. `null` where there was none.
    pub body: Arc<Value>,
    /// Whether it carried a token, good or not.
    pub token: bool,
    /// Whose token it was. `None` without one that is good.
    pub user_id: Option<String>,
    /// When it had been read.
    pub at: Instant,
    /// The status it was answered with. `None` until then, and for ever where the answer was withheld.
    pub status: Option<u16>,
}

/// One event that was accepted from a client.
#[derive(Clone, Debug)]
pub struct Sent {
    /// The room it is in.
    pub room_id: String,
    /// Its id.
    pub event_id: String,
    /// Who sent it.
    pub sender: String,
    /// Its type, such as `m.room.message`.
    pub kind: String,
    /// The transaction id it was sent under.
    pub txn_id: String,
    /// Its content.
    pub content: Arc<Value>,
    /// When it was accepted.
    pub at: Instant,
}

impl Sent {
    /// The plain text, empty where there is none.
    pub fn body(&self) -> &str {
        self.content["body"].as_str().unwrap_or_default()
    }

    /// The text in HTML, if there is one.
    pub fn formatted_body(&self) -> Option<&str> {
        self.content["formatted_body"].as_str()
    }

    /// The root of the thread that it is in.
    pub fn thread(&self) -> Option<&str> {
        let relation = &self.content["m.relates_to"];
        relation["event_id"].as_str().filter(|_| relation["rel_type"] == "m.thread")
    }

    /// The event that it answers. In a thread also where it only falls back to that.
    pub fn reply_to(&self) -> Option<&str> {
        self.content["m.relates_to"]["m.in_reply_to"]["event_id"].as_str()
    }
}

/// All that the server was asked. Only ever grows.
#[derive(Default)]
pub(super) struct Journal {
    pub(super) calls: Vec<Call>,
    pub(super) sent: Vec<Sent>,
}

impl Journal {
    /// Writes down a call and returns its place, for [`Journal::answered`].
    pub(super) fn called(&mut self, request: &Request, token: bool) -> usize {
        self.calls.push(Call {
            route: Arc::clone(&request.route),
            known: request.known,
            names: Arc::clone(&request.names),
            room_id: request.room().map(str::to_owned),
            query: Arc::clone(&request.query),
            body: Arc::clone(&request.body),
            token,
            user_id: request.by.as_ref().map(|by| by.user.clone()),
            at: Instant::now(),
            status: None,
        });
        self.calls.len() - 1
    }

    pub(super) fn answered(&mut self, call: usize, status: u16) {
        self.calls[call].status = Some(status);
    }
}
