//! What a Telegram channel is configured with.

use std::{fmt, time::Duration};

use secrecy::{ExposeSecret, SecretString};
use switchboard_core::ChannelName;
use url::Url;

/// Where Telegram's own Bot API is.
pub const API_URL: &str = "https://api.telegram.org";

/// The longest poll that Telegram grants.
const LONGEST_POLL: Duration = Duration::from_secs(50);

/// The settings of one Telegram channel.
#[derive(Clone)]
pub struct TelegramConfig {
    /// The channel's name; in webhook mode a part of the route.
    pub channel: ChannelName,
    /// The bot's token, from @BotFather.
    pub token: SecretString,
    /// The Bot API, which may be a self-hosted one and may have a path. Default: [`API_URL`].
    pub api_url: Url,
    /// How messages come in. Default: polling.
    pub mode: Mode,
    /// What becomes of a message that its author changes. Default: nothing.
    pub edited: Edited,
    /// The answer to `/start` in a private chat, in Markdown. Default: none, so the AI is asked.
    pub greeting: Option<String>,
    /// Whether Telegram shows a preview of the first link of a message. Default: it does not.
    pub link_previews: bool,
    /// Whether the channel wants to read all that is written in groups (`groups = "all"`), for which
    /// the bot's privacy mode must be off. Only checked by the probe. Default: no.
    pub reads_groups: bool,
    /// Whether the probe may poll, which tells whether another program does. Only where the channel runs
    /// nowhere: a gateway that polls would be thrown out for a moment. Default: it may not.
    pub polls_to_probe: bool,
    /// How long Telegram holds a poll open that finds nothing, 1 to 50 s; in webhook mode, how often it
    /// is looked whether the webhook works. Default: 30 s.
    pub poll_timeout: Duration,
    /// How long any other call may take, after which its outcome counts as unknown. Default: 30 s,
    /// which is less than the minute that the engine waits for a send.
    pub call_timeout: Duration,
    /// How long to wait before a failed poll is repeated, at first. Doubles with every failure.
    /// Default: 1 s.
    pub first_pause: Duration,
    /// The longest that this grows to. Default: 30 s.
    pub longest_pause: Duration,
}

/// How messages come in.
#[derive(Clone)]
pub enum Mode {
    /// The channel asks for them. Needs no address of its own.
    Polling,
    /// Telegram brings them.
    Webhook {
        /// The public address of the route, as Telegram is to call it. See [`crate::route`].
        url: Url,
        /// From which the secret is derived that Telegram has to show. The same on every replica.
        secret: SecretString,
    },
}

/// What becomes of a message that its author changes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Edited {
    /// Nothing: the AI has read what was written first.
    #[default]
    Ignore,
    /// It comes in again, as another message that says that it is an edited one.
    Forward,
}

impl TelegramConfig {
    /// The defaults for everything that has one.
    pub fn new(channel: ChannelName, token: SecretString) -> Self {
        Self {
            channel,
            token,
            api_url: Url::parse(API_URL).expect("the Bot API's address is a URL"),
            mode: Mode::Polling,
            edited: Edited::default(),
            greeting: None,
            link_previews: false,
            reads_groups: false,
            polls_to_probe: false,
            poll_timeout: Duration::from_secs(30),
            call_timeout: Duration::from_secs(30),
            first_pause: Duration::from_secs(1),
            longest_pause: Duration::from_secs(30),
        }
    }

    /// Everything that is wrong with the settings; empty if they can be used.
    pub fn mistakes(&self) -> Vec<ConfigError> {
        let mut mistakes = Vec::new();
        mistakes.extend(check_token(&self.token).err());
        mistakes.extend(check_api_url(&self.api_url).err());
        if let Mode::Webhook { url, .. } = &self.mode
            && self.api_url.as_str() == Url::parse(API_URL).expect("it is a URL").as_str()
        {
            mistakes.extend(check_webhook_url(url).err());
        }
        if self.greeting.as_ref().is_some_and(|greeting| greeting.trim().is_empty()) {
            mistakes.push(ConfigError::Greeting);
        }
        if !(Duration::from_secs(1)..=LONGEST_POLL).contains(&self.poll_timeout) {
            mistakes.push(ConfigError::PollTimeout);
        }
        if self.call_timeout.is_zero() {
            mistakes.push(ConfigError::CallTimeout);
        }
        mistakes
    }

    /// How long to wait after so many failures in a row.
    pub(crate) fn pause(&self, failures: u32) -> Duration {
        let doubled = self.first_pause.saturating_mul(2_u32.saturating_pow(failures));
        doubled.min(self.longest_pause)
    }
}

impl fmt::Debug for TelegramConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TelegramConfig")
            .field("channel", &self.channel)
            .field("api_host", &self.api_url.host_str())
            .field("mode", &self.mode)
            .field("edited", &self.edited)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Polling => "Polling",
            Self::Webhook { .. } => "Webhook",
        })
    }
}

/// A setting that cannot be used, and what to do about it.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// No bot has this token. It is not shown.
    #[error("the token is not one; @BotFather shows it as 123456789:AA…")]
    Token,
    /// Not the address of a Bot API.
    #[error("api_url is not the address of a Bot API; write it as {API_URL:?}")]
    ApiUrl,
    /// Telegram would refuse it.
    #[error(
        "Telegram calls webhooks by https, on port 443, 80, 88 or 8443; change public_url, or take mode = \"polling\""
    )]
    WebhookUrl,
    /// There is nothing to see in it.
    #[error("the greeting is empty; write one or leave it out")]
    Greeting,
    /// Telegram does not grant it.
    #[error("the poll's timeout is not between 1 s and 50 s")]
    PollTimeout,
    /// Nothing could ever be sent.
    #[error("the call's timeout is zero; take some seconds")]
    CallTimeout,
    /// The HTTP client cannot be made, for example because the system has no certificates.
    #[error("no HTTP client can be made")]
    Client(#[source] reqwest::Error),
}

/// Whether this can be a bot's token.
pub fn check_token(token: &SecretString) -> Result<(), ConfigError> {
    let well_formed = |part: &str| {
        !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
    };
    match token.expose_secret().split_once(':') {
        Some((id, secret)) if well_formed(id) && well_formed(secret) => Ok(()),
        _ => Err(ConfigError::Token),
    }
}

/// Whether a Bot API can be there.
pub fn check_api_url(url: &Url) -> Result<(), ConfigError> {
    let plain = url.query().is_none() && url.fragment().is_none();
    if matches!(url.scheme(), "http" | "https") && url.has_host() && plain {
        Ok(())
    } else {
        Err(ConfigError::ApiUrl)
    }
}

/// Whether Telegram's own Bot API takes this as a webhook. A self-hosted one takes more.
pub fn check_webhook_url(url: &Url) -> Result<(), ConfigError> {
    let port = url.port_or_known_default();
    if url.scheme() == "https" && matches!(port, Some(443 | 80 | 88 | 8443)) {
        Ok(())
    } else {
        Err(ConfigError::WebhookUrl)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOKEN: &str = "123456:AAE-a-token_that-is-never-printed";

    fn config(token: &str) -> TelegramConfig {
        TelegramConfig::new(ChannelName::new("support"), SecretString::from(token))
    }

    fn webhook(url: &str) -> Mode {
        Mode::Webhook { url: url.parse().expect("a URL"), secret: SecretString::from("secret") }
    }

    #[test]
    fn what_can_be_used_is_taken() {
        let mut config = config(TOKEN);
        assert!(config.mistakes().is_empty());
        config.mode = webhook("https://chat.example.com:8443/webhooks/telegram/support");
        assert!(config.mistakes().is_empty());
        config.api_url = "http://127.0.0.1:8081/telegram".parse().expect("a URL");
        config.mode = webhook("http://127.0.0.1:8080/webhooks/telegram/support");
        assert!(config.mistakes().is_empty(), "a server of one's own takes any address");
    }

    #[test]
    fn every_mistake_is_named() {
        for token in ["", "123456", "123456:", ":secret", "123456:se cret", "123456:se/cret"] {
            assert!(matches!(config(token).mistakes()[..], [ConfigError::Token]), "{token:?}");
        }
        let mut config = config(TOKEN);
        config.greeting = Some(" ".to_owned());
        config.poll_timeout = Duration::from_mins(1);
        config.call_timeout = Duration::ZERO;
        config.mode = webhook("http://chat.example.com/webhooks/telegram/support");
        let text: Vec<String> = config.mistakes().iter().map(ToString::to_string).collect();
        assert_eq!(text.len(), 4, "{text:?}");
        config.api_url = "ftp://example.com".parse().expect("a URL");
        assert!(config.mistakes().iter().any(|mistake| matches!(mistake, ConfigError::ApiUrl)));
    }

    #[test]
    fn debug_shows_no_secret() {
        let mut config = config(TOKEN);
        config.mode = webhook("https://chat.example.com/secret-path");
        let shown = format!("{config:?} {:?}", config.mistakes());
        assert!(!shown.contains("AAE") && !shown.contains("secret"), "{shown}");
    }
}
