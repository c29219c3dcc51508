//! Serving connections. Our own loop, because `axum::serve` sets no time limit for request
//! headers: a client that never finishes them would hold its connection, and a shutdown, for ever.

use std::time::Duration;

use axum::Router;
use hyper::{
    server::conn::http1,
    service::{Service as _, service_fn},
};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::graceful::{GracefulShutdown, Watcher},
    service::TowerToHyperService,
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::watch,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// How long a client may take for its request's headers, and how long an idle connection lives.
const HEADER_TIMEOUT: Duration = Duration::from_secs(30);
/// How long to wait after a connection could not be accepted (too many open files, say).
const ACCEPT_AGAIN: Duration = Duration::from_millis(100);

/// Serves what `routes` has at each request. After `stop` connections are accepted for `grace`
/// longer, so that who asks whether we are ready can hear that we are not; then waits for the
/// requests that are under way.
pub(super) async fn serve(
    listener: TcpListener,
    routes: watch::Receiver<Router>,
    stop: &CancellationToken,
    grace: Duration,
) {
    let graceful = GracefulShutdown::new();
    let connections = TaskTracker::new();
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(HEADER_TIMEOUT);
    let accept = async {
        loop {
            match listener.accept().await {
                Ok((stream, _)) => {
                    connections.spawn(connection(&http, stream, routes.clone(), graceful.watcher()));
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
    graceful.shutdown().await;
}

fn connection(
    http: &http1::Builder,
    stream: TcpStream,
    routes: watch::Receiver<Router>,
    watcher: Watcher,
) -> impl Future<Output = ()> + Send + 'static {
    // Small writes (events) must not wait for the acknowledgement of earlier ones.
    let _ = stream.set_nodelay(true);
    let service = service_fn(move |request| TowerToHyperService::new(routes.borrow().clone()).call(request));
    let connection = watcher.watch(http.serve_connection(TokioIo::new(stream), service));
    async move {
        if let Err(error) = connection.await {
            tracing::debug!(%error, "a connection ended badly");
        }
    }
}
