//! What a Matrix channel can do.

use std::{num::NonZeroU32, time::Duration};

use switchboard_core::{
    Capabilities, Idempotency, Rate, Rates, Support, TextSupport, TypingSupport,
    markup::{TextFormat, Unit},
};

/// The longest HTML, in bytes. An event may have 65,536 bytes, in which there are the HTML, the same as plain text,
/// and in an encrypted room a third more for its encoding.
const MAX_TEXT: usize = 16 * 1024;

/// For how long typing is shown; ours to choose.
pub(crate) const TYPING_SHOWN: Duration = Duration::from_secs(30);

/// Some seconds before that ends.
const TYPING_REFRESH: Duration = Duration::from_secs(25);

/// A transaction's id is remembered for a device: by Synapse for 30 minutes at least.
const TRANSACTION: Duration = Duration::from_mins(30);

/// Matrix publishes no rates, homeservers have them. Synapse's default for an account is one message in five
/// seconds after ten at once, of which the first nine were measured to go through.
const ACCOUNT: Rate =
    Rate { burst: NonZeroU32::new(9).expect("it is not zero"), period: Duration::from_secs(5) };

/// What can be done, everywhere alike.
pub(crate) fn capabilities() -> Capabilities {
    Capabilities {
        text: TextSupport { format: TextFormat::Html, limit: MAX_TEXT, unit: Unit::Bytes },
        typing: Some(TypingSupport { refresh: TYPING_REFRESH, hide: true }),
        edit: Support::No,
        delete: Support::No,
        react: Support::No,
        attachment: None,
        idempotency: Idempotency::Window(TRANSACTION),
        rates: Rates { channel: Some(ACCOUNT), conversation: None },
        rated_as: None,
    }
}
