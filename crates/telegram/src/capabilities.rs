//! What a Telegram chat can do.

use std::{num::NonZeroU32, time::Duration};

use switchboard_core::{
    Capabilities, ConversationId, Idempotency, Rate, Rates, Support, TextSupport, TypingSupport,
    markup::{TextFormat, Unit},
};

use crate::id::{Address, Topic};

/// The longest text. Telegram does not say of what; UTF-16 code units are what it counts elsewhere,
/// and there are never fewer of them than of code points.
const MAX_TEXT: usize = 4096;

/// Typing is shown for five seconds, and ends with the next message.
const TYPING_REFRESH: Duration = Duration::from_secs(4);

/// Telegram publishes 30 messages per second for a bot. Three at once and one every 38 ms are at most
/// 29 in any second: what leaves evenly does not arrive evenly, and exceeding the limit costs a pause
/// of many seconds. The burst lets the parts of one long answer leave together.
const BOT: Rate = rate(3, Duration::from_millis(38));

/// Published: one per second in a chat, where "short bursts" are fine. Three are the parts of a text
/// of 12,000 characters. The rest of a twentieth is for what arrives unevenly.
const PRIVATE: Rate = rate(3, Duration::from_millis(1050));

/// Published: 20 per minute in a group. Five at once and one every 4.2 s are at most 19 in any minute.
const GROUP: Rate = rate(5, Duration::from_millis(4200));

const fn rate(burst: u32, period: Duration) -> Rate {
    Rate { burst: NonZeroU32::new(burst).expect("a burst is not zero"), period }
}

/// What can be done in this conversation.
pub(crate) fn capabilities(conversation: &ConversationId) -> Capabilities {
    let address = Address::parse(conversation);
    let is_group = address.is_some_and(Address::is_group);
    let is_direct = address.is_some_and(|it| matches!(it.topic, Some(Topic::Direct(_))));
    let typing = TypingSupport { refresh: TYPING_REFRESH, hide: false };
    Capabilities {
        text: TextSupport { format: TextFormat::Entities, limit: MAX_TEXT, unit: Unit::Utf16 },
        // Who writes to a channel is not shown that somebody types.
        typing: (!is_direct).then_some(typing),
        edit: Support::No,
        delete: Support::No,
        react: Support::No,
        attachment: None,
        // The Bot API knows no key: a repeated message is another message.
        idempotency: Idempotency::None,
        rates: Rates { channel: Some(BOT), conversation: Some(if is_group { GROUP } else { PRIVATE }) },
        // The limit is the chat's, whatever the topic.
        rated_as: address.filter(|it| it.topic.is_some()).map(|it| Address::chat(it.chat).conversation()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The most that a token bucket lets through in any stretch of time.
    fn most(rate: Rate, within: Duration) -> u128 {
        u128::from(rate.burst.get()) + within.as_micros() / rate.period.as_micros()
    }

    #[test]
    fn the_published_limits_are_kept_in_any_second_and_any_minute() {
        assert!(most(BOT, Duration::from_secs(1)) < 30);
        assert!(most(GROUP, Duration::from_mins(1)) < 20);
        assert!(PRIVATE.period > Duration::from_secs(1));
    }

    #[test]
    fn topics_share_the_rate_of_their_group() {
        let of = |text: &str| capabilities(&ConversationId::new(text));
        let (group, topic, private) = (of("-1002"), of("-1002/7"), of("5"));
        assert_eq!(topic.rated_as, Some(ConversationId::new("-1002")));
        assert_eq!((group.rated_as, private.rated_as), (None, None));
        assert_eq!(topic.rates, group.rates);
        assert_ne!(group.rates, private.rates);
    }
}
