//! What a web channel is configured with.

use std::{fmt, num::NonZeroU32, sync::Arc, time::Duration};

use secrecy::{ExposeSecret, SecretString};
use switchboard_core::{ChannelName, Rate};
use time::OffsetDateTime;
use url::Url;

use crate::{
    Appearance,
    id::{self, VisitorId},
};

/// Tells the time. Given by the wiring, so that tests can set it.
pub type Clock = Arc<dyn Fn() -> OffsetDateTime + Send + Sync>;

/// The shortest secret that is taken, in bytes: the length of the signature it makes.
const MIN_SECRET: usize = 32;

/// The settings of one web channel.
#[derive(Clone)]
pub struct WebConfig {
    /// The channel's name; a part of the page's address and of every visitor's signature, so
    /// another name makes every visitor a new one.
    pub channel: ChannelName,
    /// The key that visitors' tokens are signed with; at least 32 bytes. The same on every
    /// replica. Another one makes every visitor a new one.
    pub secret: SecretString,
    /// Tells the time.
    pub clock: Clock,
    /// The keys with which the site signs who its users are; each at least 32 bytes. All are taken,
    /// so that a new one can be put beside the old one. Default: none, so nobody can be identified.
    pub identity_secrets: Vec<SecretString>,
    /// Sessions that were made before are refused, and begin anew. Default: none are.
    pub sessions_valid_from: Option<OffsetDateTime>,
    /// The same for single visitors, each named as the `chat_id` has them after the channel's name.
    /// Default: for nobody.
    pub sessions_ended: Vec<(String, OffsetDateTime)>,
    /// The sites, as exact origins (`https://www.example.com`), that may show the page in a frame
    /// and call its routes. The page's own origin always may. Where a proxy changes the `Host`
    /// header, the gateway's public origin belongs here too. Default: none.
    pub allowed_origins: Vec<String>,
    /// What visitors see.
    pub appearance: Appearance,
    /// How fast one visitor may write. Default: 20 messages at once, then one per second, which
    /// nobody reaches by typing.
    pub flood: Rate,
    /// How fast sessions of new visitors may be made, by all together; whom the site names is not
    /// counted. Default: 200 at once, then 50 per second. A session costs nothing until its first
    /// message, so this only keeps somebody from collecting visitors to flood with.
    pub sessions: Rate,
    /// How fast they may be made from one address (of IPv6: from one /64), so that nobody uses up
    /// what all have together. Default: 60 at once, then one per second. A company of thousands may
    /// well have one address; but few of them write to another company for the first time in the
    /// same minute, and a session is made when somebody first writes.
    pub sessions_per_address: Rate,
    /// The longest message a visitor may write, in Unicode code points. Default: 8,000, about
    /// three printed pages.
    pub max_text: usize,
}

impl WebConfig {
    /// The defaults for everything that has one.
    pub fn new(channel: ChannelName, secret: SecretString, clock: Clock) -> Self {
        Self {
            channel,
            secret,
            clock,
            identity_secrets: Vec::new(),
            sessions_valid_from: None,
            sessions_ended: Vec::new(),
            allowed_origins: Vec::new(),
            appearance: Appearance::default(),
            flood: default_flood(),
            sessions: default_sessions(),
            sessions_per_address: default_sessions_per_address(),
            max_text: 8_000,
        }
    }

    /// Everything that is wrong with the settings; empty if they can be used.
    pub fn mistakes(&self) -> Vec<ConfigError> {
        let mut mistakes = Vec::new();
        if matches!(self.channel.as_str(), "" | "." | "..") {
            mistakes.push(ConfigError::Name { name: self.channel.to_string() });
        }
        let length = self.secret.expose_secret().len();
        if length < MIN_SECRET {
            mistakes.push(ConfigError::Secret { length });
        }
        mistakes
            .extend(self.identity_secrets.iter().filter_map(|secret| check_identity_secret(secret).err()));
        let mut times = self.sessions_ended.iter().map(|(_, time)| *time).chain(self.sessions_valid_from);
        if times.any(|time| time > (self.clock)()) {
            mistakes.push(ConfigError::ValidFrom);
        }
        mistakes.extend(self.sessions_ended.iter().filter_map(|(visitor, _)| check_visitor(visitor).err()));
        mistakes.extend(self.allowed_origins.iter().filter_map(|origin| check_origin(origin).err()));
        if [self.flood, self.sessions, self.sessions_per_address].iter().any(|rate| rate.period.is_zero()) {
            mistakes.push(ConfigError::Flood);
        }
        if self.max_text == 0 {
            mistakes.push(ConfigError::MaxText);
        }
        mistakes
    }

    /// The channel's name as one segment of a path.
    pub(crate) fn segment(&self) -> String {
        id::path_segment(&self.channel)
    }
}

impl fmt::Debug for WebConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WebConfig")
            .field("channel", &self.channel)
            .field("allowed_origins", &self.allowed_origins)
            .field("flood", &self.flood)
            .field("max_text", &self.max_text)
            .finish_non_exhaustive()
    }
}

/// A setting that cannot be used, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// The name cannot be a part of an address.
    #[error("a web channel cannot be named {name:?}; take letters, digits and hyphens")]
    Name {
        /// The name.
        name: String,
    },
    /// The secret could be guessed.
    #[error(
        "the secret has {length} bytes; take at least {MIN_SECRET}, for example from `openssl rand -hex 32`"
    )]
    Secret {
        /// How long it is, in bytes.
        length: usize,
    },
    /// A site's signature could be made by others.
    #[error(
        "the identity secret has {length} bytes; take at least {MIN_SECRET}, for example from `openssl rand -hex 32`"
    )]
    IdentitySecret {
        /// How long it is, in bytes.
        length: usize,
    },
    /// Every session would be refused, also a new one.
    #[error("the time from which sessions are good is in the future; take one that has passed")]
    ValidFrom,
    /// Whose sessions are ended cannot be told.
    #[error("{visitor:?} is no visitor as a chat_id has them after the channel's name; {remedy}")]
    Visitor {
        /// As configured.
        visitor: String,
        /// How to write it.
        remedy: String,
    },
    /// An origin that no browser would send.
    #[error("{origin:?} is not an origin; write it as {suggestion:?}")]
    Origin {
        /// As configured.
        origin: String,
        /// What was probably meant, or an example.
        suggestion: String,
    },
    /// A rate without a pace.
    #[error("a rate's period is zero; take a second or more")]
    Flood,
    /// No message could be written.
    #[error("the longest message has no characters; take 8000 or leave it out")]
    MaxText,
}

/// Twenty at once, then one per second.
fn default_flood() -> Rate {
    Rate { burst: NonZeroU32::new(20).expect("20 is not zero"), period: Duration::from_secs(1) }
}

/// Sixty at once, then one per second.
fn default_sessions_per_address() -> Rate {
    Rate { burst: NonZeroU32::new(60).expect("60 is not zero"), period: Duration::from_secs(1) }
}

/// Two hundred at once, then fifty per second.
fn default_sessions() -> Rate {
    Rate { burst: NonZeroU32::new(200).expect("200 is not zero"), period: Duration::from_millis(20) }
}

/// Whether a site's signatures with this key are hard to make for others.
pub fn check_identity_secret(secret: &SecretString) -> Result<(), ConfigError> {
    let length = secret.expose_secret().len();
    if length < MIN_SECRET { Err(ConfigError::IdentitySecret { length }) } else { Ok(()) }
}

/// Whether this is a visitor as a `chat_id` has them after the channel's name.
pub fn check_visitor(visitor: &str) -> Result<(), ConfigError> {
    let Err(meant) = VisitorId::from_chat_id(visitor) else { return Ok(()) };
    let remedy = match meant {
        Some(meant) => format!("write it as {meant:?}"),
        None => "write it as \"0b9a36e5-63f5-4c8c-a26d-99d832b8b9ca\" or \"user=42\"".to_owned(),
    };
    Err(ConfigError::Visitor { visitor: visitor.to_owned(), remedy })
}

/// Whether a browser can send this origin. Browsers send scheme, host and a port that is not the
/// scheme's own, in lower case and without a slash at the end; only that can be compared exactly.
pub fn check_origin(origin: &str) -> Result<(), ConfigError> {
    let parsed = Url::parse(origin).ok().filter(|url| matches!(url.scheme(), "http" | "https"));
    let suggestion = match parsed {
        Some(url) => url.origin().ascii_serialization(),
        None => "https://www.example.com".to_owned(),
    };
    if suggestion == origin {
        return Ok(());
    }
    Err(ConfigError::Origin { origin: origin.to_owned(), suggestion })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(secret: &str, origins: &[&str]) -> WebConfig {
        let clock: Clock = Arc::new(|| OffsetDateTime::UNIX_EPOCH);
        let mut config = WebConfig::new(ChannelName::new("site"), SecretString::from(secret), clock);
        config.allowed_origins = origins.iter().map(|&origin| origin.to_owned()).collect();
        config
    }

    #[test]
    fn exact_origins_are_taken() {
        let origins = ["https://www.example.com", "http://localhost:3000", "https://[::1]:8443"];
        assert_eq!(config(&"k".repeat(32), &origins).mistakes(), []);
    }

    #[test]
    fn every_mistake_is_named() {
        let mut config = config("short", &["https://Example.com/", "https://a.example:443", "*"]);
        config.flood.period = Duration::ZERO;
        config.identity_secrets = vec!["long enough to be used as a secret".into(), "but not this".into()];
        config.sessions_valid_from = Some(OffsetDateTime::UNIX_EPOCH + Duration::from_secs(1));
        config.sessions_ended = vec![("site:user=42".to_owned(), OffsetDateTime::UNIX_EPOCH)];
        let text: Vec<String> = config.mistakes().iter().map(ToString::to_string).collect();
        assert_eq!(text.len(), 8, "{text:?}");
        assert!(text[0].contains("5 bytes"), "{text:?}");
        assert!(text[1].contains("identity secret has 12 bytes"), "{text:?}");
        assert!(text[2].contains("in the future"), "{text:?}");
        assert!(text[3].ends_with("write it as \"user=42\""), "{text:?}");
        assert!(text[4].ends_with("write it as \"https://example.com\""), "{text:?}");
        assert!(text[5].ends_with("write it as \"https://a.example\""), "{text:?}");
        assert!(text[6].contains("\"*\" is not an origin"), "{text:?}");
        assert!(text[7].contains("period"), "{text:?}");
    }

    #[test]
    fn debug_shows_no_secret() {
        let secret = "a-secret-that-must-not-be-printed";
        assert!(!format!("{:?}", config(secret, &[])).contains(secret));
    }
}
