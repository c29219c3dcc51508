//! What a peer has heard.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};

use serde_json::Value;

/// A message of somebody else.
#[derive(Clone, Debug, PartialEq)]
pub struct Message {
    /// `$…`
    pub event_id: String,
    /// The user it is from.
    pub sender: String,
    /// Whether it came encrypted.
    pub secrecy: Secrecy,
    /// What it says. Of an undecryptable one, the ciphertext.
    pub content: Value,
}

/// How a message came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Secrecy {
    /// Readable by the server.
    Plain,
    /// Encrypted, and decrypted here.
    Decrypted,
    /// Encrypted with a key that did not come.
    Undecryptable,
}

impl Message {
    /// The plain text; empty where there is none.
    pub fn body(&self) -> &str {
        self.content["body"].as_str().unwrap_or_default()
    }

    /// The text as HTML.
    pub fn formatted_body(&self) -> Option<&str> {
        self.content["formatted_body"].as_str()
    }

    /// What it answers, or which thread it is in: the content of `m.relates_to`.
    pub fn relates_to(&self) -> Option<&Value> {
        self.content.get("m.relates_to")
    }

    fn read(raw: &Value) -> Option<Self> {
        let text = |name: &str| raw[name].as_str().map(str::to_owned);
        let secrecy = match raw["secrecy"].as_str()? {
            "plain" => Secrecy::Plain,
            "decrypted" => Secrecy::Decrypted,
            _ => Secrecy::Undecryptable,
        };
        let (event_id, sender) = (text("event_id")?, text("sender")?);
        Some(Self { event_id, sender, secrecy, content: raw["content"].clone() })
    }
}

/// What a peer's program printed, sorted.
#[derive(Debug, Default)]
pub(super) struct Inbox(Mutex<Heard>);

#[derive(Debug, Default)]
struct Heard {
    ready: bool,
    answers: HashMap<u64, Value>,
    rooms: HashMap<String, Room>,
}

#[derive(Debug, Default)]
struct Room {
    messages: Vec<Message>,
    /// How many of them were taken.
    taken: usize,
}

impl Inbox {
    /// Sorts what is printed from now on until the program ends.
    pub fn fill_from(self: &Arc<Self>, output: impl Read + Send + 'static) -> JoinHandle<()> {
        let inbox = Arc::clone(self);
        thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(std::io::Result::ok) {
                inbox.sort(&serde_json::from_str(&line).unwrap_or_default());
            }
        })
    }

    pub fn expect_start(&self) {
        self.lock().ready = false;
    }

    pub fn is_ready(&self) -> bool {
        self.lock().ready
    }

    pub fn answer(&self, id: u64) -> Option<Value> {
        self.lock().answers.remove(&id)
    }

    /// The oldest message that was not taken before.
    pub fn take(&self, room: &str) -> Option<Message> {
        let mut heard = self.lock();
        let room = heard.rooms.get_mut(room)?;
        let message = room.messages.get(room.taken)?.clone();
        room.taken += 1;
        Some(message)
    }

    pub fn messages(&self, room: &str) -> Vec<Message> {
        self.lock().rooms.get(room).map(|room| room.messages.clone()).unwrap_or_default()
    }

    fn sort(&self, line: &Value) {
        let mut heard = self.lock();
        if line["ready"] == true {
            heard.ready = true;
        }
        if let Some(id) = line["answer"].as_u64() {
            heard.answers.insert(id, line.clone());
        }
        let message = &line["message"];
        if let (Some(room), Some(read)) = (message["room"].as_str(), Message::read(message)) {
            heard.rooms.entry(room.to_owned()).or_default().messages.push(read);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Heard> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
