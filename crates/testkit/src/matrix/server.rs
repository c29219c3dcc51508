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
use tokio::time::sleep;

use super::calls::handle;
use super::state::Shared;

/// The homeserver. Ends, with all its connections, when it is dropped.
pub struct FakeMatrix {
    address: SocketAddr,
    shared: Arc<Shared>,
    /// Accepts connections and owns them. Empty while the server is down.
    serving: Mutex<JoinSet<()>>,
}

impl fmt::Debug for FakeMatrix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FakeMatrix").field("address", &self.address).finish_non_exhaustive()
    }
}

impl FakeMatrix {
    /// Starts a server on a free port of 127.0.0.1.
    pub async fn start() -> Result<Self> {
        Self::start_at(0).await
    }

    /// Starts a server on this port, 0 for a free one. A server that goes down and comes back is best given a
    /// [`free_port`](crate::port::free_port): nobody else takes it meanwhile.
    pub async fn start_at(port: u16) -> Result<Self> {
        let listener = listen(port).await?;
        let address = listener.local_addr().context("the listener has an address")?;
        let fake = Self { address, shared: Arc::default(), serving: Mutex::default() };
        fake.serve(listener);
        Ok(fake)
    }

    /// The homeserver's URL, without a slash at the end.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Closes the port and all connections, long polls included, without a word. Nothing is forgotten: people go on
    /// writing.
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

    pub(super) fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    fn serve(&self, listener: TcpListener) {
        let mut serving = self.serving.lock().unwrap_or_else(PoisonError::into_inner);
        serving.spawn(accept(listener, Arc::clone(&self.shared)));
    }
}

async fn listen(port: u16) -> Result<TcpListener> {
    let address = (Ipv4Addr::LOCALHOST, port);
    TcpListener::bind(address).await.with_context(|| format!("cannot listen on port {port} of 127.0.0.1"))
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    // Ends its connections when it is dropped.
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    connections.spawn(connection(stream, Arc::clone(&shared)));
                }
                // Too many open files, for example. It passes.
                Err(_) => sleep(Duration::from_millis(50)).await,
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn connection(stream: TcpStream, shared: Arc<Shared>) {
    // Without it answers wait for the acknowledgement of what was sent before.
    let _ = stream.set_nodelay(true);
    let service = service_fn(move |request| handle(Arc::clone(&shared), request));
    // A connection that a fault closed ends with an error, and so do those whose client has gone.
    let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
}
