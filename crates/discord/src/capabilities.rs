//! What a Discord channel can do.

use std::{num::NonZeroU32, time::Duration};

use switchboard_core::{
    Capabilities, Idempotency, Rate, Rates, Support, TextSupport, TypingSupport,
    markup::{TextFormat, Unit},
};

/// The longest text, in code points.
const MAX_TEXT: usize = 2000;

/// Typing is shown for ten seconds, and ends with the next message.
const TYPING_REFRESH: Duration = Duration::from_secs(8);

/// A nonce is remembered for "the past few minutes". Two are the fewest that can be called so.
const NONCE: Duration = Duration::from_mins(2);

/// Discord publishes 50 calls per second for a bot. Three at once and one every 22 ms are at most 48 in
/// any second. For a single channel nothing is published: the answers' headers tell (see `limits`).
const BOT: Rate =
    Rate { burst: NonZeroU32::new(3).expect("it is not zero"), period: Duration::from_millis(22) };

/// What can be done, everywhere alike.
pub(crate) fn capabilities() -> Capabilities {
    Capabilities {
        text: TextSupport { format: TextFormat::Markdown, limit: MAX_TEXT, unit: Unit::CodePoints },
        typing: Some(TypingSupport { refresh: TYPING_REFRESH, hide: false }),
        edit: Support::No,
        delete: Support::No,
        react: Support::No,
        attachment: None,
        idempotency: Idempotency::Window(NONCE),
        rates: Rates { channel: Some(BOT), conversation: None },
        rated_as: None,
    }
}
