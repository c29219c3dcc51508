//! What the gateway's close codes mean.

use switchboard_core::RunError;

use super::socket::End;
use crate::error::token_refused;

/// What follows when Discord closes a connection with this code. Without a code it only went away.
pub(super) fn meaning(code: Option<u16>, opened: bool) -> End {
    let fatal = |reason: &str, remedy: &str| {
        End::Fatal(RunError { reason: reason.to_owned(), remedy: remedy.to_owned() })
    };
    match code {
        Some(4004) => End::Fatal(token_refused()),
        Some(code @ (4010 | 4012)) => fatal(
            &format!("Discord's gateway does not understand this program (close code {code})"),
            "update the gateway: Discord has changed",
        ),
        Some(4011) => fatal(
            "the bot is in too many guilds for one connection (close code 4011)",
            "divide the guilds among several bots",
        ),
        Some(4013) => fatal(
            "Discord does not know what is asked for, the intents (close code 4013)",
            "update the gateway: Discord has changed",
        ),
        Some(4014) => fatal(
            "the bot is not granted the privileged intent MESSAGE_CONTENT (close code 4014)",
            "turn on \"Message Content Intent\" on the bot's page in the developer portal",
        ),
        // The number of an event was wrong, or the session ran out.
        Some(code @ (4003 | 4007 | 4009)) => End::Invalid { reason: format!("Discord closed with {code}") },
        Some(code) => End::Lost { reason: format!("Discord closed with {code}"), opened },
        None => End::Lost { reason: "Discord closed the connection".to_owned(), opened },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_person_must_see_to_stops_the_channel() {
        for code in [4004, 4010, 4011, 4012, 4013, 4014] {
            let End::Fatal(error) = meaning(Some(code), true) else { panic!("{code} is fatal") };
            assert!(!error.reason.is_empty() && !error.remedy.is_empty());
        }
        for code in [Some(1000), Some(1001), Some(4000), Some(4001), Some(4002), Some(4005), Some(4008), None]
        {
            assert!(matches!(meaning(code, true), End::Lost { opened: true, .. }), "{code:?}");
        }
        for code in [4003, 4007, 4009] {
            assert!(matches!(meaning(Some(code), true), End::Invalid { .. }), "{code}");
        }
    }

    #[test]
    fn the_missing_intent_is_named() {
        let End::Fatal(error) = meaning(Some(4014), false) else { panic!("it is fatal") };
        assert!(error.reason.contains("MESSAGE_CONTENT") && error.remedy.contains("Message Content Intent"));
    }
}
