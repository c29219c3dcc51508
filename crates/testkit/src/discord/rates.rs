//! Limits on calls, the headers that tell of them, and the ban of those who do not listen.

use std::collections::{HashMap, VecDeque};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::time::Duration;

use hyper::header::HeaderMap;
use tokio::time::Instant;

use super::answer::{Refusal, Scope, text};
use super::clock::unix_millis;
use super::request::Request;

/// How long an invalid request counts.
const INVALID_WINDOW: Duration = Duration::from_mins(10);

/// So many within a stretch of time, which begins with the first of them.
#[derive(Clone, Copy, Debug)]
pub struct Window {
    /// How many.
    pub count: u32,
    /// In how long.
    pub period: Duration,
}

/// The limits of a bot. What exceeds one is answered 429, and does not count.
#[derive(Clone, Copy, Debug)]
pub struct Rates {
    /// Over all calls.
    pub global: Window,
    /// Messages to one channel.
    pub messages: Window,
    /// Every other route, for each channel and guild apart.
    pub others: Window,
    /// IDENTIFY on the gateway. What exceeds it is answered that the session is invalid.
    pub identifies: Window,
    /// What a bot may send on one connection to the gateway, before it is closed with 4008.
    pub frames: Window,
}

impl Rates {
    /// What is documented: 50 calls a second, an identify in 5 seconds, 120 frames a minute. Discord publishes no
    /// numbers for single routes, only headers; they are taken to be five in five seconds.
    pub fn usual() -> Self {
        let window = |count, seconds| Window { count, period: Duration::from_secs(seconds) };
        Self {
            global: window(50, 1),
            messages: window(5, 5),
            others: window(5, 5),
            identifies: window(1, 5),
            frames: window(120, 60),
        }
    }
}

/// How a bucket stands, for the headers.
#[derive(Clone, Copy)]
pub(super) struct Standing {
    limit: u32,
    remaining: u32,
    reset_after: Duration,
}

impl Standing {
    /// A bucket of which nothing was taken but this call.
    const FRESH: Self = Self { limit: 5, remaining: 4, reset_after: Duration::from_secs(1) };

    /// Writes the headers that every answer carries.
    pub(super) fn write(self, request: &Request, headers: &mut HeaderMap) {
        let reset = Duration::from_millis(unix_millis()) + self.reset_after;
        let mut hasher = DefaultHasher::new();
        request.route.hash(&mut hasher);
        headers.insert("x-ratelimit-limit", self.limit.into());
        headers.insert("x-ratelimit-remaining", self.remaining.into());
        headers.insert("x-ratelimit-reset", text(format!("{:.3}", reset.as_secs_f64())));
        headers.insert("x-ratelimit-reset-after", text(format!("{:.3}", self.reset_after.as_secs_f64())));
        headers.insert("x-ratelimit-bucket", text(format!("{:016x}", hasher.finish())));
    }

    /// The bucket is empty for so many seconds, as a planned 429 says.
    pub(super) fn empty(seconds: f64) -> Self {
        let reset_after = Duration::try_from_secs_f64(seconds).unwrap_or_default();
        Self { remaining: 0, reset_after, ..Self::FRESH }
    }
}

/// The limits with what happened so far.
pub(super) struct Meters {
    pub(super) rates: Rates,
    global: Meter,
    identifies: Meter,
    buckets: HashMap<(String, Option<u64>), Meter>,
}

impl Meters {
    pub(super) fn new(rates: Rates) -> Self {
        Self { rates, global: Meter::default(), identifies: Meter::default(), buckets: HashMap::new() }
    }

    /// Counts an IDENTIFY, or says that it comes too soon.
    pub(super) fn identify(&mut self, now: Instant) -> bool {
        self.identifies.count(self.rates.identifies, now).is_ok()
    }

    fn call(&mut self, request: &Request, now: Instant) -> Result<Standing, (Duration, Scope)> {
        // The gateway's address is no matter of limits.
        let counted = !request.route.starts_with("GET /gateway");
        if counted && let Err(wait) = self.global.wait(self.rates.global, now) {
            return Err((wait, Scope::Global));
        }
        let messages = &*request.route == "POST /channels/*/messages";
        let window = if messages { self.rates.messages } else { self.rates.others };
        let bucket = self.buckets.entry((request.route.to_string(), request.major())).or_default();
        let standing = bucket.count(window, now).map_err(|wait| (wait, Scope::User))?;
        if counted {
            self.global.add(self.rates.global, now);
        }
        Ok(standing)
    }
}

/// Counts a call where there are limits. Returns the bucket's standing, and the refusal if it was exceeded.
pub(super) fn count(
    meters: Option<&mut Meters>,
    request: &Request,
    now: Instant,
) -> (Standing, Option<Refusal>) {
    let Some(meters) = meters else { return (Standing::FRESH, None) };
    match meters.call(request, now) {
        Ok(standing) => (standing, None),
        Err((wait, scope)) => {
            // Three digits, as Discord has them, and never too early.
            let seconds = (wait.as_secs_f64() * 1000.0).ceil() / 1000.0;
            (Standing::empty(seconds), Some(Refusal::too_many_requests(seconds, scope)))
        }
    }
}

/// What happened within one window.
#[derive(Default)]
pub(super) struct Meter {
    used: u32,
    ends: Option<Instant>,
}

impl Meter {
    /// Counts one more, or says how long it has to wait.
    pub(super) fn count(&mut self, window: Window, now: Instant) -> Result<Standing, Duration> {
        self.wait(window, now)?;
        Ok(self.add(window, now))
    }

    fn wait(&mut self, window: Window, now: Instant) -> Result<(), Duration> {
        if self.ends.is_some_and(|ends| ends <= now) {
            *self = Self::default();
        }
        match self.ends {
            Some(ends) if self.used >= window.count => Err(ends - now),
            _ => Ok(()),
        }
    }

    fn add(&mut self, window: Window, now: Instant) -> Standing {
        self.used += 1;
        let ends = *self.ends.get_or_insert(now + window.period);
        Standing { limit: window.count, remaining: window.count - self.used, reset_after: ends - now }
    }
}

/// The calls of an address that were answered 401, 403 or 429, other than those for a shared resource.
pub(super) struct Invalid {
    happened: VecDeque<Instant>,
    pub(super) limit: usize,
}

impl Default for Invalid {
    fn default() -> Self {
        Self { happened: VecDeque::new(), limit: 10_000 }
    }
}

impl Invalid {
    /// Looks at an answer.
    pub(super) fn see(&mut self, status: u16, headers: &HeaderMap, now: Instant) {
        let shared = headers.get("x-ratelimit-scope").is_some_and(|scope| scope == "shared");
        if matches!(status, 401 | 403 | 429) && !shared {
            self.happened.push_back(now);
        }
    }

    /// How many there were within ten minutes.
    pub(super) fn count(&mut self, now: Instant) -> usize {
        while self.happened.front().is_some_and(|then| *then + INVALID_WINDOW <= now) {
            self.happened.pop_front();
        }
        self.happened.len()
    }

    /// How long nothing more is answered, if there were too many.
    pub(super) fn banned(&mut self, now: Instant) -> Option<Duration> {
        let over = self.count(now).checked_sub(self.limit)?;
        self.happened.get(over).map(|then| *then + INVALID_WINDOW - now)
    }
}
