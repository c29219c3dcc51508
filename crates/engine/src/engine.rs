//! Putting the parts together.

use std::{collections::HashMap, sync::Arc};

use switchboard_ai::AiBackend;
use switchboard_core::{AiName, ChannelName, Inbox, Messenger};
use switchboard_store::{Accept, AcceptOutcome, Begin, Begun, Reply, ReplyOutcome, Settle, Settled, Store};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    ChannelHealth, ChannelPolicy, EngineConfig, TaskDied,
    channel::{Attached, Channel},
    commit::GroupCommit,
    hints::{self, Hints},
    intake::ChannelIntake,
    owner::Owner,
    supervise::Supervisor,
    webhook::Routes,
};

/// Builds an [`Engine`]: channels are declared, their messengers are made with the inboxes that
/// this gives, and then both are attached.
pub struct EngineBuilder {
    config: Arc<EngineConfig>,
    store: Arc<dyn Store>,
    ais: HashMap<AiName, Arc<dyn AiBackend>>,
    supervisor: Supervisor,
    accept: GroupCommit<Accept, AcceptOutcome>,
    hints: Arc<Hints>,
    channels: HashMap<ChannelName, Attached>,
}

/// A channel that has been declared and waits for its messenger.
pub struct Declared(Arc<Channel>);

impl EngineBuilder {
    /// An engine over this store, with these AIs. Must be called within a Tokio runtime.
    pub fn new(
        config: EngineConfig,
        store: Arc<dyn Store>,
        ais: HashMap<AiName, Arc<dyn AiBackend>>,
    ) -> Self {
        let supervisor = Supervisor::new();
        let accept = {
            let store = store.clone();
            GroupCommit::start("commit what comes in", &supervisor, move |batch| {
                let store = store.clone();
                async move { store.accept(batch).await }
            })
        };
        let (config, hints) = (Arc::new(config), Arc::default());
        Self { config, store, ais, supervisor, accept, hints, channels: HashMap::new() }
    }

    /// Declares a channel. The inbox is for the routes of an adapter that is reached by HTTP: it
    /// works on every replica.
    pub fn declare(&self, policy: ChannelPolicy) -> (Declared, Inbox) {
        let channel = Arc::new(Channel::new(policy, self.hints.clone()));
        let inbox = Inbox::new(
            Arc::new(ChannelIntake {
                channel: channel.clone(),
                store: self.store.clone(),
                commit: self.accept.clone(),
                config: self.config.clone(),
                fence: None,
            }),
            channel.status.clone(),
        )
        .with_notes(channel.notes.clone());
        (Declared(channel), inbox)
    }

    /// Attaches the messenger of a declared channel.
    ///
    /// # Panics
    ///
    /// If the channel's AI was not given to [`Self::new`].
    pub fn attach(&mut self, Declared(channel): Declared, messenger: Arc<dyn Messenger>) {
        assert!(self.ais.contains_key(&channel.policy.ai), "the AI {} is not there", channel.policy.ai);
        channel.attach(&messenger);
        self.channels.insert(channel.policy.name.clone(), Attached { channel, messenger });
    }

    /// The engine. Nothing runs yet.
    pub fn build(self) -> Engine {
        let replies = {
            let store = self.store.clone();
            GroupCommit::start("commit what comes back", &self.supervisor, move |batch| {
                let store = store.clone();
                async move { store.reply(batch).await }
            })
        };
        Engine {
            config: self.config,
            store: self.store,
            ais: self.ais,
            supervisor: self.supervisor,
            accept: self.accept,
            replies,
            hints: self.hints,
            routes: Routes::default(),
            channels: self.channels,
        }
    }
}

/// The engine of one replica.
pub struct Engine {
    pub(crate) config: Arc<EngineConfig>,
    pub(crate) store: Arc<dyn Store>,
    ais: HashMap<AiName, Arc<dyn AiBackend>>,
    supervisor: Supervisor,
    accept: GroupCommit<Accept, AcceptOutcome>,
    pub(crate) replies: GroupCommit<Reply, ReplyOutcome>,
    hints: Arc<Hints>,
    pub(crate) routes: Routes,
    pub(crate) channels: HashMap<ChannelName, Attached>,
}

impl Engine {
    /// Runs the channels until `stop`, then finishes what is under way and gives the channels
    /// back; how long that may take is up to the caller.
    pub async fn run(&self, stop: CancellationToken) {
        let settle = {
            let store = self.store.clone();
            GroupCommit::start_unhurried(
                "commit what went out",
                &self.supervisor,
                move |batch: Vec<Settle>| {
                    let store = store.clone();
                    async move { store.settle(batch).await }
                },
            )
        };
        let begin = {
            let store = self.store.clone();
            GroupCommit::start("commit what begins", &self.supervisor, move |batch: Vec<Begin>| {
                let store = store.clone();
                async move { store.begin(batch).await }
            })
        };
        let (hints, store, me) = (self.hints.clone(), self.store.clone(), self.config.replica.clone());
        self.spawn_until(&stop, "tell the other replicas", hints::tell(hints, store.clone(), me.clone()));
        self.spawn_until(&stop, "hear the other replicas", hints::hear(self.channels.clone(), store, me));
        let owners = TaskTracker::new();
        for attached in self.channels.values() {
            let owner = self.owner(attached, begin.clone(), settle.clone());
            let (stop, running) = (stop.clone(), owners.token());
            self.supervisor.spawn("channel", async move {
                owner.run(stop).await;
                drop(running);
            });
        }
        owners.close();
        owners.wait().await;
    }

    /// Waits until one of the engine's tasks died unasked, which must end the process.
    pub async fn died(&self) -> TaskDied {
        self.supervisor.died().await
    }

    fn spawn_until(
        &self,
        stop: &CancellationToken,
        name: &'static str,
        task: impl Future<Output = ()> + Send + 'static,
    ) {
        let stop = stop.clone();
        self.supervisor.spawn(name, async move {
            stop.run_until_cancelled(task).await;
        });
    }

    fn owner(
        &self,
        to: &Attached,
        begin: GroupCommit<Begin, Begun>,
        settle: GroupCommit<Settle, Settled>,
    ) -> Owner {
        let ai = self.ais.get(&to.channel.policy.ai).expect("checked when it was attached");
        Owner {
            to: to.clone(),
            ai: ai.clone(),
            store: self.store.clone(),
            accept: self.accept.clone(),
            begin,
            settle,
            config: self.config.clone(),
            supervisor: self.supervisor.clone(),
        }
    }

    /// How the channels are doing, by name.
    pub fn health(&self) -> Vec<ChannelHealth> {
        let mut health: Vec<_> = self.channels.values().map(|it| it.channel.health()).collect();
        health.sort_by(|a, b| a.channel.as_str().cmp(b.channel.as_str()));
        health
    }
}
