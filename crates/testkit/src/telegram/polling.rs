//! `getUpdates`, with its long polls, conflicts and throttling.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep, timeout_at};

use super::answer::{Outcome, Refusal};
use super::params::Params;
use super::state::{Shared, State};

const WEBHOOK_SET: &str = "Conflict: can't use getUpdates method while webhook is active; use deleteWebhook to delete the webhook first";
const WEBHOOK_CAME: &str = "Conflict: terminated by setWebhook request";
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
    /// Once it has to wait.
    number: Option<u64>,
}

/// How a poll stands.
enum Standing {
    Answered(String),
    /// To be told after this time.
    Conflict(Duration, &'static str),
    Waits,
}

pub(super) async fn get_updates(bot: &Arc<Shared>, params: &Params) -> Outcome {
    let mut poll = bot.lock().begin_poll(params, Instant::now());
    let end = Instant::now() + poll.timeout;
    let mut waiting = None;
    loop {
        let mut woken = pin!(bot.wake.notified());
        woken.as_mut().enable();
        let standing = poll.look(&mut bot.lock());
        match standing {
            Standing::Answered(updates) => return Ok(updates),
            Standing::Conflict(delay, reason) => {
                sleep(delay).await;
                return Err(Refusal::new(409, reason));
            }
            Standing::Waits => {}
        }
        // The poll that waited until now has to look again, and go.
        waiting.get_or_insert_with(|| Waiting::new(bot));
        if timeout_at(end, woken).await.is_err() {
            return Ok("[]".to_owned());
        }
    }
}

impl State {
    fn begin_poll(&mut self, params: &Params, now: Instant) -> Poll {
        if self.hook.is_none() {
            self.updates.choose(params);
        }
        self.polling.poll(params, now)
    }
}

impl Poll {
    fn look(&mut self, state: &mut State) -> Standing {
        if state.hook.is_some() {
            let reason = if self.number.is_none() { WEBHOOK_SET } else { WEBHOOK_CAME };
            return Standing::Conflict(state.polling.conflict(Instant::now()), reason);
        }
        if self.number.is_some_and(|number| number != state.polling.newest) {
            return Standing::Conflict(state.polling.conflict(Instant::now()), OTHER_POLLER);
        }
        if let Some(updates) = state.updates.read(self.offset, self.limit) {
            return Standing::Answered(updates);
        }
        if self.timeout.is_zero() {
            return Standing::Answered("[]".to_owned());
        }
        if self.number.is_none() {
            state.polling.newest += 1;
            self.number = Some(state.polling.newest);
            // A negative offset has done its work.
            self.offset = self.offset.max(0);
        }
        Standing::Waits
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
        Poll { offset, limit, timeout: Duration::from_secs(seconds.unsigned_abs()), number: None }
    }

    /// How long the next conflict is kept back.
    fn conflict(&mut self, now: Instant) -> Duration {
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
        bot.wake.notify_waiters();
        Self(bot)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.lock().polling.waiting -= 1;
    }
}
