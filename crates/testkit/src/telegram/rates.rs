//! Limits on `sendMessage`, as Telegram publishes them.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use tokio::time::Instant;

/// How often something may happen.
#[derive(Clone, Copy, Debug)]
pub enum Limit {
    /// At most `count` times in any stretch of `period`.
    Window {
        /// How many.
        count: usize,
        /// In how long.
        period: Duration,
    },
    /// Once per `every` in the long run, and up to `burst` at once after a rest.
    Bucket {
        /// How many at once.
        burst: u32,
        /// The time that one more needs.
        every: Duration,
    },
}

/// The limits of a bot. What exceeds one is answered 429 with the seconds until it would pass, and does not count.
#[derive(Clone, Copy, Debug)]
pub struct Rates {
    /// Over all chats.
    pub bot: Limit,
    /// In each private chat.
    pub private: Limit,
    /// In each group and supergroup.
    pub group: Limit,
}

impl Rates {
    /// What Telegram's FAQ says: 30 per second, 1 per second in a chat ("short bursts" are taken to be three),
    /// 20 per minute in a group.
    pub fn published() -> Self {
        Self {
            bot: Limit::Window { count: 30, period: Duration::from_secs(1) },
            private: Limit::Bucket { burst: 3, every: Duration::from_secs(1) },
            group: Limit::Window { count: 20, period: Duration::from_mins(1) },
        }
    }
}

/// The limits with what happened so far.
pub(super) struct Meters {
    rates: Rates,
    bot: Meter,
    chats: HashMap<i64, Meter>,
}

impl Meters {
    pub(super) fn new(rates: Rates) -> Self {
        Self { rates, bot: Meter::default(), chats: HashMap::new() }
    }

    /// Counts a message to `chat` now, or says after how many seconds it may come.
    pub(super) fn count(&mut self, chat: i64, now: Instant) -> Result<(), u32> {
        let limit = if chat > 0 { self.rates.private } else { self.rates.group };
        let meter = self.chats.entry(chat).or_default();
        let wait = self.bot.wait(self.rates.bot, now).max(meter.wait(limit, now));
        if wait > Duration::ZERO {
            return Err(u32::try_from(wait.as_millis().div_ceil(1000)).unwrap_or(u32::MAX).max(1));
        }
        self.bot.add(self.rates.bot, now);
        meter.add(limit, now);
        Ok(())
    }
}

#[derive(Default)]
struct Meter {
    /// For windows: what happened within the last one.
    happened: VecDeque<Instant>,
    /// For buckets: when it will be full again.
    full_at: Option<Instant>,
}

impl Meter {
    fn wait(&mut self, limit: Limit, now: Instant) -> Duration {
        match limit {
            Limit::Window { count, period } => {
                while self.happened.front().is_some_and(|then| *then + period <= now) {
                    self.happened.pop_front();
                }
                let first = self.happened.front().filter(|_| self.happened.len() >= count);
                first.map_or(Duration::ZERO, |then| *then + period - now)
            }
            Limit::Bucket { burst, every } => {
                let missing = self.full_at.map_or(Duration::ZERO, |full| full.saturating_duration_since(now));
                (missing + every).saturating_sub(every * burst)
            }
        }
    }

    fn add(&mut self, limit: Limit, now: Instant) {
        match limit {
            Limit::Window { .. } => self.happened.push_back(now),
            Limit::Bucket { every, .. } => {
                self.full_at = Some(self.full_at.map_or(now, |full| full.max(now)) + every);
            }
        }
    }
}
