//! Times: microseconds since 1970 by SQLite's clock.

use std::time::Duration;

use time::OffsetDateTime;

/// A duration in microseconds. One that is too long to count is as long as can be counted.
pub(crate) fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}

/// This long after a time.
pub(crate) fn after(time: i64, duration: Duration) -> i64 {
    time.saturating_add(micros(duration))
}

/// How long it is from a time to a later one; zero if it is not later.
pub(crate) fn until(now: i64, later: i64) -> Duration {
    Duration::from_micros(u64::try_from(later.saturating_sub(now)).unwrap_or(0))
}

/// A stored time, for display.
pub(crate) fn moment(micros: i64) -> OffsetDateTime {
    // A time that `time` cannot express (after the year 9999) is only ever the end of a wait.
    OffsetDateTime::from_unix_timestamp_nanos(i128::from(micros) * 1000)
        .unwrap_or(time::macros::datetime!(9999-12-31 23:59:59 UTC))
}

/// A time of day, to be stored.
pub(crate) fn stored(moment: OffsetDateTime) -> i64 {
    i64::try_from(moment.unix_timestamp_nanos() / 1000).unwrap_or(i64::MAX)
}
