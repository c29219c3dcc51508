//! What becomes of a webhook of the AI platform, as it is counted.

use switchboard_engine::Ignored;

/// What became of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Stored,
    Duplicate,
    Ignored(Ignored),
    /// It came to an address that is none: another AI, another secret, another method.
    NotFound,
    /// Neither JSON nor a form.
    Unsupported,
    Malformed,
    Unprocessable,
    TooLarge,
    TimedOut,
    Broken,
    /// Too many came at the same time.
    NoRoom,
    /// The database is away.
    Unavailable,
}

impl Outcome {
    /// All of them: each is counted from zero, so that the first one is seen as an increase.
    pub(crate) const ALL: [Self; 15] = [
        Self::Stored,
        Self::Duplicate,
        Self::Ignored(Ignored::UnknownChat),
        Self::Ignored(Ignored::OtherTask),
        Self::Ignored(Ignored::OwnMessage),
        Self::Ignored(Ignored::NoText),
        Self::NotFound,
        Self::Unsupported,
        Self::Malformed,
        Self::Unprocessable,
        Self::TooLarge,
        Self::TimedOut,
        Self::Broken,
        Self::NoRoom,
        Self::Unavailable,
    ];

    /// The word that is counted.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Stored => "stored",
            Self::Duplicate => "duplicate",
            Self::Ignored(why) => why.as_str(),
            Self::NotFound => "not_found",
            Self::Unsupported => "unsupported",
            Self::Malformed => "malformed",
            Self::Unprocessable => "unprocessable",
            Self::TooLarge => "too_large",
            Self::TimedOut => "timed_out",
            Self::Broken => "broken",
            Self::NoRoom => "no_room",
            Self::Unavailable => "unavailable",
        }
    }
}
