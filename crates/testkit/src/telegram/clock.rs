//! The wall clock, for dates in messages.

use std::time::{SystemTime, UNIX_EPOCH};

/// Now, in seconds since 1970 as Telegram counts.
#[expect(clippy::disallowed_methods, reason = "Telegram's clock is not the database's")]
pub(super) fn unix_seconds() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}
