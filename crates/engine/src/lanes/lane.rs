//! One lane in memory: the next few of its deliveries.
//!
//! A lane is in memory while its first delivery may run. One that waits (for a retry, say) is
//! forgotten and found again by the scan, so that what people change in the table meanwhile counts.

use std::{collections::VecDeque, time::Duration};

use switchboard_store::{Delivery, Direction, LaneState};
use tokio::time::Instant;

/// How many deliveries of one lane are held in memory. The rest waits in the table.
pub(super) const WINDOW: u32 = 8;

/// A delivery that has waited in memory for longer (for a rate or a pause) is read again.
const STALE: Duration = Duration::from_secs(5);

/// A lane with something to do.
#[derive(Debug)]
pub(super) struct Lane {
    pub(super) direction: Direction,
    /// The first deliveries that are not settled, without a gap.
    queue: VecDeque<Queued>,
    /// The highest sequence number that was ever in the queue.
    tail: i64,
    /// Whether there may be more behind the queue, to be read from the table.
    more_in_table: bool,
    /// Whether the table is being read.
    loading: bool,
    /// Whether the conversation's rate has been paid for the first delivery already.
    pub(super) paid: bool,
}

/// A delivery in memory, with its times on our own clock.
#[derive(Clone, Debug)]
pub(super) struct Queued {
    pub(super) delivery: Delivery,
    pub(super) run_at: Instant,
    pub(super) expires_at: Instant,
    /// When it was read. A person may have discarded it since.
    read_at: Instant,
}

/// What a lane does next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// Its first delivery runs.
    Run,
    /// The table must be read.
    Load,
    /// It leaves memory; the scan finds it when it may run, which is after so long if known.
    Leave(Option<Duration>),
}

impl Queued {
    pub(super) fn new(delivery: Delivery, now: Instant) -> Self {
        // An expiry beyond what the clock can hold is as good as none; a day is then looked at anew.
        let after = |wait: Duration| now.checked_add(wait).unwrap_or(now + Duration::from_hours(24));
        let (run_at, expires_at) = (after(delivery.run_in), after(delivery.expires_in));
        Self { delivery, run_at, expires_at, read_at: now }
    }
}

impl Lane {
    /// A lane that is to be read from the table, and how far it had come when it was last here.
    pub(super) fn unread(direction: Direction, tail: i64) -> Self {
        Self { direction, queue: VecDeque::new(), tail, more_in_table: true, loading: false, paid: false }
    }

    /// A lane that was idle before this delivery was committed.
    pub(super) fn starting_with(first: Queued) -> Self {
        let mut lane = Self::unread(first.delivery.direction(), first.delivery.seq);
        lane.more_in_table = false;
        lane.queue.push_back(first);
        lane
    }

    /// The highest sequence number that this lane has seen.
    pub(super) fn tail(&self) -> i64 {
        self.tail
    }

    /// Takes in a delivery that was just committed. Where it does not follow what is here, only
    /// remembers that there is more in the table.
    pub(super) fn push(&mut self, queued: Queued) {
        let seq = queued.delivery.seq;
        if seq <= self.tail {
            return;
        }
        let follows = seq == self.tail + 1 && !self.more_in_table && !self.loading;
        if follows && self.queue.len() < WINDOW as usize {
            self.tail = seq;
            self.queue.push_back(queued);
        } else {
            self.more_in_table = true;
        }
    }

    /// The table is being read from now on. What is pushed meanwhile may not be in the answer.
    pub(super) fn begin_load(&mut self) {
        self.loading = true;
        self.more_in_table = false;
    }

    /// Takes in the lane's first pending deliveries as they were in the table.
    pub(super) fn loaded(&mut self, deliveries: Vec<Queued>, now: Instant) -> Next {
        self.loading = false;
        self.more_in_table |= deliveries.len() == WINDOW as usize;
        if let Some(last) = deliveries.last() {
            self.tail = self.tail.max(last.delivery.seq);
        }
        self.queue = deliveries.into();
        self.next(now)
    }

    /// The delivery to run.
    pub(super) fn head(&self) -> Option<&Queued> {
        self.queue.front()
    }

    /// Whether the delivery to run was read so long ago that it must be read again: a person may
    /// have discarded it.
    pub(super) fn is_stale(&self, now: Instant) -> bool {
        self.queue.front().is_some_and(|head| now.duration_since(head.read_at) > STALE)
    }

    /// The first delivery was settled for good; this is how the lane looks in the table.
    pub(super) fn finished(&mut self, state: LaneState, now: Instant) -> Next {
        self.paid = false;
        self.queue.pop_front();
        let head = self.queue.front().map(|head| head.delivery.seq);
        match state {
            LaneState::Idle if head.is_none() => self.next(now),
            // What is here was pushed since, or was discarded: the table tells.
            LaneState::Idle => {
                self.queue.clear();
                Next::Load
            }
            LaneState::Ready { seq, .. } if head == Some(seq) => self.next(now),
            // The table has another first delivery: what is here was discarded, or an older one
            // was taken up again.
            LaneState::Ready { after, .. } => {
                self.queue.clear();
                if after.is_zero() { Next::Load } else { Next::Leave(Some(after)) }
            }
        }
    }

    /// What to do next, as far as memory knows.
    pub(super) fn next(&self, now: Instant) -> Next {
        match self.queue.front() {
            Some(head) if head.run_at > now => Next::Leave(Some(head.run_at - now)),
            Some(_) => Next::Run,
            None if self.more_in_table => Next::Load,
            None => Next::Leave(None),
        }
    }
}

#[cfg(test)]
#[path = "lane_tests.rs"]
mod tests;
