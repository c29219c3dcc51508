//! The keys of a `[[channel]]` of kind `telegram`, and what makes its adapter of them.

use secrecy::{ExposeSecret as _, SecretString};
use switchboard_engine::Groups;
use switchboard_telegram::{Edited, Mode, Telegram, TelegramConfig, check_api_url, check_token, route};
use url::{ParseError, Url};

use crate::{
    Adapter, BuildAdapter,
    config::{Fault, Invalid, Section},
};

/// How updates come in, as configured.
#[derive(Clone, Copy)]
enum Way {
    Polling,
    Webhook,
}

pub(super) fn read(section: &mut Section<'_>) -> Result<BuildAdapter, Invalid> {
    let token = section.secret("token").then(token).required();
    let api_url = section.url("api_url").then(|url| match check_api_url(&url) {
        Ok(()) => Ok(url),
        Err(error) => Err(Fault::new(error.to_string(), "correct it")),
    });
    let api_url = api_url.optional();
    let way =
        section.one_of("mode", &[("polling", Way::Polling), ("webhook", Way::Webhook)]).or(Way::Polling);
    let edited = section.one_of("edited", &[("ignore", Edited::Ignore), ("forward", Edited::Forward)]);
    let edited = edited.or(Edited::Ignore);
    let greeting = section.string("greeting").optional();
    let link_previews = section.boolean("link_previews").or(false);
    let token = token?;
    Ok(Box::new(move |context| {
        let mut config = TelegramConfig::new(context.channel, token);
        config.api_url = api_url.unwrap_or(config.api_url);
        config.mode = match way {
            Way::Polling => Mode::Polling,
            Way::Webhook => Mode::Webhook {
                url: below(&context.public_url, &route(&config.channel))?,
                secret: context.secret,
            },
        };
        config.edited = edited;
        config.greeting = greeting;
        config.link_previews = link_previews;
        config.polls_to_probe = context.unused;
        config.reads_groups = context.groups == Groups::All;
        let account = Some(format!("the bot {}", bot_id(&config.token)));
        let telegram = Telegram::new(config, context.inbox)?;
        Ok(Adapter { messenger: telegram.messenger, routes: telegram.router, account })
    }))
}

/// The address of a route. A proxy may have us below a path of its own.
fn below(public_url: &Url, route: &str) -> Result<Url, ParseError> {
    Url::parse(&format!("{}{route}", public_url.as_str().trim_end_matches('/')))
}

/// The part of a token that is no secret.
fn bot_id(token: &SecretString) -> &str {
    token.expose_secret().split(':').next().unwrap_or_default()
}

fn token(token: SecretString) -> Result<SecretString, Fault> {
    match check_token(&token) {
        Ok(()) => Ok(token),
        Err(_) => {
            Err(Fault::new("is not a bot's token", "take the one that @BotFather shows, 123456789:AA…"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_route_stays_below_the_path_of_the_public_url() {
        for (public_url, expected) in [
            ("https://chat.example.com", "https://chat.example.com/webhooks/telegram/bot"),
            ("https://example.com/chat", "https://example.com/chat/webhooks/telegram/bot"),
            ("https://example.com:8443/chat/", "https://example.com:8443/chat/webhooks/telegram/bot"),
        ] {
            let url = below(&public_url.parse().unwrap(), "/webhooks/telegram/bot").unwrap();
            assert_eq!(url.as_str(), expected);
        }
    }
}
