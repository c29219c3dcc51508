//! What can go wrong with a call, and what it means for a message that was to be sent.
//!
//! | what happened | was it sent? | error |
//! |---|---|---|
//! | no connection could be made | no | `Unavailable` |
//! | the connection broke, or the time ran out | perhaps | `Interrupted` |
//! | 429, slow mode | no | `RateLimited`, of the scope that Discord names |
//! | 401, and the question who the bot is is refused too | no | `Unauthorized` |
//! | 401, and that question is not refused | no | `Unavailable` |
//! | no such channel, no access to it, the person takes nothing from us | no | `Gone` |
//! | any other refusal of Discord's: too long, empty, no right to write, a locked thread | no | `Rejected` |
//! | 3xx or 4xx that is not Discord's (a proxy, a wrong `api_url`, Cloudflare) | no | `Unavailable` |
//! | 503: there is no server at the moment | no | `Unavailable` |
//! | other 5xx, and a success that cannot be read | perhaps | `Interrupted` |
//!
//! An interrupted message is sent again with its nonce, by which Discord knows it for some minutes.

use std::time::Duration;

use switchboard_core::{RunError, Scope, SendError, chain};

/// What a person can do about a token that is refused.
pub(crate) const NEW_TOKEN: &str =
    "reset the token on the bot's page in the developer portal and configure the new one";

/// How long slow mode is taken to last where Discord does not say.
const UNNAMED_PAUSE: Duration = Duration::from_secs(5);

/// Why a call has no result.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CallError {
    /// No connection could be made: nothing left us.
    #[error("Discord cannot be reached")]
    Connect(#[source] reqwest::Error),
    /// The connection broke or the time ran out. The call may have been carried out.
    #[error("the call was cut off")]
    CutOff(#[source] reqwest::Error),
    /// The answer is not one of Discord's API. Nothing of it is kept: it may repeat somebody's words.
    #[error("the answer, with status {status}, is not one of Discord's API")]
    Unreadable {
        /// The HTTP status.
        status: u16,
    },
    /// Discord asks to wait, or would if it were called.
    #[error("Discord asks to wait {retry_after:?}")]
    Limited {
        /// For how long.
        retry_after: Duration,
        /// Whether everything the bot does must wait.
        everything: bool,
    },
    /// Discord refuses.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// Discord refused the token to one call, and not to another.
    #[error("Discord refused the bot's token once")]
    Unconfirmed(#[source] Refusal),
}

/// An answer with an error's status.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{status} {code} {message}")]
pub(crate) struct Refusal {
    /// HTTP's.
    pub(crate) status: u16,
    /// Discord's; 0 where there is none.
    pub(crate) code: u32,
    /// What Discord says.
    pub(crate) message: String,
    /// For how long to wait (slow mode).
    pub(crate) retry_after: Option<Duration>,
}

impl CallError {
    /// Of a request that got no answer, without its address.
    pub(crate) fn transport(error: reqwest::Error) -> Self {
        let connecting = error.is_connect();
        let error = error.without_url();
        if connecting { Self::Connect(error) } else { Self::CutOff(error) }
    }

    /// All of it on one line, for the state of the connection and for logs.
    pub(crate) fn describe(&self) -> String {
        chain(self)
    }

    /// Discord's code, if it refused.
    pub(crate) fn refusal(&self) -> Option<&Refusal> {
        if let Self::Refused(refusal) = self { Some(refusal) } else { None }
    }

    /// The credentials are refused, which only a person can change. To be believed only after
    /// [`crate::bot::confirm`].
    pub(crate) fn needs_a_person(&self) -> Option<RunError> {
        self.refusal().is_some_and(Refusal::is_of_the_token).then(token_refused)
    }

    /// For how long Discord asks to wait.
    pub(crate) fn retry_after(&self) -> Option<Duration> {
        if let Self::Limited { retry_after, .. } = self { Some(*retry_after) } else { None }
    }

    /// What became of the message that was to be sent.
    pub(crate) fn into_send_error(self) -> SendError {
        match self {
            Self::Limited { retry_after, everything } => SendError::RateLimited {
                retry_after,
                scope: if everything { Scope::Channel } else { Scope::Conversation },
            },
            Self::Refused(refusal) => refusal.into_send_error(),
            Self::Connect(_) | Self::Unconfirmed(_) | Self::Unreadable { status: 300..=499 | 503 } => {
                SendError::Unavailable(Box::new(self))
            }
            Self::CutOff(_) | Self::Unreadable { .. } => SendError::Interrupted(Box::new(self)),
        }
    }
}

/// The token is good no more.
pub(crate) fn token_refused() -> RunError {
    RunError { reason: "Discord refuses the bot's token".to_owned(), remedy: NEW_TOKEN.to_owned() }
}

impl Refusal {
    /// Whether it is the bot's token that is refused, and not this call.
    pub(crate) fn is_of_the_token(&self) -> bool {
        self.status == 401
    }

    /// Whether the same call would be refused again.
    pub(crate) fn is_final(&self) -> bool {
        (400..=499).contains(&self.status) && !matches!(self.status, 401 | 429) && !self.is_passing()
    }

    /// Cloudflare, and a resource that is overloaded.
    fn is_passing(&self) -> bool {
        matches!(self.code, 40_333 | 40_062 | 130_000)
    }

    fn into_send_error(self) -> SendError {
        let reason = format!("{} {}", self.code, self.message);
        match (self.status, self.code) {
            (401, _) => SendError::Unauthorized { reason: format!("{self}; {NEW_TOKEN}") },
            // Unknown channel, guild, user; missing access; the person takes no messages from the bot, or
            // shares no guild with it any more.
            (_, 10_003 | 10_004 | 10_013 | 50_001 | 50_007 | 50_278) => SendError::Gone { reason },
            // Slow mode, and the limit on writing in one channel.
            (_, 20_016 | 20_028) => SendError::RateLimited {
                retry_after: self.retry_after.unwrap_or(UNNAMED_PAUSE),
                scope: Scope::Conversation,
            },
            // Also where there is no server at the moment.
            (status, _) if self.is_passing() || status == 503 => SendError::Unavailable(Box::new(self)),
            (400..=499, _) => SendError::Rejected { reason },
            _ => SendError::Interrupted(Box::new(self)),
        }
    }
}

#[cfg(test)]
mod tests {
    use switchboard_core::Verdict;

    use super::*;

    #[test]
    fn every_refusal_has_its_meaning() {
        let pause = |pause| Verdict::Retry { pause };
        for (status, code, expected) in [
            (404, 10_003, Verdict::Gone),
            (403, 50_001, Verdict::Gone),
            (403, 50_007, Verdict::Gone),
            (400, 50_278, Verdict::Gone),
            (403, 50_013, Verdict::Reject),
            (404, 10_008, Verdict::Reject),
            (400, 50_006, Verdict::Reject),
            (400, 50_035, Verdict::Reject),
            (400, 50_083, Verdict::Reject),
            (403, 160_005, Verdict::Reject),
            (400, 200_000, Verdict::Reject),
            (400, 240_000, Verdict::Reject),
            (401, 0, Verdict::Unauthorized),
            (403, 40_333, pause(None)),
            (429, 20_016, pause(Some((UNNAMED_PAUSE, Scope::Conversation)))),
            (429, 20_028, pause(Some((UNNAMED_PAUSE, Scope::Conversation)))),
            (503, 0, pause(None)),
            (500, 0, Verdict::Unknown),
            (502, 0, Verdict::Unknown),
        ] {
            let refusal = Refusal { status, code, message: String::new(), retry_after: None };
            assert_eq!(refusal.into_send_error().verdict(), expected, "{status} {code}");
        }
    }

    #[test]
    fn what_is_not_discord_s_answer_has_its_meaning() {
        for (status, expected) in [
            (200, Verdict::Unknown),
            (302, Verdict::Retry { pause: None }),
            (404, Verdict::Retry { pause: None }),
            (502, Verdict::Unknown),
            (503, Verdict::Retry { pause: None }),
        ] {
            let error = CallError::Unreadable { status };
            assert_eq!(error.into_send_error().verdict(), expected, "{status}");
        }
    }
}
