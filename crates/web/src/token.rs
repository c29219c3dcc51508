//! The signed token by which a visitor is recognised.
//!
//! A token says who the visitor is and until when it is good, followed by an HMAC-SHA256 over this
//! and the channel's name, in base64url. The channel is signed without being contained, so a token
//! is good for its own channel only. Nothing is stored: whoever shows a token that this gateway
//! signed is the visitor that it names.
//!
//! | visitor | signed | good for |
//! |---|---|---|
//! | anonymous | `1`, id (16 bytes), expiry (8) | 90 days, renewed by whoever comes back |
//! | a site's user | `2`, expiry (8), length of the id (1), id, name | 24 hours from when the site said so, never renewed without it |

use std::sync::Arc;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
use hmac::{Hmac, Mac};
use secrecy::{ExposeSecret, SecretString};
use sha2::Sha256;
use switchboard_core::ChannelName;
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use crate::{endings::Endings, id::VisitorId, identity::Identity};

/// How long an anonymous visitor's token is good for. A visitor who comes back within half of it
/// is given a new one, so only who stays away for longer than the other half starts anew. A change
/// of it also moves the time at which tokens that are out there count as made.
const ANONYMOUS: Duration = Duration::days(90);

/// How long a token of a site's user is good for. A site that no longer knows the user (an account
/// was closed, somebody logged out) says so by not naming them again; this is how long it takes
/// at most until that counts.
const IDENTIFIED: Duration = Duration::hours(24);

/// The layouts above. Another layout needs another number.
const V_ANONYMOUS: u8 = 1;
const V_IDENTIFIED: u8 = 2;
const SIGNATURE: usize = 32;

/// Keeps signatures made here from being signatures anywhere else the secret may be used.
const PURPOSE: &[u8] = b"switchboard web visitor token";

/// Makes and checks the tokens of one channel.
pub(crate) struct Tokens {
    /// Has the purpose and the channel's name in it already.
    mac: Hmac<Sha256>,
    endings: Arc<Endings>,
}

/// A session: who somebody is, for how long.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Claim {
    pub(crate) visitor: VisitorId,
    /// What the site calls its user.
    pub(crate) name: Option<String>,
    pub(crate) expires: OffsetDateTime,
}

impl Claim {
    /// Somebody unknown, from now on.
    pub(crate) fn anonymous(visitor: VisitorId, now: OffsetDateTime) -> Self {
        Self { visitor, name: None, expires: whole_seconds(now + ANONYMOUS) }
    }

    /// Whom the site has just named.
    pub(crate) fn identified(identity: Identity, now: OffsetDateTime) -> Self {
        let expires = whole_seconds(now + IDENTIFIED);
        Self { visitor: VisitorId::User(identity.user), name: identity.name, expires }
    }

    /// The same visitor from now on. A site's user stays one for as long as the site's word lasts.
    pub(crate) fn renewed(self, now: OffsetDateTime) -> Self {
        match self.visitor {
            VisitorId::Anonymous(_) => Self::anonymous(self.visitor, now),
            VisitorId::User(_) => self,
        }
    }

    /// Half of its life is over, and the visitor can be given a new one.
    pub(crate) fn is_due(&self, now: OffsetDateTime) -> bool {
        matches!(self.visitor, VisitorId::Anonymous(_)) && self.expires - now < ANONYMOUS / 2
    }

    pub(crate) fn is_over(&self, now: OffsetDateTime) -> bool {
        self.expires <= whole_seconds(now)
    }

    /// When the session began; for an id that does not tell, when it was renewed last.
    fn made_at(&self) -> OffsetDateTime {
        let lasts = match self.visitor {
            VisitorId::Anonymous(_) => ANONYMOUS,
            VisitorId::User(_) => IDENTIFIED,
        };
        self.visitor.since().unwrap_or(self.expires - lasts)
    }
}

impl Tokens {
    pub(crate) fn new(secret: &SecretString, channel: &ChannelName, endings: Arc<Endings>) -> Self {
        let mut mac = Hmac::<Sha256>::new_from_slice(secret.expose_secret().as_bytes())
            .expect("HMAC takes a key of any length");
        mac.update(PURPOSE);
        // The length goes before the name, so that no other name and payload give the same bytes.
        mac.update(&(channel.as_str().len() as u64).to_be_bytes());
        mac.update(channel.as_str().as_bytes());
        Self { mac, endings }
    }

    /// The token for this session.
    pub(crate) fn sign(&self, claim: &Claim) -> String {
        let expiry = claim.expires.unix_timestamp().to_be_bytes();
        let mut token = Vec::with_capacity(128);
        match &claim.visitor {
            VisitorId::Anonymous(id) => {
                token.push(V_ANONYMOUS);
                token.extend_from_slice(id.as_bytes());
                token.extend_from_slice(&expiry);
            }
            VisitorId::User(id) => {
                token.push(V_IDENTIFIED);
                token.extend_from_slice(&expiry);
                token.push(u8::try_from(id.len()).expect("a user's id was checked to be short"));
                token.extend_from_slice(id.as_bytes());
                token.extend_from_slice(claim.name.as_deref().unwrap_or_default().as_bytes());
            }
        }
        let signature = self.mac.clone().chain_update(&token).finalize().into_bytes();
        token.extend_from_slice(&signature);
        BASE64.encode(token)
    }

    /// What the token says; `None` if it is not ours, not this channel's, or no longer good.
    pub(crate) fn check(&self, token: &str, now: OffsetDateTime) -> Option<Claim> {
        let bytes = BASE64.decode(token).ok()?;
        let (signed, signature) = bytes.split_last_chunk::<SIGNATURE>()?;
        // Compares in constant time.
        self.mac.clone().chain_update(signed).verify_slice(signature).ok()?;
        let claim = read(signed)?;
        let ended = self.endings.include(&claim.visitor, claim.made_at());
        (!ended && !claim.is_over(now)).then_some(claim)
    }
}

/// Reads what was signed.
fn read(signed: &[u8]) -> Option<Claim> {
    let (&version, rest) = signed.split_first()?;
    match version {
        V_ANONYMOUS => {
            let (id, rest) = rest.split_first_chunk::<16>()?;
            let (expiry, rest) = rest.split_first_chunk()?;
            let visitor = VisitorId::Anonymous(Uuid::from_bytes(*id));
            rest.is_empty().then_some(Claim { visitor, name: None, expires: time(*expiry)? })
        }
        V_IDENTIFIED => {
            let (expiry, rest) = rest.split_first_chunk()?;
            let (&length, rest) = rest.split_first()?;
            let (id, name) = rest.split_at_checked(length.into())?;
            let text = |bytes| std::str::from_utf8(bytes).ok();
            let visitor = VisitorId::User(text(id)?.into());
            let name = Some(text(name)?.to_owned()).filter(|name| !name.is_empty());
            Some(Claim { visitor, name, expires: time(*expiry)? })
        }
        _ => None,
    }
}

fn time(seconds: [u8; 8]) -> Option<OffsetDateTime> {
    OffsetDateTime::from_unix_timestamp(i64::from_be_bytes(seconds)).ok()
}

/// What a token can hold.
fn whole_seconds(time: OffsetDateTime) -> OffsetDateTime {
    time.replace_nanosecond(0).expect("zero is a number of nanoseconds")
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: OffsetDateTime = OffsetDateTime::UNIX_EPOCH;

    fn tokens(secret: &str, channel: &str) -> Tokens {
        Tokens::new(&SecretString::from(secret), &ChannelName::new(channel), Arc::default())
    }

    fn somebody() -> Claim {
        Claim::anonymous(VisitorId::mint(NOW), NOW)
    }

    fn ann() -> Claim {
        Claim::identified(Identity { user: "42".into(), name: Some("Ann".to_owned()) }, NOW)
    }

    #[test]
    fn a_token_is_good_for_its_lifetime_and_renewed_after_half_of_it() {
        let (tokens, claim) = (tokens("secret", "site"), somebody());
        let token = tokens.sign(&claim);
        let cases = [(0, Some(false)), (45, Some(false)), (46, Some(true)), (89, Some(true)), (90, None)];
        for (days, due) in cases {
            let now = NOW + Duration::days(days);
            let checked = tokens.check(&token, now);
            assert_eq!(checked.as_ref().map(|claim| claim.is_due(now)), due, "after {days} days");
            assert_eq!(checked, due.map(|_| claim.clone()));
        }
    }

    #[test]
    fn a_users_token_is_never_longer_than_the_sites_word() {
        let (tokens, claim) = (tokens("secret", "site"), ann());
        let token = tokens.sign(&claim);
        let late = NOW + Duration::hours(24) - Duration::SECOND;
        assert_eq!(tokens.check(&token, late), Some(claim.clone()));
        assert!(!claim.is_due(late));
        assert_eq!(tokens.sign(&claim.renewed(late)), token);
        assert_eq!(tokens.check(&token, NOW + Duration::hours(24)), None);
    }

    #[test]
    fn another_secret_or_channel_is_not_recognised() {
        for claim in [somebody(), ann()] {
            let token = tokens("secret", "site").sign(&claim);
            assert!(tokens("secret", "site").check(&token, NOW).is_some());
            assert_eq!(tokens("other", "site").check(&token, NOW), None);
            assert_eq!(tokens("secret", "shop").check(&token, NOW), None);
        }
    }

    #[test]
    fn no_byte_can_be_changed() {
        let tokens = tokens("secret", "site");
        for claim in [somebody(), ann()] {
            let token = BASE64.decode(tokens.sign(&claim)).unwrap();
            for at in 0..token.len() {
                let mut forged = token.clone();
                forged[at] ^= 1;
                assert_eq!(tokens.check(&BASE64.encode(&forged), NOW), None, "byte {at}");
            }
            assert_eq!(tokens.check(&BASE64.encode(&token[1..]), NOW), None);
        }
        assert_eq!(tokens.check("", NOW), None);
        assert_eq!(tokens.check("not base64!", NOW), None);
    }
}
