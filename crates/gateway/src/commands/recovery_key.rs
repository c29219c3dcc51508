//! `switchboard recovery-key`: prints the key to an account's identity and to the copy of its keys on
//! the homeserver, for the operator to keep. Works beside a running gateway.

use std::process::ExitCode;

use anyhow::{Context as _, bail};
use clap::Args;
use secrecy::ExposeSecret as _;

use super::{ConfigFile, output::say};
use crate::{BuildAdapter, config::Kinds, wiring::matrix};

#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    file: ConfigFile,
    /// The channel, of kind "matrix"
    #[arg(long)]
    channel: String,
}

pub(super) async fn run(arguments: Arguments, kinds: &Kinds<BuildAdapter>) -> anyhow::Result<ExitCode> {
    let name = arguments.channel;
    let config = arguments.file.load(&kinds.only("matrix", |section| matrix::settings(section).ok()))?;
    let channel = config.channels.into_iter().find(|channel| channel.name.as_str() == name);
    let channel = channel.with_context(|| format!("there is no channel {name:?}"))?;
    let Some(settings) = channel.adapter else {
        bail!("the channel {name:?} is of kind {:?}; only \"matrix\" has a recovery key", channel.kind)
    };
    let settings = settings.context("the configuration was read without a mistake")?;
    let key = switchboard_matrix::recovery_key(&settings.of(channel.name)).await?;
    let Some(key) = key else {
        bail!("there is no recovery key yet; start the gateway, which makes one when it has logged in")
    };
    say(key.expose_secret());
    Ok(ExitCode::SUCCESS)
}
