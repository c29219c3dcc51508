//! Finding and reading work in the table.

use std::{collections::HashMap, time::Duration};

use switchboard_core::chain;
use switchboard_store::{Delivery, Direction, LaneId, ReadyLane, StoreResult};
use tokio::time::Instant;

use super::{
    Attempts, Lanes, Report,
    lane::{Lane, Next, Queued, WINDOW},
    side::SCAN_PAGE,
};

/// How many lanes are read from the table at once.
const LOAD_PAGE: usize = 128;
/// How long a lane is left alone that could not be read.
const LOAD_AGAIN: Duration = Duration::from_secs(1);

impl Lanes {
    /// Reads what is known to be there, and looks for more when it is time.
    pub(super) fn read_table(&mut self, now: Instant) {
        while !self.to_load.is_empty() {
            let rest = self.to_load.split_off(self.to_load.len().min(LOAD_PAGE));
            let lanes = std::mem::replace(&mut self.to_load, rest);
            for id in &lanes {
                if let Some(lane) = self.active.get_mut(id) {
                    lane.begin_load();
                }
            }
            let (attempts, reporter) = (self.attempts.clone(), self.reporter.clone());
            self.supervisor.spawn("load lanes", async move {
                let deliveries = attempts.load(&lanes).await;
                let _ = reporter.send(Report::Loaded { lanes, deliveries }).await;
            });
        }
        for direction in [Direction::ToAi, Direction::ToMessenger] {
            let Some(from) = self.side(direction).begin_scan(now) else { continue };
            let (attempts, reporter) = (self.attempts.clone(), self.reporter.clone());
            self.supervisor.spawn("scan lanes", async move {
                let channel = &attempts.to.channel.policy.name;
                let page = attempts.store.ready_lanes(channel, direction, from, SCAN_PAGE).await;
                let _ = reporter.send(Report::Scanned(direction, page)).await;
            });
        }
    }

    pub(super) fn scanned(&mut self, direction: Direction, page: StoreResult<Vec<ReadyLane>>) {
        let page = page.unwrap_or_else(|error| {
            let channel = &self.attempts.to.channel.policy.name;
            tracing::warn!(%channel, error = %chain(&error), "the table could not be searched");
            Vec::new()
        });
        let full = page.len() == SCAN_PAGE as usize;
        let last = page.last().filter(|_| full).map(|last| last.scanned);
        for ReadyLane { lane: id, .. } in page {
            if !self.active.contains_key(&id) && self.side(direction).has_room() {
                let lane = Lane::unread(direction, self.memory.tail(id));
                self.insert(id, lane);
                self.to_load.push(id);
            }
        }
        self.side(direction).end_scan(last, Instant::now());
    }

    pub(super) fn loaded(&mut self, ids: Vec<LaneId>, deliveries: Vec<Delivery>) {
        let now = Instant::now();
        let mut by_lane: HashMap<LaneId, Vec<Queued>> = HashMap::new();
        for delivery in deliveries {
            by_lane.entry(delivery.lane).or_default().push(Queued::new(delivery, now));
        }
        for id in ids {
            let Some(lane) = self.active.get_mut(&id) else { continue };
            let next = match by_lane.remove(&id) {
                Some(deliveries) => lane.loaded(deliveries, now),
                // Nothing is pending, unless something was pushed while it was read.
                None => match lane.loaded(Vec::new(), now) {
                    Next::Load => Next::Leave(Some(Duration::ZERO)),
                    next => next,
                },
            };
            self.follow(id, next, now);
        }
    }
}

impl Attempts {
    /// The first pending deliveries of these lanes. A lane that cannot be read is left out, and
    /// does not keep the others from being read.
    async fn load(&self, lanes: &[LaneId]) -> Vec<Delivery> {
        let channel = &self.to.channel.policy.name;
        match self.store.load(channel, lanes, WINDOW).await {
            Ok(deliveries) => return deliveries,
            Err(error) => {
                tracing::warn!(%channel, error = %chain(&error), "deliveries could not be read");
                if error.is_transient() {
                    // The scan comes back to these lanes; not at once, to leave the database in peace.
                    tokio::time::sleep(LOAD_AGAIN).await;
                    return Vec::new();
                }
            }
        }
        let mut deliveries = Vec::new();
        for lane in lanes {
            match self.store.load(channel, &[*lane], WINDOW).await {
                Ok(read) => deliveries.extend(read),
                Err(error) => {
                    tracing::error!(%channel, %lane, error = %chain(&error), "this lane cannot be read");
                }
            }
        }
        deliveries
    }
}
