//! `switchboard serve`: runs the gateway.

use std::process::ExitCode;

use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    BuildAdapter,
    config::Config,
    gateway::{self, Listeners},
    lifecycle, telemetry,
};

pub(super) async fn run(config: Config<BuildAdapter>) -> anyhow::Result<ExitCode> {
    telemetry::start_log(&config.log);
    let metrics = telemetry::start_metrics()?;
    let stop = CancellationToken::new();
    TaskTracker::new().spawn(lifecycle::watch_signals(stop.clone()));
    let listeners = Listeners::bind(&config).await?;
    let address = listeners.address()?;
    let Some(store) = gateway::open_store(&config.database, &stop).await? else {
        return Ok(ExitCode::SUCCESS);
    };
    tracing::info!(%address, "serving");
    gateway::run(config, store, listeners, metrics, stop).await?;
    tracing::info!("stopped");
    Ok(ExitCode::SUCCESS)
}
