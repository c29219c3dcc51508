//! What Discord's answers tell about its limits, and what follows from it before the next call.
//!
//! A bucket that an answer's headers call empty is not called again before it fills: that would be a 429,
//! and ten thousand answers of 401, 403 and 429 within ten minutes get the address of this machine banned
//! for everything. So these are counted too, and well before that number nothing is called any more.

use std::{
    collections::{HashMap, VecDeque},
    time::Duration,
};

use tokio::time::Instant;

/// How long an invalid request counts.
const INVALID_WINDOW: Duration = Duration::from_mins(10);
/// At so many the adapter stops calling. Other programs behind the same address have a share too.
const MOST_INVALID: usize = 5_000;
/// From so many pauses on, those that are over are forgotten.
const TIDY: usize = 1_000;

/// What is known at the moment.
#[derive(Default)]
pub(crate) struct Limits {
    /// Until when a bucket is empty: the route and the channel.
    buckets: HashMap<(&'static str, u64), Instant>,
    /// Until when everything must wait.
    everything: Option<Instant>,
    invalid: VecDeque<Instant>,
}

/// What must wait, and for how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Pause {
    pub(crate) retry_after: Duration,
    pub(crate) everything: bool,
}

impl Limits {
    /// Whether the call may be made. If not, when.
    pub(crate) fn check(&mut self, route: &'static str, channel: u64, now: Instant) -> Result<(), Pause> {
        while self.invalid.front().is_some_and(|then| *then + INVALID_WINDOW <= now) {
            self.invalid.pop_front();
        }
        let guarded =
            self.invalid.len().checked_sub(MOST_INVALID).map(|over| self.invalid[over] + INVALID_WINDOW);
        if let Some(until) = guarded.max(self.everything).filter(|until| *until > now) {
            return Err(Pause { retry_after: until - now, everything: true });
        }
        match self.buckets.get(&(route, channel)) {
            Some(until) if *until > now => Err(Pause { retry_after: *until - now, everything: false }),
            _ => Ok(()),
        }
    }

    /// Notes that a bucket, or everything, is to be left alone.
    pub(crate) fn pause(&mut self, route: &'static str, channel: u64, pause: Pause, now: Instant) {
        let until = now + pause.retry_after;
        if pause.everything {
            self.everything = self.everything.max(Some(until));
        } else {
            if self.buckets.len() >= TIDY {
                self.buckets.retain(|_, until| *until > now);
            }
            self.buckets.insert((route, channel), until);
        }
    }

    /// Counts an answer that Discord counts.
    pub(crate) fn invalid(&mut self, now: Instant) {
        self.invalid.push_back(now);
        // The oldest of too many do not matter: the newest decide when it is over.
        if self.invalid.len() > 2 * MOST_INVALID {
            self.invalid.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SEND: &str = "send";
    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn a_pause_holds_what_it_names_until_it_is_over() {
        let (mut limits, now) = (Limits::default(), Instant::now());
        limits.pause(SEND, 1, Pause { retry_after: SECOND, everything: false }, now);
        assert_eq!(limits.check(SEND, 1, now), Err(Pause { retry_after: SECOND, everything: false }));
        assert_eq!((limits.check(SEND, 2, now), limits.check("typing", 1, now)), (Ok(()), Ok(())));
        assert_eq!(limits.check(SEND, 1, now + SECOND), Ok(()));
        limits.pause(SEND, 1, Pause { retry_after: SECOND, everything: true }, now);
        assert_eq!(limits.check("typing", 2, now), Err(Pause { retry_after: SECOND, everything: true }));
    }

    #[test]
    fn nothing_is_called_long_before_the_ban() {
        let (mut limits, now) = (Limits::default(), Instant::now());
        for _ in 0..MOST_INVALID - 1 {
            limits.invalid(now);
        }
        assert_eq!(limits.check(SEND, 1, now), Ok(()));
        limits.invalid(now + SECOND);
        let pause = limits.check(SEND, 1, now + SECOND).expect_err("there were too many");
        assert_eq!(pause, Pause { retry_after: INVALID_WINDOW.saturating_sub(SECOND), everything: true });
        assert_eq!(limits.check(SEND, 1, now + INVALID_WINDOW), Ok(()));
    }
}
