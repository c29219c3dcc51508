//! Reading a message that teloxide cannot read.
//!
//! teloxide reads a message whole or takes it for an empty one: a new kind of formatting would cost
//! the text, and a sound without a media type is nothing to it. So what it demands and Telegram may
//! leave out is filled in; if that is not it, the message is cut down to the fields that have been the
//! same for years and read again. What was cut off and is not text is named, so that the AI can say
//! that it cannot see it.

use serde_json::{Map, Value, json};
use teloxide_core::types::{Message, MessageKind};

/// What is left.
pub(super) enum Cut {
    /// A message with a text.
    Message(Box<Message>),
    /// Telegram's own words.
    Service,
}

/// What teloxide demands although Telegram need not send it.
const DEMANDED: [(&str, &str); 5] = [
    ("animation", "mime_type"),
    ("audio", "mime_type"),
    ("successful_payment", "order_info"),
    ("video", "mime_type"),
    ("voice", "mime_type"),
];
/// Fields that say where, when and by whom.
const ENVELOPE: [&str; 7] = [
    "message_id",
    "message_thread_id",
    "is_topic_message",
    "date",
    "edit_date",
    "is_automatic_forward",
    "media_group_id",
];
/// The parts of a user or a chat that matter here.
const PERSON: [&str; 8] =
    ["id", "is_bot", "type", "first_name", "last_name", "username", "title", "is_forum"];
/// Formatting that tells whom a message addresses.
const ADDRESSING: [&str; 3] = ["mention", "text_mention", "bot_command"];
/// Fields of a message that are about it rather than what it says.
const ABOUT: [&str; 24] = [
    "from",
    "chat",
    "sender_chat",
    "sender_boost_count",
    "sender_business_bot",
    "sender_tag",
    "business_connection_id",
    "direct_messages_topic",
    "forward_origin",
    "reply_to_message",
    "reply_to_checklist_task_id",
    "external_reply",
    "quote",
    "reply_to_story",
    "via_bot",
    "author_signature",
    "has_protected_content",
    "has_media_spoiler",
    "show_caption_above_media",
    "is_from_offline",
    "is_paid_post",
    "paid_star_count",
    "effect_id",
    "reply_markup",
];
/// Beginnings of the names that service messages have.
const SERVICE: [&str; 12] = [
    "new_chat",
    "left_chat",
    "chat_",
    "forum_topic",
    "general_forum_topic",
    "video_chat",
    "suggested_post",
    "direct_message_price",
    "paid_message_price",
    "giveaway_created",
    "boost_added",
    "pinned_message",
];

/// `None` if it lacks what every message has.
pub(super) fn readable(message: Value) -> Option<Cut> {
    let Value::Object(mut message) = message else { return None };
    if fill_in(&mut message)
        && let Ok(message) = serde_json::from_value::<Message>(message.clone().into())
        && message.kind != (MessageKind::Empty {})
    {
        return Some(Cut::Message(Box::new(message)));
    }
    let mut cut = envelope(&message);
    if let Some(Value::Object(replied)) = message.get("reply_to_message") {
        let mut replied_cut = envelope(replied);
        match replied.get("forum_topic_created") {
            Some(topic) => replied_cut.insert("forum_topic_created".to_owned(), topic.clone()),
            None => replied_cut.insert("text".to_owned(), "".into()),
        };
        cut.insert("reply_to_message".to_owned(), replied_cut.into());
    }
    let (text, entities, is_service) = match message.get("text").and_then(Value::as_str) {
        Some(text) => (text.to_owned(), addressing(message.get("entities"), 0), false),
        None => in_words(&message),
    };
    cut.insert("text".to_owned(), text.into());
    cut.insert("entities".to_owned(), entities);
    let message = serde_json::from_value(cut.into()).ok()?;
    Some(if is_service { Cut::Service } else { Cut::Message(Box::new(message)) })
}

/// Whether anything that is demanded was missing.
fn fill_in(message: &mut Map<String, Value>) -> bool {
    let mut missed = false;
    for (kind, field) in DEMANDED {
        if let Some(Value::Object(content)) = message.get_mut(kind)
            && !content.contains_key(field)
        {
            let any = if field == "mime_type" { json!("application/octet-stream") } else { json!({}) };
            content.insert(field.to_owned(), any);
            missed = true;
        }
    }
    missed
}

/// What stands for a message without a text, with its caption; and whether it is a service message.
fn in_words(message: &Map<String, Value>) -> (String, Value, bool) {
    let kinds: Vec<&str> = message.keys().map(String::as_str).filter(|key| is_content(key)).collect();
    let caption = message.get("caption").and_then(Value::as_str);
    let is_service = kinds.iter().all(|kind| SERVICE.iter().any(|it| kind.starts_with(it)));
    let what = format!("[unsupported message: {}]", kinds.join(", "));
    match caption {
        None => (what, Value::Array(Vec::new()), is_service),
        Some(caption) => {
            let shift = what.encode_utf16().count() + 1;
            (format!("{what}\n{caption}"), addressing(message.get("caption_entities"), shift), false)
        }
    }
}

fn is_content(key: &str) -> bool {
    let known = ENVELOPE.iter().chain(&ABOUT).chain(&["caption", "caption_entities", "link_preview_options"]);
    !known.into_iter().any(|known| *known == key)
}

/// Where, when and by whom, without what may be new about them.
fn envelope(message: &Map<String, Value>) -> Map<String, Value> {
    let mut cut = only(message, &ENVELOPE);
    for person in ["from", "chat", "sender_chat"] {
        if let Some(Value::Object(fields)) = message.get(person) {
            cut.insert(person.to_owned(), only(fields, &PERSON).into());
        }
    }
    cut
}

fn only(fields: &Map<String, Value>, names: &[&str]) -> Map<String, Value> {
    names.iter().filter_map(|name| Some(((*name).to_owned(), fields.get(*name)?.clone()))).collect()
}

/// The entities that address somebody, in a text that begins later by `shift` UTF-16 code units.
fn addressing(entities: Option<&Value>, shift: usize) -> Value {
    let entities = entities.and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let addressing = entities.iter().filter_map(|entity| {
        let kind = entity.get("type")?.as_str().filter(|kind| ADDRESSING.contains(kind))?;
        let offset = usize::try_from(entity.get("offset")?.as_u64()?).ok()? + shift;
        let mut cut = json!({ "type": kind, "offset": offset, "length": entity.get("length")?.as_u64()? });
        if let Some(Value::Object(user)) = entity.get("user") {
            cut["user"] = only(user, &PERSON).into();
        }
        Some(cut)
    });
    addressing.collect()
}
