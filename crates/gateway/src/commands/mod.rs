//! The commands. One per file.

mod check;
mod deliveries;
mod demo;
mod doctor;
#[cfg(feature = "web")]
mod identity;
mod idle;
mod migrate;
mod output;
#[cfg(feature = "matrix")]
mod recovery_key;
mod sandbox;
mod serve;
mod table;

use std::{path::PathBuf, process::ExitCode};

use anyhow::Context as _;
use clap::{Args, Parser, Subcommand};
use switchboard_core::chain;
use switchboard_store::Store;

use crate::{
    BuildAdapter,
    config::{Config, Kinds, Sources},
    gateway::Unusable,
    wiring::{self, Purpose},
};

/// What a wrong configuration and wrong arguments exit with.
const BAD_CONFIGURATION: u8 = 2;

/// One gateway between a company's messengers and its AI.
#[derive(Debug, Parser)]
#[command(name = "switchboard", version, about)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Try everything on this machine, with no account anywhere
    Demo(demo::Arguments),
    /// Run the gateway
    Serve(ConfigFile),
    /// Read the configuration, say what is wrong with it, print the webhook addresses
    Check(ConfigFile),
    /// Probe the database, the AI and every channel
    Doctor(ConfigFile),
    /// Bring the database's tables up to this version
    Migrate(ConfigFile),
    /// Look at deliveries, retry or discard them
    Deliveries(deliveries::Arguments),
    /// Print who a user of a site is, as the site would sign it for the page messenger
    #[cfg(feature = "web")]
    Identity(identity::Arguments),
    /// Print the key with which an account's keys can be recovered
    #[cfg(feature = "matrix")]
    RecoveryKey(recovery_key::Arguments),
    /// Run the stand-in for the AI platform alone
    Sandbox(sandbox::Arguments),
}

/// Where the configuration is.
#[derive(Debug, Args)]
struct ConfigFile {
    /// The configuration file
    #[arg(long, global = true, value_name = "FILE", default_value = "config.toml")]
    config: PathBuf,
}

/// A configuration that cannot be used; what is wrong has been printed.
#[derive(Debug, thiserror::Error)]
#[error("the configuration cannot be used")]
struct BadConfiguration;

/// Runs the command that the arguments ask for.
pub(crate) fn main(kinds: &Kinds<BuildAdapter>) -> ExitCode {
    // Several libraries bring TLS providers; without a choice, the first connection would panic.
    if rustls::crypto::ring::default_provider().install_default().is_err() {
        tracing::debug!("the TLS provider was installed before");
    }
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("error: the runtime cannot start: {error}");
            return ExitCode::FAILURE;
        }
    };
    let done = runtime.block_on(run(Arguments::parse().command, kinds));
    // What had to be waited for was waited for: nothing else may hold the process.
    runtime.shutdown_background();
    match done {
        Ok(code) => code,
        Err(error) if error.is::<BadConfiguration>() => ExitCode::from(BAD_CONFIGURATION),
        Err(error) => {
            eprintln!("error: {}", chain(error.as_ref()));
            if error.is::<Unusable>() { ExitCode::from(BAD_CONFIGURATION) } else { ExitCode::FAILURE }
        }
    }
}

async fn run(command: Command, kinds: &Kinds<BuildAdapter>) -> anyhow::Result<ExitCode> {
    match command {
        Command::Demo(arguments) => Box::pin(demo::run(&arguments, kinds)).await,
        Command::Serve(file) => Box::pin(serve::run(file.load(kinds)?)).await,
        Command::Check(file) => check::run(file.load(kinds)?),
        Command::Doctor(file) => doctor::run(file.load(kinds)?).await,
        Command::Migrate(file) => migrate::run(&file.load(kinds)?).await,
        Command::Deliveries(arguments) => deliveries::run(arguments, kinds).await,
        #[cfg(feature = "web")]
        Command::Identity(arguments) => identity::run(&arguments, kinds),
        #[cfg(feature = "matrix")]
        Command::RecoveryKey(arguments) => recovery_key::run(arguments, kinds).await,
        Command::Sandbox(arguments) => sandbox::run(arguments).await,
    }
}

impl ConfigFile {
    /// The configuration; or everything that is wrong with it, printed.
    fn load<A>(&self, kinds: &Kinds<A>) -> anyhow::Result<Config<A>> {
        Config::load(&self.config, &Sources::system(), kinds).map_err(|mistakes| {
            eprintln!("{mistakes}");
            BadConfiguration.into()
        })
    }

    /// The configured database, to look or to change something beside a running gateway.
    async fn open_store(&self, kinds: &Kinds<BuildAdapter>) -> anyhow::Result<std::sync::Arc<dyn Store>> {
        let config = self.load(kinds)?;
        wiring::open_store(&config.database, Purpose::Command).await.context("the database cannot be used")
    }
}
