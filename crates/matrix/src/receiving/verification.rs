//! Requests to verify the account. Nobody is there to compare anything, so they are refused with a reason, instead of
//! letting people wait until they time out.

use std::collections::BTreeMap;

use matrix_sdk::{
    deserialized_responses::ProcessedToDeviceEvent,
    ruma::{
        OwnedDeviceId, OwnedEventId, OwnedRoomId, OwnedTransactionId, OwnedUserId, TransactionId,
        api::client::to_device::send_event_to_device::v3::Request as ToDeviceRequest,
        events::ToDeviceEventType, serde::Raw, to_device::DeviceIdOrAllDevices,
    },
};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::{Shared, to_device};
use crate::{Verification, error::Fault};

const CANCEL: &str = "m.key.verification.cancel";
const REASON: &str = "This account is a program: nobody is there to compare anything with you.";
/// How many refusals wait to be sent. What is more times out by itself.
pub(super) const WAITING: usize = 100;

/// A request to verify the account.
#[derive(Debug)]
pub(super) enum Request {
    /// From a device to ours.
    Device { user: OwnedUserId, device: OwnedDeviceId, transaction: String },
    /// In a room.
    Room { room: OwnedRoomId, event: OwnedEventId },
}

/// Reads what devices said to this one.
pub(super) fn requests(events: &[ProcessedToDeviceEvent]) -> impl Iterator<Item = Request> {
    #[derive(Deserialize)]
    struct Content {
        from_device: OwnedDeviceId,
        transaction_id: String,
    }
    events.iter().filter_map(|event| {
        let (user, content) = to_device::read(event, "m.key.verification.request")?;
        let Content { from_device: device, transaction_id: transaction } = content;
        Some(Request::Device { user, device, transaction })
    })
}

impl Shared<'_> {
    /// Has a request answered as the configuration says.
    pub(super) fn offer_refusal(&self, request: Request) {
        if self.config.verification == Verification::Refuse {
            self.refused.try_send(request).ok();
        }
    }

    /// Sends refusals. Losing one costs nothing: the request times out.
    pub(super) async fn refuse_verifications(&self, mut requests: mpsc::Receiver<Request>) {
        while let Some(request) = requests.recv().await {
            let channel = &self.config.channel;
            match self.refuse(request).await {
                Ok(()) => tracing::info!(%channel, "a request to verify the account was refused"),
                Err(fault) => {
                    let reason = fault.describe();
                    tracing::info!(%channel, reason, "a request to verify the account cannot be answered");
                }
            }
        }
    }

    async fn refuse(&self, request: Request) -> Result<(), Fault> {
        let content = json!({ "code": "m.user", "reason": REASON });
        match request {
            Request::Device { user, device, transaction } => {
                self.tell_device(user, device, transaction, content).await
            }
            Request::Room { room, event } => self.tell_room(&room, event, content).await,
        }
    }

    async fn tell_device(
        &self,
        user: OwnedUserId,
        device: OwnedDeviceId,
        transaction: String,
        mut content: Value,
    ) -> Result<(), Fault> {
        content["transaction_id"] = transaction.into();
        let content = Raw::new(&content).expect("it is only text").cast_unchecked();
        let messages =
            BTreeMap::from([(user, BTreeMap::from([(DeviceIdOrAllDevices::DeviceId(device), content)]))]);
        let kind = ToDeviceEventType::from(CANCEL);
        let request = ToDeviceRequest::new_raw(kind, TransactionId::new(), messages);
        self.account.client.send(request).await.map(drop).map_err(|error| Fault::of_call(&error))
    }

    async fn tell_room(
        &self,
        room: &OwnedRoomId,
        event: OwnedEventId,
        mut content: Value,
    ) -> Result<(), Fault> {
        let Some(room) = self.account.client.get_room(room) else { return Ok(()) };
        // The homeserver recognises a repetition: the request may be read again after a kill.
        let transaction = OwnedTransactionId::from(format!("cancel{event}"));
        content["m.relates_to"] = json!({ "rel_type": "m.reference", "event_id": event });
        // Large where the room is encrypted.
        let sending =
            Box::pin(async { room.send_raw(CANCEL, content).with_transaction_id(&transaction).await });
        sending.await.map(drop).map_err(|error| Fault::of(&error))
    }
}
