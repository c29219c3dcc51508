//! `POST /chat/{channel}/session`: makes a visitor, recognises one, or renews their token.
//!
//! | the request has | the session is that of |
//! |---|---|
//! | `{"identity": "…"}` as its body | the user whom the site names (see `identity`) |
//! | a token, and no body | the token's visitor, renewed |
//! | neither | a new visitor |
//!
//! Nothing is stored: a visitor comes into being with the first message.

use std::{net::IpAddr, sync::Arc};

use axum::{
    Extension, Json,
    extract::{ConnectInfo, Request, State},
    http::HeaderMap,
};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use super::{Channel, body, visitor};
use crate::{error::ApiError, id::VisitorId, identity::IdentityError, token::Claim};

/// What the page may post. Anything else is refused, so that nobody takes a claim that is not
/// signed for one that was believed.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    identity: Option<String>,
}

/// What the page keeps.
#[derive(Serialize)]
pub(super) struct Session {
    token: String,
    /// Lets the page see whether another token is of the same visitor.
    visitor: String,
    /// Whether the site has said who this is.
    identified: bool,
    /// For how long the token is good, in seconds.
    expires_in: i64,
}

pub(super) async fn create(
    State(channel): State<Arc<Channel>>,
    address: Option<Extension<ConnectInfo<IpAddr>>>,
    headers: HeaderMap,
    request: Request,
) -> Result<Json<Session>, ApiError> {
    let now = (channel.config.clock)();
    let body = body::read(request, channel.config.max_text).await.map_err(|error| match error {
        ApiError::Slow => error,
        // What is too long for any body is too long for an identity.
        _ => IdentityError::Malformed.into(),
    })?;
    let asked: Asked = if body.trim_ascii().is_empty() {
        Asked::default()
    } else {
        serde_json::from_slice(&body).map_err(|error| ApiError::Json { reason: error.to_string() })?
    };
    let claim = match (asked.identity, visitor::bearer(&headers)?) {
        (Some(identity), _) => Claim::identified(channel.identities.check(&identity, now)?, now),
        (None, Some(token)) => channel.tokens.check(token, now).ok_or(ApiError::Token)?.renewed(now),
        // Whoever is known already is none to flood with, and must not wait for those who are.
        (None, None) => {
            channel.limits.session(address.map(|Extension(ConnectInfo(address))| address))?;
            Claim::anonymous(VisitorId::mint(now), now)
        }
    };
    Ok(Json(Session::new(&channel, &claim, now)))
}

impl Session {
    pub(super) fn new(channel: &Channel, claim: &Claim, now: OffsetDateTime) -> Self {
        Self {
            token: channel.tokens.sign(claim),
            visitor: claim.visitor.to_string(),
            identified: matches!(claim.visitor, VisitorId::User(_)),
            expires_in: (claim.expires - now).whole_seconds(),
        }
    }
}
