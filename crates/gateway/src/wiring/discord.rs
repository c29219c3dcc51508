//! The keys of a `[[channel]]` of kind `discord`, and what makes its adapter of them.

use std::sync::Arc;

use secrecy::{ExposeSecret as _, SecretString};
use switchboard_discord::{DiscordConfig, DiscordMessenger, check_api_url, check_token};

use crate::{
    Adapter, BuildAdapter,
    config::{Fault, Invalid, Section},
};

pub(super) fn read(section: &mut Section<'_>) -> Result<BuildAdapter, Invalid> {
    let token = section.secret("token").then(token).required();
    let api_url = section.url("api_url").then(|url| match check_api_url(&url) {
        Ok(()) => Ok(url),
        Err(error) => Err(Fault::new(error.to_string(), "correct it")),
    });
    let api_url = api_url.optional();
    let link_previews = section.boolean("link_previews").or(false);
    let token = token?;
    Ok(Box::new(move |context| {
        let account = Some(format!("the Discord bot {}", bot_id(&token)));
        let mut config = DiscordConfig::new(context.channel, token);
        config.api_url = api_url.unwrap_or(config.api_url);
        config.link_previews = link_previews;
        let messenger = Arc::new(DiscordMessenger::new(config)?);
        Ok(Adapter { messenger, routes: None, account })
    }))
}

/// The part of a token that is no secret: the bot's id, encoded.
fn bot_id(token: &SecretString) -> &str {
    token.expose_secret().split('.').next().unwrap_or_default()
}

fn token(token: SecretString) -> Result<SecretString, Fault> {
    match check_token(&token) {
        Ok(()) => Ok(token),
        Err(_) => Err(Fault::new(
            "is not a bot's token",
            "take the one that the developer portal shows on the bot's page, in three parts with dots",
        )),
    }
}
