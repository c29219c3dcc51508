//! `switchboard check`: reads the configuration, and makes of it what would run. No network.
//! (What is wrong with a line was printed before this runs.)

use std::process::ExitCode;

use secrecy::ExposeSecret as _;

use super::{BadConfiguration, idle, output::say};
use crate::{BuildAdapter, adapter::Accounts, config::Config, gateway::Unusable, wiring};

pub(super) fn run(config: Config<BuildAdapter>) -> anyhow::Result<ExitCode> {
    let public_url = config.server.public_url(config.server.listen);
    let (channels, mut bad) = (config.channels.len(), false);
    let mut accounts = Accounts::default();
    for channel in config.channels {
        let name = channel.name.clone();
        // Some settings go together with others, as public_url with a webhook that it is for.
        let adapter = idle::adapter(channel, public_url.clone(), idle::Known::default());
        if let Err(error) = adapter.and_then(|adapter| accounts.claim(&name, &adapter)) {
            eprintln!("{}: {error:#}", Unusable::channel(&name));
            bad = true;
        }
    }
    if let Err(error) = wiring::ai_backends(&config.ais) {
        eprintln!("{error:#}");
        bad = true;
    }
    if bad {
        return Err(BadConfiguration.into());
    }
    let base = public_url.as_str().trim_end_matches('/');
    say(format_args!("The configuration is good. AIs: {}, channels: {channels}.", config.ais.len()));
    for ai in &config.ais {
        say(format_args!(
            "\nEnter this as the webhook url on the AI platform {:?} (it contains a secret):",
            ai.name.as_str()
        ));
        say(format_args!("  {base}/webhooks/ai/{}/{}", ai.name, ai.webhook_secret.expose_secret()));
    }
    if config.server.public_url.is_none() {
        say(format_args!("\nserver.public_url is not set, so these addresses work on this machine only."));
    }
    Ok(ExitCode::SUCCESS)
}
