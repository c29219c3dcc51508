//! `switchboard check`: reads the configuration. No network. (What is wrong was printed before
//! this runs.)

use std::process::ExitCode;

use secrecy::ExposeSecret as _;

use super::output::say;
use crate::{BuildAdapter, config::Config};

pub(super) fn run(config: &Config<BuildAdapter>) -> ExitCode {
    let base = config.server.public_url(config.server.listen);
    let base = base.as_str().trim_end_matches('/');
    say(format_args!(
        "The configuration is good. AIs: {}, channels: {}.",
        config.ais.len(),
        config.channels.len()
    ));
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
    ExitCode::SUCCESS
}
