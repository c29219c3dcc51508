//! How a rendered text becomes the parameters of `sendMessage`.
//!
//! Text and formatting travel side by side, so that nothing has to be escaped.

use serde::{Deserialize, Serialize};
use switchboard_core::{
    SendText,
    markup::{Entity, EntityKind, Rendered},
};
use teloxide_core::requests::Payload;

use crate::id::{self, Address};

/// The parameters of `sendMessage`. Borrowed, since there are thousands in a second.
#[derive(Debug, Serialize)]
pub(crate) struct SendMessage<'a> {
    chat_id: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    message_thread_id: Option<i32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    direct_messages_topic_id: Option<i64>,
    text: &'a str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    entities: Vec<WireEntity<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    link_preview_options: Option<LinkPreview>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reply_parameters: Option<Reply>,
}

/// The part of the message that is of use to us.
#[derive(Debug, Deserialize)]
pub(crate) struct Sent {
    pub(crate) message_id: i32,
}

impl Payload for SendMessage<'_> {
    type Output = Sent;
    const NAME: &'static str = "SendMessage";
}

#[derive(Debug, Serialize)]
struct WireEntity<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    offset: usize,
    length: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    language: Option<&'a str>,
}

#[derive(Debug, Serialize)]
struct LinkPreview {
    is_disabled: bool,
}

#[derive(Debug, Serialize)]
struct Reply {
    message_id: i32,
    /// The question may have been deleted; that is no reason to keep the answer back.
    allow_sending_without_reply: bool,
}

impl<'a> SendMessage<'a> {
    /// `None` if the text is in a format that Telegram was never said to take.
    pub(crate) fn new(address: Address, send: &'a SendText, link_previews: bool) -> Option<Self> {
        let (text, entities): (_, &[Entity]) = match &send.text {
            Rendered::Plain { text } => (text, &[]),
            Rendered::Entities { text, entities } => (text, entities),
            Rendered::Markdown { .. } | Rendered::Html { .. } => return None,
        };
        let reply_to = send.reply_to.as_ref().and_then(|message| id::message_in(address.chat, message));
        Some(Self {
            chat_id: address.chat,
            message_thread_id: address.message_thread_id(),
            direct_messages_topic_id: address.direct_messages_topic_id(),
            text,
            entities: entities.iter().map(WireEntity::new).collect(),
            link_preview_options: (!link_previews).then_some(LinkPreview { is_disabled: true }),
            reply_parameters: reply_to
                .map(|message_id| Reply { message_id, allow_sending_without_reply: true }),
        })
    }
}

impl<'a> WireEntity<'a> {
    fn new(entity: &'a Entity) -> Self {
        let (kind, url, language) = match &entity.kind {
            EntityKind::Bold => ("bold", None, None),
            EntityKind::Italic => ("italic", None, None),
            EntityKind::Strikethrough => ("strikethrough", None, None),
            EntityKind::Code => ("code", None, None),
            EntityKind::Pre { language } => ("pre", None, language.as_deref()),
            EntityKind::Blockquote => ("blockquote", None, None),
            EntityKind::TextLink { url } => ("text_link", Some(url.as_str()), None),
        };
        Self { kind, offset: entity.offset, length: entity.length, url, language }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use switchboard_core::{IdempotencyKey, MessageId, TextSupport, markup};

    use super::*;
    use crate::id::Topic;

    fn send(text: &str, reply_to: Option<MessageId>) -> SendText {
        let support: TextSupport = crate::capabilities::capabilities(&Address::chat(5).conversation()).text;
        let text = markup::render_markdown(text, &support).remove(0);
        let conversation = Address::chat(5).conversation();
        SendText { key: IdempotencyKey::new("k"), conversation, text, reply_to }
    }

    fn wire(address: Address, send: &SendText, link_previews: bool) -> serde_json::Value {
        let message = SendMessage::new(address, send, link_previews).expect("Telegram takes the format");
        serde_json::to_value(message).expect("it is JSON")
    }

    #[test]
    fn formatting_becomes_entities() {
        let send = send("**b** [l](https://example.com)\n\n```rust\nx\n```\n\n~~s~~ `c` *i*\n\n> q", None);
        let wire = wire(Address::chat(5), &send, true);
        assert_eq!(wire["text"], "b l\n\nx\n\ns c i\n\nq");
        let entity = |kind: &str, offset: u32| json!({ "type": kind, "offset": offset, "length": 1 });
        let mut link = entity("text_link", 2);
        link["url"] = "https://example.com".into();
        let mut code = entity("pre", 5);
        code["language"] = "rust".into();
        let expected = json!([
            entity("bold", 0),
            link,
            code,
            entity("strikethrough", 8),
            entity("code", 10),
            entity("italic", 12),
            entity("blockquote", 15),
        ]);
        assert_eq!(wire["entities"], expected);
        assert_eq!(wire.get("link_preview_options"), None);
    }

    #[test]
    fn a_plain_text_has_nothing_else() {
        let expected = json!({
            "chat_id": 5, "text": "hello", "link_preview_options": { "is_disabled": true },
        });
        assert_eq!(wire(Address::chat(5), &send("hello", None), false), expected);
    }

    #[test]
    fn an_answer_goes_into_the_topic_and_quotes_its_question() {
        let wire = |topic, reply_to| {
            wire(Address { chat: -1_002, topic: Some(topic) }, &send("yes", Some(reply_to)), true)
        };
        let answer = wire(Topic::Thread(7), id::message(-1_002, 17));
        assert_eq!(answer["message_thread_id"], 7);
        assert_eq!(answer.get("direct_messages_topic_id"), None);
        let reply = json!({ "message_id": 17, "allow_sending_without_reply": true });
        assert_eq!(answer["reply_parameters"], reply);
        let moved = wire(Topic::Thread(7), id::message(-4, 17));
        assert_eq!(moved.get("reply_parameters"), None, "it is of another chat");
        let direct = wire(Topic::Direct(5_000_000_001), id::message(-1_002, 17));
        assert_eq!(direct["direct_messages_topic_id"], 5_000_000_001_i64);
        assert_eq!(direct.get("message_thread_id"), None);
    }
}
