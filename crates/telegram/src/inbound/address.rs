//! Whether a message is meant for the bot.
//!
//! In a private chat it is. In a group it is if it
//!
//! - mentions the bot by its name, or by its account,
//! - replies to one of its messages,
//! - is a command for it: `/command@its_name`. A command that names nobody is for all bots in the
//!   group; with privacy mode on Telegram hands over only those that it takes to be for this one, and
//!   then so do we.
//!
//! The text stays as it was written, with the mention: what somebody says to the bot by name makes
//! sense with the name in it, and only its author could say which of the words are the message.

use switchboard_core::Addressed;
use teloxide_core::types::{Message, MessageEntity, MessageEntityKind, MessageKind};

use crate::bot::Me;

pub(super) fn addressed(message: &Message, me: &Me) -> Addressed {
    let by_text = || {
        let (text, entities) = text_of(message);
        entities.iter().any(|entity| names(text, entity, me))
    };
    if message.chat.is_private() || replies_to(message, me) || by_text() {
        Addressed::ToBot
    } else {
        Addressed::ToRoom
    }
}

/// Whether this is `/start`, with or without a parameter.
pub(super) fn is_start(message: &Message) -> bool {
    let command = message.text().and_then(|text| text.split_whitespace().next());
    command.is_some_and(|command| command == "/start" || command.starts_with("/start@"))
}

fn text_of(message: &Message) -> (&str, &[MessageEntity]) {
    match (message.text(), message.caption()) {
        (Some(text), _) => (text, message.entities().unwrap_or_default()),
        (None, Some(caption)) => (caption, message.caption_entities().unwrap_or_default()),
        (None, None) => ("", &[]),
    }
}

fn names(text: &str, entity: &MessageEntity, me: &Me) -> bool {
    let is_me = |name: &str| me.username.as_deref().is_some_and(|mine| mine.eq_ignore_ascii_case(name));
    match &entity.kind {
        MessageEntityKind::TextMention { user } => user.id.0 == me.id,
        MessageEntityKind::Mention => {
            utf16_slice(text, entity).and_then(|mention| mention.strip_prefix('@')).is_some_and(is_me)
        }
        MessageEntityKind::BotCommand => match utf16_slice(text, entity).map(|it| it.split_once('@')) {
            Some(Some((_, name))) => is_me(name),
            Some(None) => entity.offset == 0 && !me.can_read_all_group_messages,
            None => false,
        },
        _ => false,
    }
}

/// In a topic, every message that replies to no other replies to the message that opened the topic.
/// That the bot opened it says nothing.
fn replies_to(message: &Message, me: &Me) -> bool {
    message.reply_to_message().is_some_and(|replied| {
        let of_me = replied.from.as_ref().is_some_and(|user| user.id.0 == me.id);
        of_me && !matches!(replied.kind, MessageKind::ForumTopicCreated(_))
    })
}

/// The part of a text that an entity is about. `None` if it is not within the text.
fn utf16_slice<'a>(text: &'a str, entity: &MessageEntity) -> Option<&'a str> {
    let (mut units, end) = (0_usize, entity.offset.checked_add(entity.length)?);
    let mut begin = None;
    for (position, character) in
        text.char_indices().map(Some).chain([None]).map(|it| it.unwrap_or((text.len(), '\0')))
    {
        if units == entity.offset {
            begin.get_or_insert(position);
        }
        if units == end {
            return text.get(begin?..position);
        }
        units += character.len_utf16();
    }
    None
}
