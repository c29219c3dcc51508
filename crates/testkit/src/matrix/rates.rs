//! The limit on sending, as Synapse sets it.

use std::collections::HashMap;
use std::time::Duration;

use tokio::time::Instant;

/// How often a user may send: once per `every` in the long run, and up to `burst` at once after a rest. What exceeds
/// it is answered 429 with the time until it would pass, and does not count.
#[derive(Clone, Copy, Debug)]
pub struct Rates {
    /// How many at once.
    pub burst: u32,
    /// The time that one more needs.
    pub every: Duration,
}

impl Rates {
    /// Synapse's `rc_message` where nothing else is configured: 0.2 per second, and a burst of ten.
    pub fn synapse() -> Self {
        Self { burst: 10, every: Duration::from_secs(5) }
    }
}

/// The limit with what happened so far.
pub(super) struct Meters {
    rates: Rates,
    /// When each user's bucket will be full again.
    full_at: HashMap<String, Instant>,
}

impl Meters {
    pub(super) fn new(rates: Rates) -> Self {
        Self { rates, full_at: HashMap::new() }
    }

    /// Counts a message of `user` now, or says after how long it may come.
    pub(super) fn count(&mut self, user: &str, now: Instant) -> Result<(), Duration> {
        let Rates { burst, every } = self.rates;
        let full_at = self.full_at.get(user).copied().unwrap_or(now).max(now);
        let wait = (full_at - now + every).saturating_sub(every * burst);
        if wait > Duration::ZERO {
            return Err(wait);
        }
        self.full_at.insert(user.to_owned(), full_at + every);
        Ok(())
    }
}
