//! Receiving by `getUpdates`.
//!
//! Telegram forgets an update when it is asked for what comes after it. So the loop is: ask, store the
//! updates together with where to ask from next (the channel's `cursor`), ask from there.
//!
//! Nothing is assumed of the ids but that a batch is in order: after a week without updates they go on
//! from a random number, and the next offset is simply that after the last one seen.

use std::time::Duration;

use serde::Serialize;
use serde_json::value::RawValue;
use switchboard_core::{AcceptError, ConnectionState, Cursor, Event, Inbox, PollPace, RunError};
use teloxide_core::{requests::Payload, types::AllowedUpdate};
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use crate::{
    bot::{Bot, Me},
    client::Client,
    cursor::{self, Offset},
    error::{CallError, Conflict},
    inbound::Reader,
};

/// The most that Telegram gives at once.
const BATCH: u8 = 100;
/// The highest id that an update can have. What comes after it has a lower one.
const LAST_ID: i64 = i32::MAX as i64;
/// How long a poll is that follows a conflict. Within this time the other program has most probably
/// asked again, if it is still there.
const AFTER_CONFLICT: Duration = Duration::from_secs(5);
/// Beyond its own time a poll gets as much again for the way, but no less and no more than this.
const LEAST_GRACE: Duration = Duration::from_secs(4);
const MOST_GRACE: Duration = Duration::from_secs(10);

/// Receives until `stop`.
pub(crate) async fn run(bot: &Bot, inbox: Inbox, stop: CancellationToken) -> Result<(), RunError> {
    let status = inbox.status().clone();
    status.set(ConnectionState::Connecting);
    status.expect_progress_within(time_limit(bot) + MOST_GRACE);
    // A poll or a transaction that is dropped here confirms nothing.
    match stop.run_until_cancelled(receive(bot, inbox)).await {
        Some(Err(error)) => Err(error),
        Some(Ok(never)) => match never {},
        None => {
            status.set(ConnectionState::Stopped);
            Ok(())
        }
    }
}

async fn receive(bot: &Bot, inbox: Inbox) -> Result<Never, RunError> {
    let stored = stored_cursor(bot, &inbox).await;
    let mut poller = Poller {
        offset: None,
        client: bot.client.clone(),
        bot,
        inbox,
        failures: 0,
        next: Duration::ZERO,
        pace: PollPace::default(),
        told_of_haste: false,
    };
    // For polls, which wait longer than other calls.
    poller.renew_client();
    poller.begin(stored).await?;
    loop {
        if let Err(error) = poller.round().await {
            poller.interrupted(error).await?;
        }
    }
}

/// What a loop returns that ends by an error only.
enum Never {}

/// The parameters of `getUpdates`. teloxide's offset cannot be the one after the highest id.
#[derive(Serialize)]
struct GetUpdates {
    #[serde(skip_serializing_if = "Option::is_none")]
    offset: Offset,
    limit: u8,
    timeout: u64,
    allowed_updates: Vec<AllowedUpdate>,
}

impl Payload for GetUpdates {
    type Output = ();
    const NAME: &'static str = "GetUpdates";
}

struct Poller<'a> {
    bot: &'a Bot,
    client: Client,
    inbox: Inbox,
    /// Where to ask from.
    offset: Offset,
    /// How many rounds have failed in a row.
    failures: u32,
    /// How long the next poll waits. Not at all where the connection is to be tried.
    next: Duration,
    /// For a server that holds no poll.
    pace: PollPace,
    /// Whether it has been logged that the server holds no poll.
    told_of_haste: bool,
}

impl Poller<'_> {
    /// Finds out where to ask from, for which it must be known whose the stored cursor is.
    async fn begin(&mut self, stored: Option<Cursor>) -> Result<(), RunError> {
        loop {
            match self.bot.me().await {
                Ok(me) => {
                    self.offset = stored.and_then(|stored| self.stands_at(me, &stored));
                    return Ok(());
                }
                Err(error) => self.interrupted(error).await?,
            }
        }
    }

    fn stands_at(&self, me: &Me, stored: &Cursor) -> Offset {
        let channel = &self.bot.config.channel;
        match cursor::read(me.id, stored) {
            cursor::Read::At(offset) => offset,
            cursor::Read::Foreign => {
                tracing::info!(%channel, "the cursor is another bot's; beginning with what waits for this one");
                None
            }
            cursor::Read::Unknown => {
                tracing::warn!(%channel, cursor = %stored, "the cursor is not one of this version; beginning with what waits");
                None
            }
        }
    }

    /// Asks once, and stores what comes.
    async fn round(&mut self) -> Result<(), CallError> {
        let me = self.bot.me().await?;
        let poll = GetUpdates {
            offset: self.offset,
            limit: BATCH,
            timeout: self.next.as_secs(),
            allowed_updates: self.bot.allowed_updates(),
        };
        let asked = Instant::now();
        let received = self.client.receive(&poll).await?;
        let updates: Vec<&RawValue> = self.client.read(&received)?;
        let pause = self.pace.after(updates.is_empty(), self.next, asked.elapsed());
        self.connected();
        if updates.is_empty() {
            self.begin_anew_after_the_last_id(me).await;
            self.slow_down(pause).await;
            return Ok(());
        }
        let next = self.store(me, &updates).await;
        if next == self.offset {
            // Nothing of it can be confirmed, so it would come again at once.
            return Err(CallError::Unreadable { status: 200, fault: "its updates cannot be confirmed" });
        }
        self.offset = next;
        Ok(())
    }

    /// Waits where the server answers polls at once with nothing.
    async fn slow_down(&mut self, pause: Duration) {
        if pause.is_zero() {
            return;
        }
        if !std::mem::replace(&mut self.told_of_haste, true) {
            tracing::warn!(
                channel = %self.bot.config.channel,
                "polls are answered at once with nothing, as by a broken proxy; the channel polls more slowly"
            );
        }
        sleep(pause).await;
    }

    /// The highest id is confirmed, and what comes after it has a lower one: to go on asking from beyond
    /// it would confirm that unseen.
    async fn begin_anew_after_the_last_id(&mut self, me: &Me) {
        if self.offset.is_some_and(|offset| offset > LAST_ID) {
            self.offset = None;
            self.hand_over(Vec::new(), Some(cursor::write(me.id, None))).await;
        }
    }

    /// Stores a batch and returns where to ask from next.
    async fn store(&self, me: &Me, updates: &[&RawValue]) -> Offset {
        let reader = Reader::new(me, &self.bot.config);
        let mut next = self.offset;
        let mut events = Vec::with_capacity(updates.len());
        for raw in updates {
            let read = reader.read(raw.get());
            next = read.update.and_then(offset_after).or(next);
            events.extend(read.event);
        }
        self.hand_over(events, next.map(|next| cursor::write(me.id, Some(next)))).await;
        next
    }

    /// While the store does not take it, the same is handed over again and Telegram is asked for nothing.
    async fn hand_over(&self, events: Vec<Event>, cursor: Option<Cursor>) {
        loop {
            match self.inbox.accept(events.clone(), cursor.clone()).await {
                // For how long the store was away is not Telegram's silence.
                Ok(_) => return self.inbox.status().progress(),
                Err(AcceptError::Unavailable { retry_after }) => sleep(retry_after).await,
                // Stopping follows; until then nothing more is asked for.
                Err(AcceptError::NotOwner) => std::future::pending().await,
            }
        }
    }

    fn connected(&mut self) {
        let status = self.inbox.status();
        if status.state() == ConnectionState::Connected {
            status.progress();
        } else {
            status.set(ConnectionState::Connected);
            tracing::info!(channel = %self.bot.config.channel, "polling");
        }
        self.bot.set_conflict(None);
        (self.failures, self.next) = (0, self.bot.config.poll_timeout);
    }

    /// Publishes what is wrong and waits before the next round. An error if only a person can help.
    async fn interrupted(&mut self, error: CallError) -> Result<(), RunError> {
        let conflict = error.conflict();
        self.bot.set_conflict(conflict);
        let reason =
            conflict.map_or_else(|| error.describe(), |it| format!("{}; {}", it.what(), it.remedy()));
        let pause = self.bot.config.pause(self.failures).max(error.retry_after().unwrap_or_default());
        let status = self.inbox.status();
        let state = ConnectionState::Interrupted(reason.clone());
        if status.state() != state {
            tracing::warn!(channel = %self.bot.config.channel, reason, "polling is interrupted");
            status.set(state);
        }
        if error.is_transport() {
            // Whatever is wrong with the connections, with what is known of the server's address or
            // with a proxy: the next round begins with nothing of it.
            self.renew_client();
        }
        self.failures = self.failures.saturating_add(1);
        self.next = match conflict {
            Some(Conflict::Poller) => AFTER_CONFLICT.min(self.bot.config.poll_timeout),
            _ => Duration::ZERO,
        };
        sleep(pause).await;
        // Asked only after the pause: what refused a good token once may do so for a moment.
        match self.bot.confirm(error).await.needs_a_person() {
            Some(error) => Err(error),
            None => Ok(()),
        }
    }

    fn renew_client(&mut self) {
        match Client::new(&self.bot.config, time_limit(self.bot)) {
            Ok(client) => self.client = client,
            Err(error) => {
                tracing::warn!(channel = %self.bot.config.channel, %error, "the connections cannot be made anew");
            }
        }
    }
}

/// How long a poll may take in all.
fn time_limit(bot: &Bot) -> Duration {
    let timeout = bot.config.poll_timeout;
    timeout + timeout.clamp(LEAST_GRACE, MOST_GRACE)
}

/// The stored cursor. Without it nothing may be asked for: an offset of none would be taken, but what
/// comes would be handed over in the dark.
async fn stored_cursor(bot: &Bot, inbox: &Inbox) -> Option<Cursor> {
    loop {
        match inbox.cursor().await {
            Ok(cursor) => return cursor,
            Err(_) => sleep(bot.config.first_pause).await,
        }
    }
}

/// What to ask for after this update. Telegram's ids are positive numbers of 31 bits; there is nothing
/// after one that is not.
fn offset_after(update: u32) -> Option<i64> {
    let update = i64::from(update);
    (update <= LAST_ID).then_some(update + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_out_of_range_has_no_offset_after_it() {
        assert_eq!(offset_after(7), Some(8));
        assert_eq!(offset_after(u32::MAX / 2), Some(LAST_ID + 1));
        assert_eq!(offset_after(u32::MAX / 2 + 1), None);
        assert_eq!(offset_after(u32::MAX), None);
    }
}
