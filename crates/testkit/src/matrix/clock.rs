//! The wall clock, for the times in events.

use std::time::{SystemTime, UNIX_EPOCH};

/// Now, in milliseconds since 1970.
#[expect(clippy::disallowed_methods, reason = "the homeserver's clock is not the database's")]
pub(super) fn unix_millis() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).expect("the year 584 million is far away")
}
