//! How a chat gets the id under which the AI platform knows it.

use std::fmt::Write as _;

use crate::{ChannelName, ChatId, ConversationId, UserId};

/// What a chat is made of.
#[derive(Clone, Copy, Debug)]
pub enum ChatRoute<'a> {
    /// One user in a direct conversation.
    Direct {
        /// The conversation.
        conversation: &'a ConversationId,
        /// The user.
        user: &'a UserId,
    },
    /// One user in a group (`scope = "user"`).
    GroupUser {
        /// The group.
        conversation: &'a ConversationId,
        /// The user.
        user: &'a UserId,
    },
    /// Everybody in a group together (`scope = "room"`).
    Room {
        /// The group.
        conversation: &'a ConversationId,
    },
}

/// The names that a new chat may get.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChatIdChoice {
    /// The short, readable one. It is taken unless a chat with another route has it already (one
    /// user may have two direct conversations on some messengers).
    pub preferred: ChatId,
    /// The one that no other route can have.
    pub unambiguous: ChatId,
}

/// The ids for a chat at this route: `{channel}:{user}` for a direct conversation,
/// `{channel}:{conversation}:{user}` for one user in a group, `{channel}:{conversation}` for a
/// group that shares one chat.
///
/// Each part is percent-escaped, so the unambiguous form is one to one. A chat id is a name, not
/// an address: the route is looked up in the store.
pub fn chat_id(channel: &ChannelName, route: ChatRoute<'_>) -> ChatIdChoice {
    let channel = escape(channel.as_str());
    let full = |conversation: &ConversationId, user: &str| {
        ChatId::new(format!("{channel}:{}:{}", escape(conversation.as_str()), escape(user)))
    };
    match route {
        ChatRoute::Direct { conversation, user } => ChatIdChoice {
            preferred: ChatId::new(format!("{channel}:{}", escape(user.as_str()))),
            unambiguous: full(conversation, user.as_str()),
        },
        ChatRoute::GroupUser { conversation, user } => {
            let id = full(conversation, user.as_str());
            ChatIdChoice { preferred: id.clone(), unambiguous: id }
        }
        ChatRoute::Room { conversation } => ChatIdChoice {
            preferred: ChatId::new(format!("{channel}:{}", escape(conversation.as_str()))),
            // No user: a user's id is never empty, so nothing else looks like this.
            unambiguous: full(conversation, ""),
        },
    }
}

/// Leaves letters, digits and `-_.~@!+=$` as they are; everything else becomes `%XX` per byte.
fn escape(part: &str) -> String {
    let mut out = String::with_capacity(part.len());
    for byte in part.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~@!+=$".contains(&byte) {
            out.push(char::from(byte));
        } else {
            write!(out, "%{byte:02X}").expect("writing to a String cannot fail");
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(conversation: &str, user: &str) -> (ChannelName, ConversationId, UserId) {
        (ChannelName::new("site"), ConversationId::new(conversation), UserId::new(user))
    }

    #[test]
    fn each_kind_of_route_has_its_form() {
        let (channel, conversation, user) = ids("-100/7", "42");
        let (conversation, user) = (&conversation, &user);
        let direct = chat_id(&channel, ChatRoute::Direct { conversation, user });
        assert_eq!(direct.preferred.as_str(), "site:42");
        assert_eq!(direct.unambiguous.as_str(), "site:-100%2F7:42");
        let group = chat_id(&channel, ChatRoute::GroupUser { conversation, user });
        assert_eq!(group.preferred.as_str(), "site:-100%2F7:42");
        let room = chat_id(&channel, ChatRoute::Room { conversation });
        assert_eq!(room.preferred.as_str(), "site:-100%2F7");
        assert_eq!(room.unambiguous.as_str(), "site:-100%2F7:");
    }

    #[test]
    fn separators_inside_a_part_cannot_make_two_routes_one() {
        let (channel, conversation, user) = ids("a:b", "c");
        let one = chat_id(&channel, ChatRoute::GroupUser { conversation: &conversation, user: &user });
        let (channel, conversation, user) = ids("a", "b:c");
        let two = chat_id(&channel, ChatRoute::GroupUser { conversation: &conversation, user: &user });
        assert_ne!(one, two);
        assert_eq!(escape("50%:é"), "50%25%3A%C3%A9");
    }
}
