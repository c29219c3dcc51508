//! Whom a message is for.

use switchboard_core::Addressed;

use super::{Me, written::Written};
use crate::id::Address;

/// For the bot is what is written to it directly, mentions it or one of its roles, or answers a message of its
/// own, with a notification or without. What notifies everyone is for the room.
pub(super) fn addressed(message: &Written, address: Address, me: Me<'_>) -> Addressed {
    let mentioned = message.contents.mentions.iter().any(|user| user.id.get() == me.id)
        || message.mention_roles.iter().any(|role| me.roles.contains(&role.get()));
    let replied = message.referenced_message.as_ref().is_some_and(|message| message.author.id.get() == me.id);
    if address.direct || mentioned || replied { Addressed::ToBot } else { Addressed::ToRoom }
}
