//! Which sessions the company has ended, by its configuration.

use std::collections::HashMap;

use time::OffsetDateTime;

use crate::{WebConfig, id::VisitorId};

/// What was made before these times is no longer good.
#[derive(Default)]
pub(crate) struct Endings {
    all: Option<OffsetDateTime>,
    single: HashMap<VisitorId, OffsetDateTime>,
}

impl Endings {
    /// As configured; see [`WebConfig::mistakes`] for what cannot be read.
    pub(crate) fn new(config: &WebConfig) -> Self {
        let single = config
            .sessions_ended
            .iter()
            .filter_map(|(visitor, time)| Some((VisitorId::from_chat_id(visitor).ok()?, *time)));
        Self { all: config.sessions_valid_from, single: single.collect() }
    }

    /// Whether this visitor's session that was made at this time was ended.
    pub(crate) fn include(&self, visitor: &VisitorId, made_at: OffsetDateTime) -> bool {
        // Whose id does not tell since when there is a visitor may have been renewed meanwhile by
        // whoever is to be kept out.
        let may_be_older = matches!(visitor, VisitorId::Anonymous(_)) && visitor.since().is_none();
        let singled_out = self.single.get(visitor).is_some_and(|time| may_be_older || made_at < *time);
        singled_out || self.all.is_some_and(|time| made_at < time)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use switchboard_core::ChannelName;
    use time::Duration;
    use uuid::Uuid;

    use super::*;

    const NOW: OffsetDateTime = OffsetDateTime::UNIX_EPOCH;

    fn endings(change: impl FnOnce(&mut WebConfig)) -> Endings {
        let mut config = WebConfig::new(ChannelName::new("site"), "".into(), Arc::new(|| NOW));
        change(&mut config);
        Endings::new(&config)
    }

    #[test]
    fn what_was_made_before_is_ended() {
        let at = NOW + Duration::DAY;
        let all = endings(|config| config.sessions_valid_from = Some(at));
        let one = endings(|config| config.sessions_ended = vec![("user=42".to_owned(), at)]);
        let (ann, bob) = (VisitorId::User("42".into()), VisitorId::User("43".into()));
        for (made_at, ended) in [(at - Duration::SECOND, true), (at, false)] {
            assert_eq!([&ann, &bob].map(|visitor| all.include(visitor, made_at)), [ended, ended]);
            assert_eq!([&ann, &bob].map(|visitor| one.include(visitor, made_at)), [ended, false]);
        }
    }

    /// Tokens from before ids told since when there is a visitor: they may have been renewed between
    /// the time and the restart that made it known.
    #[test]
    fn an_id_that_tells_no_time_is_ended_for_good() {
        let old = VisitorId::Anonymous(Uuid::new_v4());
        let one = endings(|config| config.sessions_ended = vec![(old.to_string(), NOW)]);
        assert!(one.include(&old, NOW + Duration::DAY));
        assert!(!endings(|config| config.sessions_valid_from = Some(NOW)).include(&old, NOW + Duration::DAY));
    }
}
