//! Checks on request: the token, the webhook, other programs, privacy mode. Nobody notices them.
//!
//! Another program that polls the bot can be seen in one way only: by polling as well, which throws out
//! whoever polls, a running gateway included. So the probe polls only if it is told that the channel
//! runs nowhere ([`crate::TelegramConfig::polls_to_probe`]), and then confirms nothing. Otherwise it
//! tells what this process has met when it polled itself.

use std::time::Duration;

use serde::de::IgnoredAny;
use switchboard_core::{Finding, RunError};
use teloxide_core::payloads::GetUpdates;
use url::Url;

use crate::{
    Mode,
    bot::{Bot, Me},
    error::{CallError, Conflict},
    webhook::WebhookInfo,
};

/// So many updates that wait are more than come while a gateway restarts.
const MANY: u64 = 1000;

/// How long to look for another poller. Programs poll again within a second or two.
const LOOK: Duration = Duration::from_secs(5);

pub(crate) async fn probe(bot: &Bot) -> Vec<Finding> {
    let me = match bot.ask_me().await {
        Ok(me) => me,
        Err(error) => return vec![no_answer(bot, &error)],
    };
    let mut findings = vec![Finding::ok(format!("the token is that of {}", name(&me)))];
    findings.extend(privacy(bot, &me));
    match WebhookInfo::get(bot).await {
        Ok(info) => findings.extend(webhook(bot, &info)),
        Err(error) => findings.push(no_answer(bot, &error)),
    }
    match (&bot.config.mode, bot.config.polls_to_probe) {
        (Mode::Polling, true) => findings.extend(other_poller(bot).await),
        _ => findings.extend(bot.conflict().map(in_the_way)),
    }
    findings
}

/// Polls for a while. Whoever polled is thrown out and polls again, which throws us out.
async fn other_poller(bot: &Bot) -> Option<Finding> {
    let mut poll = GetUpdates::new();
    poll.limit = Some(1);
    poll.timeout = Some(u32::try_from(bot.config.poll_timeout.min(LOOK).as_secs()).unwrap_or(1));
    match bot.client.call::<_, Vec<IgnoredAny>>(&poll).await {
        Ok(updates) if updates.is_empty() => Some(Finding::ok("no other program polls the bot")),
        // Who polls takes what waits, so probably nobody does; but both may have been given the same.
        Ok(_) => None,
        // A webhook in the way has been told already.
        Err(error) => match error.conflict() {
            Some(Conflict::Webhook) => None,
            Some(conflict) => Some(in_the_way(conflict)),
            None => Some(no_answer(bot, &error)),
        },
    }
}

fn in_the_way(conflict: Conflict) -> Finding {
    Finding::error(conflict.what(), conflict.remedy())
}

fn name(me: &Me) -> String {
    match &me.username {
        Some(username) => format!("@{username} ({})", me.id),
        None => me.id.to_string(),
    }
}

fn no_answer(bot: &Bot, error: &CallError) -> Finding {
    if let Some(RunError { reason, remedy }) = error.needs_a_person() {
        return Finding::error(reason, remedy);
    }
    let host = bot.config.api_url.host_str().unwrap_or_default();
    let what = format!("the Bot API at {host} does not answer as it should: {}", error.describe());
    Finding::error(what, "see that api_url is right and that this machine can reach it")
}

fn privacy(bot: &Bot, me: &Me) -> Option<Finding> {
    (bot.config.reads_groups && !me.can_read_all_group_messages).then(|| {
        Finding::warning(
            "the channel is to read everything in groups, and the bot's privacy mode keeps it from that \
             where it is no administrator",
            "turn privacy mode off with @BotFather (/setprivacy) and add the bot to its groups again, \
             or take groups = \"mention\"",
        )
    })
}

fn webhook(bot: &Bot, info: &WebhookInfo) -> Vec<Finding> {
    let mut findings = Vec::new();
    let host = Url::parse(&info.url).ok().and_then(|url| url.host_str().map(str::to_owned));
    let host = host.unwrap_or_else(|| "an unknown address".to_owned());
    match &bot.config.mode {
        Mode::Polling if !info.url.is_empty() => findings.push(Finding::error(
            format!("a webhook at {host} is set for the bot, so it cannot be polled"),
            Conflict::Webhook.remedy(),
        )),
        Mode::Polling => {}
        Mode::Webhook { url, .. } if info.url == url.as_str() => {
            findings.push(Finding::ok("the webhook is registered"));
            findings.extend(last_error(bot, info));
        }
        Mode::Webhook { .. } if info.url.is_empty() => findings
            .push(Finding::warning("no webhook is set for the bot", "start the gateway, which registers it")),
        Mode::Webhook { .. } => findings.push(Finding::warning(
            format!("another webhook, at {host}, is set for the bot; the gateway replaces it when it starts"),
            "see that no other program uses the bot's token",
        )),
    }
    if info.pending_update_count > MANY {
        findings.push(Finding::warning(
            format!("{} updates wait at Telegram, which forgets them after a day", info.pending_update_count),
            "see that the gateway runs and its database answers",
        ));
    }
    findings
}

fn last_error(bot: &Bot, info: &WebhookInfo) -> Option<Finding> {
    // What Telegram reports may be long over; while nothing waits, it is.
    let message = info.last_error_message.clone().filter(|_| info.pending_update_count > 0)?;
    Some(Finding::warning(
        format!("Telegram could not bring an update to the webhook: {}", bot.client.without_token(message)),
        "see that the gateway runs and that its public_url leads to it, with a certificate that is valid",
    ))
}
