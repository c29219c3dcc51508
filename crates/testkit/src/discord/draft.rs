//! Writing, as people do it.

use serde_json::{Map, Value, json};

use super::bot::Bot;
use super::messages::{Letter, Pings};
use super::places::Channel;
use super::state::State;

/// A message that somebody is about to send.
#[must_use = "it is sent by `send`"]
pub struct Draft<'a> {
    bot: &'a Bot,
    channel: Option<u64>,
    letter: Letter,
}

/// A message that somebody sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Posted {
    /// The channel, the thread or the direct channel it is in.
    pub channel_id: u64,
    /// Its id.
    pub message_id: u64,
}

impl<'a> Draft<'a> {
    pub(super) fn new(bot: &'a Bot, author: u64, text: &str) -> Self {
        let letter = Letter {
            author,
            content: text.to_owned(),
            reply_to: None,
            pings: Pings::ALL,
            fields: Map::new(),
        };
        Self { bot, channel: None, letter }
    }

    /// Into this channel or thread instead of the direct one.
    pub fn in_channel(mut self, channel: &Channel) -> Self {
        self.channel = Some(channel.id());
        self
    }

    /// In reply to a message of the same channel, whose author is notified.
    pub fn in_reply_to(mut self, message_id: u64) -> Self {
        self.letter.reply_to = Some(message_id);
        self
    }

    /// Without notifying the author of the message that is replied to.
    pub fn without_ping(mut self) -> Self {
        self.letter.pings.replied = false;
        self
    }

    /// With a file of so many bytes.
    pub fn attaches(mut self, filename: &str, content_type: &str, size: u32) -> Self {
        let id = self.bot.shared().lock().ids.fresh();
        let base = self.bot.shared().gateway.replacen("ws:", "http:", 1);
        // Discord's expire; these lead nowhere at once.
        let url = format!("{base}/attachments/{id}/{filename}?ex=0&is=0&hm=0");
        let file = json!({
            "id": id.to_string(), "filename": filename, "content_type": content_type, "size": size,
            "url": url, "proxy_url": url,
        });
        self.add("attachments", file);
        self
    }

    /// With a sticker.
    pub fn sticker(mut self, name: &str) -> Self {
        let id = self.bot.shared().lock().ids.fresh();
        self.add("sticker_items", json!({ "id": id.to_string(), "name": name, "format_type": 1 }));
        self
    }

    /// As a message of another type, for example 7 for "has joined".
    pub fn of_type(self, kind: u8) -> Self {
        self.with("type", kind)
    }

    /// With any other field of a message, for example `embeds`.
    pub fn with(mut self, field: &str, value: impl Into<Value>) -> Self {
        self.letter.fields.insert(field.to_owned(), value.into());
        self
    }

    /// Sends it: it is in the channel's history, and sessions hear of it.
    pub fn send(self) -> Posted {
        let bot = self.bot;
        let mut state = bot.shared().lock();
        let posted = self.write(&mut state);
        state.announce("MESSAGE_CREATE", posted.channel_id, posted.message_id);
        posted
    }

    /// Sends it, but the gateway loses it: it is in the channel's history, and no session ever hears of it.
    pub fn send_unheard(self) -> Posted {
        let bot = self.bot;
        let mut state = bot.shared().lock();
        self.write(&mut state)
    }

    fn write(self, state: &mut State) -> Posted {
        let channel_id = self.channel.unwrap_or_else(|| state.direct(self.letter.author));
        let archived = state.channel_mut(channel_id).thread.is_some_and(|thread| thread.archived);
        if archived {
            state.unarchive(channel_id);
        }
        let message_id = state.write(channel_id, self.letter);
        Posted { channel_id, message_id }
    }

    fn add(&mut self, field: &str, item: Value) {
        let list = self.letter.fields.entry(field).or_insert_with(|| json!([]));
        list.as_array_mut().expect("the field holds a list").push(item);
    }
}
