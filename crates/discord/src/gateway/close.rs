//! What the gateway's close codes mean.

use secrecy::{ExposeSecret as _, SecretString};
use switchboard_core::RunError;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;

use super::socket::End;

/// The longest reason that is repeated, in characters. The protocol allows for little more.
const LONGEST: usize = 120;

/// What Discord says when it closes a connection.
pub(super) struct Closing {
    code: Option<u16>,
    /// In Discord's words; may be empty.
    reason: String,
}

impl Closing {
    /// Reads it, for states and logs. A reason that repeats the token is left out.
    pub(super) fn new(frame: Option<&CloseFrame>, token: &SecretString) -> Self {
        let token = token.expose_secret();
        let secret = token.rsplit('.').next().unwrap_or(token);
        let reason = frame.map(|frame| frame.reason.as_str()).filter(|reason| !reason.contains(secret));
        let reason = reason.unwrap_or_default().chars().filter(|c| !c.is_control()).take(LONGEST).collect();
        Self { code: frame.map(|frame| u16::from(frame.code)), reason }
    }

    /// The code with the reason: `close code 4000: Unknown error`.
    fn told(&self) -> String {
        let code = self.code.map_or_else(|| "no close code".to_owned(), |code| format!("close code {code}"));
        if self.reason.is_empty() { code } else { format!("{code}: {}", self.reason) }
    }

    /// What follows. Without a code Discord only went away.
    pub(super) fn meaning(&self, opened: bool) -> End {
        let told = self.told();
        let fatal = |reason: &str, remedy: &str| {
            End::Fatal(RunError { reason: format!("{reason} ({told})"), remedy: remedy.to_owned() })
        };
        match self.code {
            Some(4004) => {
                End::Refused { reason: format!("Discord's gateway refuses the bot's token ({told})") }
            }
            Some(4010 | 4012) => fatal(
                "Discord's gateway does not understand this program",
                "update the gateway: Discord has changed",
            ),
            Some(4011) => fatal(
                "the bot is in too many guilds for one connection",
                "divide the guilds among several bots",
            ),
            Some(4013) => fatal(
                "Discord does not know what is asked for, the intents",
                "update the gateway: Discord has changed",
            ),
            Some(4014) => fatal(
                "the bot is not granted the privileged intent MESSAGE_CONTENT",
                "turn on \"Message Content Intent\" on the bot's page in the developer portal",
            ),
            // The number of an event was wrong, or the session ran out.
            Some(4003 | 4007 | 4009) => {
                End::Invalid { reason: format!("Discord closed the connection ({told})") }
            }
            _ => End::Lost { reason: format!("Discord closed the connection ({told})"), opened },
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;

    use super::*;

    fn closed(code: Option<u16>, reason: &str) -> Closing {
        let frame =
            code.map(|code| CloseFrame { code: CloseCode::from(code), reason: reason.to_owned().into() });
        Closing::new(frame.as_ref(), &SecretString::from("MTIz.Gx_y.a-secret"))
    }

    #[test]
    fn a_code_that_a_person_must_see_to_stops_the_channel() {
        for code in [4010, 4011, 4012, 4013, 4014] {
            let End::Fatal(error) = closed(Some(code), "").meaning(true) else { panic!("{code} is fatal") };
            assert!(error.reason.contains(&code.to_string()) && !error.remedy.is_empty());
        }
    }

    #[test]
    fn a_code_that_passes_says_what_becomes_of_the_session() {
        for code in [Some(1000), Some(1001), Some(4000), Some(4001), Some(4002), Some(4005), Some(4008), None]
        {
            assert!(matches!(closed(code, "").meaning(true), End::Lost { opened: true, .. }), "{code:?}");
        }
        for code in [4003, 4007, 4009] {
            assert!(matches!(closed(Some(code), "").meaning(true), End::Invalid { .. }), "{code}");
        }
        assert!(matches!(closed(Some(4004), "").meaning(true), End::Refused { .. }));
    }

    #[test]
    fn the_missing_intent_is_named() {
        let End::Fatal(error) = closed(Some(4014), "").meaning(false) else { panic!("it is fatal") };
        assert!(error.reason.contains("MESSAGE_CONTENT") && error.remedy.contains("Message Content Intent"));
    }

    #[test]
    fn a_reason_is_repeated_on_one_line_and_without_the_token() {
        let told = |reason: &str| closed(Some(4000), reason).told();
        assert_eq!(told("Unknown error."), "close code 4000: Unknown error.");
        assert_eq!(told("Un\nknown"), "close code 4000: Unknown");
        assert_eq!(told("bad token MTIz.Gx_y.a-secret"), "close code 4000");
        assert_eq!(closed(None, "").told(), "no close code");
    }
}
