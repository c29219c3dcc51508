//! One direction of a channel's lanes: whose turn it is, what holds it up, and how far the table has
//! been searched. The directions do not share anything, so that a backlog in one does not hold up
//! the other.

use std::{
    collections::{BTreeSet, VecDeque},
    time::Duration,
};

use switchboard_store::{LaneId, ScanFrom};
use tokio::time::Instant;

use super::gate::Gate;

/// How many lanes of one direction may have something to do in memory. The rest waits in the table.
const MAX_LANES: usize = 1024;
/// How many lanes one scan looks at.
pub(super) const SCAN_PAGE: u32 = 512;
/// How long to wait at least before the table is searched out of turn.
const BETWEEN_WANTED: Duration = Duration::from_millis(20);
/// How many moments are remembered at which the table is to be searched out of turn.
const MAX_WANTED: usize = 4096;

/// See the module's documentation.
pub(super) struct Side {
    /// The lanes whose first delivery runs next.
    pub(super) ready: VecDeque<LaneId>,
    pub(super) gate: Gate,
    /// How many lanes are in memory.
    pub(super) lanes: usize,
    scanning: bool,
    scan_from: ScanFrom,
    scan_at: Instant,
    scan_every: Duration,
    /// When lanes that left memory may run again. The table is searched then, too.
    wanted: BTreeSet<Instant>,
    /// But not before this, so that many lanes that wait do not keep it busy.
    wanted_from: Instant,
}

impl Side {
    pub(super) fn new(in_flight: usize, scan_every: Duration) -> Self {
        Self {
            ready: VecDeque::new(),
            gate: Gate::new(in_flight),
            lanes: 0,
            scanning: false,
            scan_from: ScanFrom::default(),
            scan_at: Instant::now(),
            scan_every,
            wanted: BTreeSet::new(),
            wanted_from: Instant::now(),
        }
    }

    /// Whether another lane may come into memory.
    pub(super) fn has_room(&self) -> bool {
        self.lanes < MAX_LANES
    }

    /// When there is something to do without having been told.
    pub(super) fn wake_at(&self, now: Instant) -> Instant {
        // While a scan is under way, its report wakes us.
        let scan_at = if self.scanning { now + self.scan_every } else { self.next_scan() };
        self.gate.opens_at().map_or(scan_at, |opens| opens.min(scan_at))
    }

    /// Has the table searched again after so long at the latest.
    pub(super) fn scan_in(&mut self, wait: Duration, now: Instant) {
        let Some(at) = now.checked_add(wait) else { return };
        self.wanted.insert(at);
        // The regular search finds the others, a little later.
        if self.wanted.len() > MAX_WANTED {
            self.wanted.pop_last();
        }
    }

    fn next_scan(&self) -> Instant {
        let wanted = self.wanted.first().map(|wanted| self.wanted_from.max(*wanted));
        wanted.map_or(self.scan_at, |wanted| self.scan_at.min(wanted))
    }

    /// From where the table is to be searched now, if it is.
    pub(super) fn begin_scan(&mut self, now: Instant) -> Option<ScanFrom> {
        if self.scanning || self.next_scan() > now {
            return None;
        }
        self.scan_at = now + self.scan_every;
        self.wanted = self.wanted.split_off(&now);
        self.wanted.remove(&now);
        self.wanted_from = now + BETWEEN_WANTED;
        // Where memory is full, it is looked at again when some of it is done.
        self.scanning = self.has_room();
        self.scanning.then_some(self.scan_from)
    }

    /// The search came to an end; `last` is where it stood after a full page.
    pub(super) fn end_scan(&mut self, last: Option<ScanFrom>, now: Instant) {
        self.scanning = false;
        self.scan_from = last.unwrap_or_default();
        if last.is_some() {
            self.scan_at = now;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_search_in_between_does_not_delay_one_that_is_wanted() {
        let second = Duration::from_secs(1);
        let mut side = Side::new(1, second);
        let now = Instant::now();
        side.scan_in(second * 3 / 2, now);
        for at in [Duration::ZERO, second, second * 3 / 2] {
            let now = now + at;
            assert!(side.wake_at(now) <= now, "at {at:?}");
            assert!(side.begin_scan(now).is_some(), "at {at:?}");
            side.end_scan(None, now);
            assert!(side.begin_scan(now).is_none(), "again at {at:?}");
        }
    }
}
