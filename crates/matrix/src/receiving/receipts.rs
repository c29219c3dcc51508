//! Showing people that what they wrote was taken, where the configuration asks for it.

use std::collections::BTreeMap;

use matrix_sdk::ruma::{
    OwnedEventId, OwnedRoomId, api::client::receipt::create_receipt::v3::ReceiptType,
    events::receipt::ReceiptThread,
};
use switchboard_core::Event;
use tokio::sync::mpsc;

use super::Shared;
use crate::{
    error::Fault,
    id::{self, Address},
};

/// How many receipts wait to be sent. What is more is left out: the next one covers it.
pub(super) const WAITING: usize = 100;

/// The last message of each room.
pub(super) fn last_of_each_room(events: &[Event]) -> BTreeMap<OwnedRoomId, OwnedEventId> {
    let messages = events.iter().filter_map(|event| match event {
        Event::Message(message) => Some(message),
        _ => None,
    });
    let rooms = messages.filter_map(|message| {
        let room = Address::parse(&message.conversation)?.room;
        Some((room, id::parse_message(message.native_id.as_ref()?)?))
    });
    rooms.collect()
}

impl Shared<'_> {
    /// Hands over what is stored, to be marked as read.
    pub(super) fn offer_receipts(&self, last: BTreeMap<OwnedRoomId, OwnedEventId>) {
        if self.config.read_receipts {
            for it in last {
                self.read.try_send(it).ok();
            }
        }
    }

    /// Sends receipts. Losing one costs nothing.
    pub(super) async fn send_receipts(&self, mut seen: mpsc::Receiver<(OwnedRoomId, OwnedEventId)>) {
        while let Some((room, event)) = seen.recv().await {
            let Some(room) = self.account.client.get_room(&room) else { continue };
            let sent = room.send_single_receipt(ReceiptType::Read, ReceiptThread::Unthreaded, event).await;
            if let Err(error) = sent {
                let reason = Fault::of(&error).describe();
                tracing::debug!(channel = %self.config.channel, reason, "a receipt cannot be sent");
            }
        }
    }
}
