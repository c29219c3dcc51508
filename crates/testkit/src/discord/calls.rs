//! The way from a request to the bot it is for, and back.

use std::collections::HashMap;
use std::convert::Infallible;
use std::fmt;
use std::sync::atomic::{AtomicU16, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, RETRY_AFTER, USER_AGENT};
use hyper::http::request::Parts;
use hyper::upgrade::OnUpgrade;
use hyper::{Request, Response};
use tokio::time::{Instant, sleep};

use super::answer::{Refusal, raw, respond};
use super::faults::{Fault, strike};
use super::rates::{Invalid, Standing, count};
use super::snowflake::Snowflakes;
use super::state::Shared;
use super::{gateway, lookups, request, routes};

/// What all connections share: the bots by their tokens, and what Discord knows of an address.
pub(super) struct World {
    gateway: String,
    ids: Arc<Snowflakes>,
    bots: RwLock<HashMap<String, Arc<Shared>>>,
    invalid: Mutex<Invalid>,
    /// In milliseconds.
    heartbeat: AtomicU64,
    connections: AtomicU64,
    /// A close code; 0 is none.
    turns_away: AtomicU16,
    agents: Mutex<Vec<String>>,
}

/// A connection that is to become a socket of the gateway.
pub(super) struct Upgrade {
    pub(super) socket: OnUpgrade,
    pub(super) at_resume_url: bool,
    /// Whether the version and the encoding are those that the server speaks.
    pub(super) version: bool,
}

/// Where a request leaves its [`Upgrade`] for the connection.
pub(super) type UpgradeSlot = Arc<Mutex<Option<Upgrade>>>;

impl World {
    pub(super) fn new(gateway: String) -> Self {
        Self {
            gateway,
            ids: Arc::default(),
            bots: RwLock::default(),
            invalid: Mutex::default(),
            heartbeat: AtomicU64::new(41_250),
            connections: AtomicU64::new(0),
            turns_away: AtomicU16::new(0),
            agents: Mutex::default(),
        }
    }

    /// The bot with this token, which is made where there is none yet.
    pub(super) fn bot(&self, token: &str) -> Arc<Shared> {
        let mut bots = self.bots.write().unwrap_or_else(PoisonError::into_inner);
        let make = || Arc::new(Shared::new(self.gateway.clone(), Arc::clone(&self.ids)));
        Arc::clone(bots.entry(token.to_owned()).or_insert_with(make))
    }

    pub(super) fn find(&self, token: &str) -> Option<Arc<Shared>> {
        self.bots.read().unwrap_or_else(PoisonError::into_inner).get(token).map(Arc::clone)
    }

    pub(super) fn invalid(&self) -> MutexGuard<'_, Invalid> {
        self.invalid.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn set_heartbeat(&self, interval: Duration) {
        let millis = u64::try_from(interval.as_millis()).expect("nobody waits that long");
        self.heartbeat.store(millis, Ordering::Relaxed);
    }

    pub(super) fn heartbeat(&self) -> Duration {
        Duration::from_millis(self.heartbeat.load(Ordering::Relaxed))
    }

    /// The number of a new connection to the gateway.
    pub(super) fn next_connection(&self) -> u64 {
        self.connections.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// With which code connections to the gateway are closed before anything is said.
    pub(super) fn turned_away(&self) -> Option<u16> {
        Some(self.turns_away.load(Ordering::Relaxed)).filter(|code| *code != 0)
    }

    pub(super) fn turn_away(&self, code: Option<u16>) {
        self.turns_away.store(code.unwrap_or(0), Ordering::Relaxed);
    }

    /// Notes as what a client of the gateway introduced itself.
    pub(super) fn note_agent(&self, agent: &str) {
        self.agents.lock().unwrap_or_else(PoisonError::into_inner).push(agent.to_owned());
    }

    pub(super) fn agents(&self) -> Vec<String> {
        self.agents.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The bot whose token a request carries.
    fn authorize(&self, parts: &Parts) -> Option<Arc<Shared>> {
        let token = parts.headers.get(AUTHORIZATION)?.to_str().ok()?.strip_prefix("Bot ")?;
        self.find(token).filter(|bot| !bot.lock().revoked)
    }
}

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

pub(super) async fn handle(
    world: Arc<World>,
    upgrade: UpgradeSlot,
    mut request: Request<Incoming>,
) -> Answer {
    if let Some((response, wanted)) = gateway::upgrade(&mut request, &world) {
        *upgrade.lock().unwrap_or_else(PoisonError::into_inner) = wanted;
        return Ok(response);
    }
    let (parts, body) = request.into_parts();
    // The caller has gone if its body does not come.
    let body = body.collect().await.map_err(|_| Closed)?.to_bytes();
    let banned = world.invalid().banned(Instant::now());
    if let Some(wait) = banned {
        let mut response = raw(429, "text/html", "<html><body>error code: 1015</body></html>");
        response.headers_mut().insert(RETRY_AFTER, (wait.as_secs() + 1).into());
        return Ok(response);
    }
    let response = answer(&world, &parts, &body).await?;
    world.invalid().see(response.status().as_u16(), response.headers(), Instant::now());
    Ok(response)
}

async fn answer(world: &World, parts: &Parts, body: &Bytes) -> Answer {
    let Some(path) = parts.uri.path().strip_prefix("/api/v10") else {
        return Ok(respond(Err(Refusal::not_found())));
    };
    let agent = parts.headers.get(USER_AGENT).and_then(|agent| agent.to_str().ok());
    if !agent.is_some_and(|agent| agent.starts_with("DiscordBot (")) {
        return Ok(respond(Err(Refusal::new(403, 40333, "internal network error"))));
    }
    if path == "/gateway" && !parts.headers.contains_key(AUTHORIZATION) {
        return Ok(respond(Ok(lookups::gateway_json(&world.gateway))));
    }
    let Some(bot) = world.authorize(parts) else {
        return Ok(respond(Err(Refusal::unauthorized())));
    };
    let mut request = request::Request::new(&parts.method, path, parts.uri.query());
    let read = request.read(parts.headers.get(CONTENT_TYPE), body);
    call(&bot, &request, read).await
}

/// Carries out the call, in the way that the plan of faults has for it. `read` is what was wrong with the body.
async fn call(bot: &Shared, request: &request::Request, read: Result<(), Refusal>) -> Answer {
    let now = Instant::now();
    let (call, fault) = {
        let mut state = bot.lock();
        let call = state.journal.called(request, now);
        (call, strike(&mut state.rules, &request.route, request.channel()))
    };
    if matches!(fault, Some(Fault::Closed)) {
        return Err(Closed);
    }
    let response = match fault.as_ref().and_then(Fault::instead) {
        Some(mut instead) => {
            if let Some(Fault::TooManyRequests { retry_after, .. }) = fault {
                Standing::empty(retry_after).write(request, instead.headers_mut());
            }
            instead
        }
        None => carry_out(bot, request, read, fault).await?,
    };
    bot.lock().journal.answered(call, response.status().as_u16());
    Ok(response)
}

async fn carry_out(
    bot: &Shared,
    request: &request::Request,
    read: Result<(), Refusal>,
    fault: Option<Fault>,
) -> Answer {
    if let Some(Fault::Slow(time)) = fault {
        sleep(time).await;
    }
    let (standing, limited) = count(bot.lock().meters.as_mut(), request, Instant::now());
    let outcome = limited.map_or(read, Err).and_then(|()| routes::call(bot, request));
    let mut response = respond(outcome);
    standing.write(request, response.headers_mut());
    match fault {
        Some(Fault::AnswerLost) => return Err(Closed),
        Some(Fault::AnswerLate(time)) => sleep(time).await,
        Some(Fault::NoAnswer) => {
            let never: Infallible = std::future::pending().await;
            match never {}
        }
        Some(Fault::Garbled) => return Ok(raw(200, "application/json", "{\"id\":\"1")),
        _ => {}
    }
    Ok(response)
}
