//! `[lease]`: how replicas share the channels.

use std::time::Duration;

use super::section::Section;

/// Shorter, and a slow moment of the database takes every channel from its owner.
const SHORTEST: Duration = Duration::from_secs(1);
/// Longer, and a channel stands still for too long after its owner's death.
const LONGEST: Duration = Duration::from_mins(5);

/// `[lease]`
#[derive(Clone, Debug)]
pub struct LeaseConfig {
    /// For how long a channel belongs to a replica that does not renew its lease: after a crash,
    /// another replica takes the channel over when this has passed. Default: 10 s.
    pub ttl: Duration,
}

impl LeaseConfig {
    pub(super) fn read(section: &mut Section<'_>) -> Self {
        Self { ttl: section.duration("ttl", SHORTEST..=LONGEST).or(default_ttl()) }
    }
}

fn default_ttl() -> Duration {
    Duration::from_secs(10)
}
