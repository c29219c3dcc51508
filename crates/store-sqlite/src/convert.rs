//! From columns to models, and back where a column holds JSON.

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use switchboard_core::{Author, Cause, Place, markup::Rendered};
use switchboard_store::{DeliveryState, Direction, StoreError};

use crate::error::Failure;

/// Where a value was read, for the error if it is not understood.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cell {
    pub(crate) table: &'static str,
    pub(crate) column: &'static str,
    pub(crate) row: i64,
}

impl Cell {
    pub(crate) fn corrupt(self, source: impl Into<Cause>) -> Failure {
        let Self { table, column, row } = self;
        Failure::Corrupt(StoreError::Corrupt { table, column, row: row.to_string(), source: source.into() })
    }

    /// The one of these values that is stored under this word.
    fn word<T: Copy>(self, word: &str, all: &[T], name: fn(T) -> &'static str) -> Result<T, Failure> {
        let found = all.iter().find(|value| name(**value) == word);
        found.copied().ok_or_else(|| self.corrupt(format!("{word:?} is not one of its words")))
    }

    pub(crate) fn place(self, word: &str) -> Result<Place, Failure> {
        self.word(word, &[Place::Direct, Place::Group], place_word)
    }

    pub(crate) fn direction(self, word: &str) -> Result<Direction, Failure> {
        self.word(word, &[Direction::ToAi, Direction::ToMessenger], Direction::as_str)
    }

    pub(crate) fn author(self, word: &str) -> Result<Author, Failure> {
        let all = [Author::User, Author::Bot, Author::Operator, Author::Gateway];
        self.word(word, &all, Author::as_str)
    }

    pub(crate) fn state(self, word: &str) -> Result<DeliveryState, Failure> {
        use DeliveryState::{Dead, Discarded, Pending, Sent};
        self.word(word, &[Pending, Sent, Dead, Discarded], DeliveryState::as_str)
    }

    pub(crate) fn json<T: DeserializeOwned>(self, text: &str) -> Result<T, Failure> {
        serde_json::from_str(text).map_err(|error| self.corrupt(error))
    }

    /// A number that is not negative.
    pub(crate) fn count<T: TryFrom<i64>>(self, number: i64) -> Result<T, Failure> {
        T::try_from(number).map_err(|_| self.corrupt(format!("{number} is out of range")))
    }

    /// The rendered text of a delivery to a messenger.
    pub(crate) fn rendered(self, text: &str) -> Result<Rendered, Failure> {
        let stored: StoredText<Rendered> = self.json(text)?;
        match stored.v {
            1 => Ok(stored.text),
            other => Err(self.corrupt(format!("version {other} is not known"))),
        }
    }
}

/// A rendered text as it is stored, with the version of its format.
#[derive(Serialize, Deserialize)]
struct StoredText<T> {
    v: u32,
    text: T,
}

/// The text of a delivery to a messenger, to be stored.
pub(crate) fn stored_text(text: &Rendered) -> Result<String, Failure> {
    json(&StoredText { v: 1, text })
}

/// JSON, to be stored.
pub(crate) fn json(value: &impl Serialize) -> Result<String, Failure> {
    serde_json::to_string(value).map_err(|error| Failure::Refused(error.into()))
}

/// The word under which a place is stored.
pub(crate) fn place_word(place: Place) -> &'static str {
    match place {
        Place::Direct => "direct",
        Place::Group => "group",
    }
}
