//! One direction of a channel's lanes: whose turn it is, what holds it up, and how far the table has
//! been searched. The directions do not share anything, so that a backlog in one does not hold up
//! the other.

use std::{collections::VecDeque, time::Duration};

use switchboard_store::{LaneId, ScanFrom};
use tokio::time::Instant;

use super::gate::Gate;

/// How many lanes of one direction may have something to do in memory. The rest waits in the table.
const MAX_LANES: usize = 1024;
/// How many lanes one scan looks at.
pub(super) const SCAN_PAGE: u32 = 512;

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
        }
    }

    /// Whether another lane may come into memory.
    pub(super) fn has_room(&self) -> bool {
        self.lanes < MAX_LANES
    }

    /// When there is something to do without having been told.
    pub(super) fn wake_at(&self, now: Instant) -> Instant {
        // While a scan is under way, its report wakes us.
        let scan_at = if self.scanning { now + self.scan_every } else { self.scan_at };
        self.gate.opens_at().map_or(scan_at, |opens| opens.min(scan_at))
    }

    /// Has the table searched again after so long at the latest.
    pub(super) fn scan_in(&mut self, wait: Duration, now: Instant) {
        if let Some(at) = now.checked_add(wait) {
            self.scan_at = self.scan_at.min(at);
        }
    }

    /// From where the table is to be searched now, if it is.
    pub(super) fn begin_scan(&mut self, now: Instant) -> Option<ScanFrom> {
        if self.scanning || self.scan_at > now {
            return None;
        }
        self.scan_at = now + self.scan_every;
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
