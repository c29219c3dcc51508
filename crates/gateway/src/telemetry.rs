//! Logs and metrics.

use std::io::IsTerminal as _;

use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use switchboard_core::ChannelName;
use switchboard_engine::ChannelHealth;
use switchboard_store::{Direction, QueueCounts};
use tracing_subscriber::{EnvFilter, fmt, prelude::*};

use crate::{
    config::{LogConfig, LogFormat},
    http::{Outcome, Refused},
    wiring::QUIET,
};

/// How long the queues are.
const QUEUES: &str = "switchboard_deliveries";

/// Starts logging to standard error. Does nothing if it was started before.
pub(crate) fn start_log(config: &LogConfig) {
    // First, so that who names one of these parts hears it.
    let filter = EnvFilter::new(format!("{},{}", QUIET.join(","), config.filter));
    let registry = tracing_subscriber::registry().with(filter);
    let started = match config.format {
        LogFormat::Text => {
            let colours = std::io::stderr().is_terminal();
            registry.with(fmt::layer().with_writer(std::io::stderr).with_ansi(colours)).try_init()
        }
        LogFormat::Json => registry.with(fmt::layer().json().with_writer(std::io::stderr)).try_init(),
    };
    if started.is_err() {
        tracing::debug!("logging was started before");
    }
}

/// Starts collecting metrics for this process.
pub(crate) fn start_metrics() -> anyhow::Result<PrometheusHandle> {
    let handle = PrometheusBuilder::new().install_recorder()?;
    metrics::describe_counter!("switchboard_webhooks_total", "Webhooks of the AI, by what became of them.");
    metrics::describe_gauge!(QUEUES, "Deliveries that wait or were given up.");
    metrics::describe_gauge!("switchboard_database_up", "Whether the database answers and is not read-only.");
    metrics::describe_gauge!(
        "switchboard_channel_up",
        "Whether this replica runs the channel without trouble."
    );
    metrics::describe_gauge!(
        "switchboard_channel_undecrypted_messages",
        "Messages that have come and cannot be decrypted before their keys arrive."
    );
    metrics::describe_counter!(
        "switchboard_channel_withheld_messages_total",
        "Messages that cannot be decrypted because their authors' clients refuse the keys, by the code of the refusal."
    );
    metrics::describe_counter!(
        "switchboard_http_refusals_total",
        "Connections and requests that were refused or closed since clients held too much, by what was too much."
    );
    for refused in Refused::ALL {
        refusals(refused).absolute(0);
    }
    Ok(handle)
}

/// Counts what a client was refused.
pub(crate) fn count_refusal(refused: Refused) {
    refusals(refused).increment(1);
}

fn refusals(refused: Refused) -> metrics::Counter {
    metrics::counter!("switchboard_http_refusals_total", "reason" => refused.as_str())
}

/// Counts a webhook; `ai` is empty where it was for none that there is.
pub(crate) fn count_webhook(ai: &str, outcome: Outcome) {
    webhooks(ai, outcome).increment(1);
}

/// Begins to count every outcome at zero.
pub(crate) fn start_counting_webhooks<'a>(ais: impl Iterator<Item = &'a str>) {
    for ai in ais {
        for outcome in Outcome::ALL {
            webhooks(ai, outcome).absolute(0);
        }
    }
    webhooks("", Outcome::NotFound).absolute(0);
}

fn webhooks(ai: &str, outcome: Outcome) -> metrics::Counter {
    metrics::counter!("switchboard_webhooks_total", "ai" => ai.to_owned(), "outcome" => outcome.as_str())
}

/// Sets how the channels are, which is measured only when somebody asks.
pub(crate) fn set_channel_gauges(channels: &[ChannelHealth]) {
    for channel in channels {
        let up = channel.owned && channel.trouble.is_none();
        metrics::gauge!("switchboard_channel_up", "channel" => channel.channel.to_string())
            .set(f64::from(u8::from(up)));
        #[expect(clippy::cast_precision_loss, reason = "a thousand wait at most")]
        metrics::gauge!("switchboard_channel_undecrypted_messages", "channel" => channel.channel.to_string())
            .set(channel.undecrypted as f64);
    }
}

/// Sets whether the database answers.
pub(crate) fn set_database_up(up: bool) {
    metrics::gauge!("switchboard_database_up").set(f64::from(u8::from(up)));
}

/// Sets how long the queues are. One that is not among `queues` is empty: its gauge must not keep what it showed
/// before.
pub(crate) fn set_queue_gauges(queues: &[QueueCounts], channels: &[ChannelHealth]) {
    for channel in channels {
        for direction in [Direction::ToAi, Direction::ToMessenger] {
            let counted = |it: &QueueCounts| it.channel == channel.channel && it.direction == direction;
            if !queues.iter().any(counted) {
                set_queue(&channel.channel, direction, 0, 0);
            }
        }
    }
    for queue in queues {
        set_queue(&queue.channel, queue.direction, queue.pending, queue.dead);
    }
}

/// All metrics; without the queues where it is not known how long they are.
pub(crate) fn render(metrics: &PrometheusHandle, with_queues: bool) -> String {
    let text = metrics.render();
    if with_queues {
        return text;
    }
    let of_queues = |line: &&str| line.starts_with(QUEUES) || line.starts_with("# ") && line.contains(QUEUES);
    text.lines().filter(|line| !of_queues(line)).flat_map(|line| [line, "\n"]).collect()
}

fn set_queue(channel: &ChannelName, direction: Direction, pending: u64, dead: u64) {
    let direction = direction.as_str();
    for (state, count) in [("pending", pending), ("dead", dead)] {
        #[expect(clippy::cast_precision_loss, reason = "no queue is that long")]
        metrics::gauge!(QUEUES, "channel" => channel.to_string(), "direction" => direction, "state" => state)
            .set(count as f64);
    }
}
