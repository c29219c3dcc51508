//! The port, its connections, and the way from a request to the bot it is for.

use std::collections::HashMap;
use std::convert::Infallible;
use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use anyhow::{Context, Result};
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::header::CONTENT_TYPE;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};
use tokio_util::sync::DropGuard;

use super::answer::{Refusal, raw, respond};
use super::bot::Bot;
use super::delivery::Courier;
use super::faults::{Fault, strike};
use super::methods;
use super::params::Params;
use super::state::Shared;
use crate::port::free_port;

/// The server. Ends, with all its connections, when it is dropped.
pub struct FakeTelegram {
    address: SocketAddr,
    routes: Arc<Routes>,
    /// Accepts connections and owns them. Empty while the server is down.
    serving: Mutex<JoinSet<()>>,
    _deliveries: DropGuard,
}

/// The bots by their tokens.
struct Routes {
    /// What precedes `/bot`, without a slash at the end.
    prefix: String,
    bots: RwLock<HashMap<String, Arc<Shared>>>,
    courier: Courier,
}

impl fmt::Debug for FakeTelegram {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FakeTelegram").field("address", &self.address).finish_non_exhaustive()
    }
}

impl FakeTelegram {
    /// Starts a server on a free port of 127.0.0.1, which nobody else takes while it is down.
    pub async fn start() -> Result<Self> {
        Self::start_at(free_port()?, "").await
    }

    /// Starts a server on this port (0 for a free one), whose paths begin with `prefix`, for example `/telegram`.
    pub async fn start_at(port: u16, prefix: &str) -> Result<Self> {
        let listener = listen(port).await?;
        let courier = Courier::new();
        let deliveries = courier.stop.clone().drop_guard();
        let prefix = prefix.trim_end_matches('/').to_owned();
        let fake = Self {
            address: listener.local_addr().context("the listener has an address")?,
            routes: Arc::new(Routes { prefix, bots: RwLock::default(), courier }),
            serving: Mutex::default(),
            _deliveries: deliveries,
        };
        fake.serve(listener);
        Ok(fake)
    }

    /// The URL to use instead of `https://api.telegram.org`, without a slash at the end.
    pub fn url(&self) -> String {
        format!("http://{}{}", self.address, self.routes.prefix)
    }

    /// The bot with this token, which is made where there is none yet. Its id is what stands before the colon.
    pub fn bot(&self, token: &str) -> Bot {
        let mut bots = self.routes.bots.write().unwrap_or_else(PoisonError::into_inner);
        let number = i64::try_from(bots.len()).unwrap_or(i64::MAX);
        let id = token.split_once(':').and_then(|(id, _)| id.parse().ok()).unwrap_or(7_000_000_000 + number);
        let shared = bots
            .entry(token.to_owned())
            .or_insert_with(|| Arc::new(Shared::new(id, self.routes.courier.clone())));
        Bot::new(Arc::clone(shared))
    }

    /// Closes the port and all connections; calls under way are never answered. Nothing is forgotten,
    /// and webhooks are still called.
    pub async fn go_down(&self) {
        let mut serving = std::mem::take(&mut *self.serving.lock().unwrap_or_else(PoisonError::into_inner));
        serving.shutdown().await;
    }

    /// Listens on the same port again.
    pub async fn come_back(&self) -> Result<()> {
        let listener = listen(self.address.port()).await?;
        self.serve(listener);
        Ok(())
    }

    fn serve(&self, listener: TcpListener) {
        let mut serving = self.serving.lock().unwrap_or_else(PoisonError::into_inner);
        serving.spawn(accept(listener, Arc::clone(&self.routes)));
    }
}

async fn listen(port: u16) -> Result<TcpListener> {
    let address = (Ipv4Addr::LOCALHOST, port);
    TcpListener::bind(address).await.with_context(|| format!("cannot listen on port {port} of 127.0.0.1"))
}

async fn accept(listener: TcpListener, routes: Arc<Routes>) {
    // Ends its connections when it is dropped.
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    connections.spawn(connection(stream, Arc::clone(&routes)));
                }
                // Too many open files, for example. It passes.
                Err(_) => sleep(Duration::from_millis(50)).await,
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn connection(stream: TcpStream, routes: Arc<Routes>) {
    // Without it answers wait for the acknowledgement of what was sent before.
    let _ = stream.set_nodelay(true);
    let service = service_fn(move |request| handle(Arc::clone(&routes), request));
    // A connection that a fault closed ends with an error, and so do those whose client has gone.
    let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
}

/// The error with which hyper is told to close a connection.
#[derive(Debug)]
struct Closed;

impl fmt::Display for Closed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a fault closes the connection")
    }
}

impl std::error::Error for Closed {}

async fn handle(routes: Arc<Routes>, request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Closed> {
    let (parts, body) = request.into_parts();
    // The caller has gone if its body does not come.
    let body = body.collect().await.map_err(|_| Closed)?.to_bytes();
    let path = parts.uri.path();
    let Some((token, method)) = routes.split(path) else {
        return Ok(respond(Err(Refusal::new(404, "Not Found"))));
    };
    let Some(bot) = routes.find(token) else {
        return Ok(respond(Err(Refusal::unauthorized())));
    };
    match Params::parse(parts.uri.query(), parts.headers.get(CONTENT_TYPE), &body) {
        Ok(params) => answer(&bot, &method.to_ascii_lowercase(), &Arc::new(params)).await,
        Err(refusal) => Ok(respond(Err(refusal))),
    }
}

impl Routes {
    /// The token and the method that a path names.
    fn split<'a>(&self, path: &'a str) -> Option<(&'a str, &'a str)> {
        path.strip_prefix(self.prefix.as_str())?.strip_prefix("/bot")?.split_once('/')
    }

    fn find(&self, token: &str) -> Option<Arc<Shared>> {
        self.bots.read().unwrap_or_else(PoisonError::into_inner).get(token).map(Arc::clone)
    }
}

/// Carries out the method, in the way that the plan of faults has for it.
async fn answer(
    bot: &Arc<Shared>,
    method: &str,
    params: &Arc<Params>,
) -> Result<Response<Full<Bytes>>, Closed> {
    let (call, fault) = {
        let mut state = bot.lock();
        let call = state.journal.called(method, params, Instant::now());
        (call, strike(&mut state.rules, method, params.integer("chat_id")))
    };
    if matches!(fault, Some(Fault::Closed)) {
        return Err(Closed);
    }
    let response = match fault.as_ref().and_then(Fault::instead) {
        Some(instead) => instead,
        None => carry_out(bot, method, params, fault).await?,
    };
    bot.lock().journal.answered(call, response.status().as_u16());
    Ok(response)
}

async fn carry_out(
    bot: &Arc<Shared>,
    method: &str,
    params: &Arc<Params>,
    fault: Option<Fault>,
) -> Result<Response<Full<Bytes>>, Closed> {
    if let Some(Fault::Slow(time)) = fault {
        sleep(time).await;
    }
    let response = respond(methods::call(bot, method, params).await);
    match fault {
        Some(Fault::AnswerLost) => return Err(Closed),
        Some(Fault::AnswerLate(time)) => sleep(time).await,
        Some(Fault::NoAnswer) => {
            let never: Infallible = std::future::pending().await;
            match never {}
        }
        Some(Fault::Garbled) => return Ok(raw(200, "application/json", "{\"ok\":true,\"resu")),
        _ => {}
    }
    Ok(response)
}
