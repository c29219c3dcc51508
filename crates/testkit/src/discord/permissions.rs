//! What a bot may do, and where.

use serde_json::{Value, json};

use super::answer::Refusal;
use super::channels::{ChannelState, Kind};
use super::state::State;

/// One thing that a bot may do in a channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Permission {
    /// `VIEW_CHANNEL`: to see it at all, and to hear of its messages.
    ViewChannel,
    /// `SEND_MESSAGES`, which means nothing in threads.
    SendMessages,
    /// `SEND_MESSAGES_IN_THREADS`.
    SendMessagesInThreads,
    /// `READ_MESSAGE_HISTORY`: to fetch messages, and to answer one by a reply.
    ReadMessageHistory,
}

impl Permission {
    pub(super) fn bit(self) -> u64 {
        match self {
            Self::ViewChannel => 1 << 10,
            Self::SendMessages => 1 << 11,
            Self::SendMessagesInThreads => 1 << 38,
            Self::ReadMessageHistory => 1 << 16,
        }
    }
}

/// What everyone may do in a new guild: the four above, add reactions, embed links, attach files, connect, speak and
/// create threads.
pub(super) const USUAL: u64 = (1 << 10)
    | (1 << 11)
    | (1 << 38)
    | (1 << 16)
    | (1 << 6)
    | (1 << 14)
    | (1 << 15)
    | (1 << 20)
    | (1 << 21)
    | (1 << 35);

/// What a channel changes of a role's or a member's permissions.
#[derive(Clone, Copy)]
pub(super) struct Overwrite {
    /// A role's id, which is the guild's for everyone, or a user's.
    pub(super) id: u64,
    pub(super) member: bool,
    pub(super) allow: u64,
    pub(super) deny: u64,
}

impl Overwrite {
    pub(super) fn set(&mut self, permission: Permission, denied: bool) {
        let bit = permission.bit();
        let (set, unset) =
            if denied { (&mut self.deny, &mut self.allow) } else { (&mut self.allow, &mut self.deny) };
        *set |= bit;
        *unset &= !bit;
    }

    pub(super) fn json(&self) -> Value {
        json!({
            "id": self.id.to_string(), "type": u8::from(self.member),
            "allow": self.allow.to_string(), "deny": self.deny.to_string(),
        })
    }
}

impl State {
    /// The bot's permissions in a guild, apart from its channels.
    pub(super) fn guild_permissions(&self, guild: u64) -> u64 {
        let Some(guild) = self.guilds.get(&guild).filter(|guild| guild.joined) else { return 0 };
        let held =
            guild.roles.iter().filter(|role| role.id == guild.id || guild.bot_roles.contains(&role.id));
        held.fold(0, |all, role| all | role.permissions)
    }

    /// The bot's permissions in a channel. A thread has those of the channel it is in.
    pub(super) fn permissions(&self, channel: &ChannelState) -> u64 {
        let Some(guild) = channel.guild else { return u64::MAX };
        let place = if channel.kind.is_thread() {
            channel.parent.and_then(|parent| self.channels.get(&parent))
        } else {
            Some(channel)
        };
        let Some(place) = place else { return 0 };
        let mut held = self.guild_permissions(guild);
        let roles = self.guilds.get(&guild).map(|guild| &*guild.bot_roles).unwrap_or_default();
        // For everyone, then for the roles taken together, then for the member.
        let for_everyone = |over: &&Overwrite| !over.member && over.id == guild;
        let for_roles = |over: &&Overwrite| !over.member && roles.contains(&over.id);
        let for_bot = |over: &&Overwrite| over.member && over.id == self.bot;
        let mut apply = |overwrites: Vec<&Overwrite>| {
            let (allow, deny) =
                overwrites.iter().fold((0, 0), |(allow, deny), over| (allow | over.allow, deny | over.deny));
            held = held & !deny | allow;
        };
        apply(place.overwrites.iter().filter(for_everyone).collect());
        apply(place.overwrites.iter().filter(for_roles).collect());
        apply(place.overwrites.iter().filter(for_bot).collect());
        held
    }

    pub(super) fn may(&self, channel: &ChannelState, permission: Permission) -> bool {
        self.permissions(channel) & permission.bit() != 0
    }

    /// A channel that the bot can see.
    pub(super) fn visible(&self, id: u64) -> Result<&ChannelState, Refusal> {
        let channel = self.channels.get(&id).ok_or_else(Refusal::unknown_channel)?;
        let seen = self.may(channel, Permission::ViewChannel);
        seen.then_some(channel).ok_or_else(Refusal::missing_access)
    }

    /// A channel that the bot may write in, apart from what becomes of threads.
    pub(super) fn writable(&self, id: u64) -> Result<&ChannelState, Refusal> {
        let channel = self.visible(id)?;
        match channel.kind {
            Kind::Forum => {
                return Err(Refusal::new(400, 40058, "Cannot send a message in a forum channel"));
            }
            Kind::Category => {
                return Err(Refusal::new(400, 50008, "Cannot send messages in a non-text channel"));
            }
            _ => {}
        }
        let needed = if channel.kind.is_thread() {
            Permission::SendMessagesInThreads
        } else {
            Permission::SendMessages
        };
        if !self.may(channel, needed) {
            return Err(Refusal::missing_permissions());
        }
        let recipient = channel.recipient.and_then(|user| self.users.get(&user));
        match recipient.and_then(|user| user.refuses) {
            Some((code, message)) => Err(Refusal::new(403, code, message)),
            None => Ok(channel),
        }
    }
}
