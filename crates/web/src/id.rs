//! The ids of this adapter: how they are made, and how they are read back.
//!
//! A visitor talks in exactly one conversation, so the visitor's id is the user's id and the
//! conversation's id. An event's id holds the visitor's as well as the page's own id of the
//! message: two visitors that chose the same one must not be taken for one.

use std::{
    fmt::{self, Write as _},
    sync::Arc,
};

use switchboard_core::{ChannelName, ConversationId, EventId, UserId};
use uuid::Uuid;

/// A person with a page open. Its text is stored as the user's and the conversation's id.
///
/// Knowing an id is of no use to anybody: who may read and write in a visitor's name is told by
/// a signed token only.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum VisitorId {
    /// Somebody unknown. Minted by the gateway, at random; unique everywhere.
    Anonymous(Uuid),
    /// A user of the site, by the site's own id of them. Unique within a channel.
    User(Arc<str>),
}

impl VisitorId {
    /// A new visitor whom nobody knows.
    pub(crate) fn mint() -> Self {
        Self::Anonymous(Uuid::new_v4())
    }

    pub(crate) fn conversation(&self) -> ConversationId {
        ConversationId::new(self.to_string())
    }

    pub(crate) fn user(&self) -> UserId {
        UserId::new(self.to_string())
    }

    /// The event that this visitor's message is, by the page's own id of it.
    pub(crate) fn event(&self, client_id: Uuid) -> EventId {
        EventId::new(format!("{self}/{client_id}"))
    }
}

impl fmt::Display for VisitorId {
    /// No random id has a `=` in it, so a site cannot name a user like somebody unknown.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Anonymous(id) => id.fmt(f),
            Self::User(id) => write!(f, "user={id}"),
        }
    }
}

/// The page's own id of the message that this event was; `None` for an event that is not ours.
pub(crate) fn client_id(event: &EventId) -> Option<&str> {
    event.as_str().rsplit_once('/').map(|(_, client_id)| client_id)
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
        let client = Uuid::new_v4();
        for visitor in [VisitorId::mint(), VisitorId::User("teams/7/ann".into())] {
            assert_eq!(client_id(&visitor.event(client)), Some(client.to_string().as_str()));
        }
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
