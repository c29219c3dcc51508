//! Which call is carried out by what.

use std::sync::Arc;

use super::answer::{Outcome, Refusal};
use super::request::Request;
use super::state::State;
use super::{account, history, keys, login, membership, sending};

type Handler = fn(&mut State, &Request) -> Outcome;

/// What may be called without a token.
pub(super) const OPEN: [&str; 3] = ["GET /versions", "GET /login", "POST /login"];

/// All that the server knows, below `/_matrix/client/v3`. `*` is whatever is named. `GET /sync` is answered elsewhere.
const ROUTES: [(&str, Option<Handler>); 45] = [
    ("GET /versions", Some(login::versions)),
    ("GET /login", Some(login::flows)),
    ("POST /login", Some(login::log_in)),
    ("POST /logout", Some(login::log_out)),
    ("GET /account/whoami", Some(login::whoami)),
    ("GET /devices", Some(login::devices)),
    ("GET /devices/*", Some(login::device)),
    ("GET /capabilities", Some(account::capabilities)),
    ("GET /pushrules", Some(account::push_rules)),
    ("GET /profile/*", Some(account::profile)),
    ("GET /profile/*/*", Some(account::profile_field)),
    ("POST /user/*/filter", Some(account::keep_filter)),
    ("GET /user/*/filter/*", Some(account::filter)),
    ("GET /user/*/account_data/*", Some(account::data)),
    ("PUT /user/*/account_data/*", Some(account::keep_data)),
    ("GET /user/*/rooms/*/account_data/*", Some(account::room_data)),
    ("PUT /user/*/rooms/*/account_data/*", Some(account::keep_room_data)),
    ("POST /keys/upload", Some(keys::upload)),
    ("POST /keys/query", Some(keys::query)),
    ("POST /keys/claim", Some(keys::claim)),
    ("POST /keys/device_signing/upload", Some(keys::upload_signing_keys)),
    ("POST /keys/signatures/upload", Some(keys::upload_signatures)),
    ("GET /room_keys/version", Some(keys::backup)),
    ("GET /room_keys/keys/*/*", Some(keys::backed_up_key)),
    ("POST /room_keys/version", Some(keys::make_backup)),
    ("PUT /sendToDevice/*/*", Some(keys::send_to_device)),
    ("GET /sync", None),
    ("GET /joined_rooms", Some(membership::joined_rooms)),
    ("POST /join/*", Some(membership::join)),
    ("POST /rooms/*/join", Some(membership::join)),
    ("POST /rooms/*/leave", Some(membership::leave)),
    ("GET /rooms/*/members", Some(membership::members)),
    ("GET /rooms/*/joined_members", Some(membership::joined_members)),
    ("GET /rooms/*/messages", Some(history::messages)),
    ("GET /rooms/*/context/*", Some(history::context)),
    ("GET /rooms/*/event/*", Some(history::event)),
    ("GET /rooms/*/state", Some(history::whole_state)),
    ("GET /rooms/*/state/*", Some(history::state)),
    ("GET /rooms/*/state/*/*", Some(history::state)),
    ("PUT /rooms/*/send/*/*", Some(sending::send)),
    ("PUT /rooms/*/redact/*/*", Some(sending::redact)),
    ("PUT /rooms/*/typing/*", Some(sending::typing)),
    ("POST /rooms/*/receipt/*/*", Some(sending::receipt)),
    ("POST /rooms/*/read_markers", Some(sending::read_markers)),
    ("POST /rooms/*/forget", Some(membership::forget)),
];

/// Whether there is such a route.
pub(super) fn exists(route: &str) -> bool {
    ROUTES.iter().any(|(known, _)| *known == route)
}

/// The route that a call takes, and what stands in the place of each `*`.
pub(super) fn find(method: &str, segments: &[String]) -> Option<(Arc<str>, Vec<String>)> {
    ROUTES.iter().find_map(|(route, _)| {
        let names = names(route.strip_prefix(method)?.strip_prefix(" /")?, segments)?;
        Some(((*route).into(), names))
    })
}

fn names(pattern: &str, segments: &[String]) -> Option<Vec<String>> {
    if pattern.split('/').count() != segments.len() {
        return None;
    }
    let mut names = Vec::new();
    for (expected, segment) in pattern.split('/').zip(segments) {
        match expected {
            "*" => names.push(segment.clone()),
            literal if literal == segment => {}
            _ => return None,
        }
    }
    Some(names)
}

/// Carries out a call.
pub(super) fn call(state: &mut State, request: &Request) -> Outcome {
    let handler = ROUTES.iter().find_map(|(route, handler)| handler.filter(|_| *route == &*request.route));
    handler.ok_or_else(Refusal::unrecognized)?(state, request)
}
