//! Guilds as the server knows them, and how Discord shows them.

use serde_json::{Value, json};

use super::channels::ChannelState;
use super::clock::timestamp;
use super::permissions::Permission;
use super::snowflake::millis;
use super::state::State;

/// One role.
pub(super) struct Role {
    pub(super) id: u64,
    pub(super) name: String,
    pub(super) permissions: u64,
    /// The bot that it was made for.
    pub(super) of_bot: Option<u64>,
}

/// One guild.
pub(super) struct GuildState {
    pub(super) id: u64,
    pub(super) name: String,
    pub(super) owner: u64,
    /// The first is everyone's and has the guild's id.
    pub(super) roles: Vec<Role>,
    /// The roles of the bot, beside everyone's.
    pub(super) bot_roles: Vec<u64>,
    /// Whether the bot is in it.
    pub(super) joined: bool,
    /// Whether it can be used now.
    pub(super) available: bool,
}

impl Role {
    fn json(&self) -> Value {
        let tags = self.of_bot.map(|bot| json!({ "bot_id": bot.to_string() }));
        let mut role = json!({
            "id": self.id.to_string(), "name": self.name, "permissions": self.permissions.to_string(),
            "color": 0, "colors": { "primary_color": 0, "secondary_color": null, "tertiary_color": null },
            "hoist": false, "icon": null, "unicode_emoji": null, "position": 0, "managed": self.of_bot.is_some(),
            "mentionable": false, "flags": 0,
        });
        if let Some(tags) = tags {
            role["tags"] = tags;
        }
        role
    }
}

impl GuildState {
    /// A guild as `GET /guilds/*` shows it.
    pub(super) fn show(&self) -> Value {
        json!({
            "id": self.id.to_string(), "name": self.name, "owner_id": self.owner.to_string(),
            "icon": null, "splash": null, "discovery_splash": null, "banner": null, "description": null,
            "region": "deprecated", "afk_channel_id": null, "afk_timeout": 300,
            "widget_enabled": false, "widget_channel_id": null,
            "verification_level": 0, "default_message_notifications": 0, "explicit_content_filter": 0,
            "mfa_level": 0, "nsfw": false, "nsfw_level": 0,
            "roles": self.show_roles(), "emojis": [], "stickers": [], "features": [],
            "application_id": null, "system_channel_id": null, "system_channel_flags": 0,
            "rules_channel_id": null, "public_updates_channel_id": null, "safety_alerts_channel_id": null,
            "max_presences": null, "max_members": 500_000, "max_video_channel_users": 25,
            "max_stage_video_channel_users": 50, "vanity_url_code": null,
            "premium_tier": 0, "premium_subscription_count": 0, "premium_progress_bar_enabled": false,
            "preferred_locale": "en-US", "hub_type": null, "incidents_data": null,
        })
    }

    pub(super) fn show_roles(&self) -> Value {
        self.roles.iter().map(Role::json).collect()
    }
}

impl State {
    /// A guild as GUILD_CREATE shows it: with its channels and active threads.
    pub(super) fn show_whole_guild(&self, guild: &GuildState) -> Value {
        let mut json = guild.show();
        let members = [self.show_member(guild, self.bot)];
        let of_guild = |channel: &&ChannelState| channel.guild == Some(guild.id);
        // The hidden ones too, but without the guild's id: that stands above them.
        let channels = self.channels.values().filter(of_guild).filter(|channel| channel.thread.is_none());
        let channels = channels.map(|channel| {
            let mut channel = self.show_channel(channel);
            channel.as_object_mut().expect("a channel is an object").remove("guild_id");
            channel
        });
        json["channels"] = channels.collect();
        json["threads"] = self.show_active_threads(guild.id);
        json["members"] = members.into_iter().collect();
        json["member_count"] = (self.users.len()).into();
        json["joined_at"] = timestamp(millis(guild.id)).into();
        json["large"] = false.into();
        json["unavailable"] = false.into();
        for empty in
            ["voice_states", "presences", "stage_instances", "guild_scheduled_events", "soundboard_sounds"]
        {
            json[empty] = json!([]);
        }
        json
    }

    /// The threads that are not archived and that the bot can see.
    pub(super) fn show_active_threads(&self, guild: u64) -> Value {
        let active = |channel: &&ChannelState| {
            channel.guild == Some(guild)
                && channel.thread.is_some_and(|thread| !thread.archived)
                && self.may(channel, Permission::ViewChannel)
        };
        self.channels.values().filter(active).map(|thread| self.show_channel(thread)).collect()
    }

    /// A member with the user.
    pub(super) fn show_member(&self, guild: &GuildState, user: u64) -> Value {
        let mut member = show_partial_member(guild, user == self.bot);
        member["user"] = self.users.get(&user).map(|user| user.json.clone()).into();
        member
    }

    /// A member as it stands beside a message: the user stands there already.
    pub(super) fn show_author(&self, guild: u64, user: u64) -> Option<Value> {
        Some(show_partial_member(self.guilds.get(&guild)?, user == self.bot))
    }
}

fn show_partial_member(guild: &GuildState, bot: bool) -> Value {
    let roles: Vec<String> = guild.bot_roles.iter().filter(|_| bot).map(u64::to_string).collect();
    json!({
        "roles": roles, "nick": null, "avatar": null, "banner": null,
        "joined_at": timestamp(millis(guild.id)), "premium_since": null, "deaf": false, "mute": false,
        "flags": 0, "pending": false, "communication_disabled_until": null,
    })
}
