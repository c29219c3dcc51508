//! `[[ai]]`: an account on an AI platform.

use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use switchboard_core::AiName;
use url::Url;

use super::{
    kinds::Kinds,
    mistake::{Fault, Invalid},
    name::Names,
    nearest,
    secret::SecretSource,
    section::Section,
    value,
};

/// The fewest characters of a secret that stands in an address which anybody may try.
const SHORTEST_WEBHOOK_SECRET: usize = 16;
/// The longest time that one request may take.
const LONGEST_TIMEOUT: Duration = Duration::from_mins(10);

/// One `[[ai]]`
#[derive(Clone, Debug)]
pub struct AiConfig {
    /// Its name, which channels refer to.
    pub name: AiName,
    /// The kind of platform; one of the known ones.
    pub kind: String,
    /// Where the platform is.
    pub base_url: Url,
    /// The bearer token; it can be read again when the platform refuses it.
    pub token: SecretSource,
    /// The secret in the address of our webhook: at least 16 of `A-Za-z0-9_-`.
    pub webhook_secret: SecretString,
    /// How long one request may take. Default: 30 s.
    pub timeout: Duration,
}

impl AiConfig {
    pub(super) fn read<A>(
        section: &mut Section<'_>,
        names: &mut Names,
        kinds: &Kinds<A>,
    ) -> Result<Self, Invalid> {
        let name = names.claim(section);
        let kind = section.text("kind", nearest::any_of(kinds.ais())).then(|text| {
            if kinds.ais().contains(&text.resolved.as_str()) {
                return Ok(text.resolved);
            }
            Err(value::none_of(&text, kinds.ais()))
        });
        let kind = kind.required();
        let base_url = section.url("base_url").required();
        let token = section.secret_source("token").required();
        let webhook_secret = section.secret("webhook_secret").then(usable_in_an_address).required();
        let timeout =
            section.duration("timeout", Duration::from_millis(100)..=LONGEST_TIMEOUT).or(default_timeout());
        Ok(Self {
            name: AiName::new(name?),
            kind: kind?,
            base_url: base_url?,
            token: token?,
            webhook_secret: webhook_secret?,
            timeout,
        })
    }
}

fn usable_in_an_address(secret: SecretString) -> Result<SecretString, Fault> {
    let (remedy, text) = ("make one with `openssl rand -hex 32`", secret.expose_secret());
    if text.len() < SHORTEST_WEBHOOK_SECRET {
        let problem = format!("has fewer than {SHORTEST_WEBHOOK_SECRET} characters");
        return Err(Fault::new(problem, remedy));
    }
    if !text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte)) {
        return Err(Fault::new("has characters other than A-Z, a-z, 0-9, \"_\" and \"-\"", remedy));
    }
    Ok(secret)
}

fn default_timeout() -> Duration {
    Duration::from_secs(30)
}
