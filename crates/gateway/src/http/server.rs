//! Serving connections. Our own loop, because `axum::serve` sets no time limit for request
//! headers: a client that never finishes them would hold its connection, and a shutdown, for ever.

use std::{
    future::poll_fn,
    net::IpAddr,
    pin::{Pin, pin},
    sync::Arc,
    task::Poll,
    time::Duration,
};

use axum::Router;
use hyper::{server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::watch,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{
    admission::{Admitted, Gate},
    client_address::ClientAddress,
    event_stream::{self, Events, Handover, Socket},
    service::Service,
};
use crate::log_limit::LogLimit;

/// How long a client may take for its request's headers, and how long an idle connection lives.
const HEADER_TIMEOUT: Duration = Duration::from_secs(30);
/// The largest headers of a request, in bytes, which are kept until they are complete. A browser may
/// send along the cookies of a whole site, which are a few thousand.
const MAX_HEADERS: usize = 16 * 1024;
/// The largest buffer of a connection, in bytes: otherwise it grows to 400 KB with a body that comes fast.
const MAX_BUFFER: usize = MAX_HEADERS;
/// How long to wait after a connection could not be accepted (too many open files, say).
const ACCEPT_AGAIN: Duration = Duration::from_millis(100);

/// Serves what `routes` has at each request, to whom the gate lets in. After `stop` connections are accepted
/// for `grace` longer, so that who asks whether we are ready can hear that we are not; then waits for the
/// requests that are under way.
pub(super) async fn serve(
    listener: TcpListener,
    routes: watch::Receiver<Router>,
    clients: &ClientAddress,
    gate: Arc<Gate>,
    stop: &CancellationToken,
    grace: Duration,
) {
    let closing = CancellationToken::new();
    let connections = TaskTracker::new();
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(HEADER_TIMEOUT);
    http.max_header_size(MAX_HEADERS).max_buf_size(MAX_BUFFER);
    let server = Server { http, routes, clients: clients.clone(), gate, closing: closing.clone() };
    let accept = async {
        let failures = LogLimit::per_minute(1);
        loop {
            match listener.accept().await {
                Ok((stream, peer)) => {
                    if let Some(admitted) = server.admit(&stream, peer.ip()) {
                        connections.spawn(connection(server.clone(), stream, peer.ip(), admitted));
                    }
                    // Whoever is closed for this one goes first.
                    tokio::task::yield_now().await;
                }
                Err(error) => {
                    if let Some(left_out) = failures.admit() {
                        tracing::warn!(%error, left_out, "a connection could not be accepted");
                    }
                    tokio::time::sleep(ACCEPT_AGAIN).await;
                }
            }
        }
    };
    let end = async {
        stop.cancelled().await;
        tokio::time::sleep(grace).await;
    };
    tokio::select! {
        () = accept => {}
        () = end => {}
    }
    drop(listener);
    closing.cancel();
    connections.close();
    connections.wait().await;
}

/// What every connection is served with.
#[derive(Clone)]
struct Server {
    http: http1::Builder,
    routes: watch::Receiver<Router>,
    clients: ClientAddress,
    gate: Arc<Gate>,
    closing: CancellationToken,
}

impl Server {
    fn admit(&self, stream: &TcpStream, peer: IpAddr) -> Option<Arc<Admitted>> {
        let admitted = self.gate.connect(self.clients.of_connection(peer));
        admitted
            .inspect_err(|refused| {
                refused.note();
                refused.tell(stream);
            })
            .ok()
    }
}

/// Serves one connection until it ends, until a stream of events has taken it over and ended, or,
/// once it is `closing`, until the request under way is answered.
async fn connection(server: Server, stream: TcpStream, peer: IpAddr, admitted: Arc<Admitted>) {
    // Small writes (events) must not wait for the acknowledgement of earlier ones.
    let _ = stream.set_nodelay(true);
    // In a box, so that a stream that goes on for hours does not keep the room.
    let closing = server.closing.clone();
    let ended = match Box::pin(exchange(server, stream, peer, admitted)).await {
        Ok(Some((stream, events))) => {
            event_stream::send(stream, events, &closing).await.map_err(anyhow::Error::from)
        }
        Ok(None) => Ok(()),
        Err(error) => Err(error.into()),
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection ended badly");
    }
}

/// Answers requests until the connection ends, or is closed to make room, or until a stream of events has
/// begun: then gives its socket and them.
async fn exchange(
    Server { http, routes, clients, closing, .. }: Server,
    stream: TcpStream,
    peer: IpAddr,
    admitted: Arc<Admitted>,
) -> Result<Option<(TcpStream, Events)>, hyper::Error> {
    let handover = Arc::new(Handover::default());
    let service = Service { routes, clients, peer, connection: admitted.clone(), handover: handover.clone() };
    let service = service_fn(move |request| service.clone().answer(request));
    let socket = Socket::new(stream, handover.clone());
    let mut connection = http.serve_connection(TokioIo::new(socket), service);
    let mut closing = pin!(closing.cancelled());
    let mut evicted = pin!(admitted.evicted());
    let mut asked_to_close = false;
    let events = poll_fn(|cx| {
        if !asked_to_close && closing.as_mut().poll(cx).is_ready() {
            asked_to_close = true;
            Pin::new(&mut connection).graceful_shutdown();
        }
        if let Poll::Ready(ended) = Pin::new(&mut connection).poll(cx) {
            return Poll::Ready(ended.map(|()| None));
        }
        if let Some(events) = handover.take() {
            return Poll::Ready(Ok(Some(events)));
        }
        while evicted.as_mut().poll(cx).is_ready() {
            if admitted.is_evicted() {
                return Poll::Ready(Ok(None));
            }
            evicted.set(admitted.evicted());
        }
        Poll::Pending
    });
    let events = events.await?;
    Ok(events.map(|events| (connection.into_parts().io.into_inner().into_stream(), events)))
}

#[cfg(test)]
#[path = "server_tests.rs"]
mod tests;
