//! The wall clock, and how Discord writes its times.

use std::time::{SystemTime, UNIX_EPOCH};

use time::OffsetDateTime;
use time::format_description::BorrowedFormatItem;
use time::macros::format_description;

const FORMAT: &[BorrowedFormatItem<'_>] =
    format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:6]+00:00");

/// Now, in milliseconds since 1970.
#[expect(clippy::disallowed_methods, reason = "Discord's clock is not the database's")]
pub(super) fn unix_millis() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).expect("the year 584 million is far away")
}

/// A time in milliseconds since 1970, as it stands in messages.
pub(super) fn timestamp(millis: u64) -> String {
    let nanos = i128::from(millis) * 1_000_000;
    let time = OffsetDateTime::from_unix_timestamp_nanos(nanos).expect("the time lies in this age");
    time.format(FORMAT).expect("the format needs nothing that a time lacks")
}
