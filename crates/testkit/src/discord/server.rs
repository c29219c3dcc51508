//! The port and its connections.

use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};
use tracing::{instrument::WithSubscriber as _, subscriber::NoSubscriber};

use super::bot::Bot;
use super::calls::{Upgrade, World, handle};
use super::gateway;

/// The server. Ends, with all its connections, when it is dropped.
pub struct FakeDiscord {
    address: SocketAddr,
    world: Arc<World>,
    /// Accepts connections and owns them. Empty while the server is down.
    serving: Mutex<JoinSet<()>>,
}

impl fmt::Debug for FakeDiscord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FakeDiscord").field("address", &self.address).finish_non_exhaustive()
    }
}

impl FakeDiscord {
    /// Starts a server on a free port of 127.0.0.1.
    pub async fn start() -> Result<Self> {
        Self::start_at(0).await
    }

    /// Starts a server on this port, 0 for a free one. A server that goes down and comes back is best given a
    /// [`free_port`](crate::port::free_port): nobody else takes it meanwhile.
    pub async fn start_at(port: u16) -> Result<Self> {
        let listener = listen(port).await?;
        let address = listener.local_addr().context("the listener has an address")?;
        let world = Arc::new(World::new(format!("ws://{address}")));
        let fake = Self { address, world, serving: Mutex::default() };
        fake.serve(listener);
        Ok(fake)
    }

    /// The URL to use instead of `https://discord.com`, without a slash at the end.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The URL of the gateway, as `GET /gateway` tells it: `?v=10` is to be added.
    pub fn gateway_url(&self) -> String {
        format!("ws://{}/gateway", self.address)
    }

    /// The bot with this token, which is made where there is none yet.
    pub fn bot(&self, token: &str) -> Bot {
        Bot::new(self.world.bot(token))
    }

    /// How often a connection to the gateway is asked for a heartbeat, from the next connection on. Discord's 41.25
    /// seconds at first. One that is silent for twice as long and five seconds more is closed.
    pub fn heartbeat_every(&self, interval: Duration) {
        self.world.set_heartbeat(interval);
    }

    /// Closes every new connection to the gateway with this code, before anything is said. `None`: no longer.
    pub fn turns_connections_away(&self, code: Option<u16>) {
        self.world.turn_away(code);
    }

    /// As what the clients of the gateway introduced themselves (`User-Agent`), in the order they came. Empty for one
    /// that did not.
    pub fn gateway_agents(&self) -> Vec<String> {
        self.world.agents()
    }

    /// How many calls of the last ten minutes were answered 401, 403 or 429, other than for a shared resource.
    pub fn invalid_requests(&self) -> usize {
        self.world.invalid().count(Instant::now())
    }

    /// How many invalid requests within ten minutes it takes until nothing but a page of HTML with 429 is answered.
    /// 10,000 at first.
    pub fn bans_after(&self, invalid_requests: usize) {
        self.world.invalid().limit = invalid_requests;
    }

    /// Closes the port and all connections, without a word on any of them. Nothing is forgotten: people go on writing,
    /// and sessions wait to be resumed.
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
        serving.spawn(accept(listener, Arc::clone(&self.world)));
    }
}

async fn listen(port: u16) -> Result<TcpListener> {
    let address = (Ipv4Addr::LOCALHOST, port);
    TcpListener::bind(address).await.with_context(|| format!("cannot listen on port {port} of 127.0.0.1"))
}

async fn accept(listener: TcpListener, world: Arc<World>) {
    // Ends its connections when it is dropped.
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    connections.spawn(connection(stream, Arc::clone(&world)));
                }
                // Too many open files, for example. It passes.
                Err(_) => sleep(Duration::from_millis(50)).await,
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

/// Serves HTTP, and the gateway once a request has asked for it.
async fn connection(stream: TcpStream, world: Arc<World>) {
    // Without it answers wait for the acknowledgement of what was sent before.
    let _ = stream.set_nodelay(true);
    let upgrade = Arc::new(Mutex::new(None));
    let service = {
        let (world, upgrade) = (Arc::clone(&world), Arc::clone(&upgrade));
        service_fn(move |request| handle(Arc::clone(&world), Arc::clone(&upgrade), request))
    };
    // A connection that a fault closed ends with an error, and so do those whose client has gone.
    let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).with_upgrades().await;
    let upgrade: Option<Upgrade> = upgrade.lock().unwrap_or_else(PoisonError::into_inner).take();
    if let Some(upgrade) = upgrade
        && let Ok(socket) = upgrade.socket.await
    {
        // The library logs every payload, tokens included, which a test would take for the bot's own doing.
        let serving = gateway::serve(socket, upgrade.at_resume_url, upgrade.version, world);
        serving.with_subscriber(NoSubscriber::default()).await;
    }
}
