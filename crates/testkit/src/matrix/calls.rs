//! The way from a request to what carries it out, and back.

use std::convert::Infallible;
use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::header::AUTHORIZATION;
use hyper::http::request::Parts;
use hyper::{Request, Response};

use super::answer::{Outcome, Refusal, raw, respond};
use super::faults::{Fault, strike};
use super::state::Shared;
use super::{polling, request, routes};

/// The error with which hyper is told to close a connection.
#[derive(Debug)]
pub(super) struct Closed;

impl fmt::Display for Closed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a fault closes the connection")
    }
}

impl std::error::Error for Closed {}

type Answer = Result<Response<Full<Bytes>>, Closed>;

pub(super) async fn handle(shared: Arc<Shared>, request: Request<Incoming>) -> Answer {
    let (parts, body) = request.into_parts();
    // The caller has gone if its body does not come.
    let body = body.collect().await.map_err(|_| Closed)?.to_bytes();
    let mut request = request::Request::new(&parts.method, parts.uri.path(), parts.uri.query());
    let token = token(&parts);
    let authorized = authorize(&shared, token, &mut request);
    let read = request.read(&body);
    let (call, fault) = {
        let mut state = shared.lock();
        let call = state.journal.called(&request, token.is_some());
        (call, strike(&mut state.rules, &request.route, request.room()))
    };
    if matches!(fault, Some(Fault::Closed)) {
        return Err(Closed);
    }
    let response = match fault.as_ref().and_then(Fault::instead) {
        Some(instead) => instead,
        None => carry_out(&shared, &request, authorized.and(read), fault).await?,
    };
    shared.lock().journal.answered(call, response.status().as_u16());
    Ok(response)
}

fn token(parts: &Parts) -> Option<&str> {
    parts.headers.get(AUTHORIZATION)?.to_str().ok()?.strip_prefix("Bearer ")
}

/// Finds out who calls. What is refused for its token is refused later, so that it is in the journal.
fn authorize(shared: &Shared, token: Option<&str>, request: &mut request::Request) -> Result<(), Refusal> {
    if !request.known {
        return Err(Refusal::unrecognized());
    }
    if routes::OPEN.contains(&&*request.route) {
        return Ok(());
    }
    request.by = Some(shared.lock().authorize(token.ok_or_else(Refusal::missing_token)?)?);
    Ok(())
}

/// Carries out the call, in the way that the plan of faults has for it. `wrong` is what stands against it already.
async fn carry_out(
    shared: &Shared,
    request: &request::Request,
    allowed: Result<(), Refusal>,
    fault: Option<Fault>,
) -> Answer {
    if let Some(Fault::Held(gate)) = &fault {
        gate.pass().await;
    }
    let outcome = match allowed {
        Ok(()) => call(shared, request, matches!(fault, Some(Fault::Repeated))).await,
        Err(refusal) => Err(refusal),
    };
    match fault {
        Some(Fault::AnswerLost) => return Err(Closed),
        Some(Fault::AnswerHeld(gate)) => gate.pass().await,
        Some(Fault::NoAnswer) => {
            let never: Infallible = std::future::pending().await;
            match never {}
        }
        Some(Fault::Garbled) => return Ok(raw(200, "application/json", "{\"event_id\":\"$st")),
        _ => {}
    }
    Ok(respond(outcome))
}

async fn call(shared: &Shared, request: &request::Request, repeated: bool) -> Outcome {
    if &*request.route == "GET /sync" {
        return polling::sync(shared, request, repeated).await;
    }
    shared.change(|state| routes::call(state, request))
}
