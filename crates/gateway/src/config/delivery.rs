//! `[delivery]`: how persistently and how fast messages are delivered.

use std::time::Duration;

use super::{mistake::Fault, section::Section};

const SECOND: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_hours(1);

/// The shortest and longest time-to-live.
const TTL: (Duration, Duration) = (SECOND, Duration::from_hours(30 * 24));
/// The shortest pause between two attempts.
const SHORTEST_RETRY: Duration = Duration::from_millis(10);
/// The largest `in_flight`.
const MOST_IN_FLIGHT: usize = 10_000;

/// `[delivery]`
#[derive(Clone, Debug)]
pub struct DeliveryConfig {
    /// After this long, a user's message that the AI has not taken is given up. Default: 24 h.
    pub ai_ttl: Duration,
    /// After this long, a reply that the messenger has not taken is given up. Default: 24 h.
    pub messenger_ttl: Duration,
    /// The pause before the second attempt; it doubles with every attempt. Default: 1 s.
    pub retry_min: Duration,
    /// The longest pause between two attempts; at least `retry_min`. Default: 5 min.
    pub retry_max: Duration,
    /// How many deliveries of one channel and direction are under way at once. Default: 64.
    pub in_flight: usize,
}

impl DeliveryConfig {
    pub(super) fn read(section: &mut Section<'_>) -> Self {
        let config = Self {
            ai_ttl: section.duration("ai_ttl", TTL.0..=TTL.1).or(default_ttl()),
            messenger_ttl: section.duration("messenger_ttl", TTL.0..=TTL.1).or(default_ttl()),
            retry_min: section.duration("retry_min", SHORTEST_RETRY..=HOUR).or(default_retry_min()),
            retry_max: section.duration("retry_max", SHORTEST_RETRY..=24 * HOUR).or(default_retry_max()),
            in_flight: section.integer("in_flight", 1..=MOST_IN_FLIGHT).or(default_in_flight()),
        };
        if config.retry_min > config.retry_max {
            let fault = Fault::new("is longer than retry_max", "make it shorter, or retry_max longer");
            section.mistake("retry_min", fault);
        }
        config
    }
}

fn default_ttl() -> Duration {
    24 * HOUR
}

fn default_retry_min() -> Duration {
    SECOND
}

fn default_retry_max() -> Duration {
    Duration::from_mins(5)
}

fn default_in_flight() -> usize {
    64
}
