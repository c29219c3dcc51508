//! One channel of a gateway that stores in memory, and the stand-in for Telegram that it talks to.

use std::{
    collections::HashSet,
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use async_trait::async_trait;
use secrecy::SecretString;
use switchboard_core::{
    AcceptError, Accepted, ChannelName, ChannelStatus, ConnectionState, ConversationId, Cursor, Event,
    EventId, HistoryEntry, Inbox, IncomingMessage, Intake, Messenger, News, Position, ReadError, RunError,
};
use switchboard_telegram::{Telegram, TelegramConfig, TelegramMessenger};
use switchboard_testkit::{
    telegram::{Bot, FakeTelegram},
    wait::wait_for,
};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

pub const TOKEN: &str = "123456:AAE-token-of-the-bot-in-tests";
/// For whatever a test waits for.
pub const LIMIT: Duration = Duration::from_mins(1);

/// What the channel stored.
#[derive(Default)]
pub struct Stored {
    pub events: Vec<Event>,
    pub cursor: Option<String>,
    seen: HashSet<EventId>,
    /// How many more transactions fail.
    pub failures: u32,
    pub duplicates: usize,
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
        if stored.failures > 0 {
            stored.failures -= 1;
            return Err(AcceptError::Unavailable { retry_after: Duration::from_millis(10) });
        }
        let mut outcomes = Vec::new();
        for event in events {
            if stored.seen.insert(event.id().clone()) {
                stored.events.push(event);
                outcomes.push(Accepted::Stored(Position(0)));
            } else {
                stored.duplicates += 1;
                outcomes.push(Accepted::Duplicate);
            }
        }
        stored.cursor = cursor.map(|cursor| cursor.to_string()).or(stored.cursor.take());
        Ok(outcomes)
    }

    async fn cursor(&self) -> Result<Option<Cursor>, ReadError> {
        Ok(self.lock().cursor.clone().map(Cursor::new))
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
    pub fake: FakeTelegram,
    pub bot: Bot,
    pub store: Store,
    pub status: ChannelStatus,
    pub messenger: Arc<TelegramMessenger>,
    pub router: Option<axum::Router>,
    stop: CancellationToken,
    run: JoinSet<Result<(), RunError>>,
}

/// A fake whose polls are not slowed down, and a configuration for a channel on it.
pub async fn telegram() -> (FakeTelegram, TelegramConfig) {
    rustls::crypto::ring::default_provider().install_default().ok();
    let fake = FakeTelegram::start().await.unwrap();
    fake.bot(TOKEN).throttled(false);
    let mut config = TelegramConfig::new(ChannelName::new("support"), SecretString::from(TOKEN));
    config.api_url = fake.url().parse().unwrap();
    config.poll_timeout = Duration::from_secs(1);
    config.first_pause = Duration::from_millis(10);
    config.longest_pause = Duration::from_millis(50);
    (fake, config)
}

impl Channel {
    /// A channel that does not run yet.
    pub async fn new(configure: impl FnOnce(&mut TelegramConfig)) -> Self {
        let (fake, mut config) = telegram().await;
        configure(&mut config);
        Self::on(fake, config, Store::default())
    }

    /// A channel that receives.
    pub async fn start(configure: impl FnOnce(&mut TelegramConfig)) -> Self {
        let mut channel = Self::new(configure).await;
        channel.run();
        channel
    }

    pub fn on(fake: FakeTelegram, config: TelegramConfig, store: Store) -> Self {
        let status = ChannelStatus::new();
        let bot = fake.bot(TOKEN);
        let inbox = Inbox::new(Arc::new(store.clone()), status.clone());
        let Telegram { messenger, router } = Telegram::new(config, inbox).unwrap();
        let (stop, run) = (CancellationToken::new(), JoinSet::new());
        Self { fake, bot, store, status, messenger, router, stop, run }
    }

    /// Begins to receive.
    pub fn run(&mut self) {
        let inbox = Inbox::new(Arc::new(self.store.clone()), self.status.clone());
        let (messenger, stop) = (self.messenger.clone(), self.stop.clone());
        self.run.spawn(async move { messenger.run(inbox, stop).await });
    }

    /// How the run ended, by itself.
    pub async fn ended(&mut self) -> Result<(), RunError> {
        let ended = tokio::time::timeout(LIMIT, self.run.join_next()).await;
        ended.expect("the run ends").expect("the run had begun").expect("the run does not panic")
    }

    /// Stops the run and hands back what a later one needs.
    pub async fn stop(mut self) -> (FakeTelegram, Store) {
        self.stop.cancel();
        assert_eq!(self.ended().await, Ok(()));
        (self.fake, self.store)
    }

    /// Waits until this many events are stored, and returns all.
    pub async fn events(&self, count: usize) -> Vec<Event> {
        let enough = async || {
            let stored = self.store.lock();
            (stored.events.len() >= count).then(|| stored.events.clone())
        };
        wait_for(&format!("{count} events"), LIMIT, enough).await
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

    /// Waits for a state, and returns it.
    pub async fn state(&self, what: &str, wanted: impl Fn(&ConnectionState) -> bool) -> ConnectionState {
        wait_for(what, LIMIT, async || Some(self.status.state()).filter(&wanted)).await
    }

    /// Waits for an interruption whose reason contains this.
    pub async fn interrupted(&self, reason: &str) {
        let wanted = |state: &ConnectionState| matches!(state, ConnectionState::Interrupted(it) if it.contains(reason));
        self.state(&format!("an interruption by {reason:?}"), wanted).await;
    }

    pub async fn connected(&self) {
        self.state("the connection", |state| *state == ConnectionState::Connected).await;
    }
}
