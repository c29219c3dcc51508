//! The sockets that the gateway serves on, and which routes are served there.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use anyhow::Context as _;
use axum::Router;
use tokio::{net::TcpListener, sync::watch};
use tokio_util::sync::CancellationToken;

use super::{
    App,
    admission::Gate,
    capacity::{Capacity, allow_many_files},
    client_address::ClientAddress,
    finish, internal_router, public_router,
    server::serve,
    starting,
};
use crate::{BuildAdapter, config::Config};

/// The sockets, bound before anything else starts.
pub(crate) struct Listeners {
    main: TcpListener,
    admin: Option<TcpListener>,
    client_address: ClientAddress,
    capacity: Capacity,
}

impl Listeners {
    /// Binds what is configured.
    pub(crate) async fn bind(config: &Config<BuildAdapter>) -> anyhow::Result<Self> {
        let files = allow_many_files();
        let capacity = Capacity::of(config, files);
        let Capacity { connections, streams, .. } = capacity;
        tracing::info!(
            files,
            connections,
            streams,
            "what clients may hold follows from the limit of open files"
        );
        Ok(Self {
            capacity,
            main: bind(config.server.listen, "server.listen").await?,
            admin: match config.admin.listen {
                Some(address) => Some(bind(address, "admin.listen").await?),
                None => None,
            },
            client_address: ClientAddress::new(config.server.client_address_header.clone()),
        })
    }

    /// The address of the main one.
    pub(crate) fn address(&self) -> anyhow::Result<SocketAddr> {
        Ok(self.main.local_addr()?)
    }

    /// What is served at first: that the gateway starts.
    pub(crate) fn routes(&self) -> Routes {
        let starting = || watch::Sender::new(starting::router());
        Routes { main: starting(), admin: self.admin.as_ref().map(|_| starting()) }
    }

    /// Serves the routes. Goes on for `grace` after `stop`, then until the last request has ended.
    pub(crate) async fn serve(self, routes: &Routes, stop: &CancellationToken, grace: Duration) {
        let clients = &self.client_address;
        let gate = Gate::new(self.capacity);
        let main = serve(self.main, routes.main.subscribe(), clients, gate, stop, grace);
        match self.admin.zip(routes.admin.as_ref()) {
            Some((listener, admin)) => {
                let gate = Gate::new(Capacity::admin());
                tokio::join!(main, serve(listener, admin.subscribe(), clients, gate, stop, grace));
            }
            None => main.await,
        }
    }
}

async fn bind(address: SocketAddr, key: &str) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address)
        .await
        .with_context(|| format!("{key}: cannot listen on {address}; is another program using the port?"))
}

/// What is served on each socket. May be exchanged meanwhile: the next request sees it, also on a
/// connection that is older.
pub(crate) struct Routes {
    main: watch::Sender<Router>,
    admin: Option<watch::Sender<Router>>,
}

impl Routes {
    /// Serves the gateway itself from now on.
    pub(crate) fn open(&self, app: Arc<App>, adapters: Router) {
        let public = public_router(app.clone()).merge(adapters);
        let internal = internal_router(app);
        match &self.admin {
            Some(admin) => {
                replace(&self.main, public);
                replace(admin, internal);
            }
            None => replace(&self.main, public.merge(internal)),
        }
    }
}

fn replace(served: &watch::Sender<Router>, router: Router) {
    served.send_modify(|it| *it = finish(router));
}
