//! Messages whose authors' clients refuse the keys (`m.room_key.withheld`): no waiting helps. They stay among those that
//! wait, in case the key comes after all, and are told apart: in the log, by a metric and by a check. Their author is told
//! once for each session, by an answer that is stored as any other.
//!
//! The SDK keeps most of the refusals and names them with each message that cannot be decrypted; not those of clients
//! that could not reach the device at all, which name no session, and are remembered here while this process lives.

use std::collections::HashMap;

use matrix_sdk::{
    Room,
    deserialized_responses::{
        ProcessedToDeviceEvent, TimelineEvent, TimelineEventKind, UnableToDecryptReason,
    },
    ruma::{OwnedRoomId, OwnedUserId},
};
use serde::Deserialize;
use switchboard_core::{Addressed, Event, IncomingMessage, Place, UserId};

use super::{Ended, Shared, message, to_device};
use crate::{
    id::{self, Address},
    inbound::Encrypted,
    marks::Waiting,
    withheld::Withheld,
};

/// How many refusals are remembered. What is more is found by its message, if the SDK keeps it.
const REMEMBERED: usize = 1_000;

/// What the AI's platform and the lists of deliveries show of such a message.
const UNREADABLE: &str = "[a message that cannot be decrypted: its author's app refuses the key]";

/// What is refused.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Subject {
    Session(OwnedRoomId, String),
    /// All that this device encrypts, by its key.
    Device(String),
}

/// The refusals that came while this process lives.
#[derive(Debug, Default)]
pub(super) struct Refusals {
    codes: HashMap<(OwnedUserId, Subject), Withheld>,
    /// Those that nothing was looked at again for.
    fresh: Vec<(OwnedUserId, Subject)>,
}

#[derive(Deserialize)]
struct Content {
    code: String,
    room_id: Option<OwnedRoomId>,
    session_id: Option<String>,
    sender_key: Option<String>,
}

impl Refusals {
    /// Reads what devices said to this one.
    pub(super) fn take(&mut self, events: &[ProcessedToDeviceEvent]) {
        for event in events {
            let Some((sender, content)) = to_device::read(event, "m.room_key.withheld") else { continue };
            let Content { code, room_id, session_id, sender_key } = content;
            let subject = match (room_id, session_id, sender_key) {
                (Some(room), Some(session), _) => Subject::Session(room, session),
                (_, _, Some(key)) => Subject::Device(key),
                _ => continue,
            };
            let (key, code) = ((sender, subject), Withheld::of(&code));
            if (self.codes.len() < REMEMBERED || self.codes.contains_key(&key))
                && self.codes.insert(key.clone(), code) != Some(code)
            {
                self.fresh.push(key);
            }
        }
    }

    fn of(&self, room: &OwnedRoomId, encrypted: &Encrypted) -> Option<Withheld> {
        let session = encrypted.session.clone().map(|session| Subject::Session(room.clone(), session));
        let device = encrypted.sender_key.clone().map(Subject::Device);
        let subjects = session.into_iter().chain(device);
        subjects.into_iter().find_map(|it| self.codes.get(&(encrypted.sender.clone(), it)).copied())
    }
}

impl Shared<'_> {
    /// Which of the messages that wait are to be looked at again, since keys were refused meanwhile.
    pub(super) fn newly_refused(&self) -> impl Fn(&Waiting) -> bool + use<> {
        let fresh = std::mem::take(&mut self.refusals().fresh);
        move |waiting| {
            fresh.iter().any(|(sender, subject)| match subject {
                Subject::Session(room, session) => {
                    *room == waiting.room && waiting.session.as_ref() == Some(session)
                }
                Subject::Device(_) => waiting.sender.as_ref() == Some(sender),
            })
        }
    }

    /// Why the key to a message is refused, if it is.
    pub(super) fn refusal(
        &self,
        room: &OwnedRoomId,
        event: &TimelineEvent,
        read: &Encrypted,
    ) -> Option<Withheld> {
        if let TimelineEventKind::UnableToDecrypt { utd_info, .. } = &event.kind
            && let UnableToDecryptReason::MissingMegolmSession { withheld_code: Some(code) } =
                &utd_info.reason
        {
            return Some(Withheld::of(code.as_str()));
        }
        self.refusals().of(room, read)
    }

    /// Notes that the key to a message is refused, and has its author told.
    pub(super) async fn withheld(&self, room: &Room, read: Encrypted, code: Withheld) -> Result<(), Ended> {
        let first_of_session = {
            let mut marks = self.marks();
            let known = |it: &Waiting| {
                it.room == room.room_id()
                    && it.session == read.session
                    && marks.withheld.contains_key(&it.event)
            };
            let first = !marks.waiting.iter().any(known);
            if marks.withheld.insert(read.event.clone(), code).is_some() {
                return Ok(());
            }
            first
        };
        self.publish_waiting();
        let channel = &self.config.channel;
        metrics::counter!(
            "switchboard_channel_withheld_messages_total", "channel" => channel.to_string(), "code" => code.as_str()
        )
        .increment(1);
        if first_of_session {
            tracing::warn!(%channel, place = room.room_id().as_str(), code = code.as_str(), "a message cannot be read: its author's client refuses the key");
        }
        self.store(vec![self.answer(room, read, code)], None).await
    }

    /// What is stored for the message: not the message, which may still come, but that its author is told. The id is the
    /// session's, so that many messages in it are answered once.
    fn answer(&self, room: &Room, read: Encrypted, code: Withheld) -> Event {
        let here = room.room_id();
        let session = read.session.as_deref().unwrap_or(read.event.as_str());
        let place = message::place(room);
        let answer = self.config.withheld_answer.as_deref().unwrap_or_else(|| code.answer());
        Event::Message(IncomingMessage {
            event_id: id::event(&format!("withheld {session} {here}")),
            conversation: Address { room: here.to_owned(), thread: read.thread }.conversation(),
            place,
            // Whom it mentions is encrypted. In a group it may be for anybody.
            addressed: if place == Place::Direct { Addressed::ToBot } else { Addressed::ToRoom },
            user: UserId::new(read.sender.as_str()),
            user_name: None,
            native_id: Some(id::message(&read.event)),
            text: UNREADABLE.to_owned(),
            sent_at: read.sent_at,
            answer: Some(answer.to_owned()),
        })
    }
}
