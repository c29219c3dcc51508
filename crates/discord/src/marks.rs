//! Where the channel stands: the session of the gateway, and the last message known in each place.
//!
//! It is the channel's cursor, `1:<JSON>`; the number in front is the version of the format. It is stored with
//! every message, so its size is bounded: the places that were quiet longest are forgotten, and whatever is
//! not known stands at the floor, which is raised so that it lies behind nothing that was forgotten.

use std::collections::HashMap;

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
    /// The mark of all places that have none. `None`: the channel never ran.
    pub(crate) floor: Option<u64>,
    places: HashMap<Address, u64>,
}

/// As it is stored.
#[derive(Serialize, Deserialize)]
struct Stored {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    session: Option<Session>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    behind: bool,
    floor: u64,
    /// `@<channel>=<mark>` and `<channel>=<mark>`, apart by blanks.
    #[serde(default)]
    places: String,
}

impl Marks {
    /// A cursor that cannot be read (of a later version) is as good as none. `None` also without one.
    pub(crate) fn parse(cursor: &Cursor) -> Option<Self> {
        let stored: Stored = serde_json::from_str(cursor.as_str().strip_prefix(CURSOR_VERSION)?).ok()?;
        let places = stored.places.split_whitespace().map(place).collect::<Option<_>>()?;
        Some(Self { session: stored.session, behind: stored.behind, floor: Some(stored.floor), places })
    }

    pub(crate) fn cursor(&self) -> Cursor {
        let mut places: Vec<String> =
            self.places.iter().map(|(place, mark)| show_place(*place, *mark)).collect();
        places.sort_unstable();
        let stored = Stored {
            session: self.session.clone(),
            behind: self.behind,
            floor: self.floor.unwrap_or_default(),
            places: places.join(" "),
        };
        let stored = serde_json::to_string(&stored).expect("it is text and numbers");
        Cursor::new(format!("{CURSOR_VERSION}{stored}"))
    }

    /// The last message that is known there.
    pub(crate) fn of(&self, place: Address) -> u64 {
        self.places.get(&place).copied().or(self.floor).unwrap_or_default()
    }

    /// A message is known from now on.
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

    fn forget_quietest(&mut self, direct: bool) {
        let quietest = self.places.iter().filter(|(place, _)| place.direct == direct);
        let quietest = quietest.min_by_key(|(_, mark)| **mark).map(|(place, mark)| (*place, *mark));
        if let Some((place, mark)) = quietest {
            self.places.remove(&place);
            self.floor = self.floor.max(Some(mark));
        }
    }
}

fn place(text: &str) -> Option<(Address, u64)> {
    let (place, mark) = text.split_once('=')?;
    let (direct, channel) = place.strip_prefix('@').map_or((false, place), |channel| (true, channel));
    Some((Address { channel: number(channel)?, direct }, number(mark)?))
}

fn show_place(place: Address, mark: u64) -> String {
    format!("{}{}={}", if place.direct { "@" } else { "" }, digits(place.channel), digits(mark))
}

fn number(digits: &str) -> Option<u64> {
    u64::from_str_radix(digits, u32::try_from(BASE).expect("it is 36")).ok()
}

fn digits(mut number: u64) -> String {
    let mut digits = Vec::new();
    loop {
        let digit = u32::try_from(number % BASE).expect("it is below 36");
        digits.push(char::from_digit(digit, 36).expect("it is below 36"));
        number /= BASE;
        if number == 0 {
            return digits.into_iter().rev().collect();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DIRECT: Address = Address { channel: 5, direct: true };
    const OTHER: Address = Address { channel: u64::MAX, direct: false };

    #[test]
    fn a_cursor_is_read_back_and_no_other_version_s() {
        let session = Session { id: "abc".to_owned(), url: "wss://gateway".to_owned(), seq: 7 };
        let mut marks = Marks { session: Some(session), behind: true, floor: Some(3), ..Marks::default() };
        marks.advance(DIRECT, 17);
        marks.advance(OTHER, 1_234_567_890_123_456_789);
        assert_eq!(Marks::parse(&marks.cursor()), Some(marks));
        for other in ["", "{}", "2:{\"floor\":1}", "1:", "1:{\"floor\":1,\"places\":\"x\"}"] {
            assert_eq!(Marks::parse(&Cursor::new(other)), None, "{other:?}");
        }
    }

    #[test]
    fn a_mark_never_goes_back() {
        let mut marks = Marks { floor: Some(10), ..Marks::default() };
        assert_eq!(marks.of(DIRECT), 10);
        marks.advance(DIRECT, 17);
        marks.advance(DIRECT, 12);
        assert_eq!((marks.of(DIRECT), marks.of(OTHER)), (17, 10));
    }

    #[test]
    fn its_size_is_bounded_and_the_quietest_are_forgotten() {
        let mut marks = Marks { floor: Some(0), ..Marks::default() };
        let newest = 1_300_000_000_000_000_000;
        for number in 1..=2_000 {
            for direct in [true, false] {
                marks.advance(Address { channel: newest + number, direct }, newest + number);
            }
        }
        assert!(marks.cursor().as_str().len() < 20_000, "{}", marks.cursor().as_str().len());
        assert_eq!(marks.direct().len(), MOST_DIRECT);
        assert_eq!(marks.direct()[0].channel, newest + 2_000);
        let forgotten = Address { channel: newest + 1, direct: false };
        assert_eq!(marks.of(forgotten), newest + 2_000 - MOST_OTHERS as u64);
    }
}
