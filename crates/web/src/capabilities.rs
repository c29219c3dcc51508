//! What a web channel can do.

use std::time::Duration;

use switchboard_core::{
    Capabilities, Idempotency, Rates, Support, TextSupport, TypingSupport,
    markup::{TextFormat, Unit},
};

/// The longest text, in bytes of HTML. The page has no limit of its own; this one keeps a single
/// message within what a browser lays out without a pause.
const MAX_HTML: usize = 64 * 1024;

/// How often typing is repeated. The page hides it after three times as long without a repeat.
const TYPING_REFRESH: Duration = Duration::from_secs(5);

/// The same in every conversation.
pub(crate) fn capabilities() -> Capabilities {
    Capabilities {
        text: TextSupport { format: TextFormat::Html, limit: MAX_HTML, unit: Unit::Bytes },
        typing: Some(TypingSupport { refresh: TYPING_REFRESH, hide: true }),
        edit: Support::No,
        delete: Support::No,
        react: Support::No,
        attachment: None,
        // The page shows what is stored, and a message is stored once however often it is sent.
        idempotency: Idempotency::Forever,
        rates: Rates::default(),
        rated_as: None,
    }
}
