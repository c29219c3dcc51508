//! What devices say to this one, beside messages.

use matrix_sdk::{deserialized_responses::ProcessedToDeviceEvent, ruma::OwnedUserId};
use serde::{Deserialize, de::DeserializeOwned};

/// The sender and the content of an event of this kind; `None` for any other, and for one that lacks what is asked for.
pub(super) fn read<C: DeserializeOwned>(
    event: &ProcessedToDeviceEvent,
    kind: &str,
) -> Option<(OwnedUserId, C)> {
    #[derive(Deserialize)]
    struct ToDevice<C> {
        #[serde(rename = "type")]
        kind: String,
        sender: OwnedUserId,
        content: C,
    }
    let event: ToDevice<C> = serde_json::from_str(event.as_raw().json().get()).ok()?;
    (event.kind == kind).then_some((event.sender, event.content))
}
