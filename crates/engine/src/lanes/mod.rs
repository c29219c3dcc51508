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
mod memory;
mod side;
mod table;

use std::{collections::HashMap, sync::Arc, time::Duration};

use futures_util::StreamExt as _;
use switchboard_core::ConversationId;
use switchboard_store::{Delivery, Direction, LaneId, LaneState, ReadyLane, Settled, StoreResult};
use tokio::{
    sync::{mpsc, watch},
    time::Instant,
};
use tokio_util::{sync::CancellationToken, time::DelayQueue};

use self::{
    attempt::{Attempted, Pause},
    lane::{Lane, Next, Queued},
    memory::Memory,
    side::Side,
};
use crate::supervise::Supervisor;

pub(crate) use self::{
    attempt::{Attempts, LONGEST_PAUSE},
    gate::quota,
};

/// How many pushed batches may wait to be taken up.
const MAX_PUSHED: usize = 4096;

/// Hands the lanes what was just committed. Cheap to clone.
#[derive(Clone)]
pub(crate) struct LanesHandle(mpsc::Sender<Report>);

impl LanesHandle {
    /// Takes it up if there is room; the scan finds it otherwise. `asked_at` is from before the
    /// commit.
    pub(crate) fn push(&self, deliveries: Vec<Delivery>, asked_at: Instant) {
        let _ = self.0.try_send(Report::Pushed { deliveries, asked_at });
    }

    /// Has the table searched soon.
    pub(crate) fn look(&self) {
        let _ = self.0.try_send(Report::Look);
    }
}

/// What the lanes are told.
enum Report {
    Pushed {
        deliveries: Vec<Delivery>,
        asked_at: Instant,
    },
    /// Another replica committed something.
    Look,
    Attempted {
        lane: LaneId,
        direction: Direction,
        attempted: Attempted,
    },
    Scanned(Direction, StoreResult<Vec<ReadyLane>>),
    Loaded {
        lanes: Vec<LaneId>,
        deliveries: Vec<Delivery>,
    },
}

/// See the module's documentation.
pub(crate) struct Lanes {
    attempts: Arc<Attempts>,
    supervisor: Supervisor,
    reports: mpsc::Receiver<Report>,
    /// For the tasks that report back; bounded by what is under way, so it may wait.
    reporter: mpsc::Sender<Report>,
    /// The lanes that have something to do.
    active: HashMap<LaneId, Lane>,
    sides: [Side; 2],
    /// Lanes that wait for their conversation.
    parked: DelayQueue<LaneId>,
    memory: Memory,
    to_load: Vec<LaneId>,
    under_way: usize,
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
        let side = || Side::new(in_flight, scan_every);
        let lanes = Self {
            attempts: Arc::new(attempts),
            supervisor,
            reports,
            reporter,
            active: HashMap::new(),
            sides: [side(), side()],
            parked: DelayQueue::new(),
            memory: Memory::new(Instant::now()),
            to_load: Vec::new(),
            under_way: 0,
            lost,
        };
        (lanes, handle)
    }

    /// Runs until `stop`, then waits for the attempts that are under way. No attempt begins after
    /// `valid_until`, which moves on with every renewal of the lease.
    pub(crate) async fn run(mut self, stop: CancellationToken, mut valid_until: watch::Receiver<Instant>) {
        loop {
            let until = *valid_until.borrow_and_update();
            let now = Instant::now();
            let valid = now < until;
            if valid {
                self.start_attempts(now);
                self.read_table(now);
            }
            let wake = self.sides.iter().map(|side| side.wake_at(now)).fold(until, Instant::min);
            tokio::select! {
                biased;
                () = stop.cancelled() => break,
                Some(report) = self.reports.recv() => self.take_in(report),
                Some(expired) = self.parked.next(), if !self.parked.is_empty() => {
                    self.make_ready(expired.into_inner());
                }
                changed = valid_until.changed() => if changed.is_err() { break },
                () = tokio::time::sleep_until(wake), if valid => {}
            }
        }
        while self.under_way > 0 {
            let Some(report) = self.reports.recv().await else { break };
            if let Report::Attempted { .. } = report {
                self.under_way -= 1;
            }
        }
    }

    fn take_in(&mut self, report: Report) {
        match report {
            Report::Pushed { deliveries, asked_at } => self.pushed(deliveries, asked_at),
            Report::Look => {
                let now = Instant::now();
                self.sides.iter_mut().for_each(|side| side.scan_in(Duration::ZERO, now));
            }
            Report::Attempted { lane, direction, attempted } => self.attempted(lane, direction, attempted),
            Report::Scanned(direction, page) => self.scanned(direction, page),
            Report::Loaded { lanes, deliveries } => self.loaded(lanes, deliveries),
        }
    }

    fn pushed(&mut self, deliveries: Vec<Delivery>, asked_at: Instant) {
        let now = Instant::now();
        if !self.memory.trusts(asked_at, now) {
            return;
        }
        for delivery in deliveries {
            let (id, seq, direction) = (delivery.lane, delivery.seq, delivery.direction());
            if let Some(lane) = self.active.get_mut(&id) {
                lane.push(Queued::new(delivery, now));
            } else if delivery.lane_was_idle && self.side(direction).has_room() && self.memory.tail(id) < seq
            {
                self.insert(id, Lane::starting_with(Queued::new(delivery, now)));
                self.make_ready(id);
            }
        }
    }

    fn attempted(&mut self, id: LaneId, direction: Direction, attempted: Attempted) {
        let now = Instant::now();
        self.under_way -= 1;
        let gate = &mut self.side(direction).gate;
        gate.leave();
        match attempted.pause {
            Some(Pause::Everything(wait)) => gate.pause_until(now + wait),
            Some(Pause::Conversation(conversation, wait)) => {
                gate.pause_conversation(conversation, now + wait, now);
            }
            None => {}
        }
        let Settled::Committed(state) = attempted.settled else {
            self.lost.cancel();
            return;
        };
        let Some(lane) = self.active.get_mut(&id) else { return };
        // What is tried again may look different in the table by then: it is found by the scan.
        let next = match (attempted.retried, state) {
            (false, state) => lane.finished(state, now),
            (true, LaneState::Ready { after, .. }) => Next::Leave(Some(after)),
            (true, LaneState::Idle) => Next::Leave(None),
        };
        self.follow(id, next, now);
    }

    fn follow(&mut self, id: LaneId, next: Next, now: Instant) {
        match next {
            Next::Run => self.make_ready(id),
            Next::Load => self.to_load.push(id),
            Next::Leave(wait) => {
                let Some(lane) = self.active.remove(&id) else { return };
                self.memory.left(id, lane.tail(), now);
                let side = self.side(lane.direction);
                side.lanes -= 1;
                if let Some(wait) = wait {
                    side.scan_in(wait, now);
                }
            }
        }
    }

    fn insert(&mut self, id: LaneId, lane: Lane) {
        self.side(lane.direction).lanes += 1;
        self.active.insert(id, lane);
    }

    fn make_ready(&mut self, id: LaneId) {
        if let Some(direction) = self.active.get(&id).map(|lane| lane.direction) {
            self.side(direction).ready.push_back(id);
        }
    }

    fn side(&mut self, direction: Direction) -> &mut Side {
        match direction {
            Direction::ToAi => &mut self.sides[0],
            Direction::ToMessenger => &mut self.sides[1],
        }
    }

    fn start_attempts(&mut self, now: Instant) {
        for direction in [Direction::ToAi, Direction::ToMessenger] {
            while self.side(direction).gate.is_open(now) {
                let Some(id) = self.side(direction).ready.pop_front() else { break };
                self.start_attempt(id, direction, now);
            }
        }
    }

    fn start_attempt(&mut self, id: LaneId, direction: Direction, now: Instant) {
        let Some(lane) = self.active.get(&id) else { return };
        if lane.is_stale(now) {
            self.to_load.push(id);
            return;
        }
        let Some(queued) = lane.head().cloned() else { return };
        if direction == Direction::ToMessenger && !self.pay(id, &queued.delivery.chat.conversation, now) {
            return;
        }
        self.side(direction).gate.enter();
        self.under_way += 1;
        let (attempts, reporter) = (self.attempts.clone(), self.reporter.clone());
        self.supervisor.spawn("attempt", async move {
            let attempted = attempts.run(queued).await;
            let _ = reporter.send(Report::Attempted { lane: id, direction, attempted }).await;
        });
    }

    /// Takes what the platform's rates ask for; where there is too little, the lane waits.
    fn pay(&mut self, id: LaneId, conversation: &ConversationId, now: Instant) -> bool {
        let (rates, rated_as) = self.attempts.to.rates(conversation);
        let paid = self.active.get(&id).is_some_and(|lane| lane.paid);
        let gate = &mut self.side(Direction::ToMessenger).gate;
        let wait = gate.conversation_pause(&rated_as, now).or_else(|| {
            let rate = rates.conversation.filter(|_| !paid)?;
            gate.pay_conversation(rate, &rated_as).err()
        });
        if let Some(wait) = wait {
            self.parked.insert(id, wait);
            return false;
        }
        if let Some(lane) = self.active.get_mut(&id) {
            lane.paid = true;
        }
        let side = self.side(Direction::ToMessenger);
        if rates.channel.is_some_and(|rate| !side.gate.pay_channel(rate, now)) {
            side.ready.push_front(id);
            return false;
        }
        true
    }
}
