//! What an update means: at most one event.
//!
//! teloxide reads the updates. What it cannot read whole, mostly because Telegram has learned something
//! since, is read again without what is new (`cut`); only what makes no sense even then is kept as
//! unreadable.

mod address;
mod author;
mod cut;
mod direct;
mod rich;
mod words;

use serde::Deserialize;
use serde_json::Value;
use switchboard_core::{ConversationMoved, Event, IncomingMessage, Place, Reachability, Unreadable};
use teloxide_core::types::{
    ChatMemberKind, ChatMemberUpdated, ChatMigration, MediaKind, Message, MessageKind, Update, UpdateKind,
};
use time::OffsetDateTime;

use crate::{
    Edited, TelegramConfig,
    bot::Me,
    id::{self, Address, Topic},
};

use self::direct::Direct;

/// Reads the updates of one bot.
pub(crate) struct Reader<'a> {
    me: &'a Me,
    config: &'a TelegramConfig,
}

/// What was read.
#[derive(Debug)]
pub(crate) struct Read {
    /// The update's id, if it has one.
    pub(crate) update: Option<u32>,
    /// What it means. `None`: nothing that is of use to anybody.
    pub(crate) event: Option<Event>,
}

/// How much of an update is kept for a person to look at, in bytes. The largest are far smaller.
const MAX_RAW: usize = 256 * 1024;

impl<'a> Reader<'a> {
    pub(crate) fn new(me: &'a Me, config: &'a TelegramConfig) -> Self {
        Self { me, config }
    }

    /// Reads one update as it came.
    pub(crate) fn read(&self, raw: &str) -> Read {
        let Update { id, kind } = match serde_json::from_str::<Update>(raw) {
            Ok(update) => update,
            // Without an id, or with one that is out of range: it cannot be confirmed by itself.
            Err(error) => {
                return Read { update: id_of(raw), event: Some(unreadable(id_of(raw), raw, &error)) };
            }
        };
        let mut event = match kind {
            UpdateKind::Message(message) if message.kind == (MessageKind::Empty {}) => {
                self.new_to_us(id.0, raw)
            }
            UpdateKind::EditedMessage(message) if message.kind == (MessageKind::Empty {}) => {
                self.new_to_us(id.0, raw)
            }
            UpdateKind::Message(message) => self.message(id.0, &message),
            UpdateKind::EditedMessage(message) => self.edited(id.0, &message),
            UpdateKind::MyChatMember(change) => membership(id.0, &change),
            UpdateKind::Error(_) => self.new_to_us(id.0, raw),
            // Nothing else was asked for.
            _ => None,
        };
        if let Some(Event::Message(message)) = &event
            && let Some(direct) = Direct::of(raw)
        {
            event = direct.place(message.clone());
        }
        Read { update: Some(id.0), event }
    }

    /// An update with something in it that teloxide does not know.
    fn new_to_us(&self, update: u32, raw: &str) -> Option<Event> {
        let Ok(mut whole) = serde_json::from_str::<Value>(raw) else {
            return Some(unreadable(Some(update), raw, &"it is not JSON"));
        };
        for (field, edited) in [("message", false), ("edited_message", true)] {
            let Some(message) = whole.get_mut(field) else { continue };
            return match cut::readable(message.take()) {
                Some(cut::Cut::Message(message)) if edited => self.edited(update, &message),
                Some(cut::Cut::Message(message)) => self.message(update, &message),
                Some(cut::Cut::Service) => None,
                None => Some(unreadable(Some(update), raw, &"the message lacks what every message has")),
            };
        }
        Some(unreadable(Some(update), raw, &"neither its kind nor its content is known"))
    }

    fn message(&self, update: u32, message: &Message) -> Option<Event> {
        if let Some(moved) = migration(update, message) {
            return Some(moved);
        }
        let text = words::of(message)?;
        self.written(update, message, text, false)
    }

    fn edited(&self, update: u32, message: &Message) -> Option<Event> {
        // A live location is edited every few seconds, and by nobody.
        let moving = message.location().is_some();
        if self.config.edited == Edited::Ignore || moving {
            return None;
        }
        let text = format!("[edited message]\n{}", words::of(message)?);
        self.written(update, message, text, true)
    }

    /// A message that somebody wrote, with its text. `None` if nobody did.
    fn written(&self, update: u32, message: &Message, text: String, edited: bool) -> Option<Event> {
        let author = author::of(message)?;
        let chat = message.chat.id.0;
        let number = message.id.0;
        let place = if message.chat.is_private() { Place::Direct } else { Place::Group };
        let answer = self.config.greeting.clone();
        Some(Event::Message(IncomingMessage {
            event_id: id::event(
                update,
                chat,
                format_args!("{number}{}", if edited { ":edited" } else { "" }),
            ),
            conversation: address_of(message).conversation(),
            place,
            addressed: address::addressed(message, self.me),
            user: id::user(author.id),
            user_name: author.name,
            native_id: Some(id::message(chat, number)),
            answer: answer.filter(|_| place == Place::Direct && !edited && address::is_start(message)),
            text,
            sent_at: OffsetDateTime::from_unix_timestamp(message.date.timestamp()).ok(),
        }))
    }
}

/// Where the message was written. Replies outside of forums name a thread too, which is none to write to.
fn address_of(message: &Message) -> Address {
    let topic =
        message.thread_id.filter(|_| message.is_topic_message).map(|thread| Topic::Thread(thread.0.0));
    Address { chat: message.chat.id.0, topic }
}

/// A group says that it is a supergroup from now on, or the supergroup which group it was. Only groups
/// without topics can, so there is one conversation to move.
fn migration(update: u32, message: &Message) -> Option<Event> {
    let MessageKind::Common(common) = &message.kind else { return None };
    let MediaKind::Migration(migration) = common.media_kind else { return None };
    let here = message.chat.id.0;
    let (from, to) = match migration {
        ChatMigration::To { chat_id } => (here, chat_id.0),
        ChatMigration::From { chat_id } => (chat_id.0, here),
    };
    Some(Event::Moved(ConversationMoved {
        event_id: id::event(update, here, message.id.0),
        from: Address::chat(from).conversation(),
        to: Address::chat(to).conversation(),
    }))
}

/// In a private chat: the bot was blocked, or is no more. In a group: it was thrown out, or let in.
fn membership(update: u32, change: &ChatMemberUpdated) -> Option<Event> {
    let present = |kind: &ChatMemberKind| match kind {
        ChatMemberKind::Owner(_) | ChatMemberKind::Administrator(_) | ChatMemberKind::Member(_) => true,
        ChatMemberKind::Restricted(restricted) => restricted.is_member,
        ChatMemberKind::Left | ChatMemberKind::Banned(_) => false,
    };
    if change.chat.is_channel() {
        return None;
    }
    let reachable = present(&change.new_chat_member.kind);
    // Other rights than before, for example.
    if reachable == present(&change.old_chat_member.kind) {
        return None;
    }
    let chat = change.chat.id.0;
    Some(Event::Reachable(Reachability {
        event_id: id::event(update, chat, format_args!("member@{}", change.date.timestamp())),
        conversation: Address::chat(chat).conversation(),
        reachable,
    }))
}

fn unreadable(update: Option<u32>, raw: &str, reason: &dyn std::fmt::Display) -> Event {
    let mut end = raw.len().min(MAX_RAW);
    while !raw.is_char_boundary(end) {
        end -= 1;
    }
    Event::Unreadable(Unreadable {
        event_id: id::unreadable(update, raw),
        reason: reason.to_string(),
        raw: raw[..end].to_owned(),
    })
}

fn id_of(raw: &str) -> Option<u32> {
    #[derive(Deserialize)]
    struct Head {
        update_id: u32,
    }
    serde_json::from_str::<Head>(raw).ok().map(|head| head.update_id)
}
