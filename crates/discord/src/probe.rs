//! Checks on request: the token, the intent, sessions left, channels visible, history readable. Nobody notices
//! them.

use serde::Deserialize;
use serenity::model::id::GuildId;
use switchboard_core::{Finding, RunError};

use crate::{
    DiscordConfig,
    bot::ask_me,
    client::{Client, Route},
    error::CallError,
    gateway,
    receiving::Channel,
};

/// `GATEWAY_MESSAGE_CONTENT` and `GATEWAY_MESSAGE_CONTENT_LIMITED`, the flags of an application.
const MESSAGE_CONTENT: u64 = 1 << 18 | 1 << 19;
/// The most guilds and channels that are looked at, so that a check stays a matter of seconds.
const MOST_GUILDS: usize = 10;
const MOST_CHANNELS: usize = 40;
/// Fewer sessions than these are soon used up.
const FEW_SESSIONS: u32 = 100;

#[derive(Deserialize)]
struct Application {
    #[serde(default)]
    flags: u64,
}

#[derive(Deserialize)]
struct Guild {
    id: GuildId,
    name: String,
}

pub(crate) async fn probe(client: &Client, config: &DiscordConfig) -> Vec<Finding> {
    let me = match ask_me(client).await {
        Ok(me) => me,
        Err(error) => return vec![no_answer(config, &error)],
    };
    let mut findings = vec![Finding::ok(format!("the token is that of {} ({})", me.username, me.id))];
    findings.push(intent(client).await.unwrap_or_else(|error| no_answer(config, &error)));
    match sessions(client).await {
        Ok(finding) => findings.extend(finding),
        Err(error) => findings.push(no_answer(config, &error)),
    }
    match guilds(client).await {
        Ok(found) => findings.extend(found),
        Err(error) => findings.push(no_answer(config, &error)),
    }
    findings
}

async fn intent(client: &Client) -> Result<Finding, CallError> {
    let application: Application =
        client.get(Route { name: "GET application", major: 0 }, "/applications/@me").await?;
    Ok(if application.flags & MESSAGE_CONTENT == 0 {
        Finding::error(
            "the bot is not granted the privileged intent MESSAGE_CONTENT, so Discord refuses its connection",
            "turn on \"Message Content Intent\" on the bot's page in the developer portal",
        )
    } else {
        Finding::ok("the intents are granted")
    })
}

async fn sessions(client: &Client) -> Result<Option<Finding>, CallError> {
    let limit = gateway::ask(client).await?.0.session_start_limit;
    Ok((limit.remaining < FEW_SESSIONS.min(limit.total / 10)).then(|| {
        Finding::warning(
            format!("of {} sessions a day {} are left", limit.total, limit.remaining),
            "see that no other program uses the bot's token, and why the gateway reconnects so often",
        )
    }))
}

async fn guilds(client: &Client) -> Result<Vec<Finding>, CallError> {
    let route = Route { name: "GET guilds", major: 0 };
    let guilds: Vec<Guild> = client.get(route, "/users/@me/guilds").await?;
    if guilds.is_empty() {
        return Ok(vec![Finding::warning(
            "the bot is in no guild, so people can hardly write to it",
            "invite it to a guild by the link that the developer portal makes",
        )]);
    }
    let (mut looked, mut visible, mut findings) = (0, 0, Vec::new());
    for guild in guilds.iter().take(MOST_GUILDS) {
        let route = Route { name: "GET channels", major: guild.id.get() };
        let channels: Vec<Channel> = client.get(route, &format!("/guilds/{}/channels", guild.id)).await?;
        for channel in channels.iter().filter(|channel| channel.holds_messages()) {
            if looked == MOST_CHANNELS {
                break;
            }
            looked += 1;
            match look(client, channel).await? {
                Look::Hidden => {}
                Look::Fine => visible += 1,
                Look::NoHistory => {
                    visible += 1;
                    findings.push(Finding::warning(
                        format!("the bot cannot read the history of #{} in {}", channel.name, guild.name),
                        "give its role the permission \"Read Message History\" there, or what is written while it \
                         is away is lost",
                    ));
                }
            }
        }
    }
    let summary = format!("the bot is in {} guilds and sees {visible} of {looked} channels", guilds.len());
    findings.insert(
        0,
        if visible == 0 {
            Finding::warning(summary, "give its role the permission \"View Channels\" where it is to answer")
        } else {
            Finding::ok(summary)
        },
    );
    Ok(findings)
}

/// How a channel looks to the bot.
enum Look {
    Hidden,
    NoHistory,
    Fine,
}

async fn look(client: &Client, channel: &Channel) -> Result<Look, CallError> {
    let id = channel.id.get();
    let path = format!("/channels/{id}");
    let route = Route { name: "GET channel", major: id };
    if is_refused(client.get::<serde::de::IgnoredAny>(route, &path).await)? {
        return Ok(Look::Hidden);
    }
    // A list would only be empty. That one message is refused tells apart what is missing.
    let Some(last) = channel.last_message_id else { return Ok(Look::Fine) };
    let route = Route { name: "GET message", major: id };
    let path = format!("{path}/messages/{last}");
    let refused = is_refused(client.get::<serde::de::IgnoredAny>(route, &path).await)?;
    Ok(if refused { Look::NoHistory } else { Look::Fine })
}

/// Whether the answer is that the bot may not. That there is nothing is no refusal.
fn is_refused<R>(answer: Result<R, CallError>) -> Result<bool, CallError> {
    match answer {
        Ok(_) => Ok(false),
        Err(CallError::Refused(refusal)) if matches!(refusal.status, 403 | 404) => Ok(refusal.status == 403),
        Err(error) => Err(error),
    }
}

fn no_answer(config: &DiscordConfig, error: &CallError) -> Finding {
    if let Some(RunError { reason, remedy }) = error.needs_a_person() {
        return Finding::error(reason, remedy);
    }
    let host = config.api_url.host_str().unwrap_or_default();
    let what = format!("Discord at {host} does not answer as it should: {}", error.describe());
    Finding::error(what, "see that api_url is right and that this machine can reach it")
}
