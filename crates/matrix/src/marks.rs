//! Where the channel stands: its cursor.

use std::collections::BTreeSet;

use matrix_sdk::ruma::{OwnedEventId, OwnedRoomId};
use serde::{Deserialize, Serialize};
use switchboard_core::Cursor;

/// The form of the cursor.
const VERSION: u32 = 1;

/// How many messages may wait for their keys. What is over that is kept for a person to look at.
pub(crate) const MAX_WAITING: usize = 1_000;

/// Where the channel stands. Stored with what was received up to there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Marks {
    v: u32,
    /// The device that has received.
    pub(crate) device: String,
    /// Under which name it began to, see `Kept::starts`.
    pub(crate) start: String,
    /// Everything before this position of the homeserver's stream is stored.
    pub(crate) next: String,
    /// Rooms that the account enters, of which nothing is stored yet.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub(crate) joining: BTreeSet<OwnedRoomId>,
    /// Messages that cannot be read before their keys arrive, oldest first. The homeserver keeps them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) waiting: Vec<Waiting>,
}

/// A message that cannot be read yet.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(crate) struct Waiting {
    pub(crate) room: OwnedRoomId,
    pub(crate) event: OwnedEventId,
    /// The session that it was encrypted in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) session: Option<String>,
}

impl Marks {
    /// Nothing is stored, and what comes after `next` will be.
    pub(crate) fn new(device: &str, start: &str, next: String) -> Self {
        let (device, start) = (device.to_owned(), start.to_owned());
        Self { v: VERSION, device, start, next, joining: BTreeSet::new(), waiting: Vec::new() }
    }

    /// Notes that a device goes on from a position, under this name.
    pub(crate) fn begin(&mut self, device: &str, start: String, next: String) {
        device.clone_into(&mut self.device);
        (self.start, self.next) = (start, next);
    }

    /// `None` for a cursor of another version.
    pub(crate) fn parse(cursor: &Cursor) -> Option<Self> {
        serde_json::from_str(cursor.as_str()).ok().filter(|marks: &Self| marks.v == VERSION)
    }

    pub(crate) fn cursor(&self) -> Cursor {
        Cursor::new(serde_json::to_string(self).expect("it is only text"))
    }

    /// Notes that a message waits. Returns one that has waited for too long, if there are too many.
    pub(crate) fn wait(&mut self, waiting: Waiting) -> Option<Waiting> {
        if self.waiting.contains(&waiting) {
            return None;
        }
        self.waiting.push(waiting);
        (self.waiting.len() > MAX_WAITING).then(|| self.waiting.remove(0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_is_read_back_and_no_other_version_s() {
        let mut marks = Marks::new("A", "1", "s7_1".to_owned());
        marks.joining.insert(OwnedRoomId::try_from("!a:example.com").expect("a room"));
        marks.wait(waiting(1));
        assert_eq!(Marks::parse(&marks.cursor()), Some(marks));
        for other in ["", "7", "{}", r#"{"v":2,"device":"A","start":"1","next":"s"}"#] {
            assert_eq!(Marks::parse(&Cursor::new(other)), None, "{other:?}");
        }
    }

    #[test]
    fn the_oldest_is_given_up_first_and_nothing_waits_twice() {
        let mut marks = Marks::new("A", "1", "s7_1".to_owned());
        for number in 0..MAX_WAITING {
            assert_eq!(marks.wait(waiting(number)), None);
            assert_eq!(marks.wait(waiting(number)), None);
        }
        assert_eq!(marks.wait(waiting(MAX_WAITING)), Some(waiting(0)));
        assert_eq!(marks.waiting.len(), MAX_WAITING);
    }

    fn waiting(number: usize) -> Waiting {
        Waiting {
            room: OwnedRoomId::try_from("!a:example.com").expect("a room"),
            event: OwnedEventId::try_from(format!("$e{number}")).expect("an event"),
            session: Some("s".to_owned()),
        }
    }
}
