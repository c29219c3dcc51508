//! How a rendered text becomes the body of `POST /channels/{id}/messages`.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use switchboard_core::{IdempotencyKey, SendText, markup::Rendered};

use crate::id;

/// The longest nonce that Discord takes, in characters.
const LONGEST_NONCE: usize = 25;
/// `SUPPRESS_EMBEDS`: no previews of links.
const SUPPRESS_EMBEDS: u32 = 1 << 2;

/// The body. Borrowed, since there are many.
#[derive(Debug, Serialize)]
pub(crate) struct NewMessage<'a> {
    content: &'a str,
    /// Nobody is notified, whatever the text says.
    allowed_mentions: Value,
    nonce: &'a str,
    enforce_nonce: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    flags: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message_reference: Option<Reference>,
}

#[derive(Debug, Serialize)]
struct Reference {
    message_id: String,
    /// An answer to a message that was deleted meanwhile is sent without the reference.
    fail_if_not_exists: bool,
}

/// What of the answer is of use to us.
#[derive(Deserialize)]
pub(crate) struct Sent {
    pub(crate) id: serenity::model::id::MessageId,
}

impl<'a> NewMessage<'a> {
    /// `None` where the text is in a form that Discord does not take.
    pub(crate) fn new(send: &'a SendText, link_previews: bool) -> Option<Self> {
        let (Rendered::Markdown { text } | Rendered::Plain { text }) = &send.text else { return None };
        let reference =
            |message: u64| Reference { message_id: message.to_string(), fail_if_not_exists: false };
        Some(Self {
            content: text,
            allowed_mentions: json!({ "parse": [] }),
            nonce: nonce(&send.key),
            enforce_nonce: true,
            flags: (!link_previews).then_some(SUPPRESS_EMBEDS),
            message_reference: send.reply_to.as_ref().and_then(id::parse_message).map(reference),
        })
    }

    pub(crate) fn is_reply(&self) -> bool {
        self.message_reference.is_some()
    }

    /// The same without saying what it answers.
    pub(crate) fn without_reference(self) -> Self {
        Self { message_reference: None, ..self }
    }
}

/// The key itself, which is short enough by its definition. Were it longer, its end would still tell
/// deliveries apart, since keys are random or counted throughout.
fn nonce(key: &IdempotencyKey) -> &str {
    let key = key.as_str();
    let over = key.chars().count().saturating_sub(LONGEST_NONCE);
    key.char_indices().nth(over).map_or(key, |(start, _)| &key[start..])
}

#[cfg(test)]
mod tests {
    use switchboard_core::{ConversationId, MessageId};

    use super::*;

    fn send(reply_to: Option<&str>) -> SendText {
        SendText {
            key: IdempotencyKey::new("0123456789abcdef01234567"),
            conversation: ConversationId::new("7"),
            text: Rendered::Markdown { text: "**@everyone**".to_owned() },
            reply_to: reply_to.map(MessageId::new),
        }
    }

    #[test]
    fn nobody_is_notified_and_a_repetition_is_recognised() {
        let body = serde_json::to_value(NewMessage::new(&send(None), false)).expect("JSON");
        let expected = json!({
            "content": "**@everyone**", "allowed_mentions": { "parse": [] }, "flags": 4,
            "nonce": "0123456789abcdef01234567", "enforce_nonce": true,
        });
        assert_eq!(body, expected);
    }

    #[test]
    fn an_answer_survives_its_question() {
        let answered = send(Some("17"));
        let message = NewMessage::new(&answered, true).expect("markdown");
        let body = serde_json::to_value(&message).expect("JSON");
        assert_eq!(body["message_reference"], json!({ "message_id": "17", "fail_if_not_exists": false }));
        assert!(message.is_reply() && !message.without_reference().is_reply());
        let foreign = send(Some("m17"));
        assert!(!NewMessage::new(&foreign, true).expect("markdown").is_reply());
    }

    #[test]
    fn a_nonce_is_never_too_long() {
        let long = IdempotencyKey::new("a".repeat(10) + &"b".repeat(25));
        assert_eq!(nonce(&long), "b".repeat(25));
    }
}
