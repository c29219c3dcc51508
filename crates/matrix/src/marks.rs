//! Where the channel stands: its cursor.

use std::collections::{BTreeMap, BTreeSet};

use matrix_sdk::ruma::{EventId, OwnedEventId, OwnedRoomId, OwnedUserId};
use serde::{Deserialize, Serialize};
use switchboard_core::Cursor;

use crate::withheld::Withheld;

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
    /// Those of them whose keys their authors' clients refuse.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) withheld: BTreeMap<OwnedEventId, Withheld>,
}

/// A message that cannot be read yet.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(crate) struct Waiting {
    pub(crate) room: OwnedRoomId,
    pub(crate) event: OwnedEventId,
    /// Its author. Older cursors do not name it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) sender: Option<OwnedUserId>,
    /// The session that it was encrypted in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) session: Option<String>,
}

impl Marks {
    /// Nothing is stored, and what comes after `next` will be.
    pub(crate) fn new(device: &str, start: &str, next: String) -> Self {
        let (device, start) = (device.to_owned(), start.to_owned());
        Self {
            v: VERSION,
            device,
            start,
            next,
            joining: BTreeSet::new(),
            waiting: Vec::new(),
            withheld: BTreeMap::new(),
        }
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
        if self.waiting.iter().any(|it| it.event == waiting.event) {
            return None;
        }
        self.waiting.push(waiting);
        let surplus = (self.waiting.len() > MAX_WAITING).then(|| self.waiting.remove(0));
        if let Some(surplus) = &surplus {
            self.withheld.remove(&surplus.event);
        }
        surplus
    }

    /// Notes which messages go on waiting.
    pub(crate) fn keep_waiting(&mut self, waits: impl Fn(&EventId) -> bool) {
        self.waiting.retain(|it| waits(&it.event));
        self.withheld.retain(|event, _| waits(event));
    }

    /// How many messages wait for keys that may come.
    pub(crate) fn hopeful(&self) -> usize {
        self.waiting.len().saturating_sub(self.withheld.len())
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
    fn what_no_longer_waits_is_no_longer_refused() {
        let mut marks = Marks::new("A", "1", "s7_1".to_owned());
        for number in 0..3 {
            marks.wait(waiting(number));
        }
        marks.withheld.insert(waiting(1).event, Withheld::Unverified);
        marks.withheld.insert(waiting(2).event, Withheld::NoOlm);
        assert_eq!(marks.hopeful(), 1);
        marks.keep_waiting(|event| *event != *waiting(1).event);
        assert_eq!((marks.waiting.len(), marks.withheld.len(), marks.hopeful()), (2, 1, 1));
        assert_eq!(Marks::parse(&marks.cursor()), Some(marks));
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
            sender: None,
            session: Some("s".to_owned()),
        }
    }
}
