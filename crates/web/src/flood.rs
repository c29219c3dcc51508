//! How fast visitors may write and come, and new ones be made.

use std::{
    hash::Hash,
    net::{IpAddr, Ipv6Addr},
    num::NonZeroU32,
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use governor::{
    NotUntil, Quota, RateLimiter,
    clock::{Clock, DefaultClock},
    state::{InMemoryState, NotKeyed, keyed::HashMapStateStore},
};
use switchboard_core::Rate;

use crate::{ConfigError, WebConfig, id::VisitorId};

/// After how many checks the buckets that are full again are forgotten. It bounds the memory: at
/// most this many more than there are keys that were checked in the time in which one check is
/// made up for.
const SWEEP_EVERY: u32 = 4_096;

/// How fast one visitor may open streams, each of which reads the store: fifty at once, then two
/// per second. Five stay open, and a page comes back within seconds where it is cut off, so nobody
/// with some dozens of pages and a bad network gets near it.
const STREAMS: Rate =
    Rate { burst: NonZeroU32::new(50).expect("50 is not zero"), period: Duration::from_millis(500) };

/// The limits of one channel, on this replica.
pub(crate) struct Limits {
    messages: Buckets<VisitorId>,
    streams: Buckets<VisitorId>,
    sessions: RateLimiter<NotKeyed, InMemoryState, DefaultClock>,
    sessions_per_address: Buckets<IpAddr>,
}

/// Not now, but after this long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Wait(pub(crate) Duration);

impl Limits {
    pub(crate) fn new(config: &WebConfig) -> Result<Self, ConfigError> {
        Ok(Self {
            messages: Buckets::new(config.flood)?,
            streams: Buckets::new(STREAMS)?,
            sessions: RateLimiter::direct(quota(config.sessions)?),
            sessions_per_address: Buckets::new(config.sessions_per_address)?,
        })
    }

    /// Takes one message of this visitor.
    pub(crate) fn message(&self, visitor: &VisitorId) -> Result<(), Wait> {
        self.messages.take(visitor)
    }

    /// Takes one more stream of this visitor.
    pub(crate) fn stream(&self, visitor: &VisitorId) -> Result<(), Wait> {
        self.streams.take(visitor)
    }

    /// Takes one new visitor from this address, where it is known. What an address has too much is
    /// not taken from what all have together.
    pub(crate) fn session(&self, address: Option<IpAddr>) -> Result<(), Wait> {
        if let Some(address) = address {
            self.sessions_per_address.take(&network(address))?;
        }
        self.sessions.check().map_err(|denied| wait(&denied))
    }
}

/// A bucket for each key that was checked lately.
struct Buckets<K: Clone + Eq + Hash> {
    limiter: RateLimiter<K, HashMapStateStore<K>, DefaultClock>,
    checked: AtomicU32,
}

impl<K: Clone + Eq + Hash> Buckets<K> {
    fn new(rate: Rate) -> Result<Self, ConfigError> {
        Ok(Self { limiter: RateLimiter::hashmap(quota(rate)?), checked: AtomicU32::new(0) })
    }

    fn take(&self, key: &K) -> Result<(), Wait> {
        if self.checked.fetch_add(1, Ordering::Relaxed) % SWEEP_EVERY == SWEEP_EVERY - 1 {
            self.limiter.retain_recent();
            self.limiter.shrink_to_fit();
        }
        self.limiter.check_key(key).map_err(|denied| wait(&denied))
    }
}

fn quota(rate: Rate) -> Result<Quota, ConfigError> {
    Ok(Quota::with_period(rate.period).ok_or(ConfigError::Flood)?.allow_burst(rate.burst))
}

fn wait(denied: &NotUntil<<DefaultClock as Clock>::Instant>) -> Wait {
    Wait(denied.wait_time_from(DefaultClock::default().now()))
}

/// What one client has to itself: an address, or of IPv6 the /64 that a single connection is given.
fn network(address: IpAddr) -> IpAddr {
    const INTERFACE: u128 = u64::MAX as u128;
    match address.to_canonical() {
        IpAddr::V4(address) => address.into(),
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & !INTERFACE).into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn buckets(burst: u32, period: Duration) -> Buckets<u32> {
        let burst = NonZeroU32::new(burst).expect("not zero");
        Buckets::new(Rate { burst, period }).unwrap()
    }

    #[test]
    fn who_stopped_is_forgotten() {
        // Full again after a nanosecond, which has passed by the next check.
        let buckets = buckets(1, Duration::from_nanos(1));
        for key in 0..10 * SWEEP_EVERY {
            buckets.take(&key).unwrap();
        }
        assert!(buckets.limiter.len() <= SWEEP_EVERY as usize, "{} remain", buckets.limiter.len());
    }

    #[test]
    fn one_does_not_slow_another() {
        let buckets = buckets(2, Duration::from_hours(1));
        let (loud, quiet) = (1, 2);
        assert_eq!(buckets.take(&loud), Ok(()));
        assert_eq!(buckets.take(&loud), Ok(()));
        let Err(Wait(wait)) = buckets.take(&loud) else { panic!("the third was taken") };
        assert!(wait > Duration::from_mins(50), "{wait:?}");
        assert_eq!(buckets.take(&quiet), Ok(()));
    }
}
