//! Which call is carried out by what.

use super::answer::{Outcome, Refusal};
use super::request::Request;
use super::state::Shared;
use super::{history, lookups, sending};

type Handler = fn(&Shared, &Request) -> Outcome;

/// All that the server knows, below `/api/v10`. `*` is an id.
const ROUTES: [(&str, Handler); 18] = [
    ("GET /gateway", lookups::gateway),
    ("GET /gateway/bot", lookups::gateway_bot),
    ("GET /users/@me", lookups::me),
    ("GET /users/*", lookups::user),
    ("GET /users/@me/guilds", lookups::my_guilds),
    ("POST /users/@me/channels", sending::open_direct),
    ("GET /applications/@me", lookups::application),
    ("GET /oauth2/applications/@me", lookups::application),
    ("GET /guilds/*", lookups::guild),
    ("GET /guilds/*/roles", lookups::roles),
    ("GET /guilds/*/channels", lookups::guild_channels),
    ("GET /guilds/*/threads/active", lookups::active_threads),
    ("GET /guilds/*/members/*", lookups::member),
    ("GET /channels/*", lookups::channel),
    ("GET /channels/*/messages", history::messages),
    ("GET /channels/*/messages/*", history::message),
    ("POST /channels/*/messages", sending::create_message),
    ("POST /channels/*/typing", sending::trigger_typing),
];

/// Whether there is such a route.
pub(super) fn exists(route: &str) -> bool {
    handler(route).is_some()
}

/// Carries out a call.
pub(super) fn call(bot: &Shared, request: &Request) -> Outcome {
    let handler = handler(&request.route).ok_or_else(Refusal::not_found)?;
    handler(bot, request)
}

fn handler(route: &str) -> Option<Handler> {
    ROUTES.iter().find(|(known, _)| *known == route).map(|(_, handler)| *handler)
}
