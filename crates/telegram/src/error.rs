//! What can go wrong with a call, and what it means for a message that was to be sent.
//!
//! Telegram recognises no repetition, so the one question for every failure is whether the message may
//! be in the chat all the same:
//!
//! | what happened | was it sent? | error |
//! |---|---|---|
//! | no connection could be made | no | `Unavailable` |
//! | the connection broke, or the time ran out | perhaps | `Interrupted` |
//! | 429 | no | `RateLimited` |
//! | 401, and 404 "Not Found" (no bot has the token), and `getMe` is refused too | no | `Unauthorized` |
//! | the same, and `getMe` is not refused | no | `Unavailable` |
//! | 403, 400 "chat not found" and the like | no | `Gone` |
//! | 400 with `migrate_to_chat_id` | no | `Moved` |
//! | any other 4xx of the Bot API: too long, empty, no such topic, no right to write | no | `Rejected` |
//! | 3xx or 4xx that is not the Bot API's (a proxy, a wrong `api_url`) | no | `Unavailable` |
//! | 503: there is no server at the moment | no | `Unavailable` |
//! | 500 "restart" and other 5xx | perhaps | `Interrupted` |
//! | a success that cannot be read | perhaps, probably so | `Interrupted` |
//!
//! A server that closes answers "restart" also to messages that it has passed on and not heard of
//! again, hence the doubt. Telegram does not say what a 429 is for (the chat, the bot): the pause is
//! for the chat it was answered for, and other chats find out for themselves. To hold up all of them
//! for one would be worse, since most are for one chat.

use std::time::Duration;

use switchboard_core::{RunError, Scope, SendError, chain};

use crate::id::Address;

/// How long to wait where Telegram asks to wait and does not say how long.
const UNNAMED_PAUSE: Duration = Duration::from_secs(5);

/// What a person can do about a token that is refused.
const NEW_TOKEN: &str = "ask @BotFather for the bot's token and configure it";
/// What a person can do where nothing is at the address, which has the token in it.
const ADDRESS: &str =
    "see that api_url has the right path, and that the token is the one that @BotFather shows";
/// What a person can do about a bot that has left this server.
const OTHER_SERVER: &str =
    "set api_url to the server that the bot uses now, or wait ten minutes to use this one again";

/// Why a call has no result.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CallError {
    /// No connection could be made: nothing left us.
    #[error("the Bot API cannot be reached")]
    Connect(#[source] reqwest::Error),
    /// The connection broke or the time ran out. The call may have been carried out.
    #[error("the call was cut off")]
    CutOff(#[source] reqwest::Error),
    /// The answer is not one of the Bot API.
    #[error("the answer, with status {status}, is not one of the Bot API: {fault}")]
    Unreadable {
        /// The HTTP status.
        status: u16,
        /// What is wrong with it. Nothing of the answer itself, which may repeat the token or somebody's
        /// words.
        fault: &'static str,
    },
    /// The Bot API refuses.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The Bot API refused the token to one call, and not to another.
    #[error("the Bot API refused the bot's token once")]
    Unconfirmed(#[source] Refusal),
}

/// An answer with `"ok": false`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{code} {description}")]
pub(crate) struct Refusal {
    /// As in HTTP.
    pub(crate) code: u16,
    /// What Telegram says.
    pub(crate) description: String,
    /// For how long to wait.
    pub(crate) retry_after: Option<Duration>,
    /// The supergroup that the group has become.
    pub(crate) migrated_to: Option<i64>,
}

/// Who else takes the bot's updates, and what to do about it. Telegram gives each to one only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Conflict {
    /// Another program asks for updates.
    Poller,
    /// Another program has had them brought. It is not removed without being asked: it may be somebody's.
    Webhook,
}

impl Conflict {
    /// What is wrong, in one clause.
    pub(crate) fn what(self) -> &'static str {
        match self {
            Self::Poller => "another program is polling this bot",
            Self::Webhook => "a webhook is set for this bot, so it cannot be polled",
        }
    }

    /// What to do about it, in one clause.
    pub(crate) fn remedy(self) -> &'static str {
        match self {
            Self::Poller => "stop it, or give one of the two another bot's token",
            Self::Webhook => "remove it by deleteWebhook if nobody needs it, or take mode = \"webhook\"",
        }
    }
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

    /// The other program that keeps the updates from us, if that is what is wrong.
    pub(crate) fn conflict(&self) -> Option<Conflict> {
        match self {
            Self::Refused(Refusal { code: 409, description, .. }) => {
                let webhook = description.to_ascii_lowercase().contains("webhook");
                Some(if webhook { Conflict::Webhook } else { Conflict::Poller })
            }
            _ => None,
        }
    }

    /// For how long Telegram asks to wait.
    pub(crate) fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Refused(refusal) => refusal.retry_after,
            _ => None,
        }
    }

    /// Whether the connections are better made anew.
    pub(crate) fn is_transport(&self) -> bool {
        matches!(self, Self::Connect(_) | Self::CutOff(_))
    }

    /// The credentials are refused, which only a person can change. To be believed only after
    /// [`crate::bot::Bot::confirm`].
    pub(crate) fn needs_a_person(&self) -> Option<RunError> {
        let Self::Refused(refusal) = self else { return None };
        let remedy = refusal.remedy()?.to_owned();
        Some(RunError { reason: format!("Telegram refuses the bot's token ({refusal})"), remedy })
    }

    /// What became of the message that was to be sent to this address.
    pub(crate) fn into_send_error(self, address: Address) -> SendError {
        match self {
            Self::Refused(refusal) => refusal.into_send_error(address),
            Self::Connect(_) | Self::Unconfirmed(_) | Self::Unreadable { status: 300..=499 | 503, .. } => {
                SendError::Unavailable(Box::new(self))
            }
            Self::CutOff(_) | Self::Unreadable { .. } => SendError::Interrupted(Box::new(self)),
        }
    }
}

impl Refusal {
    /// Whether it is the bot's token that is refused, and not this call.
    pub(crate) fn is_of_the_token(&self) -> bool {
        self.remedy().is_some()
    }

    /// What a person can do, where nobody else can do anything.
    fn remedy(&self) -> Option<&'static str> {
        match (self.code, self.description.as_str()) {
            (401, _) => Some(NEW_TOKEN),
            // Said of a token that cannot be one, and of a wrong path; of a method, "Not Found: method not found".
            (404, "Not Found") => Some(ADDRESS),
            (400, "Logged out") => Some(OTHER_SERVER),
            _ => None,
        }
    }

    /// The chat is not there for us. What Telegram means by these is beyond repair by trying again.
    fn is_gone(&self) -> bool {
        const GONE: [&str; 9] = [
            "chat not found",
            "user not found",
            "group is deactivated",
            "group chat was deleted",
            "group chat was deactivated",
            "PEER_ID_INVALID",
            "CHANNEL_PRIVATE",
            "INPUT_USER_DEACTIVATED",
            "USER_IS_BLOCKED",
        ];
        self.code == 403 || (self.code == 400 && GONE.iter().any(|gone| self.description.contains(gone)))
    }

    fn into_send_error(self, address: Address) -> SendError {
        if let Some(chat) = self.migrated_to {
            return SendError::Moved { to: Address { chat, ..address }.conversation() };
        }
        if let Some(remedy) = self.remedy() {
            return SendError::Unauthorized { reason: format!("{self}; {remedy}") };
        }
        match self.code {
            429 => SendError::RateLimited {
                retry_after: self.retry_after.unwrap_or(UNNAMED_PAUSE),
                scope: Scope::Conversation,
            },
            _ if self.is_gone() => SendError::Gone { reason: self.description },
            // A conflict of pollers or a wrong server is no fault of the message.
            409 | 503 => SendError::Unavailable(Box::new(self)),
            400..=499 => SendError::Rejected { reason: self.description },
            _ => SendError::Interrupted(Box::new(self)),
        }
    }
}

#[cfg(test)]
mod tests {
    use switchboard_core::Verdict;

    use super::*;
    use crate::id::Topic;

    fn verdict(code: u16, description: &str) -> Verdict {
        let refusal =
            Refusal { code, description: description.to_owned(), retry_after: None, migrated_to: None };
        CallError::Refused(refusal).into_send_error(Address::chat(5)).verdict()
    }

    #[test]
    fn every_refusal_has_its_meaning() {
        let pause = |pause| Verdict::Retry { pause };
        for (code, description, expected) in [
            (403, "Forbidden: bot was blocked by the user", Verdict::Gone),
            (403, "Forbidden: user is deactivated", Verdict::Gone),
            (403, "Forbidden: bot was kicked from the group chat", Verdict::Gone),
            (403, "Forbidden: bot was kicked from the supergroup chat", Verdict::Gone),
            (403, "Forbidden: bot is not a member of the supergroup chat", Verdict::Gone),
            (403, "Forbidden: the group chat was deleted", Verdict::Gone),
            (403, "Forbidden: bot can't initiate conversation with a user", Verdict::Gone),
            (400, "Bad Request: chat not found", Verdict::Gone),
            (400, "Bad Request: PEER_ID_INVALID", Verdict::Gone),
            (400, "Bad Request: message is too long", Verdict::Reject),
            (400, "Bad Request: message text is empty", Verdict::Reject),
            (400, "Bad Request: message thread not found", Verdict::Reject),
            (400, "Bad Request: TOPIC_CLOSED", Verdict::Reject),
            (400, "Bad Request: can't parse entities: unsupported", Verdict::Reject),
            (400, "Bad Request: not enough rights to send text messages to the chat", Verdict::Reject),
            (413, "Request Entity Too Large", Verdict::Reject),
            (404, "Not Found: method not found", Verdict::Reject),
            (401, "Unauthorized", Verdict::Unauthorized),
            (404, "Not Found", Verdict::Unauthorized),
            (400, "Logged out", Verdict::Unauthorized),
            (429, "Too Many Requests", pause(Some((UNNAMED_PAUSE, Scope::Conversation)))),
            (500, "Internal Server Error: restart", Verdict::Unknown),
            (502, "Bad Gateway", Verdict::Unknown),
            (503, "Service Unavailable", pause(None)),
            (409, "Conflict: terminated by other getUpdates request", pause(None)),
        ] {
            assert_eq!(verdict(code, description), expected, "{code} {description}");
        }
    }

    #[test]
    fn what_is_not_the_bot_api_s_answer_has_its_meaning() {
        for (status, expected) in [
            (200, Verdict::Unknown),
            (302, Verdict::Retry { pause: None }),
            (404, Verdict::Retry { pause: None }),
            (413, Verdict::Retry { pause: None }),
            (500, Verdict::Unknown),
            (502, Verdict::Unknown),
            (503, Verdict::Retry { pause: None }),
            (504, Verdict::Unknown),
        ] {
            let error = CallError::Unreadable { status, fault: "it is not JSON" };
            assert_eq!(error.into_send_error(Address::chat(5)).verdict(), expected, "{status}");
        }
    }

    #[test]
    fn a_migration_keeps_the_rest_of_the_address() {
        let refusal = Refusal {
            code: 400,
            description: "Bad Request: group chat was upgraded to a supergroup chat".to_owned(),
            retry_after: None,
            migrated_to: Some(-1_002_000_000_001),
        };
        let to = |topic| Address { chat: -1_002_000_000_001, topic }.conversation();
        for topic in [None, Some(Topic::Thread(7))] {
            let error = CallError::Refused(refusal.clone()).into_send_error(Address { chat: -4, topic });
            assert_eq!(error.verdict(), Verdict::Moved { to: to(topic) });
        }
    }
}
