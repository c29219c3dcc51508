//! The ids of this adapter: how they are made, and how they are read back.
//!
//! A visitor talks in exactly one conversation, so the visitor's id is the user's id and the
//! conversation's id. An event's id holds the visitor's as well as the page's own id of the
//! message: two visitors that chose the same one must not be taken for one.

use std::{
    fmt::{self, Write as _},
    sync::Arc,
};

use percent_encoding::percent_decode_str;
use switchboard_core::{ChannelName, ChatRoute, ConversationId, EventId, UserId, chat_id};
use time::{Duration, OffsetDateTime};
use uuid::{Builder, Uuid};

use crate::identity::is_user;

/// What a site's user has before the site's id of them.
const USER: &str = "user=";

/// A person with a page open. Its text is stored as the user's and the conversation's id.
///
/// Knowing an id is of no use to anybody: who may read and write in a visitor's name is told by
/// a signed token only.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum VisitorId {
    /// Somebody unknown. Minted by the gateway, of the time and at random; unique everywhere.
    Anonymous(Uuid),
    /// A user of the site, by the site's own id of them. Unique within a channel.
    User(Arc<str>),
}

impl VisitorId {
    /// A new visitor whom nobody knows. The id tells since when, however often the visitor's token
    /// is renewed.
    pub(crate) fn mint(now: OffsetDateTime) -> Self {
        let since = (now - OffsetDateTime::UNIX_EPOCH).whole_milliseconds();
        let mut random = [0; 10];
        // The bits of this version that are always the same are in two of the other bytes.
        let (some, more) = (Uuid::new_v4(), Uuid::new_v4());
        random[..5].copy_from_slice(&some.as_bytes()[..5]);
        random[5..].copy_from_slice(&more.as_bytes()[..5]);
        let since = u64::try_from(since).unwrap_or_default();
        Self::Anonymous(Builder::from_unix_timestamp_millis(since, &random).into_uuid())
    }

    /// Since when there is this anonymous visitor. `None` for ids that do not tell, as they were
    /// minted before; and for a site's user.
    pub(crate) fn since(&self) -> Option<OffsetDateTime> {
        let Self::Anonymous(id) = self else { return None };
        let (seconds, nanoseconds) = id.get_timestamp()?.to_unix();
        let since = Duration::new(i64::try_from(seconds).ok()?, i32::try_from(nanoseconds).ok()?);
        OffsetDateTime::UNIX_EPOCH.checked_add(since)
    }

    /// What stands in the `chat_id` after the channel's name.
    pub(crate) fn in_chat_id(&self) -> String {
        let (conversation, user) = (self.conversation(), self.user());
        let route = ChatRoute::Direct { conversation: &conversation, user: &user };
        let id = chat_id(&ChannelName::new(""), route).preferred;
        id.as_str().strip_prefix(':').expect("an id begins with the channel's name").to_owned()
    }

    /// Reads what stands in a `chat_id` after the channel's name; as an error, how it would have to
    /// be written if this is what was meant.
    pub(crate) fn from_chat_id(text: &str) -> Result<Self, Option<String>> {
        let meant = Self::guess(text)
            .or_else(|| text.split_once(':').and_then(|(_, after_channel)| Self::guess(after_channel)));
        let meant = meant.ok_or(None)?;
        let written = meant.in_chat_id();
        if written == text { Ok(meant) } else { Err(Some(written)) }
    }

    fn guess(text: &str) -> Option<Self> {
        match text.strip_prefix(USER) {
            Some(user) => {
                let user = percent_decode_str(user).decode_utf8().ok()?;
                is_user(&user).then(|| Self::User(user.into()))
            }
            None => text.parse().ok().map(Self::Anonymous),
        }
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
            Self::User(id) => write!(f, "{USER}{id}"),
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

    fn somebody() -> VisitorId {
        VisitorId::mint(OffsetDateTime::UNIX_EPOCH)
    }

    #[test]
    fn an_anonymous_id_tells_since_when_and_is_no_other_one() {
        let now = OffsetDateTime::UNIX_EPOCH + Duration::days(20_000) + Duration::milliseconds(7);
        let ids: Vec<_> = (0..1_000).map(|_| VisitorId::mint(now)).collect();
        assert!(ids.iter().all(|id| id.since() == Some(now)));
        assert_eq!(ids.iter().collect::<std::collections::HashSet<_>>().len(), ids.len());
        assert_eq!(VisitorId::Anonymous(Uuid::new_v4()).since(), None);
        assert_eq!(VisitorId::User("42".into()).since(), None);
    }

    #[test]
    fn a_visitor_is_read_as_the_chat_id_has_it() {
        let users = ["42", "ann@example.com", "Анна", "50%", "a b:c", "user=1", "%41"];
        for visitor in users.map(|user| VisitorId::User(user.into())).into_iter().chain([somebody()]) {
            assert_eq!(VisitorId::from_chat_id(&visitor.in_chat_id()), Ok(visitor));
        }
        for (text, meant) in [
            ("user=a b", Some("user=a%20b")),
            ("user=50%", Some("user=50%25")),
            ("user=%d0%90", Some("user=%D0%90")),
            ("site:user=42", Some("user=42")),
            ("0B9A36E5-63F5-4C8C-A26D-99D832B8B9CA", Some("0b9a36e5-63f5-4c8c-a26d-99d832b8b9ca")),
            ("42", None),
            ("user=", None),
            ("user=%00", None),
            ("", None),
        ] {
            assert_eq!(VisitorId::from_chat_id(text), Err(meant.map(str::to_owned)), "{text}");
        }
    }

    #[test]
    fn a_client_id_is_read_back() {
        let client = Uuid::new_v4();
        for visitor in [somebody(), VisitorId::User("teams/7/ann".into())] {
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
