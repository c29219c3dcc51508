//! What a Discord channel is configured with.

use std::{fmt, time::Duration};

use secrecy::{ExposeSecret, SecretString};
use switchboard_core::ChannelName;
use url::Url;

/// Where Discord's own API is. The gateway's address is asked of it.
pub const API_URL: &str = "https://discord.com";

/// The settings of one Discord channel.
#[derive(Clone)]
pub struct DiscordConfig {
    /// The channel's name, for log lines.
    pub channel: ChannelName,
    /// The bot's token, from the developer portal.
    pub token: SecretString,
    /// Where the API is, without `/api`. Default: [`API_URL`].
    pub api_url: Url,
    /// Whether Discord shows a preview of the links of a message. Default: it does not.
    pub link_previews: bool,
    /// How long a call may take, after which its outcome counts as unknown. Default: 30 s, which is
    /// less than the minute that the engine waits for a send.
    pub call_timeout: Duration,
    /// How long the gateway may take to say hello, and then to open a session. Default: 20 s.
    pub patience: Duration,
    /// How long a connection must have held before the channel counts as connected. Default: 5 s.
    pub hold: Duration,
    /// How long to wait before a failed attempt to connect is repeated, at first. Doubles with every
    /// failure. Default: 1 s.
    pub first_pause: Duration,
    /// The longest that this grows to. Default: 60 s.
    pub longest_pause: Duration,
    /// The least time between two new sessions. Discord grants one in 5 s, which is the default.
    pub identify_every: Duration,
}

impl DiscordConfig {
    /// The defaults for everything that has one.
    pub fn new(channel: ChannelName, token: SecretString) -> Self {
        Self {
            channel,
            token,
            api_url: Url::parse(API_URL).expect("Discord's address is a URL"),
            link_previews: false,
            call_timeout: Duration::from_secs(30),
            patience: Duration::from_secs(20),
            hold: Duration::from_secs(5),
            first_pause: Duration::from_secs(1),
            longest_pause: Duration::from_mins(1),
            identify_every: Duration::from_secs(5),
        }
    }

    /// Everything that is wrong with the settings; empty if they can be used.
    pub fn mistakes(&self) -> Vec<ConfigError> {
        let mut mistakes = Vec::new();
        mistakes.extend(check_token(&self.token).err());
        mistakes.extend(check_api_url(&self.api_url).err());
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

impl fmt::Debug for DiscordConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DiscordConfig")
            .field("channel", &self.channel)
            .field("api_host", &self.api_url.host_str())
            .finish_non_exhaustive()
    }
}

/// A setting that cannot be used, and what to do about it.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// No bot has this token. It is not shown.
    #[error(
        "the token is not one; the developer portal shows it on the page of the bot, in three parts with dots"
    )]
    Token,
    /// Not the address of Discord's API.
    #[error("api_url is not the address of Discord's API; write it as {API_URL:?}")]
    ApiUrl,
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
    let parts: Vec<&str> = token.expose_secret().split('.').collect();
    if parts.len() == 3 && parts.into_iter().all(well_formed) { Ok(()) } else { Err(ConfigError::Token) }
}

/// Whether Discord's API can be there.
pub fn check_api_url(url: &Url) -> Result<(), ConfigError> {
    let plain = url.query().is_none() && url.fragment().is_none();
    if matches!(url.scheme(), "http" | "https") && url.has_host() && plain {
        Ok(())
    } else {
        Err(ConfigError::ApiUrl)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(token: &str) -> DiscordConfig {
        DiscordConfig::new(ChannelName::new("support"), SecretString::from(token))
    }

    #[test]
    fn every_mistake_is_named() {
        assert!(config("MTIz.Gx_y.a-secret").mistakes().is_empty());
        for token in ["", "MTIz", "MTIz.x", "MTIz..x", "Bot MTIz.x.y", "MTIz.x.y.z"] {
            assert!(matches!(config(token).mistakes()[..], [ConfigError::Token]), "{token:?}");
        }
        let mut config = config("MTIz.Gx_y.a-secret");
        config.api_url = "ftp://example.com".parse().expect("a URL");
        config.call_timeout = Duration::ZERO;
        assert!(matches!(config.mistakes()[..], [ConfigError::ApiUrl, ConfigError::CallTimeout]));
    }

    #[test]
    fn debug_shows_no_secret() {
        let config = config("MTIz.Gx_y.a-secret");
        assert!(!format!("{config:?}").contains("a-secret"));
    }
}
