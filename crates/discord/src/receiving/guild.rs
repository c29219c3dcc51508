//! What a guild tells of itself: its channels, its active threads, and the bot's roles.
//!
//! It does so in a new session, when the bot is added, and when it comes back after an outage, during which
//! nobody was told anything.

use serde::Deserialize;
use serde_json::value::RawValue;
use serenity::model::id::{ChannelId, GuildId, MessageId, RoleId, UserId};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use super::{Ended, Receiver};
use crate::{
    client::Route,
    id::{self, Address},
};

/// The types of channels that hold messages: text, voice, announcements, threads, stages. A forum holds threads.
const WITH_MESSAGES: [u8; 7] = [0, 2, 5, 10, 11, 12, 13];

/// What of a guild is of use to us.
#[derive(Deserialize)]
struct Guild {
    id: GuildId,
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
        if let Some(member) = guild.members.iter().find(|member| member.is(self.me)) {
            self.roles.insert(guild.id.get(), member.roles());
        }
        let joined = guild.joined_at.as_deref().and_then(unix_millis).map_or(0, id::first_of);
        self.joined.insert(guild.id.get(), joined);
        for channel in guild.channels.iter().chain(&guild.threads).filter(|channel| channel.holds_messages())
        {
            let place = Address { channel: channel.id.get(), direct: false };
            let after = self.marks.of(place).max(joined);
            match channel.last_message_id.map(MessageId::get).filter(|last| *last > after) {
                Some(last) => self.catch_up(place, guild.id.get(), after, last).await?,
                None => {
                    self.fetched.entry(place).or_insert(0);
                }
            }
        }
        Ok(())
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

    async fn catch_up(&mut self, place: Address, guild: u64, after: u64, last: u64) -> Result<(), Ended> {
        self.fetch(place, Some(guild), after, None).await?;
        if self.marks.of(place) < last {
            // Either the last message was deleted, or Discord shows us nothing and says nothing of it.
            let route = Route { name: "GET message", major: place.channel };
            let path = format!("/channels/{}/messages/{last}", place.channel);
            let refused = self.client.get::<serde::de::IgnoredAny>(route, &path).await.err();
            if refused.is_some_and(|error| error.refusal().is_some_and(|refusal| refusal.status == 403)) {
                self.warn_of_history(place);
            }
            // Not asked for again as long as nothing newer is there.
            self.marks.advance(place, last);
        }
        Ok(())
    }
}

fn unix_millis(timestamp: &str) -> Option<u64> {
    let time = OffsetDateTime::parse(timestamp, &Rfc3339).ok()?;
    u64::try_from(time.unix_timestamp_nanos() / 1_000_000).ok()
}
