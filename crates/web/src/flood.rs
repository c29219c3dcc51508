//! How fast visitors may write and new ones may come.

use std::{
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use governor::{
    Quota, RateLimiter,
    clock::{Clock as _, DefaultClock},
    state::{InMemoryState, NotKeyed, keyed::HashMapStateStore},
};
use switchboard_core::Rate;

use crate::{ConfigError, id::VisitorId};

/// After how many messages the visitors whose bucket is full again are forgotten. It bounds the
/// memory: at most this many buckets more than there were visitors lately.
const SWEEP_EVERY: u32 = 4_096;

/// The limits of one channel, on this replica.
pub(crate) struct Limits {
    visitors: RateLimiter<VisitorId, HashMapStateStore<VisitorId>, DefaultClock>,
    sessions: RateLimiter<NotKeyed, InMemoryState, DefaultClock>,
    checked: AtomicU32,
}

/// Not now, but after this long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Wait(pub(crate) Duration);

impl Limits {
    pub(crate) fn new(flood: Rate, sessions: Rate) -> Result<Self, ConfigError> {
        Ok(Self {
            visitors: RateLimiter::hashmap(quota(flood)?),
            sessions: RateLimiter::direct(quota(sessions)?),
            checked: AtomicU32::new(0),
        })
    }

    /// Takes one message of this visitor.
    pub(crate) fn message(&self, visitor: &VisitorId) -> Result<(), Wait> {
        if self.checked.fetch_add(1, Ordering::Relaxed) % SWEEP_EVERY == SWEEP_EVERY - 1 {
            self.visitors.retain_recent();
        }
        let now = DefaultClock::default();
        self.visitors.check_key(visitor).map_err(|denied| Wait(denied.wait_time_from(now.now())))
    }

    /// Takes one new visitor.
    pub(crate) fn session(&self) -> Result<(), Wait> {
        let now = DefaultClock::default();
        self.sessions.check().map_err(|denied| Wait(denied.wait_time_from(now.now())))
    }
}

fn quota(rate: Rate) -> Result<Quota, ConfigError> {
    Ok(Quota::with_period(rate.period).ok_or(ConfigError::Flood)?.allow_burst(rate.burst))
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use super::*;

    /// Where only messages matter.
    fn limits(burst: u32, period: Duration) -> Limits {
        let rate = Rate { burst: NonZeroU32::new(burst).expect("not zero"), period };
        Limits::new(rate, rate).unwrap()
    }

    #[test]
    fn visitors_who_stopped_writing_are_forgotten() {
        // Full again after a nanosecond, which has passed by the next check.
        let limits = limits(1, Duration::from_nanos(1));
        for _ in 0..10 * SWEEP_EVERY {
            limits.message(&VisitorId::mint()).unwrap();
        }
        assert!(limits.visitors.len() <= SWEEP_EVERY as usize, "{} remain", limits.visitors.len());
    }

    #[test]
    fn one_visitor_does_not_slow_another() {
        let limits = limits(2, Duration::from_hours(1));
        let (loud, quiet) = (VisitorId::mint(), VisitorId::mint());
        assert_eq!(limits.message(&loud), Ok(()));
        assert_eq!(limits.message(&loud), Ok(()));
        let Err(Wait(wait)) = limits.message(&loud) else { panic!("the third message was taken") };
        assert!(wait > Duration::from_mins(50), "{wait:?}");
        assert_eq!(limits.message(&quiet), Ok(()));
    }
}
