//! The ids of this adapter: how they are made, and how they are read back.
//!
//! | id | text |
//! |---|---|
//! | conversation | `<chat>`, `<chat>/<topic>` for a topic, or `<chat>/d<topic>` for what somebody writes to a channel |
//! | user | `<user>`, or `<chat>` for who writes in a chat's name |
//! | message | `<chat>:<message>` |
//! | event | `u<update>:…` with what it is about |
//!
//! An update's id alone would not do for an event: after a week without updates Telegram goes on with
//! a random one, so that an old id may come again for something else. Together with the chat and the
//! message it names one thing only.
//!
//! A message's id holds its chat because ids begin anew in a supergroup that a group has become: an
//! answer that was under way must not quote a stranger's message.

use std::fmt;

use sha2::{Digest as _, Sha256};
use switchboard_core::{ConversationId, EventId, MessageId, UserId};

/// A place to write to: a private chat, a group, or a part of either.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Address {
    /// Telegram's id of the chat. At most 52 bits, negative for groups.
    pub(crate) chat: i64,
    /// Which part.
    pub(crate) topic: Option<Topic>,
}

/// A part of a chat.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Topic {
    /// A topic of a forum or of a private chat, by its `message_thread_id`.
    Thread(i32),
    /// What one person and a channel write to each other, by its `direct_messages_topic_id`.
    Direct(i64),
}

impl Address {
    /// The chat itself, or a forum's General topic, whose messages name no topic.
    pub(crate) fn chat(chat: i64) -> Self {
        Self { chat, topic: None }
    }

    /// Reads back what [`Self::conversation`] wrote. `None` for a conversation that is not ours.
    pub(crate) fn parse(conversation: &ConversationId) -> Option<Self> {
        match conversation.as_str().split_once('/') {
            None => Some(Self::chat(conversation.as_str().parse().ok()?)),
            Some((chat, topic)) => {
                let topic = match topic.strip_prefix('d') {
                    Some(direct) => Topic::Direct(direct.parse().ok()?),
                    None => Topic::Thread(topic.parse().ok()?),
                };
                Some(Self { chat: chat.parse().ok()?, topic: Some(topic) })
            }
        }
    }

    pub(crate) fn conversation(self) -> ConversationId {
        ConversationId::new(self.to_string())
    }

    /// Groups have negative ids.
    pub(crate) fn is_group(self) -> bool {
        self.chat < 0
    }

    /// For the parameter of this name.
    pub(crate) fn message_thread_id(self) -> Option<i32> {
        match self.topic {
            Some(Topic::Thread(id)) => Some(id),
            _ => None,
        }
    }

    /// For the parameter of this name. Telegram refuses what goes to such a chat without it.
    pub(crate) fn direct_messages_topic_id(self) -> Option<i64> {
        match self.topic {
            Some(Topic::Direct(id)) => Some(id),
            _ => None,
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.topic {
            None => write!(f, "{}", self.chat),
            Some(Topic::Thread(topic)) => write!(f, "{}/{topic}", self.chat),
            Some(Topic::Direct(topic)) => write!(f, "{}/d{topic}", self.chat),
        }
    }
}

/// A person, or a chat in whose name somebody writes.
pub(crate) fn user(id: impl fmt::Display) -> UserId {
    UserId::new(id.to_string())
}

/// A message in a chat.
pub(crate) fn message(chat: i64, message: i32) -> MessageId {
    MessageId::new(format!("{chat}:{message}"))
}

/// The number of the message, if it is one of this chat.
pub(crate) fn message_in(chat: i64, message: &MessageId) -> Option<i32> {
    let (of, number) = message.as_str().split_once(':')?;
    (of.parse::<i64>() == Ok(chat)).then_some(number.parse().ok()?)
}

/// What an update tells about this chat, where `what` tells apart what it may tell.
pub(crate) fn event(update: u32, chat: i64, what: impl fmt::Display) -> EventId {
    EventId::new(format!("u{update}:{chat}:{what}"))
}

/// An update that cannot be read. Its text stands for what it is about.
pub(crate) fn unreadable(update: Option<u32>, raw: &str) -> EventId {
    let digest = Sha256::digest(raw.as_bytes());
    let what = u64::from_be_bytes(digest[..8].try_into().expect("a digest has 32 bytes"));
    match update {
        Some(update) => EventId::new(format!("u{update}:{what:016x}")),
        None => EventId::new(format!("u:{what:016x}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_conversation_is_read_back() {
        for (address, text) in [
            (Address::chat(5_000_000_001), "5000000001"),
            (Address::chat(-1_002_000_000_001), "-1002000000001"),
            (Address { chat: -1_002_000_000_001, topic: Some(Topic::Thread(17)) }, "-1002000000001/17"),
            (
                Address { chat: -1_002_000_000_001, topic: Some(Topic::Direct(5 << 33)) },
                "-1002000000001/d42949672960",
            ),
        ] {
            assert_eq!(address.conversation().as_str(), text);
            assert_eq!(Address::parse(&address.conversation()), Some(address));
        }
        for foreign in ["", "site", "7/", "/7", "7/8/9", "7:8", "7/d", "7/dd8"] {
            assert_eq!(Address::parse(&ConversationId::new(foreign)), None, "{foreign:?}");
        }
    }

    #[test]
    fn a_message_is_answered_in_its_own_chat_only() {
        let id = message(-4, 17);
        assert_eq!(message_in(-4, &id), Some(17));
        assert_eq!(message_in(-1_004, &id), None, "the group has become a supergroup");
        assert_eq!(message_in(-4, &MessageId::new("17")), None);
    }

    #[test]
    fn an_update_id_that_comes_again_for_something_else_is_another_event() {
        assert_eq!(event(7, -4, 1), event(7, -4, 1));
        assert_ne!(event(7, -4, 1), event(7, -4, 2));
        assert_ne!(event(7, -4, 1), event(7, -5, 1));
        assert_ne!(unreadable(Some(7), "{}"), unreadable(Some(7), "[]"));
    }
}
