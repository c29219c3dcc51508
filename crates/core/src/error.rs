//! What can go wrong between the engine and an adapter, and what follows from it.

use std::{error::Error as StdError, time::Duration};

use crate::ConversationId;

/// The cause of an error, kept for the log. Must not contain secrets.
pub type Cause = Box<dyn StdError + Send + Sync>;

/// Why an action was not carried out, or may not have been.
#[derive(Debug, thiserror::Error)]
pub enum SendError {
    /// The platform asks for a pause. The action was not carried out.
    #[error("the platform asks to wait {retry_after:?} ({scope:?})")]
    RateLimited {
        /// For how long.
        retry_after: Duration,
        /// What must wait.
        scope: Scope,
    },
    /// The platform could not be reached or could not work. The action was certainly not carried
    /// out.
    #[error("the platform is unavailable")]
    Unavailable(#[source] Cause),
    /// The platform refuses this action for good. Also what an adapter says to an action that its
    /// capabilities do not list.
    #[error("refused: {reason}")]
    Rejected {
        /// What the platform says.
        reason: String,
    },
    /// The conversation does not exist any more for us: the user blocked us, the chat is deleted.
    #[error("the conversation is gone: {reason}")]
    Gone {
        /// What the platform says.
        reason: String,
    },
    /// The channel's credentials are not accepted. A person must act.
    #[error("the channel's credentials are refused: {reason}")]
    Unauthorized {
        /// What the platform says.
        reason: String,
    },
    /// The conversation has another id now. The action was not carried out.
    #[error("the conversation moved to {to}")]
    Moved {
        /// Its new id.
        to: ConversationId,
    },
    /// The request left us and no answer came: the action may have been carried out.
    #[error("the outcome is unknown")]
    Interrupted(#[source] Cause),
}

/// What the engine does after an error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Try again: after the time the platform named, else after the engine's backoff.
    Retry {
        /// The time the platform named, and what it stops.
        pause: Option<(Duration, Scope)>,
    },
    /// Give this delivery up and go on with the next one.
    Reject,
    /// Give up this delivery; the conversation is gone.
    Gone,
    /// Stop the channel and say so.
    Unauthorized,
    /// Rewrite the conversation's address, then try again.
    Moved {
        /// The new address.
        to: ConversationId,
    },
    /// It may have been done: try again if the platform recognises the key, else as configured.
    Unknown,
}

/// What a pause holds up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scope {
    /// Everything the channel sends.
    Channel,
    /// This conversation.
    Conversation,
}

impl SendError {
    /// What the engine does next. Decided here and nowhere else.
    pub fn verdict(&self) -> Verdict {
        match self {
            Self::RateLimited { retry_after, scope } => {
                Verdict::Retry { pause: Some((*retry_after, *scope)) }
            }
            Self::Unavailable(_) => Verdict::Retry { pause: None },
            Self::Rejected { .. } => Verdict::Reject,
            Self::Gone { .. } => Verdict::Gone,
            Self::Unauthorized { .. } => Verdict::Unauthorized,
            Self::Moved { to } => Verdict::Moved { to: to.clone() },
            // The request left us; the platform may have acted on it.
            Self::Interrupted(_) => Verdict::Unknown,
        }
    }
}

/// Why an adapter stopped receiving for good. A person must act.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{reason}; {remedy}")]
pub struct RunError {
    /// What happened, in one clause.
    pub reason: String,
    /// What to do about it, in one clause.
    pub remedy: String,
}

/// An error with all of its causes on one line, for a log field or a stored reason.
pub fn chain(error: &(dyn StdError + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let words = error.to_string();
        // Some libraries say the cause's words themselves.
        if !text.ends_with(&words) {
            text.push_str(": ");
            text.push_str(&words);
        }
        cause = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("{words}")]
    struct Failure {
        words: &'static str,
        source: Option<Box<Failure>>,
    }

    #[test]
    fn a_chain_says_every_cause_once() {
        let cause = Failure { words: "disk full", source: None };
        let repeating = Failure { words: "the database: disk full", source: Some(Box::new(cause)) };
        let error = Failure { words: "not stored", source: Some(Box::new(repeating)) };
        assert_eq!(chain(&error), "not stored: the database: disk full");
    }
}
