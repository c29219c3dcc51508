//! `switchboard sandbox`: the stand-in for the AI platform alone.

use std::{net::SocketAddr, process::ExitCode, time::Duration};

use clap::Args;
use secrecy::SecretString;
use switchboard_sandbox::{Sandbox, SandboxConfig};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use url::Url;

use super::output::say;
use crate::{
    config::{LogConfig, LogFormat},
    lifecycle, telemetry,
};

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Where it listens
    #[arg(long, default_value = "127.0.0.1:8090")]
    listen: SocketAddr,
    /// The bearer token that requests must carry
    #[arg(long, env = "SANDBOX_TOKEN", hide_env_values = true, default_value = "sandbox-token")]
    token: String,
    /// Where webhooks go: what `switchboard check` prints
    #[arg(long, env = "SANDBOX_WEBHOOK_URL", hide_env_values = true)]
    webhook_url: Option<Url>,
    /// A task that it knows; may be repeated. Without any, it takes every task
    #[arg(long = "task", value_name = "ID")]
    tasks: Vec<String>,
    /// How long the bot takes to answer, in milliseconds
    #[arg(long, value_name = "MS", default_value_t = 500)]
    delay: u64,
}

pub(super) async fn run(arguments: Arguments) -> anyhow::Result<ExitCode> {
    telemetry::start_log(&LogConfig { format: LogFormat::Text, filter: "info".to_owned() });
    let stop = CancellationToken::new();
    TaskTracker::new().spawn(lifecycle::watch_signals(stop.clone()));
    let mut config = SandboxConfig::new(arguments.listen, SecretString::from(arguments.token));
    config.webhook_url = arguments.webhook_url;
    config.tasks = arguments.tasks;
    config.delay = Duration::from_millis(arguments.delay);
    let sandbox = Sandbox::bind(config).await?;
    say(format_args!("The AI platform's stand-in: http://{}", sandbox.local_addr()));
    say(format_args!("The operator's panel:       http://{}/panel", sandbox.local_addr()));
    sandbox.run(stop).await;
    Ok(ExitCode::SUCCESS)
}
