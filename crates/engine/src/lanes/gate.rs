//! What holds sending up: rates, pauses that a platform asked for, and the number under way.

use std::{collections::HashMap, time::Duration};

use governor::{
    DefaultDirectRateLimiter, DefaultKeyedRateLimiter, Quota, RateLimiter,
    clock::{Clock as _, DefaultClock},
};
use switchboard_core::{ConversationId, Rate};
use tokio::time::Instant;

/// How many conversations are remembered before those that are back at their full rate are forgotten.
const MAX_CONVERSATIONS: usize = 10_000;

/// Holds up one direction of a channel.
pub(super) struct Gate {
    free: usize,
    paused_until: Option<Instant>,
    /// The conversations that a platform asked to leave alone for a while.
    paused_conversations: HashMap<ConversationId, Instant>,
    /// By rate: a channel has one, but what is true of one may depend on the conversation.
    channel: HashMap<Rate, DefaultDirectRateLimiter>,
    conversations: HashMap<Rate, DefaultKeyedRateLimiter<ConversationId>>,
    clock: DefaultClock,
}

impl Gate {
    /// Lets `in_flight` attempts run at once.
    pub(super) fn new(in_flight: usize) -> Self {
        Self {
            free: in_flight,
            paused_until: None,
            paused_conversations: HashMap::new(),
            channel: HashMap::new(),
            conversations: HashMap::new(),
            clock: DefaultClock::default(),
        }
    }

    /// Nothing goes through until then.
    pub(super) fn pause_until(&mut self, until: Instant) {
        self.paused_until = Some(self.paused_until.map_or(until, |earlier| earlier.max(until)));
    }

    /// Nothing goes to this conversation until then.
    pub(super) fn pause_conversation(&mut self, conversation: ConversationId, until: Instant, now: Instant) {
        self.paused_conversations.retain(|_, until| *until > now);
        let paused = self.paused_conversations.entry(conversation).or_insert(until);
        *paused = until.max(*paused);
    }

    /// For how long nothing may go to this conversation.
    pub(super) fn conversation_pause(&self, conversation: &ConversationId, now: Instant) -> Option<Duration> {
        let until = self.paused_conversations.get(conversation)?;
        until.checked_duration_since(now).filter(|wait| !wait.is_zero())
    }

    /// When to look again, if a pause or the channel's rate holds everything up.
    pub(super) fn opens_at(&self) -> Option<Instant> {
        self.paused_until
    }

    /// Whether an attempt may run as far as pauses and the number under way go.
    pub(super) fn is_open(&mut self, now: Instant) -> bool {
        self.paused_until = self.paused_until.filter(|until| *until > now);
        self.free > 0 && self.paused_until.is_none()
    }

    /// Takes a token of the conversation's rate, or says how long to wait for one.
    pub(super) fn pay_conversation(
        &mut self,
        rate: Rate,
        conversation: &ConversationId,
    ) -> Result<(), Duration> {
        let limiter = self.conversations.entry(rate).or_insert_with(|| RateLimiter::keyed(quota(rate)));
        if limiter.len() > MAX_CONVERSATIONS {
            limiter.retain_recent();
        }
        limiter.check_key(conversation).map_err(|not_until| not_until.wait_time_from(self.clock.now()))
    }

    /// Takes a token of the channel's rate. Where there is none, everything waits for the next.
    pub(super) fn pay_channel(&mut self, rate: Rate, now: Instant) -> bool {
        let limiter = self.channel.entry(rate).or_insert_with(|| RateLimiter::direct(quota(rate)));
        let Err(not_until) = limiter.check() else { return true };
        let wait = not_until.wait_time_from(self.clock.now());
        self.pause_until(now + wait);
        false
    }

    /// An attempt begins.
    pub(super) fn enter(&mut self) {
        self.free -= 1;
    }

    /// An attempt ended.
    pub(super) fn leave(&mut self) {
        self.free += 1;
    }
}

/// The rate, as the library counts it.
pub(crate) fn quota(rate: Rate) -> Quota {
    // The contract says that a period is not zero; the shortest one there is stands for it.
    let period = rate.period.max(Duration::from_nanos(1));
    Quota::with_period(period).expect("not zero").allow_burst(rate.burst)
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use super::*;

    fn rate(burst: u32, period: Duration) -> Rate {
        Rate { burst: NonZeroU32::new(burst).expect("not zero"), period }
    }

    #[tokio::test(start_paused = true)]
    async fn a_pause_ends_by_itself_and_a_longer_one_wins() {
        let mut gate = Gate::new(1);
        let now = Instant::now();
        gate.pause_until(now + Duration::from_secs(5));
        gate.pause_until(now + Duration::from_secs(2));
        assert!(!gate.is_open(now + Duration::from_secs(4)));
        assert!(gate.is_open(now + Duration::from_secs(5)));
    }

    #[test]
    fn no_more_run_at_once_than_allowed() {
        let mut gate = Gate::new(1);
        let now = Instant::now();
        gate.enter();
        assert!(!gate.is_open(now));
        gate.leave();
        assert!(gate.is_open(now));
    }

    #[test]
    fn one_conversation_over_its_rate_does_not_hold_up_another() {
        let mut gate = Gate::new(9);
        let rate = rate(2, Duration::from_hours(1));
        let (a, b) = (ConversationId::new("a"), ConversationId::new("b"));
        assert_eq!(gate.pay_conversation(rate, &a), Ok(()));
        assert_eq!(gate.pay_conversation(rate, &a), Ok(()));
        assert!(gate.pay_conversation(rate, &a).is_err_and(|wait| wait > Duration::from_mins(59)));
        assert_eq!(gate.pay_conversation(rate, &b), Ok(()));
    }

    #[test]
    fn the_channels_rate_holds_up_everything_for_as_long_as_it_takes() {
        let mut gate = Gate::new(9);
        let rate = rate(1, Duration::from_hours(1));
        let now = Instant::now();
        assert!(gate.pay_channel(rate, now));
        assert!(!gate.pay_channel(rate, now));
        assert!(!gate.is_open(now + Duration::from_mins(59)));
        assert!(gate.is_open(now + Duration::from_mins(61)));
    }
}
