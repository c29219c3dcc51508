//! The ids of this adapter: how they are made, and how they are read back.
//!
//! A visitor talks in exactly one conversation, so the visitor's id is the user's id and the
//! conversation's id. An event's id holds the visitor's as well as the page's own id of the
//! message: two visitors that chose the same one must not be taken for one.

use std::fmt::Write as _;

use switchboard_core::{ChannelName, ConversationId, EventId, UserId};
use uuid::Uuid;

/// A person with a page open. Minted by the gateway, at random; unique everywhere. Stored as the
/// user's and the conversation's id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct VisitorId(pub(crate) Uuid);

impl VisitorId {
    /// A new visitor.
    pub(crate) fn mint() -> Self {
        Self(Uuid::new_v4())
    }

    pub(crate) fn conversation(self) -> ConversationId {
        ConversationId::new(self.0.to_string())
    }

    pub(crate) fn user(self) -> UserId {
        UserId::new(self.0.to_string())
    }

    /// The event that this visitor's message is, by the page's own id of it.
    pub(crate) fn event(self, client_id: Uuid) -> EventId {
        EventId::new(format!("{}/{client_id}", self.0))
    }
}

/// The page's own id of the message that this event was; `None` for an event that is not ours.
pub(crate) fn client_id(event: &EventId) -> Option<&str> {
    event.as_str().split_once('/').map(|(_, client_id)| client_id)
}

/// The channel's name as one segment of a path, as every browser sends it: only what a segment
/// may hold unescaped stays as it is.
pub(crate) fn path_segment(channel: &ChannelName) -> String {
    let mut segment = String::new();
    for byte in channel.as_str().bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:@".contains(&byte) {
            segment.push(char::from(byte));
        } else {
            write!(segment, "%{byte:02X}").expect("writing to a String cannot fail");
        }
    }
    segment
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_id_is_read_back() {
        let (visitor, client) = (VisitorId::mint(), Uuid::new_v4());
        assert_eq!(client_id(&visitor.event(client)), Some(client.to_string().as_str()));
        assert_eq!(client_id(&EventId::new("something else")), None);
    }

    #[test]
    fn a_name_becomes_one_segment() {
        let cases =
            [("site", "site"), ("a b/c", "a%20b%2Fc"), ("{x}", "%7Bx%7D"), ("чат", "%D1%87%D0%B0%D1%82")];
        for (name, segment) in cases {
            assert_eq!(path_segment(&ChannelName::new(name)), segment);
        }
    }
}
