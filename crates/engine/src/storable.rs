//! What every store can keep: ids, names, texts and times, cleaned once for all adapters.
//!
//! What strangers choose (a time stamp, a name, on some messengers even an id) must not be able to make a
//! batch that no store takes: its adapter would hand it over for ever, and nothing after it.

use switchboard_core::{EventId, IncomingMessage, MessageId};
use time::{OffsetDateTime, macros::datetime};
use uuid::Uuid;

/// The longest id of a conversation, a user or a message, in bytes. Some are in one key together, of which
/// PostgreSQL takes 2,704 bytes (a third of a page).
const MAX_ID: usize = 1_000;
/// The longest event id that is stored as it is, in bytes.
const MAX_EVENT_ID: usize = 500;
/// The longest name, in characters.
const MAX_NAME: usize = 250;
/// The longest text, in bytes. Far more than a messenger takes for one message.
const MAX_TEXT: usize = 256 * 1024;
/// What stands at the end of a text that was cut.
const CUT: &str = " […]";
/// Times outside of these are nobody's.
const SANE_TIMES: std::ops::Range<OffsetDateTime> =
    datetime!(1990-01-01 00:00 UTC)..datetime!(2200-01-01 00:00 UTC);

/// Why the message cannot be stored: one of its ids, which must stay as they are, is none that a store takes.
pub(crate) fn refusal(message: &IncomingMessage) -> Option<String> {
    let ids = [
        ("conversation", Some(message.conversation.as_str())),
        ("user", Some(message.user.as_str())),
        ("message", message.native_id.as_ref().map(MessageId::as_str)),
    ];
    ids.into_iter().find_map(|(what, id)| {
        let reason = check(id?, MAX_ID).err()?;
        Some(format!("the id of its {what} {reason}"))
    })
}

/// The message with everything else that it has as stores take it.
pub(crate) fn clean(message: IncomingMessage) -> IncomingMessage {
    IncomingMessage {
        event_id: event_id(message.event_id),
        user_name: message.user_name.map(name),
        text: cut(without_nul(message.text)),
        sent_at: message.sent_at.filter(|at| SANE_TIMES.contains(at)),
        ..message
    }
}

/// The same id, or one in its place: it only serves to recognise the event.
pub(crate) fn event_id(id: EventId) -> EventId {
    if check(id.as_str(), MAX_EVENT_ID).is_ok() {
        return id;
    }
    EventId::new(format!("uuid5:{}", Uuid::new_v5(&Uuid::NAMESPACE_OID, id.as_str().as_bytes())))
}

fn check(id: &str, limit: usize) -> Result<(), String> {
    if id.len() > limit {
        return Err(format!("is longer than {limit} bytes"));
    }
    if id.contains('\0') { Err("contains U+0000".to_owned()) } else { Ok(()) }
}

fn name(name: String) -> String {
    let mut name = without_nul(name);
    if let Some((end, _)) = name.char_indices().nth(MAX_NAME) {
        name.truncate(end);
    }
    name
}

fn cut(mut text: String) -> String {
    if text.len() > MAX_TEXT {
        text.truncate(text.floor_char_boundary(MAX_TEXT));
        text.push_str(CUT);
    }
    text
}

/// Postgres cannot store U+0000.
pub(crate) fn without_nul(text: String) -> String {
    if text.contains('\0') { text.replace('\0', "\u{FFFD}") } else { text }
}

#[cfg(test)]
mod tests {
    use switchboard_core::{Addressed, ConversationId, Place, UserId};

    use super::*;

    fn plain() -> IncomingMessage {
        IncomingMessage {
            event_id: EventId::new("e"),
            conversation: ConversationId::new("room"),
            place: Place::Direct,
            addressed: Addressed::ToBot,
            user: UserId::new("u"),
            user_name: Some("Anna".to_owned()),
            native_id: None,
            text: "hi".to_owned(),
            sent_at: Some(datetime!(2026-11-29 00:00 UTC)),
            answer: None,
        }
    }

    #[test]
    fn an_ordinary_message_stays_as_it_is() {
        assert_eq!((refusal(&plain()), clean(plain())), (None, plain()));
    }

    #[test]
    fn a_time_that_cannot_be_is_unknown() {
        for at in [datetime!(-7537-01-01 00:00 UTC), datetime!(9999-12-31 23:59 UTC)] {
            let stored = clean(IncomingMessage { sent_at: Some(at), ..plain() });
            assert_eq!(stored.sent_at, None, "{at}");
        }
    }

    #[test]
    fn names_and_texts_are_cleaned_and_cut() {
        let long = IncomingMessage {
            user_name: Some("\0я".repeat(MAX_NAME)),
            text: format!("\0{}", "я".repeat(MAX_TEXT)),
            ..plain()
        };
        let stored = clean(long);
        assert_eq!(stored.user_name.unwrap(), "\u{FFFD}я".repeat(MAX_NAME / 2));
        assert!(stored.text.len() <= MAX_TEXT + CUT.len() && stored.text.ends_with(&format!("я{CUT}")));
        assert!(stored.text.starts_with('\u{FFFD}'));
    }

    #[test]
    fn an_event_id_that_cannot_be_stored_is_replaced_by_one_of_its_own() {
        let [one, two] = ["a", "b"].map(|name| event_id(EventId::new(name.repeat(MAX_EVENT_ID + 1))));
        assert!(one != two && one.as_str().len() < MAX_EVENT_ID);
        assert_eq!(event_id(EventId::new("a".repeat(MAX_EVENT_ID + 1))), one);
        assert!(!event_id(EventId::new("a\0")).as_str().contains('\0'));
    }

    #[test]
    fn an_id_that_must_stay_and_cannot_is_said() {
        let user = refusal(&IncomingMessage { user: UserId::new("u\0"), ..plain() });
        assert_eq!(user.as_deref(), Some("the id of its user contains U+0000"));
        let place = ConversationId::new("r".repeat(MAX_ID + 1));
        let place = refusal(&IncomingMessage { conversation: place, ..plain() });
        assert_eq!(place.as_deref(), Some("the id of its conversation is longer than 1000 bytes"));
    }
}
