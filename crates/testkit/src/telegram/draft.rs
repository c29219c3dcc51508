//! Writing to the bot, as a person does it.

use serde_json::{Map, Value, json};

use super::bot::Bot;
use super::chats::{Letter, Reach};
use super::people::Chat;
use super::sending::units;

/// A message that a user is about to send.
#[must_use = "it is sent by `send`"]
pub struct Draft<'a> {
    bot: &'a Bot,
    chat_id: i64,
    letter: Letter,
}

/// A message that a user sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Posted {
    /// The update that tells of it. `None` if the bot did not want to hear.
    pub update_id: Option<i64>,
    /// The chat it is in.
    pub chat_id: i64,
    /// Its id, unique within the chat.
    pub message_id: i64,
}

impl<'a> Draft<'a> {
    /// To the private chat, until it is told otherwise.
    pub(super) fn new(bot: &'a Bot, author: i64, content: Map<String, Value>) -> Self {
        Self { bot, chat_id: author, letter: Letter { author, content, ..Letter::default() } }
    }

    /// Into this chat instead of the private one.
    pub fn to(mut self, chat: &Chat) -> Self {
        self.chat_id = chat.id();
        self
    }

    /// Into a topic of the forum.
    pub fn in_topic(mut self, topic: i64) -> Self {
        self.letter.topic = Some(topic);
        self
    }

    /// In reply to a message of the same chat.
    pub fn in_reply_to(mut self, message_id: i64) -> Self {
        self.letter.reply_to = Some(message_id);
        self
    }

    /// With any other field of a message, for example `caption`, `sticker` or `entities`.
    pub fn with(mut self, field: &str, value: impl Into<Value>) -> Self {
        self.letter.content.insert(field.to_owned(), value.into());
        self
    }

    /// Sends it: it is in the chat, and the bot's queue has it.
    pub fn send(mut self) -> Posted {
        for (text, entities) in [("text", "entities"), ("caption", "caption_entities")] {
            let found =
                self.letter.content.get(text).and_then(Value::as_str).map(entities_of).unwrap_or_default();
            if !found.is_empty() {
                self.letter.content.entry(entities).or_insert(found.into());
            }
        }
        let shared = self.bot.shared();
        let mut state = shared.lock();
        if let Some(chat) = state.chats.get_mut(&self.chat_id).filter(|chat| chat.reach == Reach::NotStarted)
        {
            chat.reach = Reach::Open;
        }
        let (message_id, message) = state.write(self.chat_id, self.letter);
        let body = Map::from_iter([("message".to_owned(), message.into())]);
        Posted { update_id: shared.push(&mut state, body), chat_id: self.chat_id, message_id }
    }
}

/// The mentions and commands in a text, which Telegram finds by itself.
fn entities_of(text: &str) -> Vec<Value> {
    let mut entities = Vec::new();
    let mut offset = 0;
    for word in text.split_inclusive(char::is_whitespace) {
        let end = |character: char| !(character.is_ascii_alphanumeric() || "_@/".contains(character));
        let name = word.split(end).next().unwrap_or_default();
        let kind = match name.as_bytes() {
            [b'@', _, ..] => Some("mention"),
            [b'/', _, ..] => Some("bot_command"),
            _ => None,
        };
        entities.extend(kind.map(|kind| json!({ "type": kind, "offset": offset, "length": units(name) })));
        offset += units(word);
    }
    entities
}
