//! The ids of this adapter: how they are made, and how they are read back.
//!
//! | id | text |
//! |---|---|
//! | conversation | `@<channel>` for a direct channel, `<channel>` for a guild's channel or thread |
//! | user | `<user>` |
//! | message | `<message>` |
//! | event | `m<message>`, or `m?<hash>` for a message without an id |
//!
//! Discord's ids ("snowflakes") are unique over all of Discord, and hold the time at which they were made.

use std::fmt;

use sha2::{Digest as _, Sha256};
use switchboard_core::{ConversationId, EventId, MessageId, UserId};

/// The first second of 2015, in milliseconds since 1970.
const EPOCH: u64 = 1_420_070_400_000;

/// A place to write to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Address {
    /// Discord's id of the channel; a thread is one too.
    pub(crate) channel: u64,
    /// Between the bot and one person.
    pub(crate) direct: bool,
}

impl Address {
    /// Reads back what [`Self::conversation`] wrote. `None` for a conversation that is not ours.
    pub(crate) fn parse(conversation: &ConversationId) -> Option<Self> {
        let text = conversation.as_str();
        let (direct, digits) = text.strip_prefix('@').map_or((false, text), |digits| (true, digits));
        Some(Self { channel: number(digits)?, direct })
    }

    pub(crate) fn conversation(self) -> ConversationId {
        ConversationId::new(self.to_string())
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", if self.direct { "@" } else { "" }, self.channel)
    }
}

pub(crate) fn user(id: u64) -> UserId {
    UserId::new(id.to_string())
}

pub(crate) fn message(id: u64) -> MessageId {
    MessageId::new(id.to_string())
}

/// The number of a message that [`message`] made.
pub(crate) fn parse_message(id: &MessageId) -> Option<u64> {
    number(id.as_str())
}

/// What was handed over is the message, so its id is the event's.
pub(crate) fn event(message: impl fmt::Display) -> EventId {
    EventId::new(format!("m{message}"))
}

/// A message without an id. Its text stands for what it is about.
pub(crate) fn nameless_event(raw: &str) -> EventId {
    let digest = Sha256::digest(raw.as_bytes());
    let what = u64::from_be_bytes(digest[..8].try_into().expect("a digest has 32 bytes"));
    event(format_args!("?{what:016x}"))
}

/// The first id of a millisecond since 1970.
pub(crate) fn first_of(unix_millis: u64) -> u64 {
    unix_millis.saturating_sub(EPOCH) << 22
}

/// When an id was made, in milliseconds since 1970.
pub(crate) fn millis(id: u64) -> u64 {
    (id >> 22) + EPOCH
}

fn number(digits: &str) -> Option<u64> {
    digits.parse().ok().filter(|_| digits.bytes().all(|byte| byte.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_conversation_is_read_back() {
        for (address, text) in [
            (Address { channel: 1_234_567_890_123_456_789, direct: true }, "@1234567890123456789"),
            (Address { channel: 17, direct: false }, "17"),
        ] {
            assert_eq!(address.conversation().as_str(), text);
            assert_eq!(Address::parse(&address.conversation()), Some(address));
        }
        for foreign in ["", "@", "site", "+7", "7/8", "@@7", "-7"] {
            assert_eq!(Address::parse(&ConversationId::new(foreign)), None, "{foreign:?}");
        }
    }

    #[test]
    fn an_event_without_an_id_keeps_its_id_from_build_to_build() {
        // It is stored, so it must never change.
        assert_eq!(nameless_event("{}").as_str(), "m?44136fa355b3678a");
    }

    #[test]
    fn an_id_holds_its_time() {
        // The example of Discord's documentation.
        assert_eq!(millis(175_928_847_299_117_063), 1_462_015_105_796);
        assert!(first_of(1_462_015_105_796) <= 175_928_847_299_117_063);
        assert_eq!(millis(first_of(1_462_015_105_796)), 1_462_015_105_796);
    }
}
