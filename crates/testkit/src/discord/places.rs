//! Guilds and what is in them, as the test sees and changes it.

use std::fmt;

use serde_json::{Value, json};
use tokio::time::Instant;

use super::bot::Bot;
use super::channels::{ChannelState, Kind, Thread};
use super::draft::Posted;
use super::gateway::{Event, intents};
use super::guilds::{GuildState, Role};
use super::messages::{Letter, Pings};
use super::people::User;
use super::permissions::{Overwrite, Permission, USUAL};
use super::state::State;

/// A guild. Clones are the same one.
#[derive(Clone)]
pub struct Guild {
    bot: Bot,
    id: u64,
}

/// A channel, a thread or a direct channel. Clones are the same one.
#[derive(Clone)]
pub struct Channel {
    bot: Bot,
    id: u64,
}

impl fmt::Debug for Guild {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Guild").field("id", &self.id).finish_non_exhaustive()
    }
}

impl fmt::Debug for Channel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Channel").field("id", &self.id).finish_non_exhaustive()
    }
}

impl Bot {
    /// Makes a guild with the bot in it, which hears of it by GUILD_CREATE. The bot has a role of its own there.
    pub fn guild(&self, name: &str) -> Guild {
        let mut state = self.shared().lock();
        let (id, owner, own) = (state.ids.fresh(), state.ids.fresh(), state.ids.fresh());
        let role =
            |id, name: &str, permissions, of_bot| Role { id, name: name.to_owned(), permissions, of_bot };
        let roles =
            vec![role(id, "@everyone", USUAL, None), role(own, &self.shared().name, 0, Some(self.id()))];
        let guild = GuildState {
            id,
            name: name.to_owned(),
            owner,
            roles,
            bot_roles: vec![own],
            joined: true,
            available: true,
        };
        state.guilds.insert(id, guild);
        state.tell_of_guild(id);
        drop(state);
        Guild { bot: self.clone(), id }
    }
}

impl Guild {
    /// The guild's id, which is also that of everyone's role.
    pub fn id(&self) -> u64 {
        self.id
    }

    /// Makes a text channel. The bot hears of it by CHANNEL_CREATE.
    pub fn text_channel(&self, name: &str) -> Channel {
        self.channel(Kind::Text, name)
    }

    /// Makes a forum: its posts are threads.
    pub fn forum(&self, name: &str) -> Channel {
        self.channel(Kind::Forum, name)
    }

    /// Makes a channel of any other kind.
    pub fn channel(&self, kind: Kind, name: &str) -> Channel {
        assert!(!kind.is_thread() && kind != Kind::Direct, "{kind:?} is no channel of a guild");
        let mut state = self.bot.shared().lock();
        let id = state.ids.fresh();
        let channel = ChannelState { guild: Some(self.id), ..ChannelState::new(id, kind, name) };
        state.channels.insert(id, channel);
        state.tell_of_channel("CHANNEL_CREATE", id);
        drop(state);
        Channel::new(self.bot.clone(), id)
    }

    /// Makes a role without permissions, and returns its id. `<@&id>` mentions it.
    pub fn role(&self, name: &str) -> u64 {
        let mut state = self.bot.shared().lock();
        let id = state.ids.fresh();
        let role = Role { id, name: name.to_owned(), permissions: 0, of_bot: None };
        state.guild_mut(self.id).roles.push(role);
        id
    }

    /// Gives the bot a role.
    pub fn gives_bot(&self, role: u64) {
        self.bot.shared().lock().guild_mut(self.id).bot_roles.push(role);
    }

    /// The id of the role that Discord made for the bot.
    pub fn bot_role(&self) -> u64 {
        self.bot.shared().lock().guild_mut(self.id).bot_roles[0]
    }

    /// An outage: the guild becomes unavailable (GUILD_DELETE says so), and what is written there is heard by nobody.
    pub fn goes_out(&self) {
        let data = json!({ "id": self.id.to_string(), "unavailable": true });
        let mut state = self.bot.shared().lock();
        state.dispatch(&Event::new("GUILD_DELETE", intents::GUILDS, Some(self.id), &data));
        state.guild_mut(self.id).available = false;
    }

    /// The outage is over: GUILD_CREATE tells of all there is now.
    pub fn recovers(&self) {
        let mut state = self.bot.shared().lock();
        state.guild_mut(self.id).available = true;
        state.tell_of_guild(self.id);
    }

    /// The bot is thrown out, and hears of it.
    pub fn kicks_bot(&self) {
        let data = json!({ "id": self.id.to_string() });
        let mut state = self.bot.shared().lock();
        state.dispatch(&Event::new("GUILD_DELETE", intents::GUILDS, Some(self.id), &data));
        state.guild_mut(self.id).joined = false;
    }

    /// The bot is let in again, and hears of it.
    pub fn adds_bot(&self) {
        let mut state = self.bot.shared().lock();
        state.guild_mut(self.id).joined = true;
        state.tell_of_guild(self.id);
    }
}

impl Channel {
    pub(super) fn new(bot: Bot, id: u64) -> Self {
        Self { bot, id }
    }

    /// The channel's id.
    pub fn id(&self) -> u64 {
        self.id
    }

    /// Takes something from the bot here, by what the channel says of it as a member.
    pub fn denies(&self, permission: Permission) {
        self.overwrite(true, permission, true);
    }

    /// Takes something from everyone here.
    pub fn denies_everyone(&self, permission: Permission) {
        self.overwrite(false, permission, true);
    }

    /// Gives something to the bot here, whatever holds for everyone.
    pub fn allows(&self, permission: Permission) {
        self.overwrite(true, permission, false);
    }

    /// Opens a thread. The bot hears of it by THREAD_CREATE.
    pub fn opens_thread(&self, by: &User, name: &str) -> Channel {
        let mut state = self.bot.shared().lock();
        let id = state.ids.fresh();
        state.open_thread(id, self.id, by.id(), name);
        drop(state);
        Self::new(self.bot.clone(), id)
    }

    /// Opens a thread on a message of this channel. They have the same id.
    pub fn opens_thread_on(&self, message: Posted, by: &User, name: &str) -> Channel {
        assert_eq!(message.channel_id, self.id, "the message is in another channel");
        let id = message.message_id;
        self.bot.shared().lock().open_thread(id, self.id, by.id(), name);
        Self::new(self.bot.clone(), id)
    }

    /// Posts in this forum: a thread and its first message, which have the same id.
    pub fn posts(&self, by: &User, title: &str, text: &str) -> (Channel, Posted) {
        let mut state = self.bot.shared().lock();
        let id = state.ids.fresh();
        state.open_thread(id, self.id, by.id(), title);
        state.channel_mut(self.id).last_message = Some(id);
        let content = text.to_owned();
        let letter = Letter {
            author: by.id(),
            content,
            reply_to: None,
            pings: Pings::ALL,
            fields: serde_json::Map::new(),
        };
        state.write_as(id, id, letter);
        state.announce("MESSAGE_CREATE", id, id);
        drop(state);
        (Self::new(self.bot.clone(), id), Posted { channel_id: id, message_id: id })
    }

    /// Puts this thread into the archive, from which the next message takes it unless it is locked.
    pub fn archives(&self) {
        self.thread(|thread| thread.archived = true);
    }

    /// Locks this thread: only moderators can write in it.
    pub fn locks(&self) {
        self.thread(|thread| thread.locked = true);
    }

    /// Deletes it with all that is in it. The bot hears of it.
    pub fn deletes(&self) {
        let mut state = self.bot.shared().lock();
        let channel = state.channel_mut(self.id);
        assert!(channel.guild.is_some(), "nobody can delete a direct channel");
        let event = if channel.thread.is_some() { "THREAD_DELETE" } else { "CHANNEL_DELETE" };
        let threads: Vec<u64> = state
            .channels
            .values()
            .filter(|channel| channel.parent == Some(self.id))
            .map(|thread| thread.id)
            .collect();
        state.tell_of_channel(event, self.id);
        state.channels.retain(|id, _| *id != self.id && !threads.contains(id));
    }

    /// All its messages as they are, the oldest first. None once it was deleted.
    pub fn messages(&self) -> Vec<Value> {
        let state = self.bot.shared().lock();
        let messages = state.channels.get(&self.id).into_iter().flat_map(|channel| channel.messages.values());
        messages.cloned().map(Value::Object).collect()
    }

    /// What `last_message_id` says.
    pub fn last_message_id(&self) -> Option<u64> {
        self.bot.shared().lock().channels.get(&self.id)?.last_message
    }

    /// Whether the bot is seen typing: it said so less than ten seconds ago, and nobody has written since.
    pub fn shows_typing(&self) -> bool {
        let state = self.bot.shared().lock();
        let until = state.channels.get(&self.id).and_then(|channel| channel.typing_until);
        until.is_some_and(|until| Instant::now() < until)
    }

    fn thread(&self, change: impl FnOnce(&mut Thread)) {
        let mut state = self.bot.shared().lock();
        change(state.channel_mut(self.id).thread.as_mut().expect("only threads can be archived and locked"));
        state.tell_of_channel("THREAD_UPDATE", self.id);
    }

    fn overwrite(&self, member: bool, permission: Permission, denied: bool) {
        let mut state = self.bot.shared().lock();
        let bot = state.bot;
        let channel = state.channel_mut(self.id);
        assert!(channel.thread.is_none(), "a thread has the permissions of the channel it is in");
        let guild = channel.guild.expect("direct channels have no permissions");
        let id = if member { bot } else { guild };
        let found = channel.overwrites.iter().position(|over| over.id == id && over.member == member);
        let at = found.unwrap_or_else(|| {
            channel.overwrites.push(Overwrite { id, member, allow: 0, deny: 0 });
            channel.overwrites.len() - 1
        });
        channel.overwrites[at].set(permission, denied);
        state.tell_of_channel("CHANNEL_UPDATE", self.id);
    }
}

impl State {
    /// Tells of a guild with all that is in it.
    fn tell_of_guild(&mut self, id: u64) {
        let data = self.show_whole_guild(&self.guilds[&id]);
        self.dispatch(&Event::new("GUILD_CREATE", intents::GUILDS, Some(id), &data));
    }

    fn open_thread(&mut self, id: u64, parent: u64, owner: u64, name: &str) {
        let guild = self.channel_mut(parent).guild;
        assert!(guild.is_some(), "direct channels have no threads");
        let thread = Thread { owner, archived: false, locked: false };
        let channel = ChannelState {
            guild,
            parent: Some(parent),
            thread: Some(thread),
            ..ChannelState::new(id, Kind::PublicThread, name)
        };
        self.channels.insert(id, channel);
        let channel = &self.channels[&id];
        if self.may(channel, Permission::ViewChannel) {
            let mut data = self.show_channel(channel);
            data["newly_created"] = true.into();
            self.dispatch(&Event::new("THREAD_CREATE", intents::GUILDS, guild, &data));
        }
    }
}
