//! Writing, as people do it.

use serde_json::{Value, json};

use super::people::User;
use super::places::Room;
use super::rooms::Letter;

/// An event that a user is about to send.
#[must_use = "it is sent by `send`"]
pub struct Draft<'a> {
    room: &'a Room,
    letter: Letter,
}

/// An event that is in a room.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Posted {
    /// The room.
    pub room_id: String,
    /// Its id.
    pub event_id: String,
    /// Where it is in all that the server tells, for [`User::has_heard`].
    pub position: u64,
}

/// Writing.
impl User {
    /// Sends a text.
    pub fn sends(&self, room: &Room, text: &str) -> Posted {
        self.says(room, text).send()
    }

    /// A text, to be sent.
    pub fn says<'a>(&self, room: &'a Room, text: &str) -> Draft<'a> {
        self.posts(room, json!({ "msgtype": "m.text", "body": text }))
    }

    /// A notice, which is what bots write to each other.
    pub fn notices<'a>(&self, room: &'a Room, text: &str) -> Draft<'a> {
        self.posts(room, json!({ "msgtype": "m.notice", "body": text }))
    }

    /// A file, of the sort that `msgtype` says: `m.image`, `m.file`, `m.audio`, `m.video`.
    pub fn attaches<'a>(&self, room: &'a Room, msgtype: &str, name: &str, mimetype: &str) -> Draft<'a> {
        let info = json!({ "mimetype": mimetype, "size": 12_345 });
        let url = "mxc://stand-in.test/abcdefghijklmnop";
        self.posts(
            room,
            json!({ "msgtype": msgtype, "body": name, "filename": name, "url": url, "info": info }),
        )
    }

    /// A place.
    pub fn shares_place<'a>(&self, room: &'a Room, text: &str, geo_uri: &str) -> Draft<'a> {
        self.posts(room, json!({ "msgtype": "m.location", "body": text, "geo_uri": geo_uri }))
    }

    /// A sticker.
    pub fn sticks<'a>(&self, room: &'a Room, text: &str) -> Draft<'a> {
        let info = json!({ "mimetype": "image/png", "w": 128, "h": 128, "size": 12_345 });
        let url = "mxc://stand-in.test/abcdefghijklmnop";
        self.posts(room, json!({ "body": text, "url": url, "info": info })).of_type("m.sticker")
    }

    /// A reaction to an event.
    pub fn reacts<'a>(&self, room: &'a Room, event_id: &str, key: &str) -> Draft<'a> {
        let relation = json!({ "rel_type": "m.annotation", "event_id": event_id, "key": key });
        self.posts(room, json!({ "m.relates_to": relation })).of_type("m.reaction")
    }

    /// A message with this content, well-formed or not.
    pub fn posts<'a>(&self, room: &'a Room, content: Value) -> Draft<'a> {
        Draft { room, letter: Letter::new(self.id(), "m.room.message", content) }
    }

    /// Changes a text of one's own. The change is an event of its own.
    pub fn edits(&self, room: &Room, event_id: &str, text: &str) -> Posted {
        let new = json!({ "msgtype": "m.text", "body": text, "m.mentions": {} });
        let draft = self.says(room, &format!("* {text}")).with("m.new_content", new);
        draft.with("m.relates_to", json!({ "rel_type": "m.replace", "event_id": event_id })).send()
    }

    /// Takes an event back: its content is gone, and an event of its own says so.
    pub fn redacts(&self, room: &Room, event_id: &str) -> Posted {
        let letter = Letter::new(self.id(), "m.room.redaction", json!({ "redacts": event_id }));
        room.write(Letter { redacts: Some(event_id.to_owned()), ..letter })
    }
}

impl Draft<'_> {
    /// In the thread that begins with this event.
    pub fn in_thread(self, root: &str) -> Self {
        let falls_back = json!({ "event_id": root });
        let relation = json!({
            "rel_type": "m.thread", "event_id": root, "is_falling_back": true, "m.in_reply_to": falls_back,
        });
        self.with("m.relates_to", relation)
    }

    /// In reply to an event, within the thread if it is in one.
    pub fn in_reply_to(mut self, event_id: &str) -> Self {
        let relation = &mut self.letter.content["m.relates_to"];
        if relation["rel_type"] == "m.thread" {
            relation["is_falling_back"] = false.into();
        }
        relation["m.in_reply_to"] = json!({ "event_id": event_id });
        self
    }

    /// Mentions a user. The text stays as it is.
    pub fn mentions(mut self, user: &User) -> Self {
        let users = &mut self.letter.content["m.mentions"]["user_ids"];
        let mut mentioned = users.as_array().cloned().unwrap_or_default();
        mentioned.push(user.id().into());
        *users = mentioned.into();
        self
    }

    /// With the same text in HTML.
    pub fn html(self, html: &str) -> Self {
        self.with("format", "org.matrix.custom.html").with("formatted_body", html)
    }

    /// With any other field of the content.
    pub fn with(mut self, field: &str, value: impl Into<Value>) -> Self {
        self.letter.content[field] = value.into();
        self
    }

    /// As an event of another type than `m.room.message`.
    pub fn of_type(mut self, kind: &str) -> Self {
        kind.clone_into(&mut self.letter.kind);
        self
    }

    /// Sends it.
    pub fn send(self) -> Posted {
        self.room.write(self.letter)
    }

    /// Sends it in such a way that no sync tells of it: where it belongs, the timeline is limited and begins after
    /// it. It is found in history only.
    pub fn send_unheard(mut self) -> Posted {
        self.letter.unheard = true;
        self.send()
    }
}
