//! What a delivery carries, as it is stored.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use switchboard_core::{MessageId, markup::Rendered};
use switchboard_store::{Direction, Payload};

use crate::error::Fault;

/// The version that is written.
const VERSION: u32 = 1;

/// `delivery.payload`. Another form is another version; every one that was ever written stays
/// readable.
#[derive(Serialize, Deserialize)]
struct StoredPayload {
    v: u32,
    text: Rendered,
}

/// What is stored for a part of a message for the user.
pub(crate) fn encode(text: &Rendered) -> Value {
    let stored = StoredPayload { v: VERSION, text: text.clone() };
    serde_json::to_value(stored).expect("a rendered text has no form that JSON lacks")
}

/// The columns that a payload is read from.
pub(crate) struct PayloadRow {
    /// `delivery.id`, for errors.
    pub(crate) delivery: i64,
    pub(crate) payload: Option<Value>,
    pub(crate) reply_to: Option<String>,
    /// `message.text`.
    pub(crate) text: String,
}

impl PayloadRow {
    /// What the delivery sends.
    pub(crate) fn decode(self, direction: Direction) -> Result<Payload, Fault> {
        match direction {
            Direction::ToAi => Ok(Payload::ToAi { text: self.text }),
            Direction::ToMessenger => {
                let corrupt =
                    |source: serde_json::Error| Fault::corrupt("delivery", "payload", self.delivery, source);
                let stored: StoredPayload =
                    serde_json::from_value(self.payload.unwrap_or_default()).map_err(corrupt)?;
                if stored.v != VERSION {
                    let source = format!("version {} is not known", stored.v);
                    return Err(Fault::corrupt("delivery", "payload", self.delivery, source));
                }
                Ok(Payload::ToMessenger { text: stored.text, reply_to: self.reply_to.map(MessageId::new) })
            }
        }
    }
}
