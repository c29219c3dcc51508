//! Which method is carried out by what, and the methods that only tell something.

use std::sync::Arc;

use serde_json::{Value, json};

use super::answer::{Outcome, Refusal};
use super::chats::Reach;
use super::params::Params;
use super::state::Shared;
use super::{polling, sending, webhook};

/// Carries out a method, named in lower case.
pub(super) async fn call(bot: &Arc<Shared>, method: &str, params: &Arc<Params>) -> Outcome {
    match method {
        "getme" => Ok(me(bot)),
        "getupdates" => polling::get_updates(bot, params).await,
        "setwebhook" => webhook::set(bot, params),
        "deletewebhook" => Ok(webhook::delete(bot, params)),
        "getwebhookinfo" => Ok(webhook::info(bot)),
        "getchat" => chat(bot, params),
        "sendmessage" => sending::send_message(bot, params),
        "sendchataction" => sending::send_chat_action(bot, params),
        _ => Err(Refusal::no_such_method()),
    }
}

fn me(bot: &Shared) -> String {
    let state = bot.lock();
    let mut me = state.users.get(&bot.id).cloned().unwrap_or_default();
    me["can_join_groups"] = true.into();
    me["can_read_all_group_messages"] = state.reads_all.into();
    for ability in ["supports_inline_queries", "can_connect_to_business", "has_main_web_app"] {
        me[ability] = false.into();
    }
    me.to_string()
}

fn chat(bot: &Shared, params: &Params) -> Outcome {
    let state = bot.lock();
    let chat = state.chat(params.integer("chat_id"))?;
    if matches!(chat.reach, Reach::Forgotten | Reach::Kicked) {
        chat.writable()?;
    }
    let mut full: Value = chat.json.clone();
    full["accent_color_id"] = 0.into();
    full["max_reaction_count"] = 11.into();
    full["accepted_gift_types"] = json!({
        "unlimited_gifts": false, "limited_gifts": false, "unique_gifts": false, "premium_subscription": false,
    });
    Ok(full.to_string())
}
