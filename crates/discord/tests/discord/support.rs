//! One channel of a gateway that stores in memory, and the stand-in for Discord that it talks to.

use std::{
    collections::HashSet,
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use async_trait::async_trait;
use secrecy::SecretString;
use serde_json::Value;
use switchboard_core::{
    AcceptError, Accepted, ChannelName, ChannelStatus, ConnectionState, ConversationId, Cursor, Event,
    EventId, HistoryEntry, Inbox, IncomingMessage, Intake, Messenger, News, Position, ReadError, RunError,
};
use switchboard_discord::{DiscordConfig, DiscordMessenger};
use switchboard_testkit::{
    discord::{Bot, FakeDiscord},
    port::free_port,
    wait::wait_for,
};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

pub const TOKEN: &str = "MTIzNDU2Nzg5.GxYzAb.the-token-of-the-bot-in-tests";
/// For whatever a test waits for.
pub const LIMIT: Duration = Duration::from_mins(1);
/// For so long a connection must have held in these tests.
pub const HOLD: Duration = Duration::from_millis(20);

/// What the channel stored.
#[derive(Default)]
pub struct Stored {
    pub events: Vec<Event>,
    pub cursor: Option<Cursor>,
    /// Whether nothing can be stored.
    pub away: bool,
    seen: HashSet<EventId>,
}

#[derive(Clone, Default)]
pub struct Store(Arc<Mutex<Stored>>);

impl Store {
    pub fn lock(&self) -> MutexGuard<'_, Stored> {
        self.0.lock().unwrap()
    }
}

#[async_trait]
impl Intake for Store {
    async fn accept(&self, events: Vec<Event>, cursor: Option<Cursor>) -> Result<Vec<Accepted>, AcceptError> {
        let mut stored = self.lock();
        if stored.away {
            return Err(AcceptError::Unavailable { retry_after: Duration::from_millis(20) });
        }
        let outcomes = events.into_iter().map(|event| {
            if !stored.seen.insert(event.id().clone()) {
                return Accepted::Duplicate;
            }
            stored.events.push(event);
            Accepted::Stored(Position(0))
        });
        let outcomes = outcomes.collect();
        stored.cursor = cursor.or(stored.cursor.take());
        Ok(outcomes)
    }

    async fn cursor(&self) -> Result<Option<Cursor>, ReadError> {
        Ok(self.lock().cursor.clone())
    }

    async fn history(&self, _: &ConversationId, _: Position, _: u32) -> Result<Vec<HistoryEntry>, ReadError> {
        Ok(Vec::new())
    }

    async fn news(&self, _: Option<Position>) -> Result<News, ReadError> {
        Ok(News { latest: Vec::new(), after: Position(0) })
    }

    async fn known(&self, _: &[EventId]) -> Result<HashSet<EventId>, ReadError> {
        Ok(HashSet::new())
    }
}

/// A channel, and the platform around it.
pub struct Channel {
    pub fake: FakeDiscord,
    pub bot: Bot,
    pub store: Store,
    pub status: ChannelStatus,
    pub messenger: Arc<DiscordMessenger>,
    stop: CancellationToken,
    run: JoinSet<Result<(), RunError>>,
}

impl Channel {
    /// A channel that does not run yet. It waits for the gateway as long as the test does.
    pub async fn new() -> Self {
        Self::with_patience(LIMIT).await
    }

    /// One that gives up a gateway which takes longer than this to say hello, and then to open a session. Where none is
    /// to be given up, this must be more than any machine takes.
    pub async fn with_patience(patience: Duration) -> Self {
        rustls::crypto::ring::default_provider().install_default().ok();
        let fake = FakeDiscord::start_at(free_port().unwrap()).await.unwrap();
        let mut config = DiscordConfig::new(ChannelName::new("support"), SecretString::from(TOKEN));
        config.api_url = fake.url().parse().unwrap();
        config.patience = patience;
        config.hold = HOLD;
        config.first_pause = Duration::from_millis(10);
        config.longest_pause = Duration::from_millis(50);
        config.identify_every = Duration::from_millis(10);
        let messenger = Arc::new(DiscordMessenger::new(config).unwrap());
        let (stop, run, bot) = (CancellationToken::new(), JoinSet::new(), fake.bot(TOKEN));
        Self { fake, bot, store: Store::default(), status: ChannelStatus::new(), messenger, stop, run }
    }

    /// A channel that receives.
    pub async fn start() -> Self {
        let mut channel = Self::new().await;
        channel.run().await;
        channel
    }

    /// Begins to receive, and waits for the connection.
    pub async fn run(&mut self) {
        self.begin();
        self.connected().await;
    }

    /// Begins to receive.
    pub fn begin(&mut self) {
        let inbox = Inbox::new(Arc::new(self.store.clone()), self.status.clone());
        self.stop = CancellationToken::new();
        let (messenger, stop) = (self.messenger.clone(), self.stop.clone());
        self.run.spawn(async move { messenger.run(inbox, stop).await });
    }

    /// How the run ended, by itself.
    pub async fn ended(&mut self) -> Result<(), RunError> {
        let ended = tokio::time::timeout(LIMIT, self.run.join_next()).await;
        ended.expect("the run ends").expect("the run had begun").expect("the run does not panic")
    }

    /// Stops the run. The session waits to be resumed.
    pub async fn stop(&mut self) {
        self.stop.cancel();
        assert_eq!(self.ended().await, Ok(()));
        self.bot.wait_for_connections(0, LIMIT).await;
    }

    /// Waits until this many messages are stored, and returns all.
    pub async fn messages(&self, count: usize) -> Vec<IncomingMessage> {
        let message = |event: &Event| match event {
            Event::Message(message) => Some(message.clone()),
            _ => None,
        };
        let enough = async || {
            let messages: Vec<_> = self.store.lock().events.iter().filter_map(message).collect();
            (messages.len() >= count).then_some(messages)
        };
        wait_for(&format!("{count} messages"), LIMIT, enough).await
    }

    /// Waits until these and no other texts are stored, in this order.
    pub async fn holds(&self, texts: &[&str]) {
        let messages = self.messages(texts.len()).await;
        let stored: Vec<&str> = messages.iter().map(|message| message.text.as_str()).collect();
        assert_eq!(stored, texts);
    }

    /// What the stored cursor says, once it says this.
    pub async fn stands(&self, what: &str, holds: impl Fn(&Value) -> bool) {
        let stands = async || {
            let cursor = self.store.lock().cursor.clone()?;
            let cursor = serde_json::from_str(cursor.as_str().strip_prefix("1:")?).ok()?;
            holds(&cursor).then_some(())
        };
        wait_for(what, LIMIT, stands).await;
    }

    /// Waits for an interruption whose reason contains this.
    pub async fn interrupted(&self, reason: &str) {
        let interrupted = async || match self.status.state() {
            ConnectionState::Interrupted(it) if it.contains(reason) => Some(()),
            _ => None,
        };
        wait_for(&format!("an interruption by {reason:?}"), LIMIT, interrupted).await;
    }

    pub async fn connected(&self) {
        let connected = async || (self.status.state() == ConnectionState::Connected).then_some(());
        wait_for("the connection", LIMIT, connected).await;
    }
}
