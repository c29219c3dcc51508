//! Stopping: the first signal asks for it, the second one insists.

use std::process;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// The exit code after a second signal, as shells give it for an interrupted program.
const INTERRUPTED: i32 = 130;

/// Cancels `stop` at the first SIGTERM or SIGINT; ends the process at the second.
pub(crate) async fn watch_signals(stop: CancellationToken) -> anyhow::Result<()> {
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    either(&mut terminate, &mut interrupt).await;
    tracing::info!("stopping: finishing what is under way (a second signal stops at once)");
    stop.cancel();
    either(&mut terminate, &mut interrupt).await;
    tracing::warn!("stopped at once");
    process::exit(INTERRUPTED);
}

async fn either(one: &mut Signal, other: &mut Signal) {
    tokio::select! {
        _ = one.recv() => {}
        _ = other.recv() => {}
    }
}
