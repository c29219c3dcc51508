//! The ids of this adapter: how they are made, and how they are read back.
//!
//! | id | text |
//! |---|---|
//! | conversation | `<room>`, or `<room>/<root>` for a thread, by the id of its first message |
//! | user | `<user>`, with the server |
//! | message | `<event>` |
//! | event | `<event>`; `?` and a hash of the whole where there is no id |

use matrix_sdk::ruma::{EventId as NativeId, OwnedEventId, OwnedRoomId};
use sha2::{Digest as _, Sha256};
use switchboard_core::{ConversationId, EventId, MessageId};

/// A place to write to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Address {
    pub(crate) room: OwnedRoomId,
    /// The first message of the thread.
    pub(crate) thread: Option<OwnedEventId>,
}

impl Address {
    /// Reads back what [`Self::conversation`] wrote. `None` for a conversation that is not ours.
    pub(crate) fn parse(conversation: &ConversationId) -> Option<Self> {
        let text = conversation.as_str();
        // An event's id has one `$`, at its beginning, while it may have slashes.
        let (room, thread) = match text.rfind("/$") {
            Some(slash) if slash + 2 < text.len() => {
                (&text[..slash], Some(OwnedEventId::try_from(&text[slash + 1..]).ok()?))
            }
            Some(_) => return None,
            None => (text, None),
        };
        Some(Self { room: OwnedRoomId::try_from(room).ok()?, thread })
    }

    pub(crate) fn conversation(&self) -> ConversationId {
        ConversationId::new(match &self.thread {
            Some(root) => format!("{}/{root}", self.room),
            None => self.room.to_string(),
        })
    }
}

pub(crate) fn message(event: &NativeId) -> MessageId {
    MessageId::new(event.as_str())
}

/// The event of a message that [`message`] made.
pub(crate) fn parse_message(id: &MessageId) -> Option<OwnedEventId> {
    OwnedEventId::try_from(id.as_str()).ok()
}

/// What was handed over is the homeserver's event, so its id is ours.
pub(crate) fn event(event: &str) -> EventId {
    EventId::new(event)
}

/// Of an event without an id, its text stands for what it is about.
pub(crate) fn event_of_text(raw: &str) -> EventId {
    let hash = Sha256::digest(raw);
    let half = hash[..16].try_into().expect("a hash has 32 bytes");
    EventId::new(format!("?{:032x}", u128::from_be_bytes(half)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_conversation_is_read_back() {
        for text in [
            "!room:example.com",
            "!31hneApxJ_1o-63DmFrpeqnkFfWppnzWso1JvH3ogLM",
            "!room:example.com/$root:example.com",
            "!room:example.com/$acR1l0raoZnm60CBwAVgqbZqoO/mYU81xysh1u7XcJk",
        ] {
            let address = Address::parse(&ConversationId::new(text)).expect(text);
            assert_eq!(address.conversation().as_str(), text);
            assert_eq!(address.thread.is_some(), text.contains('$'), "{text}");
        }
        for foreign in ["", "site", "@anna:example.com", "$root", "!room:example.com/$", "/$root"] {
            assert_eq!(Address::parse(&ConversationId::new(foreign)), None, "{foreign:?}");
        }
    }
}
