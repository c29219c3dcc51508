//! What the gateway tells: the beginning of a session, and messages.

use serde_json::value::RawValue;
use switchboard_core::{Event, Unreadable};

use super::{Ended, Receiver, Warning, beginning};
use crate::{
    client::Route,
    gateway::{Dispatch, Ready},
    id::{self, Address},
    inbound::{self, Head},
    marks::Session,
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
        self.marks.session = Some(session);
        self.marks.floor = self.marks.floor.or(Some(beginning(dispatch.asked_at)));
        self.marks.behind = !self.marks.direct().is_empty();
        self.new_session = true;
        self.fetched.clear();
        self.roles.clear();
        self.store().await?;
        self.connected();
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
        if self.new_session {
            if !self.fetched.contains_key(&place) {
                let joined = guild.and_then(|guild| self.joined.get(&guild)).copied().unwrap_or_default();
                let after = self.marks.of(place).max(joined);
                self.fetch(place, guild, after, Some(number)).await?;
            }
            if self.fetched.get(&place).is_some_and(|last| number <= *last) {
                return Ok(());
            }
        }
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
        if let Some(guild) = guild.filter(|_| head.mentions_roles()) {
            self.learn_roles(guild).await?;
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

    /// Asks for the bot's roles where a session that was taken over did not tell them.
    async fn learn_roles(&mut self, guild: u64) -> Result<(), Ended> {
        if self.roles.contains_key(&guild) {
            return Ok(());
        }
        let route = Route { name: "GET member", major: guild };
        let path = format!("/guilds/{guild}/members/{}", self.me);
        let member = self.insist::<super::guild::Member>(route, &path).await?;
        self.roles.insert(guild, member.map(|member| member.roles()).unwrap_or_default());
        Ok(())
    }
}

/// A message without an id or a channel. Its text stands for what it is about.
fn headless(raw: &RawValue) -> Event {
    Event::Unreadable(Unreadable {
        event_id: id::nameless_event(raw.get()),
        reason: "the message has no id or no channel".to_owned(),
        raw: raw.get().chars().take(64 * 1024).collect(),
    })
}
