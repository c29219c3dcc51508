//! How fast an adapter may ask for what is new.

use std::time::Duration;

/// The pause after the first empty answer that came too soon. Doubles with every further one.
const FIRST: Duration = Duration::from_millis(50);
/// The longest pause, so that what comes next is not held up for longer.
const LONGEST: Duration = Duration::from_secs(1);
/// An empty answer came too soon if it took less than this part of the time for which the platform
/// was asked to hold it.
const TOO_SOON: u32 = 2;

/// The pace of a long poll.
///
/// A platform holds a poll until there is something to tell or the time is over. A proxy or a broken
/// server may answer at once, with nothing, and would then be asked thousands of times a second. One
/// such answer is harmless; from the second one in a row on, the adapter pauses before it asks again.
#[derive(Debug, Default)]
pub struct PollPace {
    /// How many empty answers in a row came too soon.
    hasty: u32,
}

impl PollPace {
    /// How long to wait before the next poll, after one that brought something (not `empty`) or
    /// nothing, was to be held for `hold`, and was answered after `took`.
    pub fn after(&mut self, empty: bool, hold: Duration, took: Duration) -> Duration {
        if !empty || took >= hold / TOO_SOON {
            self.hasty = 0;
            return Duration::ZERO;
        }
        self.hasty = self.hasty.saturating_add(1);
        match self.hasty {
            1 => Duration::ZERO,
            hasty => FIRST.saturating_mul(2_u32.saturating_pow(hasty - 2)).min(LONGEST),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOLD: Duration = Duration::from_secs(30);

    #[test]
    fn empty_answers_that_come_at_once_are_followed_ever_more_slowly() {
        let mut pace = PollPace::default();
        let pauses: Vec<u128> =
            (0..8).map(|_| pace.after(true, HOLD, Duration::from_millis(1)).as_millis()).collect();
        assert_eq!(pauses, [0, 50, 100, 200, 400, 800, 1000, 1000]);
    }

    #[test]
    fn an_answer_in_its_time_or_with_something_in_it_ends_the_pauses() {
        for (empty, took) in [(true, HOLD), (true, HOLD / 2), (false, Duration::ZERO)] {
            let mut pace = PollPace::default();
            for _ in 0..5 {
                pace.after(true, HOLD, Duration::ZERO);
            }
            assert_eq!(pace.after(empty, HOLD, took), Duration::ZERO);
            assert_eq!(pace.after(true, HOLD, Duration::ZERO), Duration::ZERO, "it is the first one again");
        }
    }

    #[test]
    fn a_poll_that_is_not_to_be_held_is_never_too_soon() {
        let mut pace = PollPace::default();
        for _ in 0..5 {
            assert_eq!(pace.after(true, Duration::ZERO, Duration::ZERO), Duration::ZERO);
        }
    }
}
