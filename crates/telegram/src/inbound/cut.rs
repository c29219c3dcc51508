//! Reading a message that teloxide cannot read.
//!
//! teloxide reads a message whole or takes it for an empty one: a new kind of formatting would cost
//! the text, and a sound without a media type is nothing to it. So what it demands and Telegram may
//! leave out is filled in, and what is only about the message (formatting, where it was forwarded from)
//! is left out; if that is not it, the message is cut down to the fields that have been the same for
//! years. What was cut off and is not text is named, so that the AI can say that it cannot see it.

use serde_json::{Map, Value, json};
use teloxide_core::types::{Message, MessageKind};

use super::rich;

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
const ABOUT: [&str; 30] = [
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
    "reply_to_poll_option_id",
    "external_reply",
    "quote",
    "reply_to_story",
    "via_bot",
    "guest_query_id",
    "guest_bot_caller_user",
    "guest_bot_caller_chat",
    "suggested_post_info",
    "link_preview_options",
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
const SERVICE: [&str; 26] = [
    "boost_added",
    "channel_chat_created",
    "chat_",
    "checklist_tasks_",
    "connected_website",
    "delete_chat_photo",
    "direct_message_price",
    "forum_topic",
    "general_forum_topic",
    "gift_upgrade",
    "giveaway_completed",
    "giveaway_created",
    "group_chat_created",
    "left_chat",
    "managed_bot",
    "message_auto_delete",
    "new_chat",
    "paid_message_price",
    "pinned_message",
    "poll_option_",
    "proximity_alert",
    "refunded_payment",
    "suggested_post",
    "supergroup_chat_created",
    "video_chat",
    "write_access",
];

/// `None` if it lacks what every message has.
pub(super) fn readable(message: Value) -> Option<Cut> {
    let Value::Object(mut message) = message else { return None };
    fill_in(&mut message);
    if let Ok(message) = serde_json::from_value::<Message>(plainer(&message).into())
        && message.kind != (MessageKind::Empty {})
    {
        return Some(Cut::Message(Box::new(message)));
    }
    let (text, entities, is_service) = match message.get("text").and_then(Value::as_str) {
        Some(text) => (text.to_owned(), addressing(message.get("entities"), 0), false),
        None => in_words(&message),
    };
    let mut cut = envelope(&message);
    cut.insert("text".to_owned(), text.into());
    cut.insert("entities".to_owned(), entities);
    let message = serde_json::from_value(cut.into()).ok()?;
    Some(if is_service { Cut::Service } else { Cut::Message(Box::new(message)) })
}

fn fill_in(message: &mut Map<String, Value>) {
    for (kind, field) in DEMANDED {
        if let Some(Value::Object(content)) = message.get_mut(kind) {
            let any = if field == "mime_type" { json!("application/octet-stream") } else { json!({}) };
            content.entry(field).or_insert(any);
        }
    }
}

/// The message with its content as it is, and of the rest only what has been the same for years.
fn plainer(message: &Map<String, Value>) -> Map<String, Value> {
    let mut plain = message.clone();
    plain.retain(|name, _| !ABOUT.contains(&name.as_str()));
    plain.extend(envelope(message));
    for entities in ["entities", "caption_entities"] {
        if plain.contains_key(entities) {
            plain.insert(entities.to_owned(), addressing(message.get(entities), 0));
        }
    }
    plain
}

/// What stands for a message without a text, with its caption; and whether it is a service message.
fn in_words(message: &Map<String, Value>) -> (String, Value, bool) {
    if let Some(document) = message.get("rich_message") {
        let (text, entities) = rich::text(document);
        return (text, addressing(Some(&entities), 0), false);
    }
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
    let known = ENVELOPE.iter().chain(&ABOUT).chain(&["caption", "caption_entities", "entities"]);
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
    if let Some(Value::Object(replied)) = message.get("reply_to_message") {
        let mut replied_cut = envelope(replied);
        match replied.get("forum_topic_created") {
            Some(topic) => replied_cut.insert("forum_topic_created".to_owned(), topic.clone()),
            None => replied_cut.insert("text".to_owned(), "".into()),
        };
        cut.insert("reply_to_message".to_owned(), replied_cut.into());
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
        let offset = usize::try_from(entity.get("offset")?.as_u64()?).ok()?.checked_add(shift)?;
        let mut cut = json!({ "type": kind, "offset": offset, "length": entity.get("length")?.as_u64()? });
        if let Some(Value::Object(user)) = entity.get("user") {
            cut["user"] = only(user, &PERSON).into();
        }
        Some(cut)
    });
    addressing.collect()
}
