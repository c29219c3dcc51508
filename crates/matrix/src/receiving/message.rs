//! Making the contract's events of what came: where it was written, by whom, and whether for us.

use matrix_sdk::{
    Room,
    ruma::{OwnedEventId, OwnedRoomId},
};
use serde_json::value::RawValue;
use switchboard_core::{Addressed, Event, IncomingMessage, Place, Unreadable, UserId};

use super::{Ended, sync::Receiver, verification};
use crate::{
    error::Fault,
    id::{self, Address},
    inbound::{self, Read, Written},
    marks::Waiting,
};

impl Receiver<'_> {
    /// Adds what the event means to what is to be stored.
    pub(super) async fn push(&mut self, room: &OwnedRoomId, raw: &RawValue) -> Result<(), Ended> {
        match inbound::read(raw, &self.shared.account.me, self.shared.config.edited) {
            Read::Message(written) => {
                let Some(handle) = self.shared.account.client.get_room(room) else { return Ok(()) };
                let answers_us = self.answers_us(&handle, &written).await?;
                let event = self.shared.message(&handle, written, answers_us).await;
                self.pending.push(event);
            }
            Read::Encrypted(encrypted) if self.is_stored(&encrypted.event).await => {}
            Read::Encrypted(encrypted) => {
                let waiting = Waiting {
                    room: room.clone(),
                    event: encrypted.event,
                    sender: Some(encrypted.sender),
                    session: encrypted.session,
                };
                let surplus = self.shared.marks().wait(waiting);
                self.pending.extend(
                    surplus.map(|it| given_up(&it, "its key has not arrived, and many came after it")),
                );
            }
            Read::Membership(membership) => self.came_or_left(room, &membership),
            Read::Verification(event) => {
                self.shared.offer_refusal(verification::Request::Room { room: room.clone(), event });
            }
            Read::Unreadable(event) => self.pending.push(event),
            Read::Nothing => {}
        }
        self.store_batch().await
    }

    /// Whether it was read before, by a device that had its key.
    async fn is_stored(&self, event: &OwnedEventId) -> bool {
        let known = self.shared.inbox.known(&[id::event(event.as_str())]).await;
        known.is_ok_and(|known| !known.is_empty())
    }

    /// Whether the message answers one of ours. Asked only where it matters and the message itself does not say.
    async fn answers_us(&self, room: &Room, written: &Written) -> Result<bool, Ended> {
        let Some(question) = &written.reply_to else { return Ok(false) };
        if written.mentions.is_some() || place(room) == Place::Direct {
            return Ok(false);
        }
        let asked = self.insist(room, || self.shared.sender(room, question));
        Ok(asked.await?.flatten().is_some_and(|sender| sender == self.shared.account.me))
    }
}

impl super::Shared<'_> {
    /// Who wrote a message of the room.
    pub(super) async fn sender(
        &self,
        room: &Room,
        event: &OwnedEventId,
    ) -> Result<Option<matrix_sdk::ruma::OwnedUserId>, Fault> {
        let event = room.event(event, None).await.map_err(|error| Fault::of(&error))?;
        Ok(event.raw().get_field("sender").ok().flatten())
    }

    /// The message with its place, its author's name and whom it is for.
    pub(super) async fn message(&self, room: &Room, written: Written, answers_us: bool) -> Event {
        let place = place(room);
        let me = &self.account.me;
        let addressed = place == Place::Direct
            || answers_us
            || written.mentions.iter().flatten().any(|user| user == me.as_str())
            || inbound::names(&written.spoken, me, name(room, me).await.as_deref());
        let address = Address { room: room.room_id().to_owned(), thread: written.thread };
        Event::Message(IncomingMessage {
            event_id: id::event(written.event.as_str()),
            conversation: address.conversation(),
            place,
            addressed: if addressed { Addressed::ToBot } else { Addressed::ToRoom },
            user: UserId::new(written.sender.as_str()),
            user_name: name(room, &written.sender).await,
            native_id: Some(id::message(&written.event)),
            text: written.text,
            sent_at: written.sent_at,
            answer: None,
        })
    }
}

/// A room with one other person, there or invited, is that person's, whatever it was made for.
pub(super) fn place(room: &Room) -> Place {
    if room.active_members_count() <= 2 { Place::Direct } else { Place::Group }
}

/// The name under which somebody is in the room.
async fn name(room: &Room, user: &matrix_sdk::ruma::UserId) -> Option<String> {
    let member = room.get_member_no_sync(user).await.ok().flatten()?;
    member.display_name().map(str::to_owned)
}

/// What is kept of a message whose key never came.
pub(super) fn given_up(waiting: &Waiting, reason: &str) -> Event {
    Event::Unreadable(Unreadable {
        event_id: id::event(waiting.event.as_str()),
        reason: reason.to_owned(),
        raw: serde_json::to_string(waiting).expect("it is only text"),
    })
}
