//! `sendMessage` and `sendChatAction`.

use std::sync::Arc;

use serde_json::{Map, Value};
use tokio::time::Instant;

use super::answer::{Outcome, Refusal};
use super::chats::{ChatState, GENERAL, Letter};
use super::journal::Sent;
use super::params::{Params, integer};
use super::state::Shared;

/// The longest text, in UTF-16 code units.
const LONGEST: usize = 4096;
/// Entities beyond this number are ignored.
const ENTITIES: usize = 100;
const ACTIONS: [&str; 11] = [
    "typing",
    "upload_photo",
    "record_video",
    "upload_video",
    "record_voice",
    "upload_voice",
    "upload_document",
    "choose_sticker",
    "find_location",
    "record_video_note",
    "upload_video_note",
];

pub(super) fn send_message(bot: &Shared, params: &Arc<Params>) -> Outcome {
    let content = content(params)?;
    let chat_id = params.integer("chat_id");
    let now = Instant::now();

    let mut state = bot.lock();
    let chat = state.chat(chat_id)?;
    chat.writable()?;
    let topic = chat.topic(params.integer("message_thread_id"))?;
    let reply_to = replied(chat, params)?;
    let chat_id = chat_id.expect("a chat was found by it");
    if let Some(meters) = &mut state.meters {
        meters.count(chat_id, now).map_err(Refusal::too_many_requests)?;
    }
    let (message_id, message) = state.write(chat_id, Letter { author: bot.id, content, topic, reply_to });
    state.journal.sent.push(Sent { chat_id, message_id, params: Arc::clone(params), at: now });
    drop(state);
    Ok(Value::Object(message).to_string())
}

pub(super) fn send_chat_action(bot: &Shared, params: &Params) -> Outcome {
    let state = bot.lock();
    let chat = state.chat(params.integer("chat_id"))?;
    chat.writable()?;
    chat.topic(params.integer("message_thread_id").filter(|topic| *topic != GENERAL))?;
    match params.text("action") {
        Some(action) if ACTIONS.contains(&action) => Ok("true".to_owned()),
        _ => Err(Refusal::bad_request("wrong parameter action in request")),
    }
}

/// What the message will hold, if Telegram would take it.
fn content(params: &Params) -> Result<Map<String, Value>, Refusal> {
    if params.get("parse_mode").is_some() {
        // Better than to accept what Telegram might refuse.
        return Err(Refusal::bad_request("can't parse entities: this server knows no parse_mode"));
    }
    let text = params.text("text").filter(|text| !text.trim().is_empty());
    let text = text.ok_or_else(|| Refusal::bad_request("message text is empty"))?;
    let units = units(text);
    if units > LONGEST {
        return Err(Refusal::bad_request("message is too long"));
    }
    let mut content = Map::from_iter([("text".to_owned(), text.into())]);
    let mut entities = match params.json("entities") {
        Some(Value::Array(entities)) => entities,
        Some(_) => return Err(Refusal::bad_request("can't parse entities: expected an Array")),
        None => Vec::new(),
    };
    entities.truncate(ENTITIES);
    for entity in &entities {
        check_entity(entity, text, units)?;
    }
    if !entities.is_empty() {
        content.insert("entities".to_owned(), entities.into());
    }
    if let Some(options) = params.json("link_preview_options") {
        content.insert("link_preview_options".to_owned(), options);
    }
    Ok(content)
}

/// An entity lies within the text and cuts no character in two.
fn check_entity(entity: &Value, text: &str, units: usize) -> Result<(), Refusal> {
    let number =
        |name: &str| entity.get(name).and_then(integer).and_then(|number| usize::try_from(number).ok());
    let (Some(offset), Some(length), Some(_)) =
        (number("offset"), number("length"), entity.get("type").and_then(Value::as_str))
    else {
        return Err(Refusal::bad_request("can't parse entities: an entity lacks type, offset or length"));
    };
    let end = offset + length;
    if end > units {
        return Err(Refusal::bad_request(format!(
            "entity beginning at UTF-16 offset {offset} ends after the end of the text at UTF-16 offset {end}"
        )));
    }
    if !is_boundary(text, offset) || !is_boundary(text, end) {
        return Err(Refusal::bad_request(format!(
            "entity beginning at UTF-16 offset {offset} ends in a middle of a UTF-16 symbol at UTF-16 offset {end}"
        )));
    }
    Ok(())
}

fn is_boundary(text: &str, offset: usize) -> bool {
    let mut passed = 0;
    let mut starts = text.chars().map(|character| {
        passed += character.len_utf16();
        passed
    });
    offset == 0 || starts.any(|start| start == offset)
}

/// The length of a text as Telegram counts.
pub(super) fn units(text: &str) -> usize {
    text.chars().map(char::len_utf16).sum()
}

/// The message that is replied to, if it is there.
fn replied(chat: &ChatState, params: &Params) -> Result<Option<i64>, Refusal> {
    let Some(reply) = params.json("reply_parameters") else { return Ok(None) };
    let id = reply.get("message_id").and_then(integer);
    if id.is_some_and(|id| chat.has_message(id)) {
        return Ok(id);
    }
    let lenient = reply.get("allow_sending_without_reply").and_then(Value::as_bool).unwrap_or(false);
    if lenient { Ok(None) } else { Err(Refusal::bad_request("message to be replied not found")) }
}
