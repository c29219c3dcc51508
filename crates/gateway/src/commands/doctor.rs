//! `switchboard doctor`: probes the database, the AI and every channel, and says what to do about
//! each finding. Exits with 1 if something does not work.

use std::{collections::HashMap, process::ExitCode, time::Duration};

use switchboard_core::{ChannelName, Finding, Severity, chain};
use switchboard_store::StoreError;

use super::{
    idle::{self, Known},
    output::say,
};
use crate::{
    BuildAdapter,
    config::{ChannelConfig, Config},
    wiring::{self, Purpose},
};

/// How long one probe may take.
const TIMEOUT: Duration = Duration::from_secs(30);
/// What to do about a database that cannot be used.
const NO_DATABASE: &str = "check database.url and that the database runs; if it was never used, run `switchboard migrate`, \
    or start the gateway";

pub(super) async fn run(config: Config<BuildAdapter>) -> anyhow::Result<ExitCode> {
    let mut worst = Severity::Ok;
    let mut report = |what: &str, findings: Vec<Finding>| {
        say(format_args!("{what}"));
        for finding in findings {
            let mark = match finding.severity {
                Severity::Ok => "ok     ",
                Severity::Warning => "warning",
                Severity::Error => "error  ",
            };
            say(format_args!("  {mark}  {}", finding.what));
            if let Some(remedy) = finding.remedy {
                say(format_args!("           {remedy}"));
            }
            worst = worst.max(finding.severity);
        }
    };

    let (database, mut known) = probe_database(&config).await;
    report("database", vec![database]);
    for (name, backend) in wiring::ai_backends(&config.ais)? {
        report(&format!("AI {name}"), in_time(backend.probe()).await);
    }
    let public_url = config.server.public_url(config.server.listen);
    for channel in config.channels {
        let what = format!("channel {}", channel.name);
        let known = known.remove(&channel.name).unwrap_or_default();
        report(&what, probe_channel(channel, public_url.clone(), known).await);
    }
    Ok(if worst == Severity::Error { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// Also says what it knows of the channels.
async fn probe_database(config: &Config<BuildAdapter>) -> (Finding, HashMap<ChannelName, Known>) {
    let mut channels = HashMap::new();
    let probed = async {
        let store = wiring::open_store(&config.database, Purpose::Command).await?;
        store.ping().await?;
        // Counting reads the tables, which the ping does not.
        let counted = store.queue_counts().await;
        for channel in &config.channels {
            // An answer that does not come is none.
            let owned = store.is_owned(&channel.name).await.ok();
            let cursor = store.cursor(&channel.name).await.ok().flatten();
            let known = Known { unused: owned == Some(false), running: owned == Some(true), cursor };
            channels.insert(channel.name.clone(), known);
        }
        store.close().await;
        Ok::<_, StoreError>(counted)
    };
    let finding = match tokio::time::timeout(TIMEOUT, probed).await {
        Ok(Ok(Ok(_))) => Finding::ok("it answers and its tables are there"),
        Ok(Ok(Err(error))) => Finding::error(
            format!("it answers, but its tables cannot be read: {}", chain(&error)),
            "run `switchboard migrate`, or start the gateway: it makes them",
        ),
        Ok(Err(error)) => Finding::error(chain(&error), NO_DATABASE),
        Err(_) => Finding::error(late(), NO_DATABASE),
    };
    (finding, channels)
}

async fn probe_channel(
    channel: ChannelConfig<BuildAdapter>,
    public_url: url::Url,
    known: Known,
) -> Vec<Finding> {
    let running = known.running;
    match idle::adapter(channel, public_url, known) {
        Ok(adapter) => {
            let mut findings = in_time(adapter.messenger.probe()).await;
            if running {
                // What disturbs it, another program that polls the same bot for example, only it can see.
                findings.push(Finding::ok("a gateway runs it; /readyz and its log say how it fares"));
            }
            if findings.is_empty() { vec![Finding::ok("nothing needs to be checked")] } else { findings }
        }
        Err(error) => vec![Finding::error(format!("{error:#}"), "correct its configuration")],
    }
}

async fn in_time(probe: impl Future<Output = Vec<Finding>>) -> Vec<Finding> {
    tokio::time::timeout(TIMEOUT, probe)
        .await
        .unwrap_or_else(|_| vec![Finding::error(late(), "check that it can be reached from this machine")])
}

fn late() -> String {
    format!("it did not answer within {} s", TIMEOUT.as_secs())
}
