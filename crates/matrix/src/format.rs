//! What is sent: the content of an event.

use matrix_sdk::ruma::{EventId, OwnedEventId};
use serde_json::{Value, json};
use switchboard_core::{SendText, markup::Rendered};

use crate::id;

/// The content of the message. `None` for a format that is not ours.
pub(crate) fn content(send: &SendText, thread: Option<&EventId>) -> Option<Value> {
    let Rendered::Html { text, html } = &send.text else { return None };
    let mut content = json!({
        "msgtype": "m.text",
        "body": text,
        "format": "org.matrix.custom.html",
        "formatted_body": html,
        // Nobody is notified by what the AI happens to write, and clients do not look for names either.
        "m.mentions": {},
    });
    let question = send.reply_to.as_ref().and_then(id::parse_message);
    if let Some(relation) = relation(thread, question) {
        content["m.relates_to"] = relation;
    }
    Some(content)
}

/// Within a thread every message names the thread, and a message before it for clients that know no threads.
fn relation(thread: Option<&EventId>, question: Option<OwnedEventId>) -> Option<Value> {
    match (thread, question) {
        (Some(root), question) => Some(json!({
            "rel_type": "m.thread",
            "event_id": root,
            "is_falling_back": question.is_none(),
            "m.in_reply_to": { "event_id": question.as_deref().unwrap_or(root) },
        })),
        (None, Some(question)) => Some(json!({ "m.in_reply_to": { "event_id": question } })),
        (None, None) => None,
    }
}

#[cfg(test)]
mod tests {
    use switchboard_core::{ConversationId, IdempotencyKey, MessageId};

    use super::*;

    fn sent(reply_to: Option<&str>, thread: Option<&str>) -> Value {
        let send = SendText {
            key: IdempotencyKey::new("k"),
            conversation: ConversationId::new("!room:example.com"),
            text: Rendered::Html { text: "Hi".to_owned(), html: "<p>Hi</p>".to_owned() },
            reply_to: reply_to.map(MessageId::new),
        };
        let root = thread.map(|root| OwnedEventId::try_from(root).expect("an event"));
        content(&send, root.as_deref()).expect("HTML is sent")
    }

    #[test]
    fn nobody_is_notified() {
        assert_eq!(sent(None, None)["m.mentions"], json!({}));
    }

    #[test]
    fn an_answer_relates_to_its_question_and_thread() {
        assert_eq!(sent(None, None).get("m.relates_to"), None);
        let reply = json!({ "m.in_reply_to": { "event_id": "$question" } });
        assert_eq!(sent(Some("$question"), None)["m.relates_to"], reply);
        let mut threaded = json!({
            "rel_type": "m.thread", "event_id": "$root", "is_falling_back": true,
            "m.in_reply_to": { "event_id": "$root" },
        });
        assert_eq!(sent(None, Some("$root"))["m.relates_to"], threaded);
        threaded["is_falling_back"] = json!(false);
        threaded["m.in_reply_to"]["event_id"] = json!("$question");
        assert_eq!(sent(Some("$question"), Some("$root"))["m.relates_to"], threaded);
    }
}
