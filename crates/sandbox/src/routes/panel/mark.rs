//! `POST /panel/api/flag`, `…/contact` and `…/read`: what an operator notes down. The user sees
//! nothing of it; the gateway gets a webhook without a message.

use std::sync::Arc;

use axum::{Json, extract::State};
use serde::Deserialize;
use serde_json::Value;

use super::{super::Body, Refusal, done, unprocessable};
use crate::{contact::Contact, dialogue::Flag, shared::Shared};

/// How long a name, a phone number or an address may be, in characters.
const LONGEST: usize = 200;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SetFlag {
    chat_id: String,
    flag: Flag,
    value: bool,
}

pub(super) async fn flag(
    State(shared): State<Arc<Shared>>,
    Body(SetFlag { chat_id, flag, value }): Body<SetFlag>,
) -> Result<Json<Value>, Refusal> {
    let text = match (flag, value) {
        (Flag::Interest, true) => "Marked as interested",
        (Flag::Interest, false) => "No longer marked as interested",
        (Flag::Success, true) => "Marked as successful",
        (Flag::Success, false) => "No longer marked as successful",
        (Flag::IsBot, true) => "Marked as a bot",
        (Flag::IsBot, false) => "No longer marked as a bot",
        (Flag::GetContact | Flag::Operator | Flag::Close, _) => {
            return Err(unprocessable("this flag follows from what is done, and cannot be set alone"));
        }
    };
    let found = shared.state().edit(&chat_id, None, text, |dialogue| dialogue.set(flag, value));
    shared.wake(&chat_id);
    done(found)
}

/// All of it: what is left out or empty is not known any more.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SetContact {
    chat_id: String,
    /// The user's name. Left out or empty, it stays as it is.
    #[serde(default)]
    title: String,
    #[serde(default)]
    phone: String,
    #[serde(default)]
    email: String,
}

pub(super) async fn contact(
    State(shared): State<Arc<Shared>>,
    Body(SetContact { chat_id, title, phone, email }): Body<SetContact>,
) -> Result<Json<Value>, Refusal> {
    if [&title, &phone, &email].iter().any(|text| text.chars().count() > LONGEST) {
        return Err(unprocessable("a name, a phone number or an address is too long"));
    }
    let contact = Contact { phone: phone.trim().to_owned(), email: email.trim().to_owned() };
    let found = shared.state().edit(&chat_id, None, "Contact changed by hand", |dialogue| {
        let title = if title.trim().is_empty() { &dialogue.title } else { title.trim() }.to_owned();
        let renamed = title != dialogue.title;
        let flagged = dialogue.set(Flag::GetContact, !contact.is_empty());
        let replaced = std::mem::replace(&mut dialogue.contact, contact.clone());
        dialogue.title = title;
        renamed || flagged || replaced != contact
    });
    shared.wake(&chat_id);
    done(found)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Which {
    chat_id: String,
}

pub(super) async fn read(
    State(shared): State<Arc<Shared>>,
    Body(which): Body<Which>,
) -> Result<Json<Value>, Refusal> {
    done(shared.state().mark_read(&which.chat_id))
}
