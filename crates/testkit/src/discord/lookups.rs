//! The calls that only tell something.

#![expect(
    clippy::unnecessary_wraps,
    reason = "all calls have the same signature, also those that are never refused"
)]

use serde_json::{Value, json};

use super::answer::{Outcome, Refusal};
use super::channels::ChannelState;
use super::guilds::GuildState;
use super::request::Request;
use super::state::{IDENTIFIES, Shared, State, UserState};

pub(super) fn me(bot: &Shared, _: &Request) -> Outcome {
    let state = bot.lock();
    let mut me = state.users[&bot.id].json.clone();
    for (field, value) in [
        ("mfa_enabled", json!(true)),
        ("locale", json!("en-US")),
        ("premium_type", json!(0)),
        ("email", Value::Null),
        ("verified", json!(true)),
        ("bio", json!("")),
    ] {
        me[field] = value;
    }
    Ok(me)
}

pub(super) fn application(bot: &Shared, _: &Request) -> Outcome {
    let state = bot.lock();
    Ok(json!({
        "id": bot.id.to_string(), "name": bot.name, "icon": null, "description": "", "summary": "", "type": null,
        "bot": state.users[&bot.id].json, "bot_public": true, "bot_require_code_grant": false,
        "verify_key": "0".repeat(64), "owner": UserState::new(1, "Owner", false).json, "team": null,
        "flags": state.application_flags(), "rpc_origins": [], "tags": [], "hook": true, "redirect_uris": [],
        "interactions_endpoint_url": null, "role_connections_verification_url": null,
        "approximate_guild_count": state.guilds.len(), "approximate_user_install_count": 0,
        "integration_types_config": {},
    }))
}

pub(super) fn gateway(bot: &Shared, _: &Request) -> Outcome {
    Ok(gateway_json(&bot.gateway))
}

/// What `GET /gateway` answers, also to those without a token.
pub(super) fn gateway_json(gateway: &str) -> Value {
    json!({ "url": format!("{gateway}/gateway") })
}

pub(super) fn gateway_bot(bot: &Shared, request: &Request) -> Outcome {
    let mut gateway = gateway(bot, request)?;
    gateway["shards"] = 1.into();
    gateway["session_start_limit"] = json!({
        "total": IDENTIFIES, "remaining": bot.lock().identifies_left, "reset_after": 86_400_000, "max_concurrency": 1,
    });
    Ok(gateway)
}

pub(super) fn user(bot: &Shared, request: &Request) -> Outcome {
    let state = bot.lock();
    let user = state.users.get(&request.id(0)).filter(|user| user.webhook.is_none());
    user.map(|user| user.json.clone()).ok_or_else(|| Refusal::new(404, 10013, "Unknown User"))
}

pub(super) fn my_guilds(bot: &Shared, _: &Request) -> Outcome {
    let state = bot.lock();
    let joined = state.guilds.values().filter(|guild| guild.joined);
    let guilds = joined.map(|guild| {
        json!({
            "id": guild.id.to_string(), "name": guild.name, "icon": null, "banner": null, "owner": false,
            "permissions": state.guild_permissions(guild.id).to_string(), "features": [],
        })
    });
    Ok(guilds.collect())
}

pub(super) fn guild(bot: &Shared, request: &Request) -> Outcome {
    let state = bot.lock();
    Ok(state.joined(request)?.show())
}

pub(super) fn roles(bot: &Shared, request: &Request) -> Outcome {
    let state = bot.lock();
    Ok(state.joined(request)?.show_roles())
}

pub(super) fn guild_channels(bot: &Shared, request: &Request) -> Outcome {
    let state = bot.lock();
    let guild = state.joined(request)?.id;
    let of_guild = |channel: &&ChannelState| channel.guild == Some(guild) && channel.thread.is_none();
    Ok(state.channels.values().filter(of_guild).map(|channel| state.show_channel(channel)).collect())
}

pub(super) fn active_threads(bot: &Shared, request: &Request) -> Outcome {
    let state = bot.lock();
    let guild = state.joined(request)?.id;
    Ok(json!({ "threads": state.show_active_threads(guild), "members": [] }))
}

pub(super) fn member(bot: &Shared, request: &Request) -> Outcome {
    let state = bot.lock();
    let guild = state.joined(request)?;
    let user = request.id(1);
    let known = state.users.get(&user).is_some_and(|user| user.webhook.is_none());
    known.then(|| state.show_member(guild, user)).ok_or_else(|| Refusal::new(404, 10007, "Unknown Member"))
}

pub(super) fn channel(bot: &Shared, request: &Request) -> Outcome {
    let state = bot.lock();
    Ok(state.show_channel(state.visible(request.id(0))?))
}

impl State {
    /// The guild in the path, if the bot is in it.
    fn joined(&self, request: &Request) -> Result<&GuildState, Refusal> {
        let guild = self.guilds.get(&request.id(0)).filter(|guild| guild.joined);
        guild.ok_or_else(|| Refusal::new(404, 10004, "Unknown Guild"))
    }
}
