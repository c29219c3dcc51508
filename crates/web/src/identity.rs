//! Who a site says its user is: a JSON Web Token that the site signs with HMAC-SHA256.
//!
//! | claim | meaning |
//! |---|---|
//! | `sub` | the site's id of the user, a text of 1 to 255 bytes without control characters |
//! | `aud` | the channel's name, or a list with it |
//! | `exp` | until when this may be shown, at most 24 hours ahead; as `nbf` and `iat`, in seconds since 1970 |
//! | `iat` | optional: when it was signed; before the company ended the user's sessions is too early |
//! | `name` | optional: what people are shown as the user's name |
//!
//! `alg` is `HS256` and nothing else: what the token says about itself never decides how it is
//! checked. `aud` is required, so that a token that the same key signed for another purpose, or
//! for another channel, is of no use here.

use std::{ops::Range, sync::Arc};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
use hmac::{Hmac, Mac};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize, de::IgnoredAny};
use sha2::Sha256;
use switchboard_core::ChannelName;
use time::{Duration, OffsetDateTime};

use crate::{endings::Endings, id::VisitorId};

/// How far ahead `exp` may be: who finds such a token in a log or a cache of old finds nothing.
pub const MAX_AHEAD: Duration = Duration::hours(24);

/// How much the site's clock may differ from ours, where ours alone must not decide.
const SKEW: Duration = Duration::minutes(5);

/// The longest user's id, in bytes.
const MAX_USER: usize = 255;

/// What is kept of a name, in Unicode code points.
const MAX_NAME: usize = 100;

/// No token of a site is longer; nothing longer is read.
const MAX_TOKEN: usize = 4096;

/// A site's user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Identity {
    pub(crate) user: Arc<str>,
    pub(crate) name: Option<String>,
}

/// The keys that a site may sign with.
pub(crate) struct Identities {
    keys: Vec<Hmac<Sha256>>,
    channel: ChannelName,
    endings: Arc<Endings>,
}

/// Why it is not known who somebody is.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum IdentityError {
    #[error("this channel has no identity_secret, so nobody can be identified")]
    NotConfigured,
    #[error(
        "the identity cannot be read; it must be a JSON Web Token whose exp is a number and whose name is a text"
    )]
    Malformed,
    #[error("the identity is not signed with HS256")]
    Algorithm,
    #[error("the identity is not signed with this channel's identity_secret")]
    Signature,
    #[error("the identity's {claim} is missing or not usable: {remedy}")]
    Claim { claim: &'static str, remedy: &'static str },
    #[error("the identity is for another channel; its aud must be {channel:?}")]
    Channel { channel: String },
    #[error("the identity has expired")]
    Expired,
    #[error("the identity is not good yet")]
    NotYet,
    #[error("the identity is good for too long; its exp must be at most 24 hours ahead")]
    TooLong,
    #[error("the identity was signed before the user's sessions were ended; sign a new one")]
    Ended,
}

impl IdentityError {
    /// For programs; does not change.
    pub(crate) fn code(&self) -> &'static str {
        match self {
            Self::NotConfigured => "identity_not_configured",
            Self::Malformed => "identity_malformed",
            Self::Algorithm => "identity_algorithm",
            Self::Signature => "identity_signature",
            Self::Claim { .. } => "identity_claim",
            Self::Channel { .. } => "identity_channel",
            Self::Expired => "identity_expired",
            Self::NotYet => "identity_not_yet",
            Self::TooLong => "identity_too_long",
            Self::Ended => "identity_ended",
        }
    }
}

#[derive(Deserialize)]
struct Header {
    alg: String,
    /// Names what a reader must understand; we understand nothing more.
    crit: Option<IgnoredAny>,
}

#[derive(Deserialize)]
struct Claims {
    sub: Option<serde_json::Value>,
    aud: Option<Audience>,
    /// Some libraries write fractions of seconds.
    exp: Option<f64>,
    nbf: Option<f64>,
    iat: Option<f64>,
    name: Option<String>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Many(Vec<String>),
}

impl Identities {
    /// `secrets` are those of the channel, in any order; without one, nobody can be identified.
    pub(crate) fn new(secrets: &[SecretString], channel: &ChannelName, endings: Arc<Endings>) -> Self {
        Self { keys: secrets.iter().map(key).collect(), channel: channel.clone(), endings }
    }

    /// Whom the token names.
    pub(crate) fn check(&self, token: &str, now: OffsetDateTime) -> Result<Identity, IdentityError> {
        if self.keys.is_empty() {
            return Err(IdentityError::NotConfigured);
        }
        let claims = self.read(token)?;
        let for_us = match claims.aud.ok_or(missing_audience())? {
            Audience::One(channel) => channel == self.channel.as_str(),
            Audience::Many(channels) => channels.iter().any(|it| it == self.channel.as_str()),
        };
        if !for_us {
            return Err(IdentityError::Channel { channel: self.channel.to_string() });
        }
        check_times(claims.exp, claims.nbf, now)?;
        let user = claims.sub.as_ref().and_then(serde_json::Value::as_str);
        let user = user.filter(|user| is_user(user)).ok_or(IdentityError::Claim {
            claim: "sub",
            remedy: "write the user's id as a text of 1 to 255 bytes, without control characters",
        })?;
        let user: Arc<str> = user.into();
        let signed_at = claims.iat.and_then(time);
        if signed_at.is_some_and(|it| self.endings.include(&VisitorId::User(user.clone()), it)) {
            return Err(IdentityError::Ended);
        }
        Ok(Identity { user, name: claims.name.as_deref().and_then(shown_name) })
    }

    /// The claims of a token with a good signature.
    fn read(&self, token: &str) -> Result<Claims, IdentityError> {
        let malformed = |_| IdentityError::Malformed;
        let (signed, signature) =
            token.rsplit_once('.').filter(|_| token.len() <= MAX_TOKEN).ok_or(IdentityError::Malformed)?;
        let (header, claims) = signed.split_once('.').ok_or(IdentityError::Malformed)?;
        let header = BASE64.decode(header).map_err(malformed)?;
        let header: Header = serde_json::from_slice(&header).map_err(|_| IdentityError::Malformed)?;
        if header.alg != "HS256" || header.crit.is_some() {
            return Err(IdentityError::Algorithm);
        }
        let signature = BASE64.decode(signature).map_err(malformed)?;
        // Compares in constant time.
        let is_good = |key: &Hmac<Sha256>| key.clone().chain_update(signed).verify_slice(&signature).is_ok();
        if !self.keys.iter().any(is_good) {
            return Err(IdentityError::Signature);
        }
        let claims = BASE64.decode(claims).map_err(malformed)?;
        serde_json::from_slice(&claims).map_err(|_| IdentityError::Malformed)
    }
}

/// Signs what a site says about its user, as the site would, at the beginning of the time in which
/// it may be shown.
///
/// For the command line and for tests: a site signs by itself.
pub fn sign_identity(
    secret: &SecretString,
    channel: &ChannelName,
    user: &str,
    name: Option<&str>,
    shown: Range<OffsetDateTime>,
) -> String {
    #[derive(Serialize)]
    struct Signed<'a> {
        sub: &'a str,
        aud: &'a str,
        iat: i64,
        exp: i64,
        #[serde(skip_serializing_if = "Option::is_none")]
        name: Option<&'a str>,
    }
    let (iat, exp) = (shown.start.unix_timestamp(), shown.end.unix_timestamp());
    let claims = Signed { sub: user, aud: channel.as_str(), iat, exp, name };
    let claims = serde_json::to_vec(&claims).expect("texts and numbers can be written as JSON");
    let signed = format!("{}.{}", BASE64.encode(r#"{"alg":"HS256","typ":"JWT"}"#), BASE64.encode(claims));
    let signature = key(secret).chain_update(&signed).finalize().into_bytes();
    format!("{signed}.{}", BASE64.encode(signature))
}

/// Whether a site may have a user of this id.
pub fn is_user(user: &str) -> bool {
    (1..=MAX_USER).contains(&user.len()) && !user.contains(char::is_control)
}

fn key(secret: &SecretString) -> Hmac<Sha256> {
    Hmac::new_from_slice(secret.expose_secret().as_bytes()).expect("HMAC takes a key of any length")
}

fn missing_audience() -> IdentityError {
    IdentityError::Claim { claim: "aud", remedy: "write the channel's name" }
}

fn check_times(exp: Option<f64>, nbf: Option<f64>, now: OffsetDateTime) -> Result<(), IdentityError> {
    let exp = exp.ok_or(IdentityError::Claim {
        claim: "exp",
        remedy: "write until when it may be shown, in seconds since 1970",
    })?;
    let now = now - OffsetDateTime::UNIX_EPOCH;
    if exp <= now.as_seconds_f64() {
        return Err(IdentityError::Expired);
    }
    if exp > (now + MAX_AHEAD + SKEW).as_seconds_f64() {
        return Err(IdentityError::TooLong);
    }
    match nbf {
        Some(nbf) if nbf > (now + SKEW).as_seconds_f64() => Err(IdentityError::NotYet),
        _ => Ok(()),
    }
}

/// `None` where there is no such time.
fn time(seconds: f64) -> Option<OffsetDateTime> {
    OffsetDateTime::UNIX_EPOCH.checked_add(Duration::checked_seconds_f64(seconds)?)
}

/// The name in one line and not too long; none where nothing is left.
fn shown_name(name: &str) -> Option<String> {
    let name: String = name.trim().chars().filter(|c| !c.is_control()).take(MAX_NAME).collect();
    Some(name).filter(|name| !name.is_empty())
}

#[cfg(test)]
#[path = "identity_tests.rs"]
mod tests;
