//! What must hold of everything that is handed over, whatever the case is about.

use switchboard_core::{Cursor, Event, IncomingMessage};

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
fn essence(message: &IncomingMessage) -> (&str, &str, &str) {
    (message.conversation.as_str(), message.user.as_str(), &message.text)
}

#[cfg(test)]
mod tests {
    use switchboard_core::{Addressed, ConversationId, EventId, Place, UserId};
    use tokio::time::Instant;

    use super::*;

    fn event(id: &str, text: &str) -> Event {
        Event::Message(IncomingMessage {
            event_id: EventId::new(id),
            conversation: ConversationId::new("here"),
            place: Place::Direct,
            addressed: Addressed::ToBot,
            user: UserId::new("me"),
            user_name: None,
            native_id: None,
            text: text.to_owned(),
            sent_at: None,
            answer: None,
        })
    }

    fn broken(via: Via, events: &[Event], cursor: bool) -> usize {
        let cursor = cursor.then(|| Cursor::new("5"));
        let earlier =
            Attempt { via, events: vec![event("1", "one")], at: Instant::now(), cursor_known: true };
        broken_by(via, events, cursor.as_ref(), &[earlier]).len()
    }

    #[test]
    fn what_is_whole_and_new_or_the_same_breaks_nothing() {
        assert_eq!(broken(Via::Run, &[event("1", "one"), event("2", "two")], true), 0);
        assert_eq!(broken(Via::Routes, &[event("2", "two")], false), 0);
    }

    #[test]
    fn what_breaks_a_rule_is_noted() {
        assert_eq!(broken(Via::Run, &[event("1", "another")], true), 1, "one id for two messages");
        assert_eq!(broken(Via::Run, &[event("2", " \n")], true), 1, "no text");
        assert_eq!(broken(Via::Run, &[event("", "two")], true), 1, "no id");
        assert_eq!(broken(Via::Routes, &[], true), 1, "a cursor from the routes");
    }

    #[test]
    fn a_cursor_waits_for_the_calls_before_it() {
        let mut open = Open::default();
        assert_eq!(open.enter(Via::Run, true), None);
        assert!(open.enter(Via::Run, true).is_some());
        open.leave();
        assert!(open.enter(Via::Run, false).is_some(), "the cursor's call is not finished");
        open.leave();
        open.leave();
        assert_eq!(open.enter(Via::Run, false), None);
        assert_eq!(open.enter(Via::Run, false), None, "no cursor claims anything of them");
    }

    #[test]
    fn who_does_not_own_the_channel_hands_nothing_over() {
        let mut open = Open { disowned: true, ..Open::default() };
        assert!(open.enter(Via::Run, false).is_some());
    }
}
