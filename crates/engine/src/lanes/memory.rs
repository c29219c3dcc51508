//! How far lanes had come when they left memory.
//!
//! A push is sent after its commit and may be late: the scan may have found and finished what it
//! brings. Remembering how far each lane came tells the one from the other.

use std::{
    collections::{HashMap, VecDeque},
    time::Duration,
};

use switchboard_store::LaneId;
use tokio::time::Instant;

/// For how long it is remembered. A push that is older than this is not trusted.
const REMEMBER: Duration = Duration::from_secs(30);

/// See the module's documentation.
pub(super) struct Memory {
    /// Since when everything that was done to the lanes is known here.
    since: Instant,
    tails: HashMap<LaneId, (Instant, i64)>,
    order: VecDeque<(Instant, LaneId)>,
}

impl Memory {
    pub(super) fn new(since: Instant) -> Self {
        Self { since, tails: HashMap::new(), order: VecDeque::new() }
    }

    /// Whether it would be known if what was asked for then had been finished already.
    pub(super) fn trusts(&self, asked_at: Instant, now: Instant) -> bool {
        asked_at >= self.since && now.duration_since(asked_at) < REMEMBER
    }

    /// The highest sequence number that the lane had seen when it left; zero if nobody remembers.
    pub(super) fn tail(&self, id: LaneId) -> i64 {
        self.tails.get(&id).map_or(0, |(_, tail)| *tail)
    }

    /// The lane leaves memory.
    pub(super) fn left(&mut self, id: LaneId, tail: i64, now: Instant) {
        self.tails.insert(id, (now, tail));
        self.order.push_back((now, id));
        while let Some((at, id)) = self.order.front().copied() {
            if now.duration_since(at) < REMEMBER {
                break;
            }
            self.order.pop_front();
            // A lane that left again later is remembered by its later entry.
            if self.tails.get(&id).is_some_and(|(last, _)| *last == at) {
                self.tails.remove(&id);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn it_forgets_after_a_while_and_never_trusts_what_is_older() {
        let begin = Instant::now();
        let mut memory = Memory::new(begin);
        memory.left(LaneId(1), 7, begin);
        memory.left(LaneId(1), 8, begin + Duration::from_secs(10));
        assert_eq!(memory.tail(LaneId(1)), 8);
        memory.left(LaneId(2), 1, begin + Duration::from_secs(35));
        assert_eq!(memory.tail(LaneId(1)), 8, "the later entry counts");
        memory.left(LaneId(2), 2, begin + Duration::from_secs(41));
        assert_eq!(memory.tail(LaneId(1)), 0);
        assert!(memory.trusts(begin, begin + Duration::from_secs(29)));
        assert!(!memory.trusts(begin, begin + Duration::from_secs(30)));
        assert!(!memory.trusts(begin - Duration::from_millis(1), begin));
    }
}
