//! From HTTP to WebSocket.

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::header::{CONNECTION, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, UPGRADE, USER_AGENT};
use hyper::{Request, Response, StatusCode};
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use url::form_urlencoded;

use super::super::answer::raw;
use super::super::calls::{Upgrade, World};

/// The answer to a request for one of the gateway's addresses. `None` for every other request.
pub(in super::super) fn upgrade(
    request: &mut Request<Incoming>,
    world: &World,
) -> Option<(Response<Full<Bytes>>, Option<Upgrade>)> {
    let at_resume_url = match request.uri().path() {
        "/gateway" | "/gateway/" => false,
        "/resume" | "/resume/" => true,
        _ => return None,
    };
    let headers = request.headers();
    let asks = headers.get(UPGRADE).is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"websocket"));
    let Some(key) = headers.get(SEC_WEBSOCKET_KEY).filter(|_| asks) else {
        return Some((raw(400, "text/plain", "Bad Request: this is the gateway"), None));
    };
    let accept = derive_accept_key(key.as_bytes());
    let response = Response::builder()
        .status(StatusCode::SWITCHING_PROTOCOLS)
        .header(CONNECTION, "Upgrade")
        .header(UPGRADE, "websocket")
        .header(SEC_WEBSOCKET_ACCEPT, accept)
        .body(Full::default())
        .expect("the headers are valid");
    let version = is_known(request.uri().query().unwrap_or_default());
    let agent = request.headers().get(USER_AGENT).and_then(|agent| agent.to_str().ok());
    world.note_agent(agent.unwrap_or_default());
    let socket = hyper::upgrade::on(request);
    Some((response, Some(Upgrade { socket, at_resume_url, version })))
}

/// Version 10 in JSON without compression is all that the server speaks.
fn is_known(query: &str) -> bool {
    let mut version = None;
    let mut plain = true;
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        match &*name {
            "v" => version = Some(value.into_owned()),
            "encoding" => plain &= value == "json",
            "compress" => plain = false,
            _ => {}
        }
    }
    plain && version.as_deref() == Some("10")
}
