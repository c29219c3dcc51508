//! One key of a section, between being read and being used.

use super::{
    mistake::{Fault, Invalid},
    section::Section,
};

/// The value of one key. Say what its absence means to get it: [`required`](Self::required),
/// [`optional`](Self::optional) or [`or`](Self::or).
#[must_use = "say whether the key is required to get its value"]
pub struct Entry<'s, 'a, T> {
    pub(super) section: &'s Section<'a>,
    pub(super) key: &'static str,
    /// How a value of this type looks in the file.
    pub(super) sample: String,
    pub(super) state: State<T>,
}

pub(super) enum State<T> {
    Missing,
    /// What is wrong with it has been reported.
    Invalid,
    Valid(T),
}

/// What the absence of a key means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Presence {
    /// It is a mistake.
    Required,
    /// It is a choice of its own.
    Optional,
    /// There is a default.
    Default,
}

impl<'s, 'a, T> Entry<'s, 'a, T> {
    /// Checks the value, or makes another one of it. A [`Fault`] becomes a mistake.
    pub fn then<U>(self, make: impl FnOnce(T) -> Result<U, Fault>) -> Entry<'s, 'a, U> {
        let state = match self.state {
            State::Missing => State::Missing,
            State::Invalid => State::Invalid,
            State::Valid(value) => match make(value) {
                Ok(value) => State::Valid(value),
                Err(fault) => {
                    self.section.report(self.key, fault);
                    State::Invalid
                }
            },
        };
        Entry { section: self.section, key: self.key, sample: self.sample, state }
    }

    /// The value of a key that must be there. [`Invalid`] where it is missing or wrong, which has
    /// been recorded then: read all keys of the section before passing it on with `?`, so that
    /// everything wrong with them is told at once.
    pub fn required(self) -> Result<T, Invalid> {
        self.know(Presence::Required);
        self.there()
    }

    /// The value of a key that must be there because of another one which may be left out. Otherwise like
    /// [`required`](Self::required).
    pub fn required_here(self) -> Result<T, Invalid> {
        self.know(Presence::Optional);
        self.there()
    }

    fn there(self) -> Result<T, Invalid> {
        match self.state {
            State::Valid(value) => Ok(value),
            State::Invalid => Err(Invalid(())),
            State::Missing => {
                let remedy = format!("add {} = {}", self.key, self.sample);
                self.section.report(self.key, Fault::new("missing", remedy));
                Err(Invalid(()))
            }
        }
    }

    /// The value of a key that may be left out. `None` also where it is wrong, which has been
    /// recorded then.
    pub fn optional(self) -> Option<T> {
        self.know(Presence::Optional);
        self.valid()
    }

    /// The value of a key with a default. The default also where it is wrong, which has been
    /// recorded then.
    pub fn or(self, default: T) -> T {
        self.know(Presence::Default);
        self.valid().unwrap_or(default)
    }

    fn valid(self) -> Option<T> {
        match self.state {
            State::Valid(value) => Some(value),
            State::Missing | State::Invalid => None,
        }
    }

    fn know(&self, presence: Presence) {
        self.section.know(self.key, presence);
    }
}
