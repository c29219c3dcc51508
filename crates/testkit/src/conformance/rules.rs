//! What must hold of everything that is handed over, whatever the case is about.

use switchboard_core::{Cursor, Event};

use super::ledger::{Attempt, Via, message};

/// The calls of `accept` through one inbox that have not returned yet.
#[derive(Default)]
pub(super) struct Open {
    calls: u32,
    with_cursor: bool,
    /// The inbox has said that another replica owns the channel.
    pub(super) disowned: bool,
}

impl Open {
    /// A call begins. Returns what is wrong with that.
    pub(super) fn enter(&mut self, via: Via, with_cursor: bool) -> Option<String> {
        let at_once = self.calls > 0 && (with_cursor || self.with_cursor);
        self.calls += 1;
        self.with_cursor |= with_cursor;
        if self.disowned {
            return Some("events were handed over although another replica owns the channel".to_owned());
        }
        // The cursor says that everything before it is stored. Which of two calls is committed first is not known.
        (via == Via::Run && at_once)
            .then(|| "a cursor was handed over while an earlier call was not finished".to_owned())
    }

    /// A call has ended.
    pub(super) fn leave(&mut self) {
        self.calls -= 1;
        self.with_cursor &= self.calls > 0;
    }
}

/// What is wrong with a call in itself, and beside the earlier ones.
pub(super) fn broken_by(
    via: Via,
    events: &[Event],
    cursor: Option<&Cursor>,
    earlier: &[Attempt],
) -> Vec<String> {
    let mut faults = Vec::new();
    if via == Via::Routes && cursor.is_some() {
        faults.push("a cursor was handed over by the routes' inbox".to_owned());
    }
    for event in events {
        if event.id().as_str().is_empty() {
            faults.push(format!("an event has no id: {event:?}"));
        }
        let another = earlier.iter().flat_map(|attempt| &attempt.events).find(|other| {
            other.id() == event.id() && message(other).map(essence) != message(event).map(essence)
        });
        if let Some(another) = another {
            faults.push(format!("two events have one id: {another:?} and {event:?}"));
        }
        let Some(message) = message(event) else { continue };
        if message.text.trim().is_empty() {
            faults.push(format!("a message has no text: {message:?}"));
        }
        if message.conversation.as_str().is_empty() || message.user.as_str().is_empty() {
            faults.push(format!("a message has no conversation or no user: {message:?}"));
        }
    }
    faults
}

/// What cannot differ between two handings-over of one message.
fn essence(message: &switchboard_core::IncomingMessage) -> (&str, &str, &str) {
    (message.conversation.as_str(), message.user.as_str(), &message.text)
}
