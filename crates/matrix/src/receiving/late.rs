//! Messages that came before their keys. The homeserver keeps them; they are fetched again and read when the key is
//! there, from the author's device or from the copy of keys on the homeserver.

use std::collections::HashSet;

use futures_util::{StreamExt as _, stream};
use matrix_sdk::Room;
use switchboard_core::Event;
use tokio::time::sleep;

use super::{Ended, Shared, message};
use crate::{
    error::Fault,
    inbound::{self, Read},
    marks::Waiting,
};

impl Shared<'_> {
    /// Reads what can be read by now, whenever keys arrive.
    pub(super) async fn read_late(&self) -> Ended {
        let keys = self.account.client.encryption().room_keys_received_stream().await;
        let mut keys = match keys {
            Some(keys) => keys.boxed(),
            None => stream::pending().boxed(),
        };
        // What was tried, and waits for a key that has not come since.
        let mut tried: HashSet<Waiting> = HashSet::new();
        loop {
            let changed = self.changed.notified();
            let due: Vec<_> = self.marks().waiting.iter().filter(|it| !tried.contains(it)).cloned().collect();
            for waiting in due {
                match self.read_again(&waiting).await {
                    Ok(()) => {}
                    Err(ended) => return ended,
                }
                tried.insert(waiting);
            }
            tried.retain(|it| self.marks().waiting.contains(it));
            tokio::select! {
                () = changed => {}
                arrived = keys.next() => match arrived {
                    Some(Ok(arrived)) => tried.retain(|it| {
                        !arrived.iter().any(|key| {
                            key.room_id == it.room && it.session.as_ref().is_none_or(|id| *id == key.session_id)
                        })
                    }),
                    // Too many came for the stream to name them.
                    Some(Err(_)) => tried.clear(),
                    None => keys = stream::pending().boxed(),
                },
                () = self.set_up.notified() => tried.clear(),
            }
        }
    }

    async fn read_again(&self, waiting: &Waiting) -> Result<(), Ended> {
        let Some(room) = self.account.client.get_room(&waiting.room) else { return Ok(()) };
        let mut failures = 0;
        let event = loop {
            let fault = match room.event(&waiting.event, None).await {
                Ok(event) => break event,
                Err(error) => Fault::of(&error),
            };
            if let Some(ended) = self.needs_another_session(&fault) {
                return Err(ended);
            }
            if let Fault::Refused { .. } = fault {
                let event = message::given_up(waiting, "its key had not arrived when the room was closed to us");
                return self.no_longer_waits(waiting, Some(event)).await;
            }
            sleep(fault.retry_after().unwrap_or_else(|| self.config.pause(failures))).await;
            failures = failures.saturating_add(1);
        };
        let event = match inbound::read(event.raw().json(), &self.account.me, self.config.edited) {
            Read::Message(written) => {
                let answers_us = match &written.reply_to {
                    Some(question) if written.mentions.is_none() => {
                        let sender = self.sender(&room, question).await.ok().flatten();
                        sender.is_some_and(|sender| sender == self.account.me)
                    }
                    _ => false,
                };
                Some(self.message(&room, written, answers_us).await)
            }
            Read::Unreadable(event) => Some(event),
            Read::Encrypted(_) => {
                self.ask_for_key(&room, waiting).await;
                return Ok(());
            }
            // It was deleted meanwhile.
            Read::Membership(_) | Read::Nothing => None,
        };
        self.no_longer_waits(waiting, event).await
    }

    async fn no_longer_waits(&self, waiting: &Waiting, event: Option<Event>) -> Result<(), Ended> {
        self.store(event.into_iter().collect(), None).await?;
        self.marks().waiting.retain(|it| it != waiting);
        self.publish_waiting();
        Ok(())
    }

    /// Looks into the copy of keys on the homeserver. A key that is found arrives as any other.
    async fn ask_for_key(&self, room: &Room, waiting: &Waiting) {
        let Some(session) = &waiting.session else { return };
        let backups = self.account.client.encryption().backups();
        if let Err(error) = backups.download_room_key(room.room_id(), session).await {
            let reason = Fault::of(&error).describe();
            tracing::debug!(channel = %self.config.channel, reason, "a key cannot be looked up");
        }
    }
}
