//! `getUpdates`, with its long polls, conflicts and throttling.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep, timeout_at};

use super::answer::{Outcome, Refusal};
use super::params::Params;
use super::state::Shared;

const OTHER_POLLER: &str =
    "Conflict: terminated by other getUpdates request; make sure that only one bot instance is running";
/// The longest poll, in seconds.
const LONGEST: i64 = 50;
/// A poll that repeats the last one's offset so soon gets one update only.
const HASTY: Duration = Duration::from_millis(500);
/// A poll that repeats the last one's offset so soon waits at least so long, and conflicts are told so rarely.
const PATIENCE: Duration = Duration::from_secs(3);

/// Who polls, and when they did.
pub(super) struct Polling {
    /// Slow down who repeats a poll too soon.
    pub(super) throttled: bool,
    last: Option<(i64, Instant)>,
    /// Counts the polls that had to wait. Only the last of them goes on waiting.
    newest: u64,
    /// Polls that wait now. Those that were told to go may still be among them.
    pub(super) waiting: usize,
    next_conflict: Option<Instant>,
}

impl Default for Polling {
    fn default() -> Self {
        Self { throttled: true, last: None, newest: 0, waiting: 0, next_conflict: None }
    }
}

/// A poll as it was asked for, after throttling.
struct Poll {
    offset: i64,
    limit: usize,
    timeout: Duration,
}

pub(super) async fn get_updates(bot: &Arc<Shared>, params: &Params) -> Outcome {
    let (poll, number) = {
        let mut state = bot.lock();
        state.updates.choose(params);
        let poll = state.polling.poll(params, Instant::now());
        if let Some(found) = state.updates.read(poll.offset, poll.limit) {
            return Ok(found);
        }
        if poll.timeout.is_zero() {
            return Ok("[]".to_owned());
        }
        state.polling.newest += 1;
        (poll, state.polling.newest)
    };
    // The poll that waited until now has to go.
    bot.wake.notify_waiters();
    let _waiting = Waiting::new(bot);
    let end = Instant::now() + poll.timeout;
    loop {
        let mut woken = pin!(bot.wake.notified());
        woken.as_mut().enable();
        let conflict = {
            let mut state = bot.lock();
            if state.polling.newest == number {
                if let Some(found) = state.updates.read(poll.offset.max(0), poll.limit) {
                    return Ok(found);
                }
                None
            } else {
                Some(state.polling.conflict(Instant::now()))
            }
        };
        if let Some(delay) = conflict {
            sleep(delay).await;
            return Err(Refusal::new(409, OTHER_POLLER));
        }
        if timeout_at(end, woken).await.is_err() {
            return Ok("[]".to_owned());
        }
    }
}

impl Polling {
    fn poll(&mut self, params: &Params, now: Instant) -> Poll {
        let offset = params.integer("offset").unwrap_or(0);
        let mut limit = params.integer("limit").unwrap_or(100).clamp(1, 100);
        let mut seconds = params.integer("timeout").unwrap_or(0).clamp(0, LONGEST);
        if let Some((_, then)) = self.last.filter(|(last, _)| self.throttled && *last == offset) {
            if now < then + PATIENCE {
                seconds = seconds.max(3);
            }
            if now < then + HASTY {
                limit = 1;
            }
        }
        self.last = Some((offset, now));
        let limit = usize::try_from(limit).expect("between 1 and 100");
        Poll { offset, limit, timeout: Duration::from_secs(seconds.unsigned_abs()) }
    }

    /// How long the next conflict is kept back.
    pub(super) fn conflict(&mut self, now: Instant) -> Duration {
        if self.throttled && self.next_conflict.is_some_and(|next| now < next) {
            return PATIENCE;
        }
        self.next_conflict = Some(now + PATIENCE);
        Duration::ZERO
    }
}

/// Counts a poll that waits, until it is answered or its caller has gone.
struct Waiting<'a>(&'a Shared);

impl<'a> Waiting<'a> {
    fn new(bot: &'a Shared) -> Self {
        bot.lock().polling.waiting += 1;
        Self(bot)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.lock().polling.waiting -= 1;
    }
}
