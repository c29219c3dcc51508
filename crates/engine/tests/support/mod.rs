//! A messenger and an AI that record what they are asked to do and answer as told, around a real
//! engine over a real SQLite store.

#![allow(dead_code, reason = "every test file uses another part of this")]

use std::{
    any::Any,
    collections::{HashMap, VecDeque},
    num::NonZeroU32,
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use switchboard_ai::{AiBackend, AiError, AiMessage, AiRequest, AiWebhook, WebhookError};
use switchboard_core::{
    Accepted, Action, Addressed, AiName, Author, Capabilities, ChannelName, ChatId, ConnectionState,
    ConversationId, Event, EventId, Finding, Idempotency, Inbox, IncomingMessage, Messenger, Place, Rates,
    Receipt, RunError, SendError, Support, TextSupport, ThreadUpdate, TypingSupport, UserId,
    markup::{TextFormat, Unit},
};
use switchboard_engine::{
    Backoff, ChannelPolicy, Engine, EngineBuilder, EngineConfig, Groups, Limits, OnUnknown, Scope,
};
use switchboard_store::{DeliveryFilter, DeliveryRow, Store};
use switchboard_store_postgres::PostgresStore;
use switchboard_store_sqlite::SqliteStore;
use tempfile::TempDir;
use tokio::sync::watch;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// How long a test waits for something that should take a few milliseconds.
const PATIENCE: Duration = Duration::from_mins(1);

type Answer<E> = Box<dyn FnOnce() -> Result<(), E> + Send>;
type Rule<T, E> = Box<dyn Fn(&T) -> Option<E> + Send>;

/// What was asked of the outside, in order, and how it answers.
pub struct Script<T, E> {
    calls: watch::Sender<Vec<T>>,
    answers: Mutex<VecDeque<Answer<E>>>,
    always: Mutex<Option<Rule<T, E>>>,
    /// While closed, calls hang.
    gate: watch::Sender<bool>,
}

impl<T: Clone, E> Script<T, E> {
    fn new() -> Self {
        Self {
            calls: watch::Sender::new(Vec::new()),
            answers: Mutex::default(),
            always: Mutex::default(),
            gate: watch::Sender::new(true),
        }
    }

    async fn call(&self, call: T) -> Result<(), E> {
        // Taken before the call is seen: what a test that waits for it says next is for the next one.
        let answer = self.answers.lock().unwrap().pop_front();
        self.calls.send_modify(|calls| calls.push(call.clone()));
        self.gate.subscribe().wait_for(|open| *open).await.expect("self holds the sender");
        if let Some(answer) = answer {
            return answer();
        }
        let always = self.always.lock().unwrap();
        always.as_ref().and_then(|answer| answer(&call)).map_or(Ok(()), Err)
    }

    /// The next call is answered with this.
    pub fn answer_next(&self, answer: impl FnOnce() -> Result<(), E> + Send + 'static) {
        self.answers.lock().unwrap().push_back(Box::new(answer));
    }

    /// Every call is answered with this, from now on.
    pub fn answer_always(&self, answer: impl Fn(&T) -> Option<E> + Send + 'static) {
        *self.always.lock().unwrap() = Some(Box::new(answer));
    }

    /// Lets calls hang, or go on.
    pub fn set_open(&self, open: bool) {
        self.gate.send_replace(open);
    }

    /// All calls so far.
    pub fn calls(&self) -> Vec<T> {
        self.calls.borrow().clone()
    }

    /// Waits until there were so many calls, and returns them.
    pub async fn wait(&self, count: usize) -> Vec<T> {
        let mut changes = self.calls.subscribe();
        let calls = tokio::time::timeout(PATIENCE, changes.wait_for(|calls| calls.len() >= count)).await;
        let Ok(calls) = calls else { panic!("only {} of {count} calls came", self.calls.borrow().len()) };
        calls.expect("self holds the sender").clone()
    }
}

/// A messenger that records.
pub struct FakeMessenger {
    /// The texts sent, as (conversation, text, key).
    pub sends: Script<(String, String, String), SendError>,
    /// The typing indicators, as (conversation, on).
    pub typing: Script<(String, bool), SendError>,
    pub idempotency: Idempotency,
    pub text_limit: usize,
    inbox: watch::Sender<Option<Inbox>>,
}

#[async_trait]
impl Messenger for FakeMessenger {
    fn capabilities(&self, _: &ConversationId) -> Capabilities {
        Capabilities {
            text: TextSupport { format: TextFormat::Plain, limit: self.text_limit, unit: Unit::CodePoints },
            // Longer than any test takes: an indicator is shown once.
            typing: Some(TypingSupport { refresh: Duration::from_hours(1), hide: true }),
            edit: Support::No,
            delete: Support::No,
            react: Support::No,
            attachment: None,
            idempotency: self.idempotency,
            rates: Rates::default(),
            rated_as: None,
        }
    }

    async fn probe(&self) -> Vec<Finding> {
        Vec::new()
    }

    async fn run(&self, inbox: Inbox, stop: CancellationToken) -> Result<(), RunError> {
        inbox.status().set(ConnectionState::Connected);
        self.inbox.send_replace(Some(inbox));
        stop.cancelled().await;
        self.inbox.send_replace(None);
        Ok(())
    }

    async fn execute(&self, action: &Action) -> Result<Receipt, SendError> {
        match action {
            Action::SendText(send) => {
                let call = (send.conversation.to_string(), send.text.text().to_owned(), send.key.to_string());
                self.sends.call(call).await.map(|()| Receipt::default())
            }
            Action::Typing(typing) => {
                let call = (typing.conversation.to_string(), typing.on);
                self.typing.call(call).await.map(|()| Receipt::default())
            }
            other => panic!("not in the capabilities: {other:?}"),
        }
    }
}

/// An AI that records (chat id, text).
pub struct FakeAi {
    pub requests: Script<(String, String), AiError>,
}

#[async_trait]
impl AiBackend for FakeAi {
    async fn send(&self, request: &AiRequest<'_>) -> Result<(), AiError> {
        assert_eq!(request.task_id, "task-1");
        self.requests.call((request.chat_id.to_string(), request.text.to_owned())).await
    }

    fn parse_webhook(&self, _: Option<&str>, _: &[u8]) -> Result<AiWebhook, WebhookError> {
        Err(WebhookError::UnsupportedMediaType)
    }

    async fn probe(&self) -> Vec<Finding> {
        Vec::new()
    }
}

/// What a test changes of the ordinary.
pub struct Setup {
    pub idempotency: Idempotency,
    pub on_unknown: OnUnknown,
    pub limits: Limits,
    pub notice: Option<(String, Duration)>,
    pub groups: Groups,
    pub text_limit: usize,
    pub ttl: Duration,
    pub backoff: Backoff,
    pub scan_every: Duration,
    pub lease_ttl: Duration,
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            idempotency: Idempotency::Forever,
            on_unknown: OnUnknown::Retry,
            limits: Limits::Platform,
            notice: None,
            groups: Groups::Mention,
            text_limit: 4000,
            ttl: Duration::from_hours(1),
            backoff: Backoff { min: Duration::from_millis(10), max: Duration::from_millis(40) },
            scan_every: Duration::from_millis(50),
            // A replica that is slow does not lose its channel; one that stops gives it back.
            lease_ttl: Duration::from_secs(15),
        }
    }
}

/// A store of the test's own.
pub struct Database {
    pub store: Arc<dyn Store>,
    /// Ends with the test.
    _place: Box<dyn Any>,
}

impl Database {
    pub async fn new() -> Self {
        let directory = TempDir::new().expect("a directory for temporary files");
        let path = directory.path().join("test.db");
        let store = SqliteStore::open_shared(path.to_str().expect("ASCII")).await.expect("a new file");
        store.migrate().await.expect("an empty database");
        Self { store: Arc::new(store), _place: Box::new(directory) }
    }

    /// The same on Postgres, through which replicas hear each other.
    pub async fn postgres() -> Self {
        let database = switchboard_testkit::postgres::database().expect("a database of its own");
        let store = PostgresStore::connect(database.url()).await.expect("it takes connections");
        store.migrate().await.expect("an empty database");
        Self { store: Arc::new(store), _place: Box::new(database) }
    }

    /// Every delivery, oldest first.
    pub async fn deliveries(&self) -> Vec<DeliveryRow> {
        let mut rows = self.store.deliveries(&DeliveryFilter::default(), 10_000).await.unwrap();
        rows.reverse();
        rows
    }
}

/// One running replica.
pub struct Replica {
    pub engine: Arc<Engine>,
    pub messenger: Arc<FakeMessenger>,
    pub ai: Arc<FakeAi>,
    pub http_inbox: Inbox,
    stop: CancellationToken,
    tasks: TaskTracker,
}

impl Replica {
    pub fn start(database: &Database, setup: Setup) -> Self {
        let messenger = Arc::new(FakeMessenger {
            sends: Script::new(),
            typing: Script::new(),
            idempotency: setup.idempotency,
            text_limit: setup.text_limit,
            inbox: watch::Sender::new(None),
        });
        let ai = Arc::new(FakeAi { requests: Script::new() });
        let config = EngineConfig {
            replica: uuid::Uuid::new_v4().to_string(),
            lease_ttl: setup.lease_ttl,
            ai_ttl: setup.ttl,
            messenger_ttl: setup.ttl,
            backoff: setup.backoff,
            in_flight: 16,
            scan_every: setup.scan_every,
        };
        let ais: HashMap<_, Arc<dyn AiBackend>> = HashMap::from([(AiName::new("main"), ai.clone() as _)]);
        let mut builder = EngineBuilder::new(config, database.store.clone(), ais);
        let (declared, http_inbox) = builder.declare(ChannelPolicy {
            name: ChannelName::new("c"),
            kind: "fake".to_owned(),
            ai: AiName::new("main"),
            task_id: "task-1".to_owned(),
            groups: setup.groups,
            scope: Scope::User,
            limits: setup.limits,
            on_unknown: setup.on_unknown,
            typing_cap: Duration::from_mins(2),
            notice: setup.notice,
        });
        builder.attach(declared, messenger.clone());
        let engine = Arc::new(builder.build());
        let (stop, tasks) = (CancellationToken::new(), TaskTracker::new());
        tasks.spawn({
            let (engine, stop) = (engine.clone(), stop.clone());
            async move { engine.run(stop).await }
        });
        Self { engine, messenger, ai, http_inbox, stop, tasks }
    }

    /// Waits until this replica runs the channel, and returns the adapter's inbox.
    pub async fn inbox(&self) -> Inbox {
        let mut inbox = self.messenger.inbox.subscribe();
        let inbox = tokio::time::timeout(PATIENCE, inbox.wait_for(Option::is_some)).await;
        inbox.expect("the channel was not taken").expect("self holds the sender").clone().expect("some")
    }

    /// Whether this replica runs the channel now.
    pub fn owns(&self) -> bool {
        self.messenger.inbox.borrow().is_some()
    }

    /// A user writes directly to the bot.
    pub async fn says(&self, user: &str, text: &str) -> Accepted {
        let inbox = self.inbox().await;
        inbox.accept(vec![message(user, text)], None).await.expect("the store works")[0]
    }

    /// The AI answers in a chat.
    pub async fn answers(&self, user: &str, text: &str) -> switchboard_engine::WebhookOutcome {
        self.webhook(webhook(user, text)).await
    }

    pub async fn webhook(&self, webhook: AiWebhook) -> switchboard_engine::WebhookOutcome {
        self.engine.webhook(&AiName::new("main"), webhook).await.expect("the store works")
    }

    /// Asks to stop, and waits until it has.
    pub async fn stop(self) {
        self.stop.cancel();
        self.tasks.close();
        tokio::time::timeout(PATIENCE, self.tasks.wait()).await.expect("it stops");
    }

    /// Asks to stop without waiting.
    pub fn begin_stop(&self) {
        self.stop.cancel();
    }
}

/// A direct message with an event id of its own.
pub fn message(user: &str, text: &str) -> Event {
    Event::Message(IncomingMessage {
        event_id: EventId::new(uuid::Uuid::new_v4().to_string()),
        conversation: ConversationId::new(format!("dm-{user}")),
        place: Place::Direct,
        addressed: Addressed::ToBot,
        user: UserId::new(user),
        user_name: Some(user.to_owned()),
        native_id: None,
        text: text.to_owned(),
        sent_at: None,
        answer: None,
    })
}

/// A webhook with an answer of the AI.
pub fn webhook(user: &str, text: &str) -> AiWebhook {
    AiWebhook {
        chat_id: ChatId::new(format!("c:{user}")),
        message: Some(AiMessage { author: Author::Bot, text: text.to_owned() }),
        message_id: Some(uuid::Uuid::new_v4().to_string()),
        thread: ThreadUpdate::default(),
    }
}

/// The texts of calls that are (place, text).
pub fn texts(calls: &[(String, String)]) -> Vec<&str> {
    calls.iter().map(|(_, text)| text.as_str()).collect()
}

/// The texts of sends.
pub fn sent(calls: &[(String, String, String)]) -> Vec<&str> {
    calls.iter().map(|(_, text, _)| text.as_str()).collect()
}

/// Waits until the condition holds.
pub async fn until<F: Future<Output = bool>>(what: &str, condition: impl Fn() -> F) {
    let wait = async {
        while !condition().await {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(PATIENCE, wait).await.unwrap_or_else(|_| panic!("not in time: {what}"));
}

/// A rate for tests.
pub fn rate(burst: u32, period: Duration) -> switchboard_core::Rate {
    switchboard_core::Rate { burst: NonZeroU32::new(burst).expect("not zero"), period }
}
