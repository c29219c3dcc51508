//! Serving connections. Our own loop, because `axum::serve` sets no time limit for request
//! headers: a client that never finishes them would hold its connection, and a shutdown, for ever.

use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::graceful::{GracefulShutdown, Watcher},
    service::TowerToHyperService,
};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// How long a client may take for its request's headers, and how long an idle connection lives.
const HEADER_TIMEOUT: Duration = Duration::from_secs(30);
/// How long to wait after a connection could not be accepted (too many open files, say).
const ACCEPT_AGAIN: Duration = Duration::from_millis(100);

/// Serves until `stop`, then waits for the requests that are under way.
pub(crate) async fn serve(listener: TcpListener, router: Router, stop: CancellationToken) {
    let graceful = GracefulShutdown::new();
    let connections = TaskTracker::new();
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(HEADER_TIMEOUT);
    while let Some(accepted) = stop.run_until_cancelled(listener.accept()).await {
        match accepted {
            Ok((stream, _)) => {
                connections.spawn(connection(&http, stream, router.clone(), graceful.watcher()));
            }
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(ACCEPT_AGAIN).await;
            }
        }
    }
    drop(listener);
    graceful.shutdown().await;
}

fn connection(
    http: &http1::Builder,
    stream: TcpStream,
    router: Router,
    watcher: Watcher,
) -> impl Future<Output = ()> + Send + 'static {
    // Small writes (events) must not wait for the acknowledgement of earlier ones.
    let _ = stream.set_nodelay(true);
    let connection = http.serve_connection(TokioIo::new(stream), TowerToHyperService::new(router));
    let connection = watcher.watch(connection);
    async move {
        if let Err(error) = connection.await {
            tracing::debug!(%error, "a connection ended badly");
        }
    }
}
