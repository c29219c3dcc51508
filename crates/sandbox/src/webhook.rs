//! What a webhook says: the platform's twenty fields, in the asked-for style.

use bytes::Bytes;
use serde_json::{Map, Value, json};
use url::{Url, form_urlencoded};

use crate::{
    dialogue::{Author, Dialogue, Flag, Message},
    faults::{ValueStyle, WebhookFaults},
};

/// The ids of the pretended company. They look like the platform's: longer than number types hold.
const CHANNEL_ID: &str = "1721129985149478019552540622850";
const COMPANY_ID: &str = "1698402211746330281447190355271";
const MANAGER_ID: &str = "1702836559120774903118826054419";

/// All twenty fields of the webhook for this message.
pub(crate) fn fields(
    dialogue: &Dialogue,
    message: &Message,
    base: &Url,
    style: ValueStyle,
) -> Map<String, Value> {
    let mut fields = Map::new();
    let mut set = |name: &str, value: Value| _ = fields.insert(name.to_owned(), value);
    set("external_chat_id", json!(dialogue.chat_id));
    set("message_text", json!(message.author.map_or("", |_| &message.text)));
    // A change without a message has the same fields; those of the message are empty.
    set("message_type", json!(message.author.map_or("", |it| author(it, style))));
    set("message_id", json!(message.author.map_or("", |_| &message.id)));
    set("thread_id", json!(dialogue.thread_id));
    set("task_id", json!(dialogue.task_id));
    set("channel_id", json!(CHANNEL_ID));
    set("company_id", json!(COMPANY_ID));
    set("manager_id", json!(MANAGER_ID));
    set("title", json!(dialogue.title));
    set("contacts", dialogue.contacts());
    for (flag, name) in Flag::ALL {
        set(name, boolean(dialogue.flags.contains(&flag), style));
    }
    set("panel_url", json!(page(base, "panel", &dialogue.chat_id)));
    set("share_url", json!(page(base, "share", &dialogue.chat_id)));
    set("wh_type", json!(message.author.map_or("dialogue", |_| "message")));
    fields
}

/// The content type and the body.
pub(crate) fn encode(fields: &Map<String, Value>, faults: &WebhookFaults) -> (&'static str, Bytes) {
    if faults.form {
        let mut form = form_urlencoded::Serializer::new(String::new());
        for (name, value) in fields {
            form.append_pair(name, &form_text(value));
        }
        return ("application/x-www-form-urlencoded", form.finish().into());
    }
    let body = serde_json::to_vec(fields).expect("a map of JSON values is JSON");
    ("application/json", body.into())
}

fn form_text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn boolean(value: bool, style: ValueStyle) -> Value {
    match style {
        ValueStyle::Bool => json!(value),
        ValueStyle::Text => json!(if value { "true" } else { "false" }),
        ValueStyle::YesNo => json!(if value { "yes" } else { "no" }),
        ValueStyle::DaNet => json!(if value { "да" } else { "нет" }),
        ValueStyle::Numbers => json!(u8::from(value)),
    }
}

fn author(author: Author, style: ValueStyle) -> &'static str {
    match (author, style) {
        (Author::Bot, ValueStyle::DaNet) => "бот",
        (Author::Operator, ValueStyle::DaNet) => "оператор",
        (Author::User, ValueStyle::DaNet) => "пользователь",
        (Author::Bot, _) => "bot",
        (Author::Operator, _) => "operator",
        (Author::User, _) => "user",
    }
}

/// The address of a page for this chat. The chat's id is escaped whole, since it may contain
/// anything, percent signs among it.
pub(crate) fn page(base: &Url, page: &str, chat_id: &str) -> String {
    let base = base.as_str().trim_end_matches('/');
    let chat: String = form_urlencoded::byte_serialize(chat_id.as_bytes()).collect();
    // A form writes a space as `+`; the pages expect what `encodeURIComponent` writes.
    format!("{base}/{page}#{}", chat.replace('+', "%20"))
}
