//! What the two sides say to each other on the gateway.

use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::{json, value::RawValue};

use super::{INTENTS, socket::Opening};

/// One payload from Discord.
#[derive(Deserialize)]
pub(super) struct Frame {
    pub(super) op: u8,
    pub(super) s: Option<u64>,
    pub(super) t: Option<String>,
    /// `null` where there is none.
    #[serde(default = "null")]
    pub(super) d: Box<RawValue>,
}

fn null() -> Box<RawValue> {
    RawValue::NULL.to_owned()
}

/// What HELLO says.
#[derive(Deserialize)]
pub(super) struct Hello {
    /// In milliseconds.
    pub(super) heartbeat_interval: u64,
}

pub(super) mod op {
    pub(in super::super) const DISPATCH: u8 = 0;
    pub(in super::super) const HEARTBEAT: u8 = 1;
    pub(in super::super) const RECONNECT: u8 = 7;
    pub(in super::super) const INVALID_SESSION: u8 = 9;
    pub(in super::super) const HELLO: u8 = 10;
    pub(in super::super) const HEARTBEAT_ACK: u8 = 11;
}

pub(super) fn heartbeat(seq: Option<u64>) -> String {
    json!({ "op": op::HEARTBEAT, "d": seq }).to_string()
}

/// Asks for a session. The answer holds the token, so it goes to the socket and nowhere else.
pub(super) fn open(opening: &Opening, token: &SecretString) -> String {
    let token = token.expose_secret();
    match opening {
        Opening::Identify => json!({ "op": 2, "d": {
            "token": token, "intents": INTENTS, "shard": [0, 1],
            "properties": { "os": std::env::consts::OS, "browser": "switchboard", "device": "switchboard" },
        } }),
        Opening::Resume(session) => json!({ "op": 6, "d": {
            "token": token, "session_id": session.id, "seq": session.seq,
        } }),
    }
    .to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_that_says_nothing_is_one_all_the_same() {
        for text in [r#"{"op":0,"s":3,"t":"RESUMED","d":null}"#, r#"{"op":0,"s":3,"t":"RESUMED"}"#] {
            let frame: Frame = serde_json::from_str(text).expect("a payload");
            assert_eq!((frame.s, frame.d.get()), (Some(3), "null"), "{text}");
        }
    }
}
