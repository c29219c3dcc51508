//! What the gateway tells: the beginning of a session, and messages.

use serde_json::value::RawValue;
use switchboard_core::{Event, Unreadable};

use super::{Ended, Receiver, SKEW, Warning, history::Missing};
use crate::{
    client::Route,
    gateway::{Asked, Dispatch, Ready},
    id::{self, Address},
    inbound::{self, Head},
    marks::{Beginning, Session},
};

impl Receiver<'_> {
    /// A session has begun. It is stored before anything of it is, so that another process can go on with it; then
    /// the direct channels are looked at, which Discord does not name.
    pub(super) async fn ready(&mut self, dispatch: &Dispatch) -> Result<(), Ended> {
        if !self.pending.is_empty() {
            self.store().await?;
        }
        let Ok(ready) = serde_json::from_str::<Ready>(dispatch.data.get()) else {
            tracing::error!(channel = %self.config.channel, "READY is not as Discord documents it");
            return Ok(());
        };
        let session = Session { id: ready.session_id, url: ready.resume_gateway_url, seq: dispatch.seq };
        let beginning = beginning(dispatch.asked.unwrap_or_else(Asked::by_our_clock));
        self.marks.begin(session, beginning, ready.guilds.iter().map(|guild| guild.id.get()));
        self.fetched.clear();
        self.roles.clear();
        self.store().await?;
        self.steady.is_open(dispatch.connection);
        if self.marks.behind { self.fetch_direct().await } else { Ok(()) }
    }

    pub(super) async fn message(&mut self, raw: &RawValue) -> Result<(), Ended> {
        let Some(head) = Head::read(raw) else {
            self.pending.push(headless(raw));
            return Ok(());
        };
        let guild = head.guild_id.map(serenity::model::id::GuildId::get);
        let place = Address { channel: head.channel_id.get(), direct: guild.is_none() };
        let number = head.id.get();
        if !self.marks.is_whole(place) && !self.fetched.contains(&place) {
            let joined = if let Some(guild) = guild { self.joined(guild).await? } else { 0 };
            let after = self.marks.of(place).max(joined);
            self.fetch(Missing { place, guild, after, last: number }, Some(number)).await?;
        }
        // If history showed it already, the store takes it once. By its number it cannot be told: that of a message
        // which history did not show yet may be lower.
        self.push(raw, &head, place, guild).await
    }

    /// Adds what the message means to what is to be stored.
    pub(super) async fn push(
        &mut self,
        raw: &RawValue,
        head: &Head,
        place: Address,
        guild: Option<u64>,
    ) -> Result<(), Ended> {
        if let Some(guild) = guild.filter(|guild| head.mentions_roles() && !self.roles.contains_key(guild)) {
            self.learn_membership(guild).await?;
        }
        let roles = guild.and_then(|guild| self.roles.get(&guild)).map_or(&[][..], Vec::as_slice);
        let event = inbound::read(raw, head, place, inbound::Me { id: self.me, roles });
        if event.as_ref().is_some_and(inbound::is_withheld) && self.told.insert(Warning::Content) {
            tracing::warn!(
                channel = %self.config.channel,
                "a message came without content; see that the bot is granted the message content intent"
            );
        }
        self.pending.extend(event);
        self.marks.advance(place, head.id.get());
        Ok(())
    }

    /// The first id that was made after the bot had been added to the guild.
    async fn joined(&mut self, guild: u64) -> Result<u64, Ended> {
        if !self.joined.contains_key(&guild) {
            self.learn_membership(guild).await?;
        }
        Ok(self.joined.get(&guild).copied().unwrap_or_default())
    }

    /// Asks for the bot's roles and since when it is there, where a session that was taken over did not tell.
    async fn learn_membership(&mut self, guild: u64) -> Result<(), Ended> {
        let route = Route { name: "GET member", major: guild };
        let path = format!("/guilds/{guild}/members/{}", self.me);
        let member = self.insist::<super::guild::Member>(route, &path).await?.ok();
        self.joined.insert(guild, member.as_ref().map(super::guild::Member::joined).unwrap_or_default());
        self.roles.insert(guild, member.map(|member| member.roles()).unwrap_or_default());
        Ok(())
    }
}

fn beginning(asked: Asked) -> Beginning {
    let passed = u64::try_from((asked.at.elapsed() + SKEW).as_millis()).unwrap_or_default();
    Beginning { asked: id::first_of(asked.unix_millis), begun: id::first_of(asked.unix_millis + passed) }
}

/// A message without an id or a channel. Its text stands for what it is about.
fn headless(raw: &RawValue) -> Event {
    Event::Unreadable(Unreadable {
        event_id: id::nameless_event(raw.get()),
        reason: "the message has no id or no channel".to_owned(),
        raw: raw.get().chars().take(64 * 1024).collect(),
    })
}
