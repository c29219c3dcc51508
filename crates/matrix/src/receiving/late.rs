//! Messages that came before their keys. The homeserver keeps them; they are fetched again and read when the key is
//! there, from the author's device or from the copy of keys on the homeserver.

use std::collections::HashSet;

use futures_util::{
    FutureExt as _, StreamExt,
    stream::{self, BoxStream},
};
use matrix_sdk::{Room, ruma::OwnedRoomId};
use switchboard_core::Event;
use tokio::time::sleep;

use super::{Ended, Shared, message};
use crate::{
    error::Fault,
    inbound::{self, Read},
    marks::Waiting,
};

/// How often a message is tried to be read while others come after it.
const FEW: u32 = 3;

/// The keys that arrive.
pub(super) type Keys = BoxStream<'static, Arrived>;

/// Which keys have arrived.
#[derive(Debug)]
pub(super) enum Arrived {
    /// Of these sessions in these rooms.
    These(Vec<(OwnedRoomId, String)>),
    /// Too many to be named.
    Any,
}

impl Arrived {
    fn has(&self, waiting: &Waiting) -> bool {
        match self {
            Self::These(keys) => keys.iter().any(|(room, session)| {
                *room == waiting.room && waiting.session.as_ref().is_none_or(|id| id == session)
            }),
            Self::Any => true,
        }
    }
}

/// Takes what has arrived by now.
pub(super) fn arrived(keys: &mut Keys) -> Arrived {
    let mut all = Vec::new();
    while let Some(Some(arrived)) = keys.next().now_or_never() {
        match arrived {
            Arrived::These(arrived) => all.extend(arrived),
            Arrived::Any => return Arrived::Any,
        }
    }
    Arrived::These(all)
}

impl Shared<'_> {
    pub(super) async fn keys(&self) -> Keys {
        let keys = self.account.client.encryption().room_keys_received_stream().await;
        let Some(keys) = keys else { return stream::pending().boxed() };
        let named = keys.map(|arrived| match arrived {
            Ok(keys) => Arrived::These(keys.into_iter().map(|it| (it.room_id, it.session_id)).collect()),
            Err(_) => Arrived::Any,
        });
        // An end is the client's, and tells nothing.
        named.chain(stream::pending()).boxed()
    }

    /// Reads what waits for one of these keys.
    pub(super) async fn read_again_with(&self, arrived: &Arrived) -> Result<(), Ended> {
        let due: Vec<_> = self.marks().waiting.iter().filter(|it| arrived.has(it)).cloned().collect();
        for waiting in due {
            self.read_again(&waiting, FEW).await?;
        }
        Ok(())
    }

    /// Reads what can be read by now, whenever keys arrive.
    pub(super) async fn read_late(&self) -> Ended {
        let mut keys = self.keys().await;
        // What was tried, and waits for a key that has not come since.
        let mut tried: HashSet<Waiting> = HashSet::new();
        loop {
            let changed = self.changed.notified();
            let refused = self.newly_refused();
            tried.retain(|it| !refused(it));
            let due: Vec<_> = self.marks().waiting.iter().filter(|it| !tried.contains(it)).cloned().collect();
            for waiting in due {
                if let Err(ended) = self.read_again(&waiting, u32::MAX).await {
                    return ended;
                }
                tried.insert(waiting);
            }
            tried.retain(|it| self.marks().waiting.contains(it));
            tokio::select! {
                () = changed => {}
                Some(arrived) = keys.next() => {
                    tried.retain(|it| !arrived.has(it));
                }
                () = self.set_up.notified() => tried.clear(),
            }
        }
    }

    async fn read_again(&self, waiting: &Waiting, attempts: u32) -> Result<(), Ended> {
        let Some(room) = self.account.client.get_room(&waiting.room) else { return Ok(()) };
        let mut failures = 0_u32;
        let event = loop {
            let fault = match room.event(&waiting.event, None).await {
                Ok(event) => break event,
                Err(error) => self.confirmed(Fault::of(&error), failures).await?,
            };
            if let Fault::Refused { .. } = fault {
                let event =
                    message::given_up(waiting, "its key had not arrived when the room was closed to us");
                return self.no_longer_waits(waiting, Some(event)).await;
            }
            failures = failures.saturating_add(1);
            if failures >= attempts {
                return Ok(());
            }
            sleep(fault.retry_after().unwrap_or_else(|| self.config.pause(failures - 1))).await;
        };
        let what = match inbound::read(event.raw().json(), &self.account.me, self.config.edited) {
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
            Read::Encrypted(read) => {
                let refusal = self.refusal(&waiting.room, &event, &read);
                return match refusal {
                    Some(code) if !self.ask_for_key(&room, waiting).await => {
                        self.withheld(&room, read, code).await
                    }
                    Some(_) => Ok(()),
                    None => {
                        self.ask_for_key(&room, waiting).await;
                        Ok(())
                    }
                };
            }
            // It was deleted meanwhile.
            Read::Membership(_) | Read::Verification(_) | Read::Nothing => None,
        };
        self.no_longer_waits(waiting, what).await
    }

    async fn no_longer_waits(&self, waiting: &Waiting, event: Option<Event>) -> Result<(), Ended> {
        self.store(event.into_iter().collect(), None).await?;
        self.marks().keep_waiting(|event| *event != *waiting.event);
        self.publish_waiting();
        Ok(())
    }

    /// Looks into the copy of keys on the homeserver. A key that is found arrives as any other.
    async fn ask_for_key(&self, room: &Room, waiting: &Waiting) -> bool {
        let Some(session) = &waiting.session else { return false };
        let backups = self.account.client.encryption().backups();
        backups.download_room_key(room.room_id(), session).await.unwrap_or_else(|error| {
            let reason = Fault::of(&error).describe();
            tracing::debug!(channel = %self.config.channel, reason, "a key cannot be looked up");
            false
        })
    }
}
