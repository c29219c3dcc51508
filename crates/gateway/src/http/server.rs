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
use hyper::{
    server::conn::http1,
    service::{Service as _, service_fn},
};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::watch,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{
    client_address::ClientAddress,
    event_stream::{self, Events, Framing, Handover, Socket},
};

/// How long a client may take for its request's headers, and how long an idle connection lives.
const HEADER_TIMEOUT: Duration = Duration::from_secs(30);
/// The largest headers of a request, in bytes, which are kept until they are complete. A browser may
/// send along the cookies of a whole site, which are a few thousand.
const MAX_HEADERS: usize = 64 * 1024;
/// How long to wait after a connection could not be accepted (too many open files, say).
const ACCEPT_AGAIN: Duration = Duration::from_millis(100);

/// Serves what `routes` has at each request. After `stop` connections are accepted for `grace`
/// longer, so that who asks whether we are ready can hear that we are not; then waits for the
/// requests that are under way.
pub(super) async fn serve(
    listener: TcpListener,
    routes: watch::Receiver<Router>,
    clients: &ClientAddress,
    stop: &CancellationToken,
    grace: Duration,
) {
    let closing = CancellationToken::new();
    let connections = TaskTracker::new();
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(HEADER_TIMEOUT).max_header_size(MAX_HEADERS);
    let server = Server { http, routes, clients: clients.clone(), closing: closing.clone() };
    let accept = async {
        loop {
            match listener.accept().await {
                Ok((stream, peer)) => {
                    connections.spawn(connection(server.clone(), stream, peer.ip()));
                }
                Err(error) => {
                    tracing::warn!(%error, "a connection could not be accepted");
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
    closing: CancellationToken,
}

/// Lets this process have as many connections open as the system allows it to. What is usual is far
/// less, and meant for programs that cannot cope with more.
pub(super) fn allow_many_connections() {
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    if let Err(error) = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }) {
        tracing::warn!(%error, "the limit of open files could not be raised");
    }
}

/// Serves one connection until it ends, until a stream of events has taken it over and ended, or,
/// once it is `closing`, until the request under way is answered.
async fn connection(server: Server, stream: TcpStream, peer: IpAddr) {
    // Small writes (events) must not wait for the acknowledgement of earlier ones.
    let _ = stream.set_nodelay(true);
    // In a box, so that a stream that goes on for hours does not keep the room.
    let closing = server.closing.clone();
    let ended = match Box::pin(exchange(server, stream, peer)).await {
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

/// Answers requests until the connection ends, or until a stream of events has begun: then gives
/// its socket and them.
async fn exchange(
    Server { http, routes, clients, closing }: Server,
    stream: TcpStream,
    peer: IpAddr,
) -> Result<Option<(TcpStream, Events)>, hyper::Error> {
    let handover = Arc::new(Handover::default());
    let service = service_fn(|mut request| {
        clients.note(&mut request, peer);
        let framing = Framing::of(&request);
        let answer = TowerToHyperService::new(routes.borrow().clone()).call(request);
        let handover = handover.clone();
        async move {
            answer.await.map(|response| match framing {
                Some(framing) => handover.prepare(response, framing),
                None => response,
            })
        }
    });
    let socket = Socket::new(stream, handover.clone());
    let mut connection = http.serve_connection(TokioIo::new(socket), service);
    let mut closing = pin!(closing.cancelled());
    let mut asked_to_close = false;
    let events = poll_fn(|cx| {
        if !asked_to_close && closing.as_mut().poll(cx).is_ready() {
            asked_to_close = true;
            Pin::new(&mut connection).graceful_shutdown();
        }
        match Pin::new(&mut connection).poll(cx) {
            Poll::Ready(ended) => Poll::Ready(ended.map(|()| None)),
            Poll::Pending => handover.take().map_or(Poll::Pending, |events| Poll::Ready(Ok(Some(events)))),
        }
    });
    let events = events.await?;
    Ok(events.map(|events| (connection.into_parts().io.into_inner().into_stream(), events)))
}

#[cfg(test)]
#[path = "server_tests.rs"]
mod tests;
