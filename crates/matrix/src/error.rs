//! What a failed call means.

use std::time::{Duration, SystemTime};

use matrix_sdk::{
    Error, HttpError,
    ruma::api::{
        client::uiaa::UiaaResponse,
        error::{ErrorBody, ErrorKind, RetryAfter},
    },
};
use switchboard_core::{RunError, Scope, SendError, chain};

/// How long to wait where the homeserver limits us and does not say for how long.
const UNTOLD: Duration = Duration::from_secs(5);

/// Why a call failed, as far as it matters for what follows.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Too many calls of this account.
    Limited(Duration),
    /// The session is over, the device is not: log in again.
    LoggedOutSoftly,
    /// The device is no more, or the account is closed. A person must act. To be believed only after
    /// [`crate::account::Account::confirm`].
    LoggedOut(String),
    /// The account may read and not write. A person must act.
    Suspended(String),
    /// The homeserver refuses this call, for good.
    Refused { status: u16, code: String, message: String },
    /// The call was certainly not carried out; why.
    Unavailable(String),
    /// The call may have been carried out; why.
    Lost(String),
}

impl Fault {
    /// What the failure of a call means.
    pub(crate) fn of(error: &Error) -> Self {
        match error {
            Error::Http(error) => Self::of_call(error),
            // Nothing left us: the room is not joined, a key is missing, the disk is full.
            other => Self::Unavailable(chain(other)),
        }
    }

    /// What the failure of a call means.
    pub(crate) fn of_call(error: &HttpError) -> Self {
        match error {
            HttpError::Api(_) => match error.as_ruma_api_error() {
                Some(UiaaResponse::MatrixError(error)) => Self::of_answer(error),
                Some(UiaaResponse::AuthResponse(_)) => Self::Refused {
                    status: 401,
                    code: "M_FORBIDDEN".to_owned(),
                    message: "the account's password is asked for".to_owned(),
                },
                // An answer that is not the one of this call.
                None => Self::Lost(chain(error)),
            },
            HttpError::Reqwest(error) if error.is_connect() || error.is_builder() => {
                Self::Unavailable(chain(error))
            }
            other => Self::Lost(chain(other)),
        }
    }

    fn of_answer(error: &matrix_sdk::ruma::api::error::Error) -> Self {
        let status = error.status_code.as_u16();
        let (kind, message) = match &error.body {
            ErrorBody::Standard(body) => (Some(&body.kind), body.message.clone()),
            // The page of a proxy is not for a log.
            ErrorBody::Json(_) | ErrorBody::NotJson { .. } => (None, "no error of Matrix".to_owned()),
        };
        match kind {
            Some(ErrorKind::LimitExceeded(data)) => {
                Self::Limited(data.retry_after.as_ref().map_or(UNTOLD, time_to_wait))
            }
            Some(ErrorKind::UnknownToken(data)) if data.soft_logout => Self::LoggedOutSoftly,
            Some(
                ErrorKind::UnknownToken(_)
                | ErrorKind::MissingToken
                | ErrorKind::UserDeactivated
                | ErrorKind::UserLocked,
            ) => Self::LoggedOut(message),
            Some(ErrorKind::UserSuspended) => Self::Suspended(message),
            _ if status == 429 => Self::Limited(UNTOLD),
            _ if status == 503 => Self::Unavailable(format!("the homeserver answered {status}: {message}")),
            _ if status >= 500 => Self::Lost(format!("the homeserver answered {status}: {message}")),
            Some(kind) => Self::Refused { status, code: kind.errcode().to_string(), message },
            None => Self::Lost(format!("something answered {status}: {message}")),
        }
    }

    /// Whether it says that the session is over.
    pub(crate) fn ends_the_session(&self) -> bool {
        matches!(self, Self::LoggedOutSoftly | Self::LoggedOut(_))
    }

    /// How long to wait before the next call, if the homeserver says so.
    pub(crate) fn retry_after(&self) -> Option<Duration> {
        if let Self::Limited(pause) = self { Some(*pause) } else { None }
    }

    /// In one clause, for a log and a state.
    pub(crate) fn describe(&self) -> String {
        match self {
            Self::Limited(pause) => {
                format!("the homeserver limits this account and asks to wait {} s", pause.as_secs())
            }
            Self::LoggedOutSoftly => "the homeserver has ended the session".to_owned(),
            Self::LoggedOut(message) => format!("the homeserver does not accept the session: {message}"),
            Self::Suspended(message) => format!("the account is suspended: {message}"),
            Self::Refused { status, code, message } => format!("refused with {status} {code}: {message}"),
            Self::Unavailable(reason) | Self::Lost(reason) => reason.clone(),
        }
    }

    /// What the engine is told of a send. `joined`: whether the account is still in the room, as far as is known.
    pub(crate) fn into_send_error(self, joined: bool) -> SendError {
        let reason = self.describe();
        match self {
            Self::Limited(retry_after) => SendError::RateLimited { retry_after, scope: Scope::Channel },
            // Receiving finds the same and logs in again.
            Self::LoggedOutSoftly | Self::Unavailable(_) => SendError::Unavailable(reason.into()),
            Self::LoggedOut(_) | Self::Suspended(_) => SendError::Unauthorized { reason },
            Self::Lost(_) => SendError::Interrupted(reason.into()),
            Self::Refused { code, message, .. } => {
                let left = !joined || message.contains("not in room");
                if code == "M_NOT_FOUND" || (code == "M_FORBIDDEN" && left) {
                    SendError::Gone { reason }
                } else {
                    SendError::Rejected { reason }
                }
            }
        }
    }
}

/// What a person must do about a device that the homeserver knows no longer.
pub(crate) fn logged_out(device: &str, reason: &str) -> RunError {
    RunError {
        reason: format!("the homeserver does not accept the device {device} any more: {reason}"),
        remedy: format!(
            "if somebody has logged it out, let a new device take its place with replaces_device = {device:?} (and \
             recovery_key, to go on reading what was written); if the account is locked, have it unlocked"
        ),
    }
}

#[expect(clippy::disallowed_methods, reason = "the header names a time of the day")]
fn time_to_wait(retry_after: &RetryAfter) -> Duration {
    match retry_after {
        RetryAfter::Delay(delay) => *delay,
        RetryAfter::DateTime(time) => time.duration_since(SystemTime::now()).unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use matrix_sdk::ruma::{
        api::{IncomingResponse as _, client::message::send_message_event},
        exports::http::Response,
    };
    use switchboard_core::Verdict;

    use super::*;

    /// What a send is told, given what the homeserver answered to it.
    fn verdict(status: u16, body: &str) -> Verdict {
        let answer = Response::builder().status(status).body(body.as_bytes().to_vec()).expect("an answer");
        let error = send_message_event::v3::Response::try_from_http_response(answer).expect_err("a failure");
        let error = HttpError::from(Box::new(error.map(UiaaResponse::MatrixError)));
        Fault::of(&Error::from(error)).into_send_error(true).verdict()
    }

    fn refused(code: &str, message: &str) -> String {
        serde_json::json!({ "errcode": code, "error": message }).to_string()
    }

    #[test]
    fn every_refusal_has_its_meaning() {
        let paused = |seconds| Verdict::Retry { pause: Some((Duration::from_secs(seconds), Scope::Channel)) };
        let limited = r#"{"errcode":"M_LIMIT_EXCEEDED","error":"Too Many Requests","retry_after_ms":4000}"#;
        let soft = r#"{"errcode":"M_UNKNOWN_TOKEN","error":"Expired","soft_logout":true}"#;
        for (status, body, expected) in [
            (429, limited.to_owned(), paused(4)),
            (429, "slow down".to_owned(), paused(5)),
            (401, soft.to_owned(), Verdict::Retry { pause: None }),
            (401, refused("M_UNKNOWN_TOKEN", "Invalid access token"), Verdict::Unauthorized),
            (401, refused("M_USER_LOCKED", "This account is locked"), Verdict::Unauthorized),
            (403, refused("M_USER_DEACTIVATED", "It is closed"), Verdict::Unauthorized),
            (403, refused("M_USER_SUSPENDED", "It may not write"), Verdict::Unauthorized),
            (403, refused("M_FORBIDDEN", "User @bot:example.com not in room !a:example.com"), Verdict::Gone),
            (403, refused("M_FORBIDDEN", "You don't have permission to post"), Verdict::Reject),
            (404, refused("M_NOT_FOUND", "Unknown room"), Verdict::Gone),
            (413, refused("M_TOO_LARGE", "event too large"), Verdict::Reject),
            (400, refused("M_BAD_JSON", "Not JSON"), Verdict::Reject),
            (503, "<html>".to_owned(), Verdict::Retry { pause: None }),
            (502, "<html>".to_owned(), Verdict::Unknown),
            (520, "<html>".to_owned(), Verdict::Unknown),
            (500, refused("M_UNKNOWN", "Internal server error"), Verdict::Unknown),
            (404, "<html>".to_owned(), Verdict::Unknown),
            (200, "<html>".to_owned(), Verdict::Unknown),
        ] {
            assert_eq!(verdict(status, &body), expected, "{status} {body}");
        }
    }
}
