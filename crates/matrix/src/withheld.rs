//! Why an author's client does not give the key to a message, and what that means for people.

use serde::{Deserialize, Serialize};

/// The code of a `m.room_key.withheld`. Stored in the cursor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) enum Withheld {
    /// It gives keys to verified devices only.
    #[serde(rename = "m.unverified")]
    Unverified,
    /// It has blocked this device.
    #[serde(rename = "m.blacklisted")]
    Blacklisted,
    /// We were not in the room.
    #[serde(rename = "m.unauthorised")]
    Unauthorised,
    /// It was asked for a key that it does not have.
    #[serde(rename = "m.unavailable")]
    Unavailable,
    /// It could not set up a secure channel to this device.
    #[serde(rename = "m.no_olm")]
    NoOlm,
    /// Any other code: whoever writes it may write anything, so it is not repeated.
    #[serde(other, rename = "other")]
    Other,
}

impl Withheld {
    pub(crate) fn of(code: &str) -> Self {
        match code {
            "m.unverified" => Self::Unverified,
            "m.blacklisted" => Self::Blacklisted,
            "m.unauthorised" => Self::Unauthorised,
            "m.unavailable" => Self::Unavailable,
            "m.no_olm" => Self::NoOlm,
            _ => Self::Other,
        }
    }

    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Unverified => "m.unverified",
            Self::Blacklisted => "m.blacklisted",
            Self::Unauthorised => "m.unauthorised",
            Self::Unavailable => "m.unavailable",
            Self::NoOlm => "m.no_olm",
            Self::Other => "other",
        }
    }

    /// What the author is told, where the configuration says nothing else.
    pub(crate) fn answer(self) -> &'static str {
        match self {
            Self::Unverified => {
                "I cannot read your message: your app gives its keys to verified devices only, and mine is not one of \
                 them. Please allow sending to unverified devices in the app's security settings, or write to me in a \
                 room that is not encrypted, and write again."
            }
            Self::Blacklisted => {
                "I cannot read your message: my device is blocked in your app. Please unblock it, and write again."
            }
            Self::NoOlm => {
                "I cannot read your message: your app could not set up a secure channel to me. Please write again."
            }
            Self::Unauthorised | Self::Unavailable | Self::Other => {
                "I cannot read your message: your app did not give me the key to it. Please write again; if that does \
                 not help, write to me in a room that is not encrypted."
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_read_back_and_an_unknown_one_is_not_repeated() {
        for code in ["m.unverified", "m.blacklisted", "m.unauthorised", "m.unavailable", "m.no_olm", "other"]
        {
            assert_eq!(Withheld::of(code).as_str(), code);
            let stored = serde_json::to_string(&Withheld::of(code)).expect("it is text");
            assert_eq!(stored, format!("{code:?}"));
            assert_eq!(serde_json::from_str::<Withheld>(&stored).expect("a code"), Withheld::of(code));
        }
        assert_eq!(Withheld::of("m.because\"}").as_str(), "other");
    }
}
