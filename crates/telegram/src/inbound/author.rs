//! Who wrote a message, if a person did.

use teloxide_core::types::{Chat, Message, MessageKind, User};

/// A person, or a chat in whose name a person writes.
pub(super) struct Author {
    pub(super) id: i64,
    pub(super) name: Option<String>,
}

/// `None` for other bots, for this one, and for what nobody wrote here.
pub(super) fn of(message: &Message) -> Option<Author> {
    // A channel's post that Telegram copies into the discussion group.
    if matches!(&message.kind, MessageKind::Common(common) if common.is_automatic_forward) {
        return None;
    }
    match (&message.sender_chat, &message.from) {
        // An anonymous administrator, or somebody who writes as a channel. Who it is, is not told;
        // what is given as the sender is a bot of Telegram's for clients that do not know better.
        (Some(chat), _) if !message.chat.is_private() => {
            Some(Author { id: chat.id.0, name: name_of_chat(chat) })
        }
        (_, Some(user)) if !user.is_bot => {
            Some(Author { id: i64::try_from(user.id.0).ok()?, name: Some(name_of(user)) })
        }
        _ => None,
    }
}

fn name_of(user: &User) -> String {
    match &user.last_name {
        Some(last_name) => format!("{} {last_name}", user.first_name),
        None => user.first_name.clone(),
    }
}

fn name_of_chat(chat: &Chat) -> Option<String> {
    chat.title().map(str::to_owned)
}
