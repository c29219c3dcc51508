//! Running a channel: taking it, keeping it, giving it back.

use std::{
    panic::AssertUnwindSafe,
    sync::{Arc, Mutex},
    time::Duration,
};

use futures_util::FutureExt as _;
use switchboard_ai::AiBackend;
use switchboard_core::{ConnectionState, Inbox, chain};
use switchboard_store::{Accept, AcceptOutcome, Begin, Begun, Lease, Settle, Settled, Store, StoreResult};
use tokio::{sync::watch, time::Instant};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    EngineConfig,
    channel::Attached,
    commit::GroupCommit,
    intake::ChannelIntake,
    lanes::{Attempts, Lanes, LanesHandle},
    notice,
    supervise::Supervisor,
    typing::{self, TypingHandle},
};

/// How long to wait before an adapter that gave up is started again: a person must act first, and
/// may do so without starting the gateway anew.
const RUN_AGAIN: Duration = Duration::from_mins(5);
/// How long an adapter may take to stop.
const STOP_WITHIN: Duration = Duration::from_secs(10);
/// How long to wait before a renewal that failed is tried again.
const RENEW_AGAIN: Duration = Duration::from_millis(500);

/// Runs one channel whenever this replica owns it.
pub(crate) struct Owner {
    pub(crate) to: Attached,
    pub(crate) ai: Arc<dyn AiBackend>,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) accept: GroupCommit<Accept, AcceptOutcome>,
    pub(crate) begin: GroupCommit<Begin, Begun>,
    pub(crate) settle: GroupCommit<Settle, Settled>,
    pub(crate) config: Arc<EngineConfig>,
    pub(crate) supervisor: Supervisor,
}

impl Owner {
    /// Takes the channel whenever it is free and runs it, until `stop`.
    pub(crate) async fn run(self, stop: CancellationToken) {
        let look_every = self.config.lease_ttl / 5;
        // Where the store proves that there is no other process, an old lease is a dead one's.
        let mut by_force = self.store.single_process();
        while !stop.is_cancelled() {
            let asked_at = Instant::now();
            match self.acquire(by_force).await {
                Ok(Some(lease)) => {
                    by_force = false;
                    self.own(&lease, asked_at, &stop).await;
                }
                Ok(None) => {
                    stop.run_until_cancelled(tokio::time::sleep(look_every)).await;
                }
                Err(error) => {
                    let channel = &self.to.channel.policy.name;
                    tracing::warn!(%channel, error = %chain(&error), "the channel could not be taken");
                    stop.run_until_cancelled(self.let_the_owner_come_back(look_every)).await;
                }
            }
        }
    }

    async fn acquire(&self, by_force: bool) -> StoreResult<Option<Lease>> {
        let policy = &self.to.channel.policy;
        self.store.register_channel(&policy.name, &policy.kind).await?;
        self.store.acquire(&policy.name, &self.config.replica, self.config.lease_ttl, by_force).await
    }

    /// After the store was away, a living owner's lease has run out like a dead one's. It comes
    /// back for it within [`RENEW_AGAIN`]; only then is it time to look again.
    async fn let_the_owner_come_back(&self, look_every: Duration) {
        loop {
            tokio::time::sleep(RENEW_AGAIN.min(look_every)).await;
            if self.store.ping().await.is_ok() {
                return tokio::time::sleep(look_every.max(2 * RENEW_AGAIN)).await;
            }
        }
    }

    /// Runs the channel until it is lost or `stop`, and until what was under way then is done.
    /// `asked_at` is from before the lease was acquired.
    async fn own(&self, lease: &Lease, asked_at: Instant, stop: &CancellationToken) {
        let name = &self.to.channel.policy.name;
        tracing::info!(channel = %name, token = lease.token.0, "this replica runs the channel");
        let lost = stop.child_token();
        let (valid, valid_until) = watch::channel(asked_at + self.valid_for());
        let (lanes, handle, typing) = self.lanes(lease, &lost);
        self.to.channel.set_lanes(Some(handle));
        let inbox = Inbox::new(Arc::new(self.intake(lease)), self.to.channel.status.clone())
            .with_notes(self.to.channel.notes.clone());

        // Tasks of their own: what keeps one of them busy must not keep the lease from being renewed.
        let running = TaskTracker::new();
        self.spawn("lanes", &running, lanes.run(lost.clone(), valid_until));
        self.spawn("adapter", &running, receive(self.to.clone(), inbox, lost.clone()));
        self.spawn("typing", &running, typing::run(self.to.clone(), typing, lost.clone()));
        let (store, ttl) = (self.store.clone(), self.config.messenger_ttl);
        let notices = notice::run(self.to.clone(), store, lease.token, ttl, lost.clone());
        self.spawn("notices", &running, notices);
        running.close();
        tokio::select! {
            () = running.wait() => {}
            () = self.keep(lease, &lost, &valid) => running.wait().await,
        }

        self.to.channel.set_lanes(None);
        self.to.channel.status.set(ConnectionState::Stopped);
        // Quick for whoever takes over; the lease runs out by itself otherwise.
        if let Err(error) = self.store.release(name, lease.token).await {
            tracing::warn!(channel = %name, error = %chain(&error), "the channel could not be given back");
        }
        tracing::info!(channel = %name, "this replica does not run the channel any more");
    }

    fn lanes(&self, lease: &Lease, lost: &CancellationToken) -> (Lanes, LanesHandle, TypingHandle) {
        let typing = TypingHandle::default();
        let attempts = Attempts {
            to: self.to.clone(),
            ai: self.ai.clone(),
            store: self.store.clone(),
            begin: self.begin.clone(),
            settle: self.settle.clone(),
            fence: lease.token,
            backoff: self.config.backoff,
            typing: typing.clone(),
            refused: Mutex::default(),
        };
        let (in_flight, scan_every) = (self.config.in_flight, self.config.scan_every);
        let (lanes, handle) =
            Lanes::new(attempts, self.supervisor.clone(), in_flight, scan_every, lost.clone());
        (lanes, handle, typing)
    }

    fn intake(&self, lease: &Lease) -> ChannelIntake {
        ChannelIntake {
            channel: self.to.channel.clone(),
            store: self.store.clone(),
            commit: self.accept.clone(),
            config: self.config.clone(),
            fence: Some(lease.token),
        }
    }

    fn spawn(
        &self,
        name: &'static str,
        running: &TaskTracker,
        task: impl Future<Output = ()> + Send + 'static,
    ) {
        let token = running.token();
        self.supervisor.spawn(name, async move {
            task.await;
            drop(token);
        });
    }

    /// How long after a renewal was asked for an attempt may still begin: the rest of the lease is
    /// for the attempt itself.
    fn valid_for(&self) -> Duration {
        self.config.lease_ttl.mul_f64(0.7)
    }

    /// Renews the lease for as long as this is polled, also while what is under way at a stop is
    /// finished: otherwise another replica would do it too. Returns when the lease is lost. While the
    /// store does not answer nothing begins once the lease may be over; if nobody took the channel
    /// meanwhile, it goes on with the same token, so that what was under way is completed.
    async fn keep(&self, lease: &Lease, lost: &CancellationToken, valid: &watch::Sender<Instant>) {
        let (name, ttl) = (&self.to.channel.policy.name, self.config.lease_ttl);
        let (mut pause, mut told) = (ttl / 3, false);
        loop {
            tokio::time::sleep(pause).await;
            let asked_at = Instant::now();
            match tokio::time::timeout(ttl / 3, self.store.renew(name, lease.token, ttl)).await {
                Ok(Ok(true)) => {
                    valid.send_replace(asked_at + self.valid_for());
                    (pause, told) = (ttl / 3, false);
                }
                Ok(Ok(false)) => {
                    tracing::warn!(channel = %name, "another replica has taken the channel");
                    return lost.cancel();
                }
                Ok(Err(_)) | Err(_) => {
                    pause = RENEW_AGAIN.min(ttl / 3);
                    if !told && *valid.borrow() <= Instant::now() {
                        told = true;
                        tracing::warn!(channel = %name, "the lease cannot be renewed; nothing is sent until it is");
                    }
                }
            }
        }
    }
}

/// Runs the adapter until `stop`.
async fn receive(to: Attached, inbox: Inbox, stop: CancellationToken) {
    let (channel, name) = (&to.channel, &to.channel.policy.name);
    let overdue = async {
        stop.cancelled().await;
        tokio::time::sleep(STOP_WITHIN).await;
    };
    tokio::pin!(overdue);
    while !stop.is_cancelled() {
        let run = AssertUnwindSafe(to.messenger.run(inbox.clone(), stop.clone())).catch_unwind();
        let ended = tokio::select! {
            ended = run => ended,
            () = &mut overdue => {
                tracing::error!(channel = %name, "the adapter did not stop; it is left behind");
                return;
            }
        };
        if stop.is_cancelled() {
            return;
        }
        let reason = match ended {
            Ok(Ok(())) => "the adapter stopped without being asked".to_owned(),
            Ok(Err(error)) => error.to_string(),
            Err(_) => "the adapter panicked".to_owned(),
        };
        tracing::error!(channel = %name, reason, "the channel receives nothing until a person acts");
        channel.status.set(ConnectionState::Unauthorized(reason));
        stop.run_until_cancelled(tokio::time::sleep(RUN_AGAIN)).await;
    }
}
