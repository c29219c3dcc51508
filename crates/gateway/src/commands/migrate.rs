//! `switchboard migrate`: migrations only.

use std::process::ExitCode;

use anyhow::Context as _;

use super::output::say;
use crate::{
    BuildAdapter,
    config::Config,
    wiring::{self, Purpose},
};

pub(super) async fn run(config: &Config<BuildAdapter>) -> anyhow::Result<ExitCode> {
    let store = wiring::open_store(&config.database, Purpose::Migrate)
        .await
        .context("the database cannot be used")?;
    store.migrate().await.context("the migrations failed")?;
    store.close().await;
    say(format_args!("The database is up to date."));
    Ok(ExitCode::SUCCESS)
}
