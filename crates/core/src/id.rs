//! The identifiers that cross the contract. All are opaque outside of the crate that mints them.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Declares a string newtype: one type per kind of id, so that they cannot be mixed up.
macro_rules! string_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            /// Wraps the id as its minter wrote it.
            pub fn new(id: impl Into<String>) -> Self {
                Self(id.into())
            }

            /// The id as its minter wrote it.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

string_id! {
    /// The name of a channel, as configured. Unique within a gateway. Stored, and a part of every
    /// [`ChatId`] of the channel: another name means new chats.
    ChannelName
}
string_id! {
    /// The name of an AI backend, as configured. Unique within a gateway. Stored.
    AiName
}
string_id! {
    /// A place on the messenger where messages are exchanged: a direct chat, a group, a topic or
    /// thread in one. Minted and parsed only by the adapter. Unique within a channel. Stored, so
    /// changing its format is a migration.
    ConversationId
}
string_id! {
    /// A person on the messenger. Minted and parsed only by the adapter. Unique within a channel. Stored.
    UserId
}
string_id! {
    /// One thing that happened on the messenger. Minted by the adapter; an event that is handed
    /// over twice must carry the same id both times, since that is how the second one is
    /// recognised. Unique within a channel. Stored.
    EventId
}
string_id! {
    /// A message on the messenger. Minted and parsed only by the adapter. Unique within a
    /// conversation. Stored.
    MessageId
}
string_id! {
    /// Where an adapter stands in its platform's stream: an update offset, a sync token. Written
    /// and read only by the adapter; stored with the events that it covers.
    Cursor
}
string_id! {
    /// The name under which a chat is known to the AI platform: readable, deterministic, unique
    /// within the gateway. Minted by [`crate::chat_id`]; looked up, never parsed.
    ChatId
}
string_id! {
    /// Makes a repeated send recognisable to the platform. Minted by the engine once per
    /// delivery and the same over all its attempts; 24 hexadecimal digits, unique everywhere
    /// (Discord's nonce takes 25 characters at most).
    IdempotencyKey
}

/// Where a message stands in its chat. Grows in the order in which the messages of one chat were
/// committed; says nothing between chats. Minted by the store.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Position(pub i64);

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
