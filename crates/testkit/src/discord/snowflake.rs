//! Discord's ids: they hold the time at which they were made, so they order what happened.

use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::Value;

use super::clock::unix_millis;

/// The first second of 2015, in milliseconds since 1970.
const EPOCH: u64 = 1_420_070_400_000;

/// Makes ids, each greater than the last. All bots of a server share it, so that nobody has the id of another.
#[derive(Default)]
pub(super) struct Snowflakes {
    last: AtomicU64,
}

impl Snowflakes {
    pub(super) fn fresh(&self) -> u64 {
        let now = (unix_millis() - EPOCH) << 22;
        let next = |last: u64| now.max(last + 1);
        next(self.last.update(Ordering::Relaxed, Ordering::Relaxed, next))
    }
}

/// When an id was made, in milliseconds since 1970.
pub(super) fn millis(id: u64) -> u64 {
    (id >> 22) + EPOCH
}

/// An id as it stands in JSON: digits in a string. Numbers are understood too, as Discord does.
pub(super) fn id_of(value: &Value) -> Option<u64> {
    match value {
        Value::String(digits) => digits.parse().ok(),
        value => value.as_u64(),
    }
}
