//! The lanes of one channel, while this replica runs it.
//!
//! One task ([`Lanes`]) holds which lanes have something to do and starts attempts; each attempt
//! runs on its own and reports back. Work comes from three sides: pushed right after its commit
//! (the hot path), found by the scan over the table (restarts, retries, other replicas' work), and
//! read behind what was pushed. The table is the truth; whatever does not get through memory is
//! found by the scan.

mod attempt;
mod gate;
mod lane;

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
    time::Duration,
};

use futures_util::StreamExt as _;
use switchboard_core::{Rates, chain};
use switchboard_store::{Delivery, Direction, LaneId, LaneState, ReadyLane, ScanFrom, Settled, StoreResult};
use tokio::{sync::mpsc, time::Instant};
use tokio_util::{sync::CancellationToken, time::DelayQueue};

use self::{
    attempt::{Attempted, gate_of},
    gate::Gate,
    lane::{Lane, Next, Queued, WINDOW},
};
use crate::{config::Limits, supervise::Supervisor};

pub(crate) use self::attempt::Attempts;

/// How many lanes may have something to do in memory. The rest waits in the table.
const MAX_LANES: usize = 2048;
/// How many lanes one scan looks at.
const SCAN_PAGE: u32 = 512;
/// How many lanes are read from the table at once.
const LOAD_PAGE: usize = 128;
/// How many pushed batches may wait to be taken up.
const MAX_PUSHED: usize = 4096;
/// For how long it is remembered how far a lane came after it had nothing to do. A push that is
/// older than this is not trusted: what it brings may have been sent already.
const REMEMBER: Duration = Duration::from_secs(30);

/// Hands the lanes what was just committed. Cheap to clone.
#[derive(Clone)]
pub(crate) struct LanesHandle(mpsc::Sender<Report>);

impl LanesHandle {
    /// Takes it up if there is room; the scan finds it otherwise. `asked_at` is from before the
    /// commit.
    pub(crate) fn push(&self, deliveries: Vec<Delivery>, asked_at: Instant) {
        if !deliveries.is_empty() {
            let _ = self.0.try_send(Report::Pushed { deliveries, asked_at });
        }
    }
}

/// What the lanes are told.
enum Report {
    Pushed { deliveries: Vec<Delivery>, asked_at: Instant },
    Attempted { lane: LaneId, direction: Direction, attempted: Attempted },
    Scanned(StoreResult<Vec<ReadyLane>>),
    Loaded { lanes: Vec<LaneId>, deliveries: StoreResult<Vec<Delivery>> },
}

/// See the module's documentation.
pub(crate) struct Lanes {
    attempts: Arc<Attempts>,
    supervisor: Supervisor,
    scan_every: Duration,
    reports: mpsc::Receiver<Report>,
    /// For the tasks that report back; bounded by what is under way, so it may wait.
    reporter: mpsc::Sender<Report>,
    lanes: HashMap<LaneId, Lane>,
    /// The lanes whose first delivery runs next, per direction.
    ready: [VecDeque<LaneId>; 2],
    gates: [Gate; 2],
    /// Lanes that wait for their conversation's rate.
    parked: DelayQueue<LaneId>,
    /// How far lanes came that have left memory.
    left: HashMap<LaneId, (Instant, i64)>,
    left_order: VecDeque<(Instant, LaneId)>,
    to_load: Vec<LaneId>,
    scanning: bool,
    scan_from: ScanFrom,
    scan_at: Instant,
    under_way: usize,
    /// Since when everything that was done to the lanes is known here.
    since: Instant,
    lost: CancellationToken,
}

impl Lanes {
    /// The lanes of a channel, and the way in. `lost` is cancelled when the store says that the
    /// channel is not ours any more.
    pub(crate) fn new(
        attempts: Attempts,
        supervisor: Supervisor,
        in_flight: usize,
        scan_every: Duration,
        lost: CancellationToken,
    ) -> (Self, LanesHandle) {
        let (reporter, reports) = mpsc::channel(MAX_PUSHED);
        let handle = LanesHandle(reporter.clone());
        let lanes = Self {
            attempts: Arc::new(attempts),
            supervisor,
            scan_every,
            reports,
            reporter,
            lanes: HashMap::new(),
            ready: [VecDeque::new(), VecDeque::new()],
            gates: [Gate::new(in_flight), Gate::new(in_flight)],
            parked: DelayQueue::new(),
            left: HashMap::new(),
            left_order: VecDeque::new(),
            to_load: Vec::new(),
            scanning: false,
            scan_from: ScanFrom::default(),
            scan_at: Instant::now(),
            under_way: 0,
            since: Instant::now(),
            lost,
        };
        (lanes, handle)
    }

    /// Runs until `stop`, then waits for the attempts that are under way. While `paused` says so,
    /// no attempt begins.
    pub(crate) async fn run(
        mut self,
        stop: CancellationToken,
        mut paused: tokio::sync::watch::Receiver<bool>,
    ) {
        loop {
            let running = !*paused.borrow_and_update();
            if running {
                self.start_attempts();
                self.read_table();
            }
            let wake = self.wake_at();
            tokio::select! {
                biased;
                () = stop.cancelled() => break,
                Some(report) = self.reports.recv() => self.take_in(report),
                Some(expired) = self.parked.next(), if !self.parked.is_empty() => {
                    self.make_ready(expired.into_inner());
                }
                changed = paused.changed() => if changed.is_err() { break },
                () = tokio::time::sleep_until(wake), if running => {}
            }
        }
        while self.under_way > 0 {
            let Some(report) = self.reports.recv().await else { break };
            if let Report::Attempted { .. } = report {
                self.under_way -= 1;
            }
        }
    }

    fn wake_at(&self) -> Instant {
        // While a scan is under way, its report wakes us.
        let scan_at = if self.scanning { Instant::now() + self.scan_every } else { self.scan_at };
        self.gates.iter().filter_map(Gate::opens_at).fold(scan_at, Instant::min)
    }

    fn take_in(&mut self, report: Report) {
        match report {
            Report::Pushed { deliveries, asked_at } => self.pushed(deliveries, asked_at),
            Report::Attempted { lane, direction, attempted } => self.attempted(lane, direction, attempted),
            Report::Scanned(page) => self.scanned(page),
            Report::Loaded { lanes, deliveries } => self.loaded(lanes, deliveries),
        }
    }

    fn pushed(&mut self, deliveries: Vec<Delivery>, asked_at: Instant) {
        let now = Instant::now();
        self.forget_old(now);
        if asked_at < self.since || now.duration_since(asked_at) >= REMEMBER {
            return;
        }
        for delivery in deliveries {
            let (id, seq) = (delivery.lane, delivery.seq);
            if let Some(lane) = self.lanes.get_mut(&id) {
                lane.push(Queued::new(delivery, now));
            } else if delivery.lane_was_idle && self.lanes.len() < MAX_LANES && self.left_at(id) < seq {
                self.lanes.insert(id, Lane::starting_with(Queued::new(delivery, now)));
                self.make_ready(id);
            }
        }
    }

    fn attempted(&mut self, id: LaneId, direction: Direction, attempted: Attempted) {
        let now = Instant::now();
        let gate = &mut self.gates[gate_of(direction)];
        self.under_way -= 1;
        gate.leave();
        if let Some(pause) = attempted.pause {
            gate.pause_until(now + pause);
        }
        let Settled::Committed(state) = attempted.settled else {
            self.lost.cancel();
            return;
        };
        let Some(lane) = self.lanes.get_mut(&id) else { return };
        // What is tried again may look different in the table by then: it is found by the scan.
        let next = match (attempted.retried, state) {
            (false, state) => lane.finished(state, now),
            (true, LaneState::Ready(wait)) => Next::Leave(Some(wait)),
            (true, LaneState::Idle) => Next::Leave(None),
        };
        self.follow(id, next, now);
    }

    fn follow(&mut self, id: LaneId, next: Next, now: Instant) {
        match next {
            Next::Run => self.make_ready(id),
            Next::Load => self.to_load.push(id),
            Next::Leave(wait) => {
                if let Some(lane) = self.lanes.remove(&id) {
                    self.left.insert(id, (now, lane.tail()));
                    self.left_order.push_back((now, id));
                }
                if let Some(wait) = wait {
                    self.scan_at = self.scan_at.min(now + wait);
                }
            }
        }
    }

    fn make_ready(&mut self, id: LaneId) {
        if let Some(lane) = self.lanes.get(&id) {
            self.ready[gate_of(lane.direction)].push_back(id);
        }
    }

    /// How far the lane had come when it left memory.
    fn left_at(&self, id: LaneId) -> i64 {
        self.left.get(&id).map_or(0, |(_, tail)| *tail)
    }

    fn forget_old(&mut self, now: Instant) {
        while let Some((at, id)) = self.left_order.front().copied() {
            if now.duration_since(at) < REMEMBER {
                break;
            }
            self.left_order.pop_front();
            // A lane that left again later is remembered by its later entry.
            if self.left.get(&id).is_some_and(|(last, _)| *last == at) {
                self.left.remove(&id);
            }
        }
    }

    fn start_attempts(&mut self) {
        let now = Instant::now();
        for direction in [Direction::ToAi, Direction::ToMessenger] {
            let index = gate_of(direction);
            while self.gates[index].is_open(now) {
                let Some(id) = self.ready[index].pop_front() else { break };
                self.start_attempt(id, direction, now);
            }
        }
    }

    fn start_attempt(&mut self, id: LaneId, direction: Direction, now: Instant) {
        let Some(queued) = self.lanes.get(&id).and_then(Lane::head).cloned() else { return };
        let gate = &mut self.gates[gate_of(direction)];
        if direction == Direction::ToMessenger {
            let conversation = &queued.delivery.chat.conversation;
            let rates = self.attempts.rates(conversation);
            let lane = self.lanes.get_mut(&id).expect("just found");
            if let (Some(rate), false) = (rates.conversation, lane.paid) {
                if let Err(wait) = gate.pay_conversation(rate, conversation) {
                    self.parked.insert(id, wait);
                    return;
                }
                lane.paid = true;
            }
            if rates.channel.is_some_and(|rate| !gate.pay_channel(rate, now)) {
                self.ready[gate_of(direction)].push_front(id);
                return;
            }
        }
        gate.enter();
        self.under_way += 1;
        let (attempts, reporter) = (self.attempts.clone(), self.reporter.clone());
        self.supervisor.spawn("attempt", async move {
            let attempted = attempts.run(queued).await;
            let _ = reporter.send(Report::Attempted { lane: id, direction, attempted }).await;
        });
    }

    /// Reads what is known to be there, and looks for more when it is time.
    fn read_table(&mut self) {
        while !self.to_load.is_empty() {
            let rest = self.to_load.split_off(self.to_load.len().min(LOAD_PAGE));
            let lanes = std::mem::replace(&mut self.to_load, rest);
            for id in &lanes {
                if let Some(lane) = self.lanes.get_mut(id) {
                    lane.begin_load();
                }
            }
            let (attempts, reporter) = (self.attempts.clone(), self.reporter.clone());
            self.supervisor.spawn("load lanes", async move {
                let deliveries = attempts.store.load(&lanes, WINDOW).await;
                let _ = reporter.send(Report::Loaded { lanes, deliveries }).await;
            });
        }
        if !self.scanning && self.scan_at <= Instant::now() && self.lanes.len() < MAX_LANES {
            self.scanning = true;
            self.scan_at = Instant::now() + self.scan_every;
            let (attempts, reporter, from) = (self.attempts.clone(), self.reporter.clone(), self.scan_from);
            self.supervisor.spawn("scan lanes", async move {
                let channel = &attempts.to.channel.policy.name;
                let page = attempts.store.ready_lanes(channel, from, SCAN_PAGE).await;
                let _ = reporter.send(Report::Scanned(page)).await;
            });
        } else if self.scan_at <= Instant::now() {
            // Memory is full: look again when some of it is done.
            self.scan_at = Instant::now() + self.scan_every;
        }
    }

    fn scanned(&mut self, page: StoreResult<Vec<ReadyLane>>) {
        self.scanning = false;
        let page = page.unwrap_or_else(|error| {
            let channel = &self.attempts.to.channel.policy.name;
            tracing::warn!(%channel, error = %chain(&error), "the table could not be searched");
            Vec::new()
        });
        let full = page.len() == SCAN_PAGE as usize;
        self.scan_from = page.last().filter(|_| full).map_or_else(ScanFrom::default, |last| last.scanned);
        for ready in page {
            if !self.lanes.contains_key(&ready.lane) && self.lanes.len() < MAX_LANES {
                let lane = Lane::unread(ready.direction, self.left_at(ready.lane));
                self.lanes.insert(ready.lane, lane);
                self.to_load.push(ready.lane);
            }
        }
        if full {
            self.scan_at = Instant::now();
        }
    }

    fn loaded(&mut self, ids: Vec<LaneId>, deliveries: StoreResult<Vec<Delivery>>) {
        let now = Instant::now();
        let deliveries = deliveries.unwrap_or_else(|error| {
            let channel = &self.attempts.to.channel.policy.name;
            tracing::warn!(%channel, error = %chain(&error), "deliveries could not be read");
            Vec::new()
        });
        let mut by_lane: HashMap<LaneId, Vec<Queued>> = HashMap::new();
        for delivery in deliveries {
            by_lane.entry(delivery.lane).or_default().push(Queued::new(delivery, now));
        }
        for id in ids {
            let Some(lane) = self.lanes.get_mut(&id) else { continue };
            let next = lane.loaded(by_lane.remove(&id).unwrap_or_default(), now);
            self.follow(id, next, now);
        }
    }
}

impl Attempts {
    /// How fast this conversation may be sent to.
    fn rates(&self, conversation: &switchboard_core::ConversationId) -> Rates {
        match self.to.channel.policy.limits {
            Limits::Platform => self.to.messenger.capabilities(conversation).rates,
            Limits::Off => Rates::default(),
            Limits::Rates(rates) => rates,
        }
    }
}
