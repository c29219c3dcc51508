//! People, other bots and webhooks: who writes.

use std::fmt;

use serde_json::json;

use super::bot::Bot;
use super::clock::{timestamp, unix_millis};
use super::draft::{Draft, Posted};
use super::gateway::{Event, intents};
use super::places::Channel;
use super::state::UserState;

/// Somebody who writes. Clones are the same one.
#[derive(Clone)]
pub struct User {
    bot: Bot,
    id: u64,
}

impl fmt::Debug for User {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("User").field("id", &self.id).finish_non_exhaustive()
    }
}

impl User {
    pub(super) fn new(bot: Bot, id: u64) -> Self {
        Self { bot, id }
    }

    /// The user's id.
    pub fn id(&self) -> u64 {
        self.id
    }

    /// What to write to mention them.
    pub fn mention(&self) -> String {
        format!("<@{}>", self.id)
    }

    /// The direct channel with the bot, which is made where there is none yet.
    pub fn direct(&self) -> Channel {
        let id = self.bot.shared().lock().direct(self.id);
        Channel::new(self.bot.clone(), id)
    }

    /// Sends a text to the direct channel.
    pub fn sends(&self, text: &str) -> Posted {
        self.says(text).send()
    }

    /// A text, to be sent. It mentions whom it names: `<@id>`, `<@&id>`, `@everyone`.
    pub fn says(&self, text: &str) -> Draft<'_> {
        Draft::new(&self.bot, self.id, text)
    }

    /// Changes a text. The bot hears of it by MESSAGE_UPDATE.
    pub fn edits(&self, posted: Posted, text: &str) {
        let mut state = self.bot.shared().lock();
        let message = state.channel_mut(posted.channel_id).messages.get_mut(&posted.message_id);
        let message = message.expect("the message was not deleted");
        message.insert("content".to_owned(), text.into());
        message.insert("edited_timestamp".to_owned(), timestamp(unix_millis()).into());
        state.announce("MESSAGE_UPDATE", posted.channel_id, posted.message_id);
    }

    /// Deletes a message, which the bot hears of by MESSAGE_DELETE. The channel's `last_message_id` stays.
    pub fn deletes(&self, posted: Posted) {
        let mut state = self.bot.shared().lock();
        let channel = state.channel_mut(posted.channel_id);
        channel.messages.remove(&posted.message_id);
        let guild = channel.guild;
        let mut data =
            json!({ "id": posted.message_id.to_string(), "channel_id": posted.channel_id.to_string() });
        if let Some(guild) = guild {
            data["guild_id"] = guild.to_string().into();
        }
        let intent = if guild.is_some() { intents::GUILD_MESSAGES } else { intents::DIRECT_MESSAGES };
        state.dispatch(&Event::new("MESSAGE_DELETE", intent, guild, &data));
    }

    /// Takes no direct messages from the bot: it is refused with 50007.
    pub fn blocks(&self) {
        self.refuses(Some((50007, "Cannot send messages to this user")));
    }

    /// Shares no guild with the bot any more: direct messages are refused with 50278.
    pub fn leaves_guilds(&self) {
        let reason = "Cannot send messages to this user due to having no mutual guilds";
        self.refuses(Some((50278, reason)));
    }

    /// Takes direct messages again.
    pub fn unblocks(&self) {
        self.refuses(None);
    }

    fn refuses(&self, reason: Option<(u32, &'static str)>) {
        let mut state = self.bot.shared().lock();
        state.users.get_mut(&self.id).expect("users are never forgotten").refuses = reason;
    }
}

impl Bot {
    /// Makes a person.
    pub fn user(&self, name: &str) -> User {
        self.add_user(|id| UserState::new(id, name, false))
    }

    /// Makes a bot of somebody else. It takes no direct messages.
    pub fn other_bot(&self, name: &str) -> User {
        let refuses = Some((50007, "Cannot send messages to this user"));
        self.add_user(|id| UserState { refuses, ..UserState::new(id, name, true) })
    }

    /// Makes a webhook, whose messages look as if a bot of that name had written them.
    pub fn webhook(&self, name: &str) -> User {
        self.add_user(|id| UserState { webhook: Some(id), ..UserState::new(id, name, true) })
    }

    fn add_user(&self, make: impl FnOnce(u64) -> UserState) -> User {
        let mut state = self.shared().lock();
        let id = state.ids.fresh();
        state.users.insert(id, make(id));
        drop(state);
        User::new(self.clone(), id)
    }
}
