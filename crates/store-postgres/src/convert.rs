//! Between columns and the words of the contract.

use std::time::Duration;

use switchboard_core::{Author, Place};
use switchboard_store::{DeliveryState, Direction};

use crate::error::Fault;

/// Longer than anybody waits, and short enough that any time plus it is a time.
const FOREVER_MICROS: i64 = 100 * 365 * 24 * 3600 * 1_000_000;

/// A duration as it crosses into SQL.
pub(crate) fn to_micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(FOREVER_MICROS).min(FOREVER_MICROS)
}

/// A duration as it comes back; what lies in the past is zero.
pub(crate) fn from_micros(micros: i64) -> Duration {
    Duration::from_micros(u64::try_from(micros).unwrap_or(0))
}

/// A count as it comes back.
pub(crate) fn count(value: impl TryInto<u32>) -> u32 {
    value.try_into().unwrap_or(u32::MAX)
}

/// The word for a place.
pub(crate) fn place_word(place: Place) -> &'static str {
    match place {
        Place::Direct => "direct",
        Place::Group => "group",
    }
}

/// Reads `chat.place`.
pub(crate) fn place(word: &str, row: i64) -> Result<Place, Fault> {
    one_of([Place::Direct, Place::Group], place_word, word).ok_or_else(|| unknown("chat", "place", row, word))
}

/// Reads `lane.direction`.
pub(crate) fn direction(word: &str, row: i64) -> Result<Direction, Fault> {
    one_of([Direction::ToAi, Direction::ToMessenger], Direction::as_str, word)
        .ok_or_else(|| unknown("lane", "direction", row, word))
}

/// Reads `delivery.state`.
pub(crate) fn state(word: &str, row: i64) -> Result<DeliveryState, Fault> {
    use DeliveryState::{Dead, Discarded, Pending, Sent};
    one_of([Pending, Sent, Dead, Discarded], DeliveryState::as_str, word)
        .ok_or_else(|| unknown("delivery", "state", row, word))
}

/// Reads `message.author`.
pub(crate) fn author(word: &str, row: i64) -> Result<Author, Fault> {
    one_of([Author::User, Author::Bot, Author::Operator, Author::Gateway], Author::as_str, word)
        .ok_or_else(|| unknown("message", "author", row, word))
}

fn one_of<T: Copy, const N: usize>(all: [T; N], word_of: fn(T) -> &'static str, word: &str) -> Option<T> {
    all.into_iter().find(|&value| word_of(value) == word)
}

fn unknown(table: &'static str, column: &'static str, row: i64, word: &str) -> Fault {
    Fault::corrupt(table, column, row, format!("{word:?} is not known"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_keep_their_microseconds_and_end_somewhere() {
        assert_eq!(
            from_micros(to_micros(Duration::from_micros(1_500_001))),
            Duration::from_micros(1_500_001)
        );
        assert_eq!(to_micros(Duration::MAX), FOREVER_MICROS);
        assert_eq!(from_micros(-5), Duration::ZERO);
    }

    #[test]
    fn an_unknown_word_says_where_it_is() {
        assert_eq!(direction("to_ai", 7).unwrap(), Direction::ToAi);
        let error = direction("up", 7).unwrap_err().during("db.queue.load");
        assert_eq!(error.to_string(), "table lane, column direction, row 7: not understood");
        assert!(!error.is_transient(), "it would not be understood later either");
    }
}
