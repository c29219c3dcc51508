//! How fast visitors may write and sessions may be made.

use std::{
    num::NonZeroU32,
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

/// Sessions of one channel: 200 at once, then 50 per second. A session costs nothing until its
/// first message, so this only keeps somebody from collecting visitors to flood with.
const SESSIONS: Rate =
    Rate { burst: NonZeroU32::new(200).expect("200 is not zero"), period: Duration::from_millis(20) };

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
    pub(crate) fn new(flood: Rate) -> Result<Self, ConfigError> {
        Ok(Self {
            visitors: RateLimiter::hashmap(quota(flood)?),
            sessions: RateLimiter::direct(quota(SESSIONS)?),
            checked: AtomicU32::new(0),
        })
    }

    /// Takes one message of this visitor.
    pub(crate) fn message(&self, visitor: VisitorId) -> Result<(), Wait> {
        if self.checked.fetch_add(1, Ordering::Relaxed) % SWEEP_EVERY == SWEEP_EVERY - 1 {
            self.visitors.retain_recent();
        }
        let now = DefaultClock::default();
        self.visitors.check_key(&visitor).map_err(|denied| Wait(denied.wait_time_from(now.now())))
    }

    /// Takes one new session.
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
    use super::*;

    #[test]
    fn visitors_who_stopped_writing_are_forgotten() {
        let burst = NonZeroU32::new(1).expect("1 is not zero");
        // Full again after a nanosecond, which has passed by the next check.
        let limits = Limits::new(Rate { burst, period: Duration::from_nanos(1) }).unwrap();
        for _ in 0..10 * SWEEP_EVERY {
            limits.message(VisitorId::mint()).unwrap();
        }
        assert!(limits.visitors.len() <= SWEEP_EVERY as usize, "{} remain", limits.visitors.len());
    }

    #[test]
    fn one_visitor_does_not_slow_another() {
        let burst = NonZeroU32::new(2).expect("2 is not zero");
        let limits = Limits::new(Rate { burst, period: Duration::from_hours(1) }).unwrap();
        let (loud, quiet) = (VisitorId::mint(), VisitorId::mint());
        assert_eq!(limits.message(loud), Ok(()));
        assert_eq!(limits.message(loud), Ok(()));
        let Err(Wait(wait)) = limits.message(loud) else { panic!("the third message was taken") };
        assert!(wait > Duration::from_mins(50), "{wait:?}");
        assert_eq!(limits.message(quiet), Ok(()));
    }
}
