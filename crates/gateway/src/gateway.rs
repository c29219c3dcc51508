//! One running gateway: the engine, and what is served over HTTP.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use anyhow::Context as _;
use axum::Router;
use metrics_exporter_prometheus::PrometheusHandle;
use secrecy::SecretString;
use switchboard_core::{ChannelName, chain};
use switchboard_engine::{Backoff, ChannelPolicy, Engine, EngineBuilder, EngineConfig};
use switchboard_store::Store;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::{
    AdapterContext, BuildAdapter,
    config::{ChannelConfig, Config, DatabaseConfig},
    http::{self, App},
    wiring::{self, Purpose},
};

/// How often the table is searched for work that did not come through memory.
const SCAN_EVERY: Duration = Duration::from_secs(1);
/// How long to wait before a database that is away is tried again.
const CONNECT_AGAIN: Duration = Duration::from_secs(1);

/// The sockets that the gateway serves on, bound before anything else starts.
pub(crate) struct Listeners {
    main: TcpListener,
    admin: Option<TcpListener>,
}

impl Listeners {
    /// Binds what is configured.
    pub(crate) async fn bind(config: &Config<BuildAdapter>) -> anyhow::Result<Self> {
        Ok(Self {
            main: bind(config.server.listen, "server.listen").await?,
            admin: match config.admin.listen {
                Some(address) => Some(bind(address, "admin.listen").await?),
                None => None,
            },
        })
    }

    /// The address of the main one.
    pub(crate) fn address(&self) -> anyhow::Result<SocketAddr> {
        Ok(self.main.local_addr()?)
    }
}

async fn bind(address: SocketAddr, key: &str) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address)
        .await
        .with_context(|| format!("{key}: cannot listen on {address}; is another program using the port?"))
}

/// Opens the database and brings its tables up to date, waiting for a database that is not there
/// yet; `None` if asked to stop meanwhile.
pub(crate) async fn open_store(
    config: &DatabaseConfig,
    stop: &CancellationToken,
) -> anyhow::Result<Option<Arc<dyn Store>>> {
    loop {
        let opened = async {
            let store = wiring::open_store(config, Purpose::Serve).await?;
            store.migrate().await?;
            Ok(store)
        };
        match opened.await {
            Ok(store) => return Ok(Some(store)),
            Err(error) if switchboard_store::StoreError::is_transient(&error) => {
                tracing::warn!(error = %chain(&error), "the database is not there yet; trying again");
            }
            Err(error) => return Err(error).context("the database cannot be used"),
        }
        if stop.run_until_cancelled(tokio::time::sleep(CONNECT_AGAIN)).await.is_none() {
            return Ok(None);
        }
    }
}

/// Runs the gateway until `stop`, then finishes what is under way within the configured time.
pub(crate) async fn run(
    config: Config<BuildAdapter>,
    store: Arc<dyn Store>,
    listeners: Listeners,
    metrics: PrometheusHandle,
    stop: CancellationToken,
) -> anyhow::Result<()> {
    let shutdown_timeout = config.server.shutdown_timeout;
    let public_url = config.server.public_url(listeners.address()?);
    let ais = wiring::ai_backends(&config.ais)?;
    let app = App::new(&config.ais, &ais, metrics, stop.clone());
    let mut builder = EngineBuilder::new(engine_config(&config), store.clone(), ais);
    let mut routes = Router::new();
    for channel in config.channels {
        let secret = channel_secret(&*store, &channel.name, &channel.kind).await?;
        let (policy, build) = split(channel);
        let name = policy.name.clone();
        let (declared, inbox) = builder.declare(policy);
        let context = AdapterContext {
            channel: name.clone(),
            inbox,
            secret,
            public_url: public_url.clone(),
            stop: stop.clone(),
        };
        let adapter = build(context).with_context(|| format!("channel {:?}", name.as_str()))?;
        builder.attach(declared, adapter.messenger);
        routes = routes.merge(adapter.routes.unwrap_or_default());
    }
    let engine = Arc::new(builder.build());
    let app = Arc::new(app.with(engine.clone(), store.clone()));
    let served = serve(app, routes, listeners, &stop);
    let running = work(&engine, served, &stop, shutdown_timeout).await;
    store.close().await;
    running
}

/// Serves HTTP, until `stop` and the end of the last request.
async fn serve(app: Arc<App>, adapters: Router, listeners: Listeners, stop: &CancellationToken) {
    let public = http::public_router(app.clone()).merge(adapters);
    let internal = http::internal_router(app);
    match listeners.admin {
        Some(admin) => {
            tokio::join!(
                http::serve(listeners.main, http::finish(public), stop.clone()),
                http::serve(admin, http::finish(internal), stop.clone()),
            );
        }
        None => http::serve(listeners.main, http::finish(public.merge(internal)), stop.clone()).await,
    }
}

/// Runs the engine and the server; after `stop`, for no longer than the timeout.
async fn work(
    engine: &Engine,
    served: impl Future<Output = ()>,
    stop: &CancellationToken,
    shutdown_timeout: Duration,
) -> anyhow::Result<()> {
    let both = async { tokio::join!(engine.run(stop.clone()), served) };
    let deadline = async {
        stop.cancelled().await;
        tokio::time::sleep(shutdown_timeout).await;
    };
    tokio::select! {
        // A dead task must end the process at once, not after the server.
        died = engine.died() => Err(died).context("the gateway cannot go on"),
        _ = both => Ok(()),
        () = deadline => {
            tracing::warn!(?shutdown_timeout, "what is still under way is left to the next start");
            Ok(())
        }
    }
}

/// The channel's secret, which is made the first time.
async fn channel_secret(store: &dyn Store, name: &ChannelName, kind: &str) -> anyhow::Result<SecretString> {
    store.register_channel(name, kind).await?;
    let new = format!("{}{}", Uuid::new_v4().simple(), Uuid::new_v4().simple());
    Ok(SecretString::from(store.channel_secret(name, &new).await?))
}

fn engine_config(config: &Config<BuildAdapter>) -> EngineConfig {
    EngineConfig {
        replica: Uuid::new_v4().to_string(),
        lease_ttl: config.lease.ttl,
        ai_ttl: config.delivery.ai_ttl,
        messenger_ttl: config.delivery.messenger_ttl,
        backoff: Backoff { min: config.delivery.retry_min, max: config.delivery.retry_max },
        in_flight: config.delivery.in_flight,
        scan_every: SCAN_EVERY,
    }
}

/// What the engine must know of a channel, and what makes its adapter.
fn split(channel: ChannelConfig<BuildAdapter>) -> (ChannelPolicy, BuildAdapter) {
    let policy = ChannelPolicy {
        name: channel.name,
        kind: channel.kind,
        ai: channel.ai,
        task_id: channel.task_id,
        groups: channel.groups,
        scope: channel.scope,
        limits: channel.limits,
        on_unknown: channel.on_unknown,
        typing_cap: channel.typing_cap,
        notice: channel.notice.map(|text| (text, channel.notice_after)),
    };
    (policy, channel.adapter)
}
