//! Running a channel: taking it, keeping it, giving it back.

use std::{sync::Arc, time::Duration};

use switchboard_ai::AiBackend;
use switchboard_core::{ConnectionState, Inbox, chain};
use switchboard_store::{Accept, AcceptOutcome, Lease, Settle, Settled, Store};
use tokio::{sync::watch, time::Instant};
use tokio_util::sync::CancellationToken;

use crate::{
    EngineConfig,
    channel::Attached,
    commit::GroupCommit,
    intake::ChannelIntake,
    lanes::{Attempts, Lanes},
    notice,
    supervise::Supervisor,
    typing::{self, TypingHandle},
};

/// How long to wait before an adapter that gave up is started again: a person must act first, and
/// may do so without starting the gateway anew.
const RUN_AGAIN: Duration = Duration::from_mins(5);

/// Runs one channel whenever this replica owns it.
pub(crate) struct Owner {
    pub(crate) to: Attached,
    pub(crate) ai: Arc<dyn AiBackend>,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) accept: GroupCommit<Accept, AcceptOutcome>,
    pub(crate) settle: GroupCommit<Settle, Settled>,
    pub(crate) config: Arc<EngineConfig>,
    pub(crate) supervisor: Supervisor,
}

impl Owner {
    /// Takes the channel whenever it is free and runs it, until `stop`.
    pub(crate) async fn run(self, stop: CancellationToken) {
        let retry_every = self.config.lease_ttl / 5;
        let mut first = true;
        while !stop.is_cancelled() {
            match self.acquire(first).await {
                Some(lease) => self.own(lease, &stop).await,
                None => {
                    stop.run_until_cancelled(tokio::time::sleep(retry_every)).await;
                }
            }
            first = false;
        }
    }

    /// The lease, if it is to be had. `first`: since this process started.
    async fn acquire(&self, first: bool) -> Option<Lease> {
        let policy = &self.to.channel.policy;
        // Where the store proves that there is no other process, an old lease is a dead one's.
        let by_force = first && self.store.single_process();
        let acquired = async {
            self.store.register_channel(&policy.name, &policy.kind).await?;
            self.store.acquire(&policy.name, &self.config.replica, self.config.lease_ttl, by_force).await
        };
        acquired.await.unwrap_or_else(|error| {
            tracing::warn!(channel = %policy.name, error = %chain(&error), "the channel could not be taken");
            None
        })
    }

    /// Runs the channel until it is lost or `stop`.
    async fn own(&self, lease: Lease, stop: &CancellationToken) {
        let name = &self.to.channel.policy.name;
        tracing::info!(channel = %name, token = lease.token.0, "this replica runs the channel");
        let lost = stop.child_token();
        let (pause, paused) = watch::channel(false);
        let typing = TypingHandle::default();
        let attempts = Attempts {
            to: self.to.clone(),
            ai: self.ai.clone(),
            store: self.store.clone(),
            settle: self.settle.clone(),
            fence: lease.token,
            backoff: self.config.backoff,
            typing: typing.clone(),
        };
        let (lanes, handle) = Lanes::new(
            attempts,
            self.supervisor.clone(),
            self.config.in_flight,
            self.config.scan_every,
            lost.clone(),
        );
        self.to.channel.set_lanes(Some(handle));
        let notices = notice::run(
            self.to.clone(),
            self.store.clone(),
            lease.token,
            self.config.messenger_ttl,
            lost.clone(),
        );
        self.supervisor.spawn("typing", typing::run(self.to.clone(), typing, lost.clone()));
        tokio::join!(
            lanes.run(lost.clone(), paused),
            self.receive(&lease, &lost),
            notices,
            self.keep(&lease, &lost, &pause),
        );
        self.to.channel.set_lanes(None);
        self.to.channel.status.set(ConnectionState::Stopped);
        // Quick for whoever takes over; the lease runs out by itself otherwise.
        if let Err(error) = self.store.release(name, lease.token).await {
            tracing::warn!(channel = %name, error = %chain(&error), "the channel could not be given back");
        }
        tracing::info!(channel = %name, "this replica does not run the channel any more");
    }

    /// Runs the adapter.
    async fn receive(&self, lease: &Lease, stop: &CancellationToken) {
        let channel = &self.to.channel;
        let inbox = Inbox::new(
            Arc::new(ChannelIntake {
                channel: channel.clone(),
                store: self.store.clone(),
                commit: self.accept.clone(),
                ai_ttl: self.config.ai_ttl,
                fence: Some(lease.token),
            }),
            channel.status.clone(),
        );
        while !stop.is_cancelled() {
            let ended = self.to.messenger.run(inbox.clone(), stop.clone()).await;
            if stop.is_cancelled() {
                return;
            }
            let reason = match ended {
                Ok(()) => "the adapter stopped without being asked".to_owned(),
                Err(error) => error.to_string(),
            };
            tracing::error!(channel = %channel.policy.name, reason, "the channel receives nothing until a person acts");
            channel.status.set(ConnectionState::Unauthorized(reason));
            stop.run_until_cancelled(tokio::time::sleep(RUN_AGAIN)).await;
        }
    }

    /// Renews the lease until it is lost or `stop`. While the store does not answer, nothing is
    /// begun from shortly before the lease may be over; if nobody took the channel meanwhile, it
    /// goes on with the same token, so that what was under way is completed.
    async fn keep(&self, lease: &Lease, lost: &CancellationToken, pause: &watch::Sender<bool>) {
        let (name, ttl) = (&self.to.channel.policy.name, self.config.lease_ttl);
        let mut renewed_at = Instant::now();
        while lost.run_until_cancelled(tokio::time::sleep(ttl / 3)).await.is_some() {
            let asked_at = Instant::now();
            match tokio::time::timeout(ttl / 3, self.store.renew(name, lease.token, ttl)).await {
                Ok(Ok(true)) => {
                    renewed_at = asked_at;
                    pause.send_if_modified(|paused| std::mem::take(paused));
                }
                Ok(Ok(false)) => {
                    tracing::warn!(channel = %name, "another replica has taken the channel");
                    lost.cancel();
                }
                Ok(Err(_)) | Err(_) if renewed_at.elapsed() >= ttl.mul_f64(0.6) => {
                    if pause.send_if_modified(|paused| !std::mem::replace(paused, true)) {
                        tracing::warn!(channel = %name, "the lease cannot be renewed; nothing is sent until it is");
                    }
                }
                Ok(Err(_)) | Err(_) => {}
            }
        }
    }
}
