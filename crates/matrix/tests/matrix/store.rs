//! A store in memory, which can be made to wait.

use std::{
    collections::HashSet,
    sync::{Arc, Mutex, MutexGuard},
};

use async_trait::async_trait;
use switchboard_core::{
    AcceptError, Accepted, ConversationId, Cursor, Event, EventId, HistoryEntry, Intake, News, Position,
    ReadError,
};
use tokio::sync::watch;

/// What the channel stored.
#[derive(Default)]
pub struct Stored {
    /// Each once, in order.
    pub events: Vec<Event>,
    pub cursor: Option<Cursor>,
    seen: HashSet<EventId>,
}

#[derive(Clone)]
pub struct Store {
    stored: Arc<Mutex<Stored>>,
    held: Arc<watch::Sender<bool>>,
}

impl Store {
    pub fn new() -> Self {
        Self { stored: Arc::default(), held: Arc::new(watch::Sender::new(false)) }
    }

    pub fn lock(&self) -> MutexGuard<'_, Stored> {
        self.stored.lock().unwrap()
    }

    /// Leaves every commit open from now on, or no longer does.
    pub fn hold(&self, on: bool) {
        self.held.send_replace(on);
    }

    /// Whether a commit is left open.
    pub fn is_holding(&self) -> bool {
        *self.held.borrow() && self.held.receiver_count() > 0
    }
}

#[async_trait]
impl Intake for Store {
    async fn accept(&self, events: Vec<Event>, cursor: Option<Cursor>) -> Result<Vec<Accepted>, AcceptError> {
        self.held.subscribe().wait_for(|held| !held).await.unwrap();
        let mut stored = self.lock();
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

    async fn known(&self, events: &[EventId]) -> Result<HashSet<EventId>, ReadError> {
        Ok(self.lock().seen.iter().filter(|id| events.contains(id)).cloned().collect())
    }
}
