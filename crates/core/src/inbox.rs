//! The one way in: how an adapter hands over what it received, and reads back what is stored.

use std::{collections::HashSet, sync::Arc, time::Duration};

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use crate::{ChannelStatus, ConversationId, Cursor, Event, EventId, Notes, Position};

/// What an adapter was given to hand over what it received. Cheap to clone.
///
/// The inbox given to [`crate::Messenger::run`] belongs to that run: once another replica owns the
/// channel, it refuses with [`AcceptError::NotOwner`]. The one given to an adapter's HTTP routes
/// works on every replica and has no cursor.
#[derive(Clone)]
pub struct Inbox {
    intake: Arc<dyn Intake>,
    status: ChannelStatus,
    notes: Notes,
}

impl Inbox {
    /// An inbox that leads to this intake. Made by the engine, and by tests.
    pub fn new(intake: Arc<dyn Intake>, status: ChannelStatus) -> Self {
        Self { intake, status, notes: Notes::default() }
    }

    /// The same with these notes. Without them, there is no other replica.
    #[must_use]
    pub fn with_notes(self, notes: Notes) -> Self {
        Self { notes, ..self }
    }

    /// Stores the events and the cursor in one transaction and returns after its commit. Only
    /// then may they be confirmed to the platform; after an error, nothing of it is stored, and
    /// the same events are handed over again.
    ///
    /// The outcomes are in the order of the events. No events and a cursor is fine: only the
    /// cursor is stored.
    pub async fn accept(
        &self,
        events: Vec<Event>,
        cursor: Option<Cursor>,
    ) -> Result<Vec<Accepted>, AcceptError> {
        self.intake.accept(events, cursor).await
    }

    /// The cursor that was stored last; `None` if there never was one.
    pub async fn cursor(&self) -> Result<Option<Cursor>, ReadError> {
        self.intake.cursor().await
    }

    /// What was said in a conversation after a position, oldest first, at most `limit` entries.
    /// For a messenger whose history is ours (the page).
    pub async fn history(
        &self,
        conversation: &ConversationId,
        after: Position,
        limit: u32,
    ) -> Result<Vec<HistoryEntry>, ReadError> {
        self.intake.history(conversation, after, limit).await
    }

    /// In which conversations of the channel something was stored after `after`. For a messenger that
    /// shows what is stored, to notice what another replica stored. `None`: only where to begin.
    ///
    /// A conversation may be named again although nothing was added: the positions tell.
    pub async fn news(&self, after: Option<Position>) -> Result<News, ReadError> {
        self.intake.news(after).await
    }

    /// Which of these events were accepted before. For an adapter that reads back a platform's
    /// history and must know where to stop.
    pub async fn known(&self, events: &[EventId]) -> Result<HashSet<EventId>, ReadError> {
        self.intake.known(events).await
    }

    /// Where to publish how the connection is doing.
    pub fn status(&self) -> &ChannelStatus {
        &self.status
    }

    /// What the channel's adapters on the replicas tell each other.
    pub fn notes(&self) -> &Notes {
        &self.notes
    }
}

/// What stands behind an [`Inbox`]: the engine, or a test.
#[async_trait]
pub trait Intake: Send + Sync {
    /// See [`Inbox::accept`].
    async fn accept(&self, events: Vec<Event>, cursor: Option<Cursor>) -> Result<Vec<Accepted>, AcceptError>;
    /// See [`Inbox::cursor`].
    async fn cursor(&self) -> Result<Option<Cursor>, ReadError>;
    /// See [`Inbox::history`].
    async fn history(
        &self,
        conversation: &ConversationId,
        after: Position,
        limit: u32,
    ) -> Result<Vec<HistoryEntry>, ReadError>;
    /// See [`Inbox::news`].
    async fn news(&self, after: Option<Position>) -> Result<News, ReadError>;
    /// See [`Inbox::known`].
    async fn known(&self, events: &[EventId]) -> Result<HashSet<EventId>, ReadError>;
}

/// What became of one event. All of them may be confirmed to the platform.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Accepted {
    /// It was stored, here.
    Stored(Position),
    /// It had been stored before.
    Duplicate,
    /// The channel's rules leave it out (a group where the bot was not addressed).
    Ignored,
}

/// Why nothing was accepted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AcceptError {
    /// The store cannot be written to now. Try again after this long.
    #[error("the store is unavailable")]
    Unavailable {
        /// When to try again.
        retry_after: Duration,
    },
    /// Another replica owns the channel now. Stop.
    #[error("another replica owns the channel")]
    NotOwner,
}

/// The store could not be read; try again later.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the store is unavailable")]
pub struct ReadError;

/// One entry of a conversation's history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HistoryEntry {
    /// Where it stands; ask for what comes after it.
    pub position: Position,
    /// Who wrote it.
    pub author: Author,
    /// The event it came in with, for a user's message.
    pub event_id: Option<EventId>,
    /// The text: as written for a user's message, Markdown for everybody else's.
    pub text: String,
    /// When it was stored.
    pub at: OffsetDateTime,
}

/// What was added to the conversations of a channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct News {
    /// Conversations with the position of the last entry in each.
    pub latest: Vec<(ConversationId, Position)>,
    /// Where to go on with the next call. Stays behind the latest entries for a while, because
    /// entries of different conversations do not become visible in the order of their positions.
    pub after: Position,
}

/// Who wrote a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Author {
    /// The person on the messenger.
    User,
    /// The AI.
    Bot,
    /// A person on the company's side.
    Operator,
    /// The gateway itself: a notice that the answer is late.
    Gateway,
}

impl Author {
    /// The word that is stored and shown.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Bot => "bot",
            Self::Operator => "operator",
            Self::Gateway => "gateway",
        }
    }
}
