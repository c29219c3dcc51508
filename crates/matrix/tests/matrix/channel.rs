//! One channel of a gateway that stores in memory.

use std::{sync::Arc, time::Duration};

use secrecy::{ExposeSecret as _, SecretString};
use switchboard_core::{
    Action, ChannelName, ChannelStatus, ConnectionState, ConversationId, Event, IdempotencyKey, Inbox,
    IncomingMessage, MessageId, Messenger as _, Receipt, RunError, SendError, SendText, Typing,
    markup::Rendered,
};
use switchboard_matrix::{Login, MatrixConfig, MatrixMessenger, recovery_key};
use switchboard_testkit::wait::wait_for;
use tempfile::TempDir;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::store::Store;

/// For whatever a test waits for.
pub const LIMIT: Duration = Duration::from_mins(1);

/// A channel. Its directory is its own, unless the configuration is told another.
pub struct Channel {
    pub config: MatrixConfig,
    pub store: Store,
    pub status: ChannelStatus,
    messenger: Arc<MatrixMessenger>,
    stop: CancellationToken,
    run: JoinSet<Result<(), RunError>>,
    /// Goes when the last of its channels does.
    dir: Arc<TempDir>,
}

impl Channel {
    /// A channel that does not run yet.
    pub fn new(homeserver: &str, user: &str, login: Login) -> Self {
        rustls::crypto::ring::default_provider().install_default().ok();
        let dir = Arc::new(TempDir::new().unwrap());
        let url = homeserver.parse().unwrap();
        let name = ChannelName::new("support");
        let mut config = MatrixConfig::new(name, url, user.to_owned(), login, dir.path().join("state"));
        config.first_pause = Duration::from_millis(10);
        config.longest_pause = Duration::from_millis(100);
        let messenger = Arc::new(MatrixMessenger::new(config.clone()).unwrap());
        let (stop, run, store) = (CancellationToken::new(), JoinSet::new(), Store::new());
        Self { config, store, status: ChannelStatus::new(), messenger, stop, run, dir }
    }

    /// Another process with the same configuration and directory, and nothing stored.
    pub fn copy(&self) -> Self {
        let messenger = Arc::new(MatrixMessenger::new(self.config.clone()).unwrap());
        Self {
            config: self.config.clone(),
            store: Store::new(),
            status: ChannelStatus::new(),
            messenger,
            stop: CancellationToken::new(),
            run: JoinSet::new(),
            dir: self.dir.clone(),
        }
    }

    /// Begins to receive as a new process, and waits for the connection.
    pub async fn run(&mut self) {
        self.begin();
        self.connected().await;
    }

    /// Begins to receive as a new process.
    pub fn begin(&mut self) {
        self.messenger = Arc::new(MatrixMessenger::new(self.config.clone()).unwrap());
        self.begin_again();
    }

    /// Begins to receive as the process that there is.
    pub fn begin_again(&mut self) {
        self.status = ChannelStatus::new();
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

    /// Stops the run.
    pub async fn stop(&mut self) {
        self.stop.cancel();
        assert_eq!(self.ended().await, Ok(()));
    }

    /// Stops the run, and begins as a new process.
    pub async fn restart(&mut self) {
        self.stop().await;
        self.run().await;
    }

    /// Ends the run wherever it is.
    pub async fn kill(&mut self) {
        self.run.shutdown().await;
    }

    /// Waits until nothing in this process has a file of the device open: the SDK does not close them at once.
    pub async fn closed(&self) {
        let closed = async || {
            let open = std::fs::read_dir("/proc/self/fd").unwrap();
            let mut open = open.filter_map(|file| std::fs::read_link(file.ok()?.path()).ok());
            (!open.any(|path| path.starts_with(&self.config.state_dir))).then_some(())
        };
        wait_for("the files to be closed", LIMIT, closed).await;
    }

    /// Waits until this many events are stored of which `pick` makes something, and returns that of all.
    pub async fn events<T>(&self, count: usize, pick: impl Fn(&Event) -> Option<T>) -> Vec<T> {
        let enough = async || {
            let picked: Vec<T> = self.store.lock().events.iter().filter_map(&pick).collect();
            (picked.len() >= count).then_some(picked)
        };
        wait_for(&format!("{count} events, of {:?}", self.status.state()), LIMIT, enough).await
    }

    /// Waits until this many messages are stored, and returns all.
    pub async fn messages(&self, count: usize) -> Vec<IncomingMessage> {
        self.events(count, |event| match event {
            Event::Message(message) => Some(message.clone()),
            _ => None,
        })
        .await
    }

    /// Waits until these and no other texts are stored, in this order, and returns the messages.
    pub async fn holds(&self, texts: &[&str]) -> Vec<IncomingMessage> {
        let messages = self.messages(texts.len()).await;
        let stored: Vec<&str> = messages.iter().map(|message| message.text.as_str()).collect();
        assert_eq!(stored, texts);
        messages
    }

    /// Waits until it is stored whether the conversation can be reached, so many times, and returns all.
    pub async fn reachable(&self, count: usize) -> Vec<(String, bool)> {
        self.events(count, |event| match event {
            Event::Reachable(it) => Some((it.conversation.as_str().to_owned(), it.reachable)),
            _ => None,
        })
        .await
    }

    pub async fn connected(&self) {
        let connected = async || (self.status.state() == ConnectionState::Connected).then_some(());
        wait_for("the connection", LIMIT, connected).await;
    }

    /// Waits for an interruption whose reason contains this.
    pub async fn interrupted(&self, reason: &str) {
        let interrupted = async || match self.status.state() {
            ConnectionState::Interrupted(it) if it.contains(reason) => Some(()),
            _ => None,
        };
        wait_for(&format!("an interruption by {reason:?}"), LIMIT, interrupted).await;
    }

    /// Waits until so many messages wait for their keys.
    pub async fn undecrypted(&self, count: usize) {
        let waiting = async || (self.status.undecrypted() == count).then_some(());
        wait_for(&format!("{count} messages without keys"), LIMIT, waiting).await;
    }

    /// Waits until the account's encryption is set up, and returns the recovery key.
    pub async fn recovery_key(&self) -> SecretString {
        let kept = async || recovery_key(&self.config).await.unwrap();
        let key = wait_for("the recovery key", LIMIT, kept).await;
        assert!(!key.expose_secret().is_empty());
        key
    }

    /// Sends a text. The key is the text.
    pub async fn says(&self, conversation: &ConversationId, text: &str) -> Result<Receipt, SendError> {
        self.answers(conversation, text, None).await
    }

    /// Sends a text in reply to a message. The key is the text.
    pub async fn answers(
        &self,
        conversation: &ConversationId,
        text: &str,
        reply_to: Option<&MessageId>,
    ) -> Result<Receipt, SendError> {
        let action = Action::SendText(SendText {
            key: IdempotencyKey::new(text.replace(' ', "-")),
            conversation: conversation.clone(),
            text: Rendered::Html { text: text.to_owned(), html: format!("<p>{text}</p>") },
            reply_to: reply_to.cloned(),
        });
        self.messenger.execute(&action).await
    }

    pub async fn types(&self, conversation: &ConversationId, on: bool) {
        let action = Action::Typing(Typing { conversation: conversation.clone(), on });
        self.messenger.execute(&action).await.unwrap();
    }
}
