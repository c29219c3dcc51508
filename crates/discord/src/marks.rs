//! Where the channel stands: the session of the gateway, and the last message known in each place.
//!
//! It is the channel's cursor, `1:<JSON>`; the number in front is the version of the format. It is stored with
//! every message, so its size is bounded: the places that were quiet longest are forgotten. What is not known
//! stands at the floor. For guilds that is raised, so that it lies behind nothing that was forgotten, only when a
//! session begins and all that the one before had missed has been fetched: until then, older messages may be missing
//! in a place than those that are known elsewhere. For direct channels it is never raised: those that are unknown are
//! not fetched from until somebody writes there, however many sessions later, and then what comes again is little.

use std::collections::{BTreeSet, HashMap};

use serde::{Deserialize, Serialize};
use switchboard_core::Cursor;

use crate::id::Address;

const CURSOR_VERSION: &str = "1:";
/// The most direct channels that are remembered. After a lost session only these can be looked at: Discord
/// does not tell a bot its direct channels.
const MOST_DIRECT: usize = 400;
/// The most channels and threads of guilds that are remembered. Discord names them all by itself.
const MOST_OTHERS: usize = 200;
/// The digits of a place or of a mark in the cursor.
const BASE: u64 = 36;
/// A place with its mark in the cursor, in bytes: two numbers of 13 digits at most, and three signs.
const LONGEST_PLACE: usize = 2 * 13 + 3;

/// A session of the gateway, which outlives its connection by some minutes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Session {
    /// Discord's name for it.
    pub(crate) id: String,
    /// Where it is resumed.
    pub(crate) url: String,
    /// The number of the last event that was dealt with.
    pub(crate) seq: u64,
}

/// Where the channel stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Marks {
    pub(crate) session: Option<Session>,
    /// The session has begun, and what was missed before it has not all been fetched from the direct channels.
    pub(crate) behind: bool,
    /// The guilds that have not yet said what is new in them since the session before.
    awaited: BTreeSet<u64>,
    /// The mark of all places of guilds that have none. `None`: the channel never ran.
    floor: Option<u64>,
    /// The mark of all direct channels that have none: when the channel first ran.
    direct_floor: Option<u64>,
    /// What the floor may be raised to.
    forgotten: u64,
    /// The id of whatever happened before the session is below it.
    since: u64,
    places: HashMap<Address, u64>,
}

/// When a session began, by the ids of that time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Beginning {
    /// Nothing that has this id or a later one was there when the session was asked for.
    pub(crate) asked: u64,
    /// Nothing that has this id or a later one was there when the session began.
    pub(crate) begun: u64,
}

/// As it is stored.
#[derive(Serialize, Deserialize)]
struct Stored {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    session: Option<Session>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    behind: bool,
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    awaited: BTreeSet<u64>,
    floor: u64,
    /// The floor where there is none.
    #[serde(default)]
    direct_floor: Option<u64>,
    #[serde(default)]
    forgotten: u64,
    #[serde(default)]
    since: u64,
    /// `@<channel>=<mark>` and `<channel>=<mark>`, apart by blanks.
    #[serde(default)]
    places: String,
}

impl Marks {
    /// A cursor that cannot be read (of a later version) is as good as none. `None` also without one.
    pub(crate) fn parse(cursor: &Cursor) -> Option<Self> {
        let stored: Stored = serde_json::from_str(cursor.as_str().strip_prefix(CURSOR_VERSION)?).ok()?;
        Some(Self {
            session: stored.session,
            behind: stored.behind,
            awaited: stored.awaited,
            floor: Some(stored.floor),
            direct_floor: stored.direct_floor.or(Some(stored.floor)),
            forgotten: stored.forgotten,
            since: stored.since,
            places: stored.places.split_whitespace().map(place).collect::<Option<_>>()?,
        })
    }

    /// A new session has begun, in which nothing of what was missed before comes again.
    pub(crate) fn begin(
        &mut self,
        session: Session,
        beginning: Beginning,
        guilds: impl IntoIterator<Item = u64>,
    ) {
        if !self.behind && self.awaited.is_empty() {
            self.floor = self.floor.map(|floor| floor.max(self.forgotten));
        }
        self.floor = self.floor.or(Some(beginning.asked));
        self.direct_floor = self.direct_floor.or(Some(beginning.asked));
        let newest = self.places.values().copied().max().unwrap_or_default();
        self.since = beginning.begun.max(newest + 1);
        self.session = Some(session);
        self.behind = self.places.keys().any(|place| place.direct);
        self.awaited = guilds.into_iter().collect();
    }

    /// What was missed in a guild has been fetched, or the guild is none of ours any more.
    pub(crate) fn guild_is_done(&mut self, guild: u64) {
        self.awaited.remove(&guild);
    }

    /// Whether nothing can be missing there: it is as new as the session, or something of the session is known,
    /// before which all that was missing was fetched.
    pub(crate) fn is_whole(&self, place: Address) -> bool {
        place.channel >= self.since || self.places.get(&place).is_some_and(|mark| *mark >= self.since)
    }

    pub(crate) fn cursor(&self) -> Cursor {
        let mut places = String::with_capacity(self.places.len() * LONGEST_PLACE);
        for (place, mark) in &self.places {
            show_place(*place, *mark, &mut places);
        }
        let stored = Stored {
            session: self.session.clone(),
            behind: self.behind,
            awaited: self.awaited.clone(),
            floor: self.floor.unwrap_or_default(),
            direct_floor: self.direct_floor,
            forgotten: self.forgotten,
            since: self.since,
            places,
        };
        let stored = serde_json::to_string(&stored).expect("it is text and numbers");
        Cursor::new(format!("{CURSOR_VERSION}{stored}"))
    }

    /// The last message that is known there.
    pub(crate) fn of(&self, place: Address) -> u64 {
        let floor = if place.direct { self.direct_floor } else { self.floor };
        self.places.get(&place).copied().or(floor).unwrap_or_default()
    }

    /// All up to this message is known from now on.
    pub(crate) fn advance(&mut self, place: Address, message: u64) {
        let mark = self.places.entry(place).or_insert(message);
        *mark = message.max(*mark);
        let of_its_kind = self.places.keys().filter(|other| other.direct == place.direct);
        let most = if place.direct { MOST_DIRECT } else { MOST_OTHERS };
        if of_its_kind.count() > most {
            self.forget_quietest(place.direct);
        }
    }

    /// The direct channels that are known, those with the newest messages first.
    pub(crate) fn direct(&self) -> Vec<Address> {
        let mut direct: Vec<_> = self.places.iter().filter(|(place, _)| place.direct).collect();
        direct.sort_unstable_by_key(|(_, mark)| std::cmp::Reverse(**mark));
        direct.into_iter().map(|(place, _)| *place).collect()
    }

    /// The place is no more.
    pub(crate) fn forget(&mut self, place: Address) {
        self.places.remove(&place);
    }

    fn forget_quietest(&mut self, direct: bool) {
        let quietest = self.places.iter().filter(|(place, _)| place.direct == direct);
        let quietest = quietest.min_by_key(|(_, mark)| **mark).map(|(place, mark)| (*place, *mark));
        if let Some((place, mark)) = quietest {
            self.places.remove(&place);
            if !direct {
                self.forgotten = self.forgotten.max(mark);
            }
        }
    }
}

fn place(text: &str) -> Option<(Address, u64)> {
    let (place, mark) = text.split_once('=')?;
    let (direct, channel) = place.strip_prefix('@').map_or((false, place), |channel| (true, channel));
    Some((Address { channel: number(channel)?, direct }, number(mark)?))
}

fn show_place(place: Address, mark: u64, into: &mut String) {
    if !into.is_empty() {
        into.push(' ');
    }
    if place.direct {
        into.push('@');
    }
    show_number(place.channel, into);
    into.push('=');
    show_number(mark, into);
}

fn number(digits: &str) -> Option<u64> {
    u64::from_str_radix(digits, u32::try_from(BASE).expect("it is 36")).ok()
}

fn show_number(number: u64, into: &mut String) {
    if number >= BASE {
        show_number(number / BASE, into);
    }
    let digit = u32::try_from(number % BASE).expect("it is below 36");
    into.push(char::from_digit(digit, 36).expect("it is below 36"));
}

#[cfg(test)]
mod tests {
    use super::*;

    const DIRECT: Address = Address { channel: 5, direct: true };
    const OTHER: Address = Address { channel: u64::MAX, direct: false };

    fn session() -> Session {
        Session { id: "abc".to_owned(), url: "wss://gateway".to_owned(), seq: 7 }
    }

    fn beginning(at: u64) -> Beginning {
        Beginning { asked: at, begun: at }
    }

    #[test]
    fn a_cursor_is_read_back_and_no_other_version_s() {
        let mut marks = Marks::default();
        marks.advance(DIRECT, 17);
        marks.begin(session(), beginning(3), [1, 2]);
        marks.advance(OTHER, 1_234_567_890_123_456_789);
        assert!(marks.behind);
        assert_eq!(Marks::parse(&marks.cursor()), Some(marks));
        for other in ["", "{}", "2:{\"floor\":1}", "1:", "1:{\"floor\":1,\"places\":\"x\"}"] {
            assert_eq!(Marks::parse(&Cursor::new(other)), None, "{other:?}");
        }
    }

    #[test]
    fn a_mark_never_goes_back() {
        let mut marks = Marks::default();
        marks.begin(session(), beginning(10), []);
        assert_eq!(marks.of(DIRECT), 10);
        marks.advance(DIRECT, 17);
        marks.advance(DIRECT, 12);
        assert_eq!((marks.of(DIRECT), marks.of(OTHER)), (17, 10));
    }

    #[test]
    fn a_place_is_whole_once_something_of_the_session_is_known_there() {
        let mut marks = Marks::default();
        marks.advance(DIRECT, 17);
        marks.begin(session(), beginning(10), []);
        assert!(
            !marks.is_whole(DIRECT),
            "the newest mark is older than the session, whatever the clock says"
        );
        marks.advance(DIRECT, 18);
        assert!(marks.is_whole(DIRECT));
        assert!(marks.is_whole(OTHER), "it was made in the session");
        assert!(!marks.is_whole(Address { channel: 6, direct: false }));
    }

    #[test]
    fn the_floor_waits_until_nothing_is_missing() {
        let mut marks = Marks::default();
        let unknown = Address { channel: 1, direct: false };
        marks.begin(session(), beginning(10), [5]);
        for number in 0..=MOST_OTHERS as u64 {
            marks.advance(Address { channel: 100 + number, direct: false }, 1_000 + number);
        }
        assert_eq!(marks.of(unknown), 10);
        marks.begin(session(), beginning(2_000), [5]);
        assert_eq!(marks.of(unknown), 10, "the guild never said what is new in it");
        marks.guild_is_done(5);
        marks.begin(session(), beginning(3_000), [5]);
        assert_eq!(marks.of(unknown), 1_000);
    }

    #[test]
    fn its_size_is_bounded_and_the_quietest_are_forgotten() {
        let mut marks = Marks::default();
        marks.begin(session(), beginning(1), []);
        let newest = 1_300_000_000_000_000_000;
        for number in 1..=10_000 {
            for direct in [true, false] {
                marks.advance(Address { channel: newest + number, direct }, newest + number);
            }
        }
        assert!(marks.cursor().as_str().len() < 20_000, "{}", marks.cursor().as_str().len());
        assert_eq!(marks.direct().len(), MOST_DIRECT);
        assert_eq!(marks.direct()[0].channel, newest + 10_000);
        let forgotten = |direct| Address { channel: newest + 1, direct };
        marks.behind = false;
        marks.begin(session(), beginning(2), []);
        assert_eq!(marks.of(forgotten(false)), newest + 10_000 - MOST_OTHERS as u64);
        assert_eq!(marks.of(forgotten(true)), 1, "who was forgotten may have written unheard since then");
    }
}
