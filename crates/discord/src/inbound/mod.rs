//! What a message means: an event, or nothing.
//!
//! Messages come alike from the gateway and from history; what history leaves out (the guild, the author's
//! membership) is given by whoever asked for it.

mod addressed;
mod words;
mod written;

use serde::Deserialize;
use serde_json::value::RawValue;
use switchboard_core::{Event, IncomingMessage, Place, Unreadable};
use time::OffsetDateTime;

use crate::id::{self, Address};
use written::Written;

/// How much of a message is kept for a person to look at, in bytes. The largest are far smaller.
const MAX_RAW: usize = 256 * 1024;

/// Who the bot is, in the eyes of one guild or of one person.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Me<'a> {
    pub(crate) id: u64,
    /// Its roles in the guild.
    pub(crate) roles: &'a [u64],
}

/// A message, before anything of it is needed but where it belongs.
#[derive(Debug, Deserialize)]
pub(crate) struct Head {
    pub(crate) id: serenity::model::id::MessageId,
    pub(crate) channel_id: serenity::model::id::ChannelId,
    /// Only from the gateway.
    pub(crate) guild_id: Option<serenity::model::id::GuildId>,
    #[serde(default)]
    mention_roles: Vec<serenity::model::id::RoleId>,
}

impl Head {
    pub(crate) fn read(raw: &RawValue) -> Option<Self> {
        serde_json::from_str(raw.get()).ok()
    }

    /// Whether it takes the bot's roles to tell whom it is for.
    pub(crate) fn mentions_roles(&self) -> bool {
        !self.mention_roles.is_empty()
    }
}

/// Reads a message. `None` for what nobody wrote: bots, webhooks, the system, and the channel itself.
pub(crate) fn read(raw: &RawValue, head: &Head, address: Address, me: Me<'_>) -> Option<Event> {
    match Written::read(raw) {
        Ok(message) => written(&message, address, me).map(Event::Message),
        // What bots write has forms that nobody else's messages have.
        Err(_) if is_of_a_machine(raw) => None,
        Err(error) => Some(unreadable(head, raw, &error)),
    }
}

fn is_of_a_machine(raw: &RawValue) -> bool {
    #[derive(Deserialize)]
    struct Author {
        #[serde(default)]
        bot: bool,
    }
    #[derive(Deserialize)]
    struct Signed {
        author: Author,
        webhook_id: Option<serde::de::IgnoredAny>,
    }
    let written = serde_json::from_str::<Signed>(raw.get());
    written.is_ok_and(|written| written.author.bot || written.webhook_id.is_some())
}

/// Whether the message shows nothing at all, as one whose content is withheld from the bot.
pub(crate) fn is_withheld(event: &Event) -> bool {
    matches!(event, Event::Message(message) if message.text == words::EMPTY && message.place == Place::Group)
}

fn written(message: &Written, address: Address, me: Me<'_>) -> Option<IncomingMessage> {
    let author = &message.author;
    if !message.is_of_a_person() || author.id.get() == me.id {
        return None;
    }
    let number = message.id.get();
    Some(IncomingMessage {
        event_id: id::event(number),
        conversation: address.conversation(),
        place: if address.direct { Place::Direct } else { Place::Group },
        addressed: addressed::addressed(message, address, me),
        user: id::user(author.id.get()),
        user_name: Some(author.name().to_owned()),
        native_id: Some(id::message(number)),
        text: words::of(message),
        sent_at: sent_at(number),
        answer: None,
    })
}

fn sent_at(message: u64) -> Option<OffsetDateTime> {
    OffsetDateTime::from_unix_timestamp_nanos(i128::from(id::millis(message)) * 1_000_000).ok()
}

/// The error is told without what it quotes: whoever wrote the message may have chosen that.
fn unreadable(head: &Head, raw: &RawValue, error: &serde_json::Error) -> Event {
    let raw = raw.get();
    let mut end = raw.len().min(MAX_RAW);
    while !raw.is_char_boundary(end) {
        end -= 1;
    }
    Event::Unreadable(Unreadable {
        event_id: id::event(head.id.get()),
        reason: format!("the message is not as Discord documents it, at column {}", error.column()),
        raw: raw[..end].to_owned(),
    })
}
