//! Receiving by `getUpdates`.
//!
//! Telegram forgets an update when it is asked for what comes after it. So the loop is: ask, store the
//! updates together with where to ask from next, ask from there. The place is the channel's cursor,
//! `1:<offset>`; the number in front is the version of the format.
//!
//! Nothing is assumed of the ids but that a batch is in order: after a week without updates they go on
//! from a random number, and the next offset is simply that after the last one seen.

use std::time::Duration;

use serde_json::value::RawValue;
use switchboard_core::{AcceptError, ConnectionState, Cursor, Inbox, RunError};
use teloxide_core::payloads::GetUpdates;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::{
    bot::{Bot, Me},
    client::Client,
    error::{CallError, Conflict},
    inbound::Reader,
};

/// The most that Telegram gives at once.
const BATCH: u8 = 100;
/// How long a poll is that follows a conflict. Within this time the other program has most probably
/// asked again, if it is still there.
const AFTER_CONFLICT: Duration = Duration::from_secs(5);
/// Beyond its own time a poll gets as much again for the way, but no less and no more than this.
const LEAST_GRACE: Duration = Duration::from_secs(4);
const MOST_GRACE: Duration = Duration::from_secs(10);
const CURSOR_VERSION: &str = "1:";

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
    let mut poller = Poller {
        offset: stored_offset(bot, &inbox).await,
        client: bot.client.clone(),
        bot,
        inbox,
        failures: 0,
        next: Duration::ZERO,
    };
    // For polls, which wait longer than other calls.
    poller.renew_client();
    loop {
        if let Err(error) = poller.round().await {
            poller.interrupted(&error).await?;
        }
    }
}

/// What a loop returns that ends by an error only.
enum Never {}

struct Poller<'a> {
    bot: &'a Bot,
    client: Client,
    inbox: Inbox,
    /// Where to ask from. `None`: from the first that waits.
    offset: Option<i32>,
    /// How many rounds have failed in a row.
    failures: u32,
    /// How long the next poll waits. Not at all where the connection is to be tried.
    next: Duration,
}

impl Poller<'_> {
    /// Asks once, and stores what comes.
    async fn round(&mut self) -> Result<(), CallError> {
        let me = self.bot.me().await?;
        let mut poll = GetUpdates::new();
        poll.offset = self.offset;
        poll.limit = Some(BATCH);
        poll.timeout = Some(u32::try_from(self.next.as_secs()).unwrap_or(u32::MAX));
        poll.allowed_updates = Some(self.bot.allowed_updates());
        let received = self.client.receive(&poll).await?;
        let updates: Vec<&RawValue> = self.client.read(&received)?;
        self.connected();
        if updates.is_empty() {
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

    /// Stores a batch and returns where to ask from next. While the store does not take it, the same
    /// batch is handed over again and Telegram is asked for nothing.
    async fn store(&self, me: &Me, updates: &[&RawValue]) -> Option<i32> {
        let reader = Reader::new(me, &self.bot.config);
        loop {
            let mut next = self.offset;
            let mut events = Vec::with_capacity(updates.len());
            for raw in updates {
                let read = reader.read(raw.get());
                next = read.update.and_then(offset_after).or(next);
                events.extend(read.event);
            }
            match self.inbox.accept(events, next.map(cursor)).await {
                Ok(_) => {
                    // For how long the store was away is not Telegram's silence.
                    self.inbox.status().progress();
                    return next;
                }
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

    /// Says what is wrong and waits before the next round. An error if only a person can help.
    async fn interrupted(&mut self, error: &CallError) -> Result<(), RunError> {
        if let Some(error) = error.needs_a_person() {
            return Err(error);
        }
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
        Ok(())
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

/// Where the channel stands. Without it nothing may be asked for: an offset of none would be taken,
/// but what comes would be handed over in the dark.
async fn stored_offset(bot: &Bot, inbox: &Inbox) -> Option<i32> {
    loop {
        let Ok(cursor) = inbox.cursor().await else {
            sleep(bot.config.first_pause).await;
            continue;
        };
        let cursor = cursor?;
        let offset = parse_cursor(&cursor);
        if offset.is_none() {
            tracing::warn!(channel = %bot.config.channel, %cursor, "the cursor is not one of this version; beginning with what waits");
        }
        return offset;
    }
}

fn cursor(offset: i32) -> Cursor {
    Cursor::new(format!("{CURSOR_VERSION}{offset}"))
}

/// A cursor that cannot be read (of a later version) is as good as none: what Telegram still has comes
/// again, and is known by its id.
fn parse_cursor(cursor: &Cursor) -> Option<i32> {
    cursor.as_str().strip_prefix(CURSOR_VERSION)?.parse().ok()
}

/// What to ask for after this update. Telegram's ids are positive numbers of 31 bits; there is nothing
/// after one that is not.
fn offset_after(update: u32) -> Option<i32> {
    i32::try_from(update).ok()?.checked_add(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_is_read_back_and_no_other_version_s() {
        assert_eq!(cursor(123_456).as_str(), "1:123456");
        assert_eq!(parse_cursor(&cursor(123_456)), Some(123_456));
        for other in ["", "123456", "2:123456", "1:", "1:x"] {
            assert_eq!(parse_cursor(&Cursor::new(other)), None, "{other:?}");
        }
    }

    #[test]
    fn nothing_comes_after_an_id_that_is_out_of_range() {
        assert_eq!(offset_after(7), Some(8));
        assert_eq!(offset_after(u32::MAX), None);
        assert_eq!(offset_after(u32::MAX / 2), None);
    }
}
