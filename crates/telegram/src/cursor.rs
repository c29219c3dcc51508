//! Where the channel stands with Telegram: its cursor.
//!
//! `2:<bot>:<offset>`, where the number in front is the version of the format. The bot is named because
//! every bot counts its updates by itself: an offset of another one would skip what waits, or ask for
//! what never comes. Version 1, `1:<offset>`, named none; it is taken for this bot's.

use switchboard_core::Cursor;

/// Where to ask from. `None`: from the first update that waits.
pub(crate) type Offset = Option<i64>;

/// The cursor of a bot that has stored everything before this offset.
pub(crate) fn write(bot: u64, offset: Offset) -> Cursor {
    Cursor::new(format!("2:{bot}:{}", offset.unwrap_or(0)))
}

/// What a cursor says to a bot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Read {
    /// Where this bot stands.
    At(Offset),
    /// It is another bot's.
    Foreign,
    /// It is of another version, later than this one.
    Unknown,
}

/// Reads a cursor back. One that cannot be read is as good as none: what Telegram still has comes
/// again, and is known by its id.
pub(crate) fn read(bot: u64, cursor: &Cursor) -> Read {
    let mut parts = cursor.as_str().split(':');
    let (owner, offset) = match (parts.next(), parts.next(), parts.next(), parts.next()) {
        (Some("1"), Some(offset), None, None) => (Some(bot), offset),
        (Some("2"), Some(owner), Some(offset), None) => (owner.parse().ok(), offset),
        _ => return Read::Unknown,
    };
    match (owner, offset.parse::<i64>()) {
        (Some(owner), Ok(offset)) if owner == bot => Read::At(Some(offset).filter(|offset| *offset > 0)),
        (Some(_), Ok(_)) => Read::Foreign,
        _ => Read::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_is_read_back() {
        for offset in [None, Some(1), Some(123_456), Some(i64::from(i32::MAX) + 1)] {
            assert_eq!(read(7, &write(7, offset)), Read::At(offset));
        }
        assert_eq!(write(7, Some(8)).as_str(), "2:7:8");
    }

    #[test]
    fn a_cursor_of_version_1_is_this_bot_s() {
        assert_eq!(read(7, &Cursor::new("1:123456")), Read::At(Some(123_456)));
    }

    #[test]
    fn another_bot_s_cursor_is_none_of_ours() {
        assert_eq!(read(8, &write(7, Some(123_456))), Read::Foreign);
    }

    #[test]
    fn what_is_no_cursor_of_ours_is_unknown() {
        for other in ["", "123456", "1:", "1:x", "1:2:3", "2:5", "2:x:5", "2:7:x", "2:7:8:9", "3:7:8"] {
            assert_eq!(read(7, &Cursor::new(other)), Read::Unknown, "{other:?}");
        }
    }
}
