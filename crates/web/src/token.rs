//! The signed token by which a visitor is recognised.
//!
//! A token is version, visitor and expiry, followed by an HMAC-SHA256 over these and the
//! channel's name, in base64url. The channel is signed without being contained, so a token is
//! good for its own channel only. Nothing is stored: whoever shows a token that this gateway
//! signed is the visitor that it names.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
use hmac::{Hmac, Mac};
use secrecy::{ExposeSecret, SecretString};
use sha2::Sha256;
use switchboard_core::ChannelName;
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use crate::id::VisitorId;

/// How long a token is good for. A visitor who comes back within half of it is given a new one,
/// so only who stays away for longer than the other half starts anew.
const LIFETIME: Duration = Duration::days(90);

/// The layout below. Another layout needs another number.
const VERSION: u8 = 1;
const VISITOR_AT: usize = 1;
const EXPIRY_AT: usize = VISITOR_AT + 16;
const SIGNED: usize = EXPIRY_AT + 8;
const SIGNATURE: usize = 32;

/// Keeps signatures made here from being signatures anywhere else the secret may be used.
const PURPOSE: &[u8] = b"switchboard web visitor token";

/// Makes and checks the tokens of one channel.
pub(crate) struct Tokens {
    /// Has the purpose and the channel's name in it already.
    mac: Hmac<Sha256>,
}

/// What a token that was found good says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Claim {
    pub(crate) visitor: VisitorId,
    /// Half of the token's life is over: give the visitor a new one.
    pub(crate) renew: bool,
}

impl Tokens {
    pub(crate) fn new(secret: &SecretString, channel: &ChannelName) -> Self {
        let mut mac = Hmac::<Sha256>::new_from_slice(secret.expose_secret().as_bytes())
            .expect("HMAC takes a key of any length");
        mac.update(PURPOSE);
        // The length goes before the name, so that no other name and payload give the same bytes.
        mac.update(&(channel.as_str().len() as u64).to_be_bytes());
        mac.update(channel.as_str().as_bytes());
        Self { mac }
    }

    /// A token for this visitor, good from now on for its lifetime.
    pub(crate) fn sign(&self, visitor: VisitorId, now: OffsetDateTime) -> String {
        let mut token = Vec::with_capacity(SIGNED + SIGNATURE);
        token.push(VERSION);
        token.extend_from_slice(visitor.0.as_bytes());
        token.extend_from_slice(&(now + LIFETIME).unix_timestamp().to_be_bytes());
        let signature = self.mac.clone().chain_update(&token).finalize().into_bytes();
        token.extend_from_slice(&signature);
        BASE64.encode(token)
    }

    /// What the token says; `None` if it is not ours, not this channel's, or no longer good.
    pub(crate) fn check(&self, token: &str, now: OffsetDateTime) -> Option<Claim> {
        let bytes = BASE64.decode(token).ok().filter(|bytes| bytes.len() == SIGNED + SIGNATURE)?;
        let (signed, signature) = bytes.split_at(SIGNED);
        // Compares in constant time.
        self.mac.clone().chain_update(signed).verify_slice(signature).ok()?;
        if signed[0] != VERSION {
            return None;
        }
        let visitor = Uuid::from_slice(&signed[VISITOR_AT..EXPIRY_AT]).ok()?;
        let expiry = i64::from_be_bytes(signed[EXPIRY_AT..].try_into().ok()?);
        let left = Duration::seconds(expiry.saturating_sub(now.unix_timestamp()));
        (left > Duration::ZERO).then_some(Claim { visitor: VisitorId(visitor), renew: left < LIFETIME / 2 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: OffsetDateTime = OffsetDateTime::UNIX_EPOCH;

    fn tokens(secret: &str, channel: &str) -> Tokens {
        Tokens::new(&SecretString::from(secret), &ChannelName::new(channel))
    }

    #[test]
    fn a_token_is_good_for_its_lifetime_and_renewed_after_half_of_it() {
        let (tokens, visitor) = (tokens("secret", "site"), VisitorId::mint());
        let token = tokens.sign(visitor, NOW);
        let cases = [(0, Some(false)), (45, Some(false)), (46, Some(true)), (89, Some(true)), (90, None)];
        for (days, renew) in cases {
            let expected = renew.map(|renew| Claim { visitor, renew });
            assert_eq!(tokens.check(&token, NOW + Duration::days(days)), expected, "after {days} days");
        }
    }

    #[test]
    fn another_secret_or_channel_is_not_recognised() {
        let token = tokens("secret", "site").sign(VisitorId::mint(), NOW);
        assert!(tokens("secret", "site").check(&token, NOW).is_some());
        assert_eq!(tokens("other", "site").check(&token, NOW), None);
        assert_eq!(tokens("secret", "shop").check(&token, NOW), None);
    }

    #[test]
    fn no_byte_can_be_changed() {
        let tokens = tokens("secret", "site");
        let token = BASE64.decode(tokens.sign(VisitorId::mint(), NOW)).unwrap();
        for at in 0..token.len() {
            let mut forged = token.clone();
            forged[at] ^= 1;
            assert_eq!(tokens.check(&BASE64.encode(&forged), NOW), None, "byte {at}");
        }
        assert_eq!(tokens.check(&BASE64.encode(&token[1..]), NOW), None);
        assert_eq!(tokens.check("", NOW), None);
        assert_eq!(tokens.check("not base64!", NOW), None);
    }
}
