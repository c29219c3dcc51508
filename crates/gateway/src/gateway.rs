//! One running gateway: the engine, and what is served over HTTP.

use std::{pin::pin, sync::Arc, time::Duration};

use anyhow::Context as _;
use axum::Router;
use metrics_exporter_prometheus::PrometheusHandle;
use secrecy::SecretString;
use switchboard_core::{AiName, ChannelName, chain};
use switchboard_engine::{Backoff, ChannelPolicy, Engine, EngineBuilder, EngineConfig};
use switchboard_store::{Store, StoreResult};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use url::Url;
use uuid::Uuid;

use crate::{
    AdapterContext, BuildAdapter,
    adapter::Accounts,
    config::{ChannelConfig, Config, DatabaseConfig},
    http::{App, AppParts, Listeners},
    wiring::{self, Purpose},
};

/// How often the table is searched for work that did not come through memory.
const SCAN_EVERY: Duration = Duration::from_secs(1);
/// How long to wait before a database that is away is tried again.
const TRY_AGAIN: Duration = Duration::from_secs(1);
/// How often it is said that it is still away, for the same reason.
const TELL_AGAIN: Duration = Duration::from_mins(1);
/// How long connections are still accepted after the order to stop, if `shutdown_timeout` allows
/// it: whoever spreads requests over replicas needs a moment to hear that this one stops.
const STOPPING_GRACE: Duration = Duration::from_secs(2);
/// How long closing the database may take.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(5);

/// Runs the gateway until `stop`, then finishes what is under way within the configured time.
/// Waits for a database that is not there yet; calls `serving` when everything is there.
pub(crate) async fn run(
    config: Config<BuildAdapter>,
    listeners: Listeners,
    metrics: PrometheusHandle,
    stop: CancellationToken,
    serving: impl FnOnce(),
) -> anyhow::Result<()> {
    let shutdown_timeout = config.server.shutdown_timeout;
    let public_url = config.server.public_url(listeners.address()?);
    let routes = listeners.routes();
    // Half of the time at most, so that requests under way have the other half.
    let mut served = pin!(listeners.serve(&routes, &stop, STOPPING_GRACE.min(shutdown_timeout / 2)));
    let started = tokio::select! {
        started = stop.run_until_cancelled(start(config, public_url, metrics, &stop)) => started,
        () = &mut served => None,
    };
    let Some(Started { engine, store, app, adapters }) = started.transpose()? else {
        return Ok(());
    };
    routes.open(app, adapters);
    serving();
    work(&engine, served, &stop, shutdown_timeout).await?;
    if tokio::time::timeout(CLOSE_TIMEOUT, store.close()).await.is_err() {
        tracing::warn!(?CLOSE_TIMEOUT, "the database's connections could not be closed in time");
    }
    Ok(())
}

/// A section of the configuration whose settings do not go together, or not with those of another one.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Unusable(String);

impl Unusable {
    pub(crate) fn channel(name: &ChannelName) -> Self {
        Self(format!("channel {:?}", name.as_str()))
    }

    pub(crate) fn ai(name: &AiName) -> Self {
        Self(format!("AI {:?}", name.as_str()))
    }
}

/// What [`start`] makes.
struct Started {
    engine: Arc<Engine>,
    store: Arc<dyn Store>,
    app: Arc<App>,
    adapters: Router,
}

async fn start(
    config: Config<BuildAdapter>,
    public_url: Url,
    metrics: PrometheusHandle,
    stop: &CancellationToken,
) -> anyhow::Result<Started> {
    let store = open_store(&config.database).await.context("the database cannot be used")?;
    let ais = wiring::ai_backends(&config.ais)?;
    let app = AppParts::new(&config, &ais, metrics, stop.clone());
    let mut builder = EngineBuilder::new(engine_config(&config), store.clone(), ais);
    let (mut adapters, mut accounts) = (Router::new(), Accounts::default());
    for channel in config.channels {
        let secret = channel_secret(&*store, &channel.name, &channel.kind).await?;
        let (policy, build) = split(channel);
        let groups = policy.groups;
        let name = policy.name.clone();
        let (declared, inbox) = builder.declare(policy);
        let context = AdapterContext {
            channel: name.clone(),
            inbox,
            secret,
            groups,
            unused: false,
            cursor: None,
            public_url: public_url.clone(),
            stop: stop.clone(),
        };
        let adapter = build(context).with_context(|| Unusable::channel(&name))?;
        accounts.claim(&name, &adapter).with_context(|| Unusable::channel(&name))?;
        builder.attach(declared, adapter.messenger);
        adapters = adapters.merge(adapter.routes.unwrap_or_default());
    }
    let engine = Arc::new(builder.build());
    let app = Arc::new(app.with(engine.clone(), store.clone()));
    Ok(Started { engine, store, app, adapters })
}

/// Opens the database and brings its tables up to date.
async fn open_store(config: &DatabaseConfig) -> StoreResult<Arc<dyn Store>> {
    patiently(async || {
        let store = wiring::open_store(config, Purpose::Serve).await?;
        store.migrate().await?;
        Ok(store)
    })
    .await
}

/// The channel's secret, which is made the first time.
async fn channel_secret(store: &dyn Store, name: &ChannelName, kind: &str) -> StoreResult<SecretString> {
    patiently(async || {
        store.register_channel(name, kind).await?;
        let new = format!("{}{}", Uuid::new_v4().simple(), Uuid::new_v4().simple());
        Ok(SecretString::from(store.channel_secret(name, &new).await?))
    })
    .await
}

/// Repeats what fails because the database is away, and says why now and then.
async fn patiently<T>(attempt: impl AsyncFn() -> StoreResult<T>) -> StoreResult<T> {
    let mut told: Option<(String, Instant)> = None;
    loop {
        match attempt().await {
            Err(error) if error.is_transient() => {
                let error = chain(&error);
                let known = |(before, at): &(String, Instant)| *before == error && at.elapsed() < TELL_AGAIN;
                if !told.as_ref().is_some_and(known) {
                    tracing::warn!(
                        error,
                        "the database cannot be used yet, and is tried every second; see that database.url is right"
                    );
                    told = Some((error, Instant::now()));
                }
            }
            done => return done,
        }
        tokio::time::sleep(TRY_AGAIN).await;
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
