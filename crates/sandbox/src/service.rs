//! Taking the port, serving it, and stopping.

use std::{convert::Infallible, net::SocketAddr, sync::Arc, time::Duration};

use axum::{Router, body::Body, response::Response};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    net::{TcpListener, TcpStream},
    time::{sleep, timeout},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tower::ServiceExt as _;

use crate::{
    config::SandboxConfig,
    error::SandboxError,
    handle::Handle,
    routes::{self, CloseConnection},
    shared::Shared,
};

/// How long requests that are under way may take after the stop.
const FINISH: Duration = Duration::from_secs(3);

/// A stand-in for the AI platform that has its port.
pub struct Sandbox {
    listener: TcpListener,
    shared: Arc<Shared>,
}

impl Sandbox {
    /// Takes the port. Connections wait until the sandbox runs.
    pub async fn bind(config: SandboxConfig) -> Result<Self, SandboxError> {
        let listen = config.listen;
        let failed = |source| SandboxError::Listen { listen, source };
        let listener = TcpListener::bind(listen).await.map_err(failed)?;
        let local_addr = listener.local_addr().map_err(failed)?;
        Ok(Self { listener, shared: Shared::new(config, local_addr)? })
    }

    /// Where it listens.
    pub fn local_addr(&self) -> SocketAddr {
        self.shared.local_addr
    }

    /// What steers it.
    pub fn handle(&self) -> Handle {
        Handle::new(Arc::clone(&self.shared))
    }

    /// Serves until `stop`. Webhooks that were not sent until then are forgotten.
    pub async fn run(self, stop: CancellationToken) {
        let shared = self.shared;
        // Also where this future is dropped: the tasks that send webhooks must not outlive it.
        let everything = shared.stop.clone().drop_guard();
        let router = routes::router(&shared);
        let connections = TaskTracker::new();
        while let Some(accepted) = stop.run_until_cancelled(self.listener.accept()).await {
            match accepted {
                Ok((stream, _)) => {
                    connections.spawn(serve(stream, router.clone(), shared.stop.clone()));
                }
                Err(error) => {
                    // Too many open files, for example. It passes.
                    tracing::warn!(%error, "a connection could not be accepted");
                    sleep(Duration::from_millis(50)).await;
                }
            }
        }
        drop(everything);
        finish(&connections, &shared).await;
    }
}

async fn finish(connections: &TaskTracker, shared: &Arc<Shared>) {
    connections.close();
    shared.tasks.close();
    let all = async { tokio::join!(connections.wait(), shared.tasks.wait()) };
    if timeout(FINISH, all).await.is_err() {
        tracing::warn!("some requests did not end in time");
    }
}

/// One connection. axum's own server has no way to close it without an answer, as faults ask for.
async fn serve(stream: TcpStream, router: Router, stop: CancellationToken) {
    // Without it answers wait for the acknowledgement of what was sent before.
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "the connection cannot be made quick");
    }
    let service = service_fn(move |request: hyper::Request<Incoming>| {
        let router = router.clone();
        async move { answer_or_close(router.oneshot(request.map(Body::new)).await) }
    });
    let connection =
        http1::Builder::new().timer(TokioTimer::new()).serve_connection(TokioIo::new(stream), service);
    tokio::pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = stop.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection ended");
    }
}

/// An error of the service is how hyper is told to close the connection.
fn answer_or_close(answer: Result<Response, Infallible>) -> Result<Response, CloseConnection> {
    let Ok(answer) = answer;
    match answer.extensions().get::<CloseConnection>() {
        Some(close) => Err(*close),
        None => Ok(answer),
    }
}
