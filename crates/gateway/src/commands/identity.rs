//! `switchboard identity`: signs who a user of a site is, as the site would. To try it out, and to
//! compare a site's own code with.

use std::{process::ExitCode, time::Duration};

use anyhow::{Context as _, bail, ensure};
use clap::Args;
use switchboard_web::{MAX_AHEAD, is_user, sign_identity};

use super::{ConfigFile, output::say};
use crate::{BuildAdapter, config::Kinds, wiring::web};

#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    file: ConfigFile,
    /// The channel of the site's page, which must have an identity_secret
    #[arg(long)]
    channel: String,
    /// The site's id of the user
    #[arg(long)]
    user: String,
    /// The user's name, shown to people
    #[arg(long)]
    name: Option<String>,
    /// For how long it may be shown: 24h at most
    #[arg(long, default_value = "1h", value_parser = humantime::parse_duration)]
    expires: Duration,
}

pub(super) fn run(arguments: &Arguments, kinds: &Kinds<BuildAdapter>) -> anyhow::Result<ExitCode> {
    let config = arguments.file.load(&kinds.only("web", web::identity_secrets))?;
    let channel = config.channels.iter().find(|channel| channel.name.as_str() == arguments.channel);
    let channel = channel.with_context(|| format!("there is no channel {:?}", arguments.channel))?;
    let Some(secrets) = &channel.adapter else {
        bail!(
            "the channel {:?} is of kind {:?}; only \"web\" has identities",
            arguments.channel,
            channel.kind
        )
    };
    let secret = secrets.first().with_context(|| {
        format!("the channel {:?} has no identity_secret; add one to the configuration", arguments.channel)
    })?;
    ensure!(is_user(&arguments.user), "a user's id has 1 to 255 bytes and no control characters");
    ensure!(arguments.expires <= MAX_AHEAD, "an identity may be shown for 24h at most");
    let now = web::now();
    let shown = now..now + arguments.expires;
    say(sign_identity(secret, &channel.name, &arguments.user, arguments.name.as_deref(), shown));
    Ok(ExitCode::SUCCESS)
}
