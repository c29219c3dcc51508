//! What a guild tells of itself: its channels, its active threads, and the bot's roles.
//!
//! It does so in a new session, when the bot is added, and when it comes back after an outage, during which
//! nobody was told anything.

use serde::Deserialize;
use serde_json::value::RawValue;
use serenity::model::id::{ChannelId, GuildId, MessageId, RoleId, UserId};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use super::{Ended, Receiver, history::Missing};
use crate::id::{self, Address};

/// The types of channels that hold messages: text, voice, announcements, threads, stages. A forum holds threads.
const WITH_MESSAGES: [u8; 7] = [0, 2, 5, 10, 11, 12, 13];

/// What of a guild is of use to us.
#[derive(Deserialize)]
struct Guild {
    id: GuildId,
    /// It is away, and says nothing of itself until it comes back.
    #[serde(default)]
    unavailable: bool,
    /// When the bot was added.
    joined_at: Option<String>,
    #[serde(default)]
    channels: Vec<Channel>,
    #[serde(default)]
    threads: Vec<Channel>,
    #[serde(default)]
    members: Vec<Member>,
}

/// What of a channel or thread is of use to us.
#[derive(Deserialize)]
pub(crate) struct Channel {
    pub(crate) id: ChannelId,
    #[serde(rename = "type")]
    kind: u8,
    #[serde(default)]
    pub(crate) name: String,
    /// It may have been deleted.
    pub(crate) last_message_id: Option<MessageId>,
}

/// A member, whose user is left out beside a message.
#[derive(Deserialize)]
pub(crate) struct Member {
    user: Option<User>,
    roles: Vec<RoleId>,
    joined_at: Option<String>,
}

#[derive(Deserialize)]
struct User {
    id: UserId,
}

impl Channel {
    pub(crate) fn holds_messages(&self) -> bool {
        WITH_MESSAGES.contains(&self.kind)
    }
}

impl Member {
    pub(super) fn roles(&self) -> Vec<u64> {
        self.roles.iter().map(|role| role.get()).collect()
    }

    /// The first id that was made after the member had joined.
    pub(super) fn joined(&self) -> u64 {
        self.joined_at.as_deref().and_then(unix_millis).map_or(0, id::first_of)
    }

    fn is(&self, id: u64) -> bool {
        self.user.as_ref().is_some_and(|user| user.id.get() == id)
    }
}

impl Receiver<'_> {
    pub(super) async fn guild(&mut self, raw: &RawValue) -> Result<(), Ended> {
        let Ok(guild) = serde_json::from_str::<Guild>(raw.get()) else {
            tracing::error!(channel = %self.config.channel, "a guild is not as Discord documents it");
            return Ok(());
        };
        if guild.unavailable {
            return Ok(());
        }
        if let Some(member) = guild.members.iter().find(|member| member.is(self.me)) {
            self.roles.insert(guild.id.get(), member.roles());
        }
        let joined = guild.joined_at.as_deref().and_then(unix_millis).map_or(0, id::first_of);
        self.joined.insert(guild.id.get(), joined);
        let mut missing = Vec::new();
        for channel in guild.channels.iter().chain(&guild.threads).filter(|channel| channel.holds_messages())
        {
            let place = Address { channel: channel.id.get(), direct: false };
            let after = self.marks.of(place).max(joined);
            match channel.last_message_id.map(MessageId::get).filter(|last| *last > after) {
                Some(last) => missing.push(Missing { place, guild: Some(guild.id.get()), after, last }),
                None => {
                    self.fetched.insert(place);
                }
            }
        }
        self.fetch_all(missing).await?;
        self.marks.guild_is_done(guild.id.get());
        Ok(())
    }

    /// The bot was thrown out, or the guild is away for a while: then it will say what is new in it.
    pub(super) fn guild_left(&mut self, raw: &RawValue) {
        #[derive(Deserialize)]
        struct Left {
            id: GuildId,
            #[serde(default)]
            unavailable: bool,
        }
        if let Ok(left) = serde_json::from_str::<Left>(raw.get())
            && !left.unavailable
        {
            self.marks.guild_is_done(left.id.get());
        }
    }

    pub(super) fn member(&mut self, raw: &RawValue) {
        #[derive(Deserialize)]
        struct Update {
            guild_id: GuildId,
            #[serde(flatten)]
            member: Member,
        }
        if let Ok(update) = serde_json::from_str::<Update>(raw.get())
            && update.member.is(self.me)
        {
            self.roles.insert(update.guild_id.get(), update.member.roles());
        }
    }
}

fn unix_millis(timestamp: &str) -> Option<u64> {
    let time = OffsetDateTime::parse(timestamp, &Rfc3339).ok()?;
    u64::try_from(time.unix_timestamp_nanos() / 1_000_000).ok()
}
