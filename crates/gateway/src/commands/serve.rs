//! `switchboard serve`: runs the gateway.

use std::process::ExitCode;

use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{BuildAdapter, config::Config, gateway, http::Listeners, lifecycle, telemetry};

pub(super) async fn run(config: Config<BuildAdapter>) -> anyhow::Result<ExitCode> {
    telemetry::start_log(&config.log);
    let metrics = telemetry::start_metrics()?;
    let stop = CancellationToken::new();
    TaskTracker::new().spawn(lifecycle::watch_signals(stop.clone()));
    let listeners = Listeners::bind(&config).await?;
    let address = listeners.address()?;
    let serving = || tracing::info!(%address, "serving");
    Box::pin(gateway::run(config, listeners, metrics, stop, serving)).await?;
    tracing::info!("stopped");
    Ok(ExitCode::SUCCESS)
}
