//! The fields of a webhook, and what each is used for.
//!
//! Only what makes a message undeliverable is an error. A value of any other field that cannot be
//! understood is kept among the extra fields and otherwise taken for not stated, so that it never
//! costs a user an answer.

use std::collections::BTreeMap;

use switchboard_core::{Author, ChatId, Flag, ThreadFields, ThreadUpdate};

use super::{body::Fields, values::Given};
use crate::{AiMessage, AiWebhook, WebhookError};

/// The longest id, in bytes. Far more than any platform's ids have, and far less than what the
/// index of a database takes.
const ID_LIMIT: usize = 512;

/// Reads what the fields say.
pub(super) fn read(mut fields: Fields) -> Result<AiWebhook, WebhookError> {
    let chat_id = chat_id(&mut fields)?;
    let message = message(&mut fields)?;
    let message_id = deciding_id(&mut fields, "message_id")?;
    let thread = thread(fields)?;
    Ok(AiWebhook { chat_id, message, message_id, thread })
}

fn chat_id(fields: &mut Fields) -> Result<ChatId, WebhookError> {
    let refuse = |reason: &str| {
        Err(WebhookError::Unprocessable { field: "external_chat_id", reason: reason.to_owned() })
    };
    match fields.remove("external_chat_id").as_ref().map(Given::as_id) {
        Some(Some(id)) if id.len() > ID_LIMIT => Err(too_long("external_chat_id")),
        Some(Some(id)) => Ok(ChatId::new(id)),
        Some(None) => refuse("expected a string or a number"),
        None => refuse("missing or empty"),
    }
}

/// The message, if there is one to speak of.
fn message(fields: &mut Fields) -> Result<Option<AiMessage>, WebhookError> {
    let author = fields.get("message_type").and_then(author);
    let Some(text) = fields.remove("message_text") else {
        if author.is_some() {
            fields.remove("message_type");
        }
        return Ok(None);
    };
    // Without its author a text must not be delivered: it may be the user's own.
    let author = author.ok_or_else(|| WebhookError::Unprocessable {
        field: "message_type",
        reason: match fields.get("message_type") {
            Some(_) => "expected bot, operator or user".to_owned(),
            None => "missing or empty, though there is a message_text".to_owned(),
        },
    })?;
    fields.remove("message_type");
    let text = match text {
        Given::Text(text) | Given::Number(text) => text,
        Given::Bool(value) => value.to_string(),
        Given::Nested(value) if author == Author::User => {
            fields.insert("message_text".to_owned(), Given::Nested(value));
            return Ok(None);
        }
        Given::Nested(_) => {
            let reason = "expected a text".to_owned();
            return Err(WebhookError::Unprocessable { field: "message_text", reason });
        }
    };
    Ok(Some(AiMessage { author, text }))
}

fn author(value: &Given) -> Option<Author> {
    let Given::Text(word) = value else { return None };
    match word.trim().to_lowercase().as_str() {
        "bot" | "бот" => Some(Author::Bot),
        "operator" | "оператор" => Some(Author::Operator),
        "user" | "пользователь" => Some(Author::User),
        _ => None,
    }
}

/// Everything that is not the message.
fn thread(mut fields: Fields) -> Result<ThreadUpdate, WebhookError> {
    let mut flags = BTreeMap::new();
    for flag in Flag::ALL {
        if let Some(value) = fields.get(flag.as_str()).and_then(Given::as_flag) {
            fields.remove(flag.as_str());
            flags.insert(flag, value);
        }
    }
    let thread_id = deciding_id(&mut fields, "thread_id")?;
    let fields = ThreadFields {
        task_id: deciding_id(&mut fields, "task_id")?,
        channel_id: take_text(&mut fields, "channel_id", ID_LIMIT),
        company_id: take_text(&mut fields, "company_id", ID_LIMIT),
        manager_id: take_text(&mut fields, "manager_id", ID_LIMIT),
        title: take_text(&mut fields, "title", usize::MAX),
        contacts: fields.remove("contacts").map(Given::into_value),
        panel_url: take_text(&mut fields, "panel_url", usize::MAX),
        share_url: take_text(&mut fields, "share_url", usize::MAX),
        wh_type: take_text(&mut fields, "wh_type", usize::MAX),
        extra: fields.into_iter().map(|(name, value)| (name, Given::into_value(value))).collect(),
    };
    Ok(ThreadUpdate { thread_id, flags, fields })
}

/// An id by which it is decided what becomes of the webhook. One that is too long must not pass
/// for one that was not stated.
fn deciding_id(fields: &mut Fields, name: &'static str) -> Result<Option<String>, WebhookError> {
    match fields.get(name).and_then(Given::as_id) {
        Some(id) if id.len() > ID_LIMIT => Err(too_long(name)),
        _ => Ok(take_text(fields, name, ID_LIMIT)),
    }
}

fn too_long(field: &'static str) -> WebhookError {
    WebhookError::Unprocessable { field, reason: format!("longer than {ID_LIMIT} bytes") }
}

/// The field as a string without the white space around it. What is neither a string nor a number,
/// or has more than `limit` bytes, stays where it is.
fn take_text(fields: &mut Fields, name: &str, limit: usize) -> Option<String> {
    let text = fields.get(name)?.as_id().filter(|text| text.len() <= limit)?.to_owned();
    fields.remove(name);
    Some(text)
}
