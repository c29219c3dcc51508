//! Channels, threads and direct channels as the server knows them.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};
use tokio::time::Instant;

use super::clock::timestamp;
use super::permissions::Overwrite;
use super::snowflake::millis;
use super::state::State;

/// The sort of a channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A text channel of a guild.
    Text,
    /// A direct channel between the bot and one user.
    Direct,
    /// A voice channel, in which one can write too.
    Voice,
    /// A heading over channels.
    Category,
    /// A channel whose messages other guilds can follow.
    Announcement,
    /// A thread that all who see its channel can see. Posts of a forum are such threads.
    PublicThread,
    /// A thread for those who were invited.
    PrivateThread,
    /// A channel that holds nothing but threads.
    Forum,
}

impl Kind {
    /// The number in the field `type`.
    pub fn number(self) -> u8 {
        match self {
            Self::Text => 0,
            Self::Direct => 1,
            Self::Voice => 2,
            Self::Category => 4,
            Self::Announcement => 5,
            Self::PublicThread => 11,
            Self::PrivateThread => 12,
            Self::Forum => 15,
        }
    }

    pub(super) fn is_thread(self) -> bool {
        matches!(self, Self::PublicThread | Self::PrivateThread)
    }
}

/// What only threads have.
#[derive(Clone, Copy)]
pub(super) struct Thread {
    pub(super) owner: u64,
    pub(super) archived: bool,
    pub(super) locked: bool,
}

/// One channel.
pub(super) struct ChannelState {
    pub(super) id: u64,
    pub(super) kind: Kind,
    pub(super) name: String,
    pub(super) guild: Option<u64>,
    pub(super) parent: Option<u64>,
    pub(super) recipient: Option<u64>,
    pub(super) thread: Option<Thread>,
    pub(super) overwrites: Vec<Overwrite>,
    pub(super) messages: BTreeMap<u64, Map<String, Value>>,
    /// In a forum the last thread. It stays what it was when that message is deleted.
    pub(super) last_message: Option<u64>,
    pub(super) typing_until: Option<Instant>,
}

impl ChannelState {
    pub(super) fn new(id: u64, kind: Kind, name: &str) -> Self {
        Self {
            id,
            kind,
            name: name.to_owned(),
            guild: None,
            parent: None,
            recipient: None,
            thread: None,
            overwrites: Vec::new(),
            messages: BTreeMap::new(),
            last_message: None,
            typing_until: None,
        }
    }

    /// The fields that every channel has.
    fn base(&self) -> Value {
        json!({
            "id": self.id.to_string(), "type": self.kind.number(), "flags": 0,
            "last_message_id": self.last_message.map(|id| id.to_string()), "last_pin_timestamp": null,
        })
    }

    fn guild_json(&self) -> Value {
        let mut json = self.base();
        json["guild_id"] = self.guild.map(|id| id.to_string()).into();
        json["parent_id"] = self.parent.map(|id| id.to_string()).into();
        json["name"] = self.name.as_str().into();
        json["rate_limit_per_user"] = 0.into();
        match self.thread {
            Some(thread) => self.add_thread(&mut json, thread),
            None => self.add_channel(&mut json),
        }
        json
    }

    fn add_thread(&self, json: &mut Value, thread: Thread) {
        let created = timestamp(millis(self.id));
        json["owner_id"] = thread.owner.to_string().into();
        json["message_count"] = self.messages.len().into();
        json["total_message_sent"] = self.messages.len().into();
        json["member_count"] = 1.into();
        json["thread_metadata"] = json!({
            "archived": thread.archived, "locked": thread.locked, "auto_archive_duration": 1440,
            "archive_timestamp": created, "create_timestamp": created,
        });
    }

    fn add_channel(&self, json: &mut Value) {
        json["position"] = 0.into();
        json["topic"] = Value::Null;
        json["nsfw"] = false.into();
        json["permission_overwrites"] = self.overwrites.iter().map(Overwrite::json).collect();
        match self.kind {
            Kind::Forum => {
                json["available_tags"] = json!([]);
                json["default_reaction_emoji"] = Value::Null;
                json["default_sort_order"] = Value::Null;
                json["default_forum_layout"] = 0.into();
            }
            Kind::Voice => {
                json["bitrate"] = 64_000.into();
                json["user_limit"] = 0.into();
                json["rtc_region"] = Value::Null;
            }
            _ => {}
        }
    }
}

impl State {
    /// A channel as Discord shows it.
    pub(super) fn show_channel(&self, channel: &ChannelState) -> Value {
        if channel.kind != Kind::Direct {
            return channel.guild_json();
        }
        let mut json = channel.base();
        let recipient = channel.recipient.and_then(|user| self.users.get(&user));
        json["recipients"] = recipient.map(|user| user.json.clone()).into_iter().collect();
        json
    }

    /// The direct channel with a user, which is made where there is none yet.
    pub(super) fn direct(&mut self, user: u64) -> u64 {
        let person = self.users.get_mut(&user).expect("users are never forgotten");
        if let Some(channel) = person.direct {
            return channel;
        }
        let id = self.ids.fresh();
        person.direct = Some(id);
        let channel = ChannelState { recipient: Some(user), ..ChannelState::new(id, Kind::Direct, "") };
        self.channels.insert(id, channel);
        id
    }
}
