//! `switchboard demo`: everything on this machine with no account anywhere.
//!
//! SQLite, a web channel, and the sandbox as AI platform over real HTTP. It writes an ordinary
//! configuration, which the other commands take too.

use std::{
    fs,
    io::{ErrorKind, Write as _},
    net::SocketAddr,
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
    process::ExitCode,
    time::Duration,
};

use anyhow::{Context as _, ensure};
use clap::Args;
use secrecy::SecretString;
use switchboard_sandbox::{Sandbox, SandboxConfig};
use tokio::net::TcpListener;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use uuid::Uuid;

use super::{ConfigFile, output::say};
use crate::{BuildAdapter, config::Kinds, gateway, http::Listeners, lifecycle, telemetry};

/// What its configuration begins with. Any other file of this name is somebody's own.
const WRITTEN_BY_US: &str = "# Written by `switchboard demo` at every start.";

/// How long the sandbox pretends to think.
const DELAY: Duration = Duration::from_millis(800);

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Where the gateway listens; another free port if this one is taken
    #[arg(long, default_value = "127.0.0.1:8080")]
    listen: SocketAddr,
    /// Where the AI platform's stand-in listens; another free port if this one is taken
    #[arg(long, default_value = "127.0.0.1:8090")]
    sandbox_listen: SocketAddr,
    /// Where the database and the configuration are kept
    #[arg(long, value_name = "DIR", default_value = "data/demo")]
    data: PathBuf,
}

pub(super) async fn run(arguments: &Arguments, kinds: &Kinds<BuildAdapter>) -> anyhow::Result<ExitCode> {
    let stop = CancellationToken::new();
    let tasks = TaskTracker::new();
    tasks.spawn(lifecycle::watch_signals(stop.clone()));
    fs::create_dir_all(&arguments.data)
        .with_context(|| format!("cannot make the directory {}", arguments.data.display()))?;

    let (token, webhook_secret) = (new_secret(), new_secret());
    let mut sandbox =
        SandboxConfig::new(free(arguments.sandbox_listen).await, SecretString::from(token.clone()));
    sandbox.delay = DELAY;
    let sandbox = Sandbox::bind(sandbox).await?;
    let sandbox_address = sandbox.local_addr();

    let gateway_address = free(arguments.listen).await;
    let file = arguments.data.join("config.toml");
    let database = arguments.data.join("switchboard.db");
    let text = configuration(gateway_address, sandbox_address, &database, &token, &webhook_secret);
    ensure!(
        is_ours(&file),
        "{} is a configuration of somebody's own; name another directory with --data",
        file.display()
    );
    write_private(&file, &text)?;
    let config = ConfigFile { config: file.clone() }.load(kinds)?;

    telemetry::start_log(&config.log);
    let metrics = telemetry::start_metrics()?;
    let listeners = Listeners::bind(&config).await?;
    let address = listeners.address()?;
    sandbox.handle().set_webhook_url(
        format!("http://{address}/webhooks/ai/sandbox/{webhook_secret}")
            .parse()
            .context("our own address")?,
    );
    sandbox.handle().set_chat_url(format!("http://{address}/chat/demo").parse().context("our own address")?);
    // The sandbox stops with the gateway: it is of no use alone.
    let sandbox_stop = stop.child_token();
    tasks.spawn(async move { sandbox.run(sandbox_stop).await });
    let serving = || print_welcome(address, sandbox_address, &database, &file);
    Box::pin(gateway::run(config, listeners, metrics, stop, serving)).await?;
    Ok(ExitCode::SUCCESS)
}

/// The address if its port is free, else the same with any free port.
async fn free(wanted: SocketAddr) -> SocketAddr {
    match TcpListener::bind(wanted).await {
        Ok(_) => wanted,
        Err(_) => SocketAddr::new(wanted.ip(), 0),
    }
}

fn new_secret() -> String {
    format!("{}{}", Uuid::new_v4().simple(), Uuid::new_v4().simple())
}

fn configuration(
    gateway: SocketAddr,
    sandbox: SocketAddr,
    database: &Path,
    token: &str,
    webhook_secret: &str,
) -> String {
    let database = path_in_url(database);
    format!(
        r#"{WRITTEN_BY_US}
[server]
listen = "{gateway}"

[database]
url = "sqlite://{database}"

[log]
filter = "warn"

[[ai]]
name = "sandbox"
kind = "selarti"
base_url = "http://{sandbox}"
token = "{token}"
webhook_secret = "{webhook_secret}"

[[channel]]
name = "demo"
kind = "web"
ai = "sandbox"
task_id = "1"
title = "Switchboard demo"
greeting = "Hello! I am a stand-in for an AI, and repeat what I am told. What would you like to see?"
questions = ["/help What can you do?", "/markdown Show every kind of formatting", "/operator A person, please"]
notice = "We have your message. The answer takes longer than usual."
notice_after = "30s"
"#
    )
}

/// The path as it stands in a url, which stands in a string of the configuration.
fn path_in_url(path: &Path) -> String {
    let mut url = String::new();
    for character in path.to_string_lossy().chars() {
        match character {
            '%' | '?' | '#' | ' ' | '"' | '\\' => {
                url.extend(format!("%{:02X}", u32::from(character)).chars());
            }
            other => url.push(other),
        }
    }
    url
}

/// Whether the demo may write this file: there is none, or one of a demo before.
fn is_ours(path: &Path) -> bool {
    match fs::read(path) {
        Ok(text) => text.starts_with(WRITTEN_BY_US.as_bytes()),
        Err(error) => error.kind() == ErrorKind::NotFound,
    }
}

/// Writes a file that only its owner can read: it holds secrets.
fn write_private(path: &Path, text: &str) -> anyhow::Result<()> {
    let write = || {
        let mut options = fs::OpenOptions::new();
        let mut file = options.write(true).create(true).truncate(true).mode(0o600).open(path)?;
        file.write_all(text.as_bytes())
    };
    write().with_context(|| format!("cannot write {}", path.display()))
}

fn print_welcome(gateway: SocketAddr, sandbox: SocketAddr, database: &Path, file: &Path) {
    say(format_args!("Switchboard is running. Everything is on this machine; Ctrl-C stops it.\n"));
    say(format_args!("  Write as a visitor:    http://{gateway}/chat/demo"));
    say(format_args!("  Answer as operator:    http://{sandbox}/panel"));
    say(format_args!("  What is stored where:  {} (SQLite)", database.display()));
    say(format_args!("\n  Is it well?            http://{gateway}/readyz"));
    // `cargo demo` leaves the program out of the path.
    let program = std::env::current_exe().unwrap_or_else(|_| "switchboard".into());
    let (program, file) = (program.display(), file.display());
    say(format_args!("  What became of it?     {program} deliveries list --config {file}"));
}
