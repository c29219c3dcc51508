//! The kit's own store: in memory, strict about what is handed over, and told by the case what to answer.

use std::{
    collections::HashSet,
    future,
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use async_trait::async_trait;
use switchboard_core::{
    AcceptError, Accepted, Author, ConversationId, Cursor, Event, EventId, HistoryEntry, IncomingMessage,
    Intake, News, Position, ReadError,
};
use time::OffsetDateTime;
use tokio::{sync::watch, time::Instant};
use tokio_util::sync::CancellationToken;

use super::rules;

/// What the store does with what is handed over from now on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Plan {
    /// Stores it and says so.
    Commit,
    /// Leaves the transaction open until the plan changes.
    Hold,
    /// Stores it, and says so only when the plan changes.
    HoldAnswer,
    /// Stores nothing and asks to come again after this long.
    Refuse(Duration),
    /// Stores nothing that `run` hands over: another replica owns the channel.
    NotOwner,
    /// Another replica was quicker: it is stored, and a duplicate here.
    Duplicate,
    /// The channel's rules leave it out.
    Ignore,
}

/// By which inbox something was handed over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Via {
    /// The one given to `run`.
    Run,
    /// The one for HTTP routes.
    Routes,
}

/// One call of `accept`.
#[derive(Clone, Debug)]
pub(super) struct Attempt {
    pub(super) via: Via,
    pub(super) events: Vec<Event>,
    pub(super) at: Instant,
    /// Whether this process had been given the cursor by then.
    pub(super) cursor_known: bool,
}

impl Attempt {
    /// The message with this text, if it was handed over by this call.
    pub(super) fn message(&self, text: &str) -> Option<&IncomingMessage> {
        self.events.iter().filter_map(message).find(|message| message.text == text)
    }
}

/// The message that came in, if it is one.
pub(super) fn message(event: &Event) -> Option<&IncomingMessage> {
    if let Event::Message(message) = event { Some(message) } else { None }
}

/// The store and its plan. Outlives the processes that write to it. Cheap to clone.
#[derive(Clone)]
pub(super) struct Ledger {
    state: Arc<Mutex<State>>,
    plan: Arc<watch::Sender<Plan>>,
}

#[derive(Default)]
struct State {
    stored: Vec<Event>,
    history: Vec<(ConversationId, HistoryEntry)>,
    cursor: Option<Cursor>,
    cursor_known: bool,
    cursor_failures: u32,
    attempts: Vec<Attempt>,
    faults: Vec<String>,
}

impl Ledger {
    pub(super) fn new() -> Self {
        Self { state: Arc::default(), plan: Arc::new(watch::Sender::new(Plan::Commit)) }
    }

    pub(super) fn plan(&self, plan: Plan) {
        self.plan.send_replace(plan);
    }

    /// A process starts: it has been given nothing yet.
    pub(super) fn begin_process(&self) {
        self.state().cursor_known = false;
    }

    /// Has the next reads of the cursor fail.
    pub(super) fn fail_cursor_reads(&self, times: u32) {
        self.state().cursor_failures = times;
    }

    /// Whether reads of the cursor are still to fail.
    pub(super) fn cursor_fails(&self) -> bool {
        self.state().cursor_failures > 0
    }

    /// The stored messages, in the order in which they were stored.
    pub(super) fn messages(&self) -> Vec<IncomingMessage> {
        self.state().stored.iter().filter_map(message).cloned().collect()
    }

    /// Every call of `accept`, whatever became of it.
    pub(super) fn attempts(&self) -> Vec<Attempt> {
        self.state().attempts.clone()
    }

    pub(super) fn cursor(&self) -> Option<Cursor> {
        self.state().cursor.clone()
    }

    /// What was handed over against the rules.
    pub(super) fn faults(&self) -> Vec<String> {
        self.state().faults.clone()
    }

    /// Stores what the AI's side says, as the engine does before it sends it.
    pub(super) fn answer(&self, conversation: &ConversationId, markdown: &str) {
        self.state().push(conversation, Author::Bot, None, markdown);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("nothing panics while it holds the ledger")
    }

    /// Answers one call of `accept` by the plan.
    async fn settle(
        &self,
        via: Via,
        events: &[Event],
        cursor: Option<Cursor>,
    ) -> Result<Vec<Accepted>, AcceptError> {
        let mut plans = self.plan.subscribe();
        let plan = *plans.wait_for(|plan| *plan != Plan::Hold).await.expect("the ledger holds the sender");
        match plan {
            Plan::Refuse(retry_after) => return Err(AcceptError::Unavailable { retry_after }),
            Plan::NotOwner if via == Via::Run => return Err(AcceptError::NotOwner),
            _ => {}
        }
        let accepted = self.state().commit(plan, events, cursor);
        plans.wait_for(|plan| *plan != Plan::HoldAnswer).await.expect("the ledger holds the sender");
        Ok(accepted)
    }
}

impl State {
    fn commit(&mut self, plan: Plan, events: &[Event], cursor: Option<Cursor>) -> Vec<Accepted> {
        self.cursor = cursor.or(self.cursor.take());
        events.iter().map(|event| self.commit_event(plan, event)).collect()
    }

    fn commit_event(&mut self, plan: Plan, event: &Event) -> Accepted {
        if plan == Plan::Ignore {
            return Accepted::Ignored;
        }
        if self.stored.iter().any(|stored| stored.id() == event.id()) {
            return Accepted::Duplicate;
        }
        self.stored.push(event.clone());
        let position = match message(event) {
            Some(message) => {
                let id = Some(message.event_id.clone());
                self.push(&message.conversation, Author::User, id, &message.text)
            }
            None => Position::default(),
        };
        if plan == Plan::Duplicate { Accepted::Duplicate } else { Accepted::Stored(position) }
    }

    fn push(
        &mut self,
        conversation: &ConversationId,
        author: Author,
        event_id: Option<EventId>,
        text: &str,
    ) -> Position {
        let position = Position(i64::try_from(self.history.len()).expect("few messages") + 1);
        let at = OffsetDateTime::UNIX_EPOCH;
        let entry = HistoryEntry { position, author, event_id, text: text.to_owned(), at };
        self.history.push((conversation.clone(), entry));
        position
    }
}

/// What stands behind one inbox of one process.
pub(super) struct Door {
    ledger: Ledger,
    via: Via,
    /// Cancelled when the process is killed: from then on nothing gets through and nothing returns.
    dead: CancellationToken,
    rules: Mutex<rules::Open>,
}

impl Door {
    pub(super) fn new(ledger: Ledger, via: Via, dead: CancellationToken) -> Self {
        Self { ledger, via, dead, rules: Mutex::default() }
    }

    fn rules(&self) -> MutexGuard<'_, rules::Open> {
        self.rules.lock().expect("nothing panics while it holds the rules")
    }

    /// Writes down the call, and what is wrong with it.
    fn begin(&self, events: &[Event], cursor: Option<&Cursor>) {
        let mut state = self.ledger.state();
        let mut faults = rules::broken_by(self.via, events, cursor, &state.attempts);
        faults.extend(self.rules().enter(self.via, cursor.is_some()));
        state.faults.extend(faults);
        let (events, cursor_known) = (events.to_vec(), state.cursor_known);
        state.attempts.push(Attempt { via: self.via, events, at: Instant::now(), cursor_known });
    }
}

#[async_trait]
impl Intake for Door {
    async fn accept(&self, events: Vec<Event>, cursor: Option<Cursor>) -> Result<Vec<Accepted>, AcceptError> {
        if self.dead.is_cancelled() {
            return future::pending().await;
        }
        self.begin(&events, cursor.as_ref());
        let _left = Leave(self);
        match self.dead.run_until_cancelled(self.ledger.settle(self.via, &events, cursor)).await {
            Some(answer) => {
                self.rules().disowned |= answer == Err(AcceptError::NotOwner);
                answer
            }
            None => future::pending().await,
        }
    }

    async fn cursor(&self) -> Result<Option<Cursor>, ReadError> {
        let mut state = self.ledger.state();
        if self.via == Via::Routes {
            state.faults.push("the inbox for routes has no cursor, and was asked for one".to_owned());
            return Ok(None);
        }
        if state.cursor_failures > 0 {
            state.cursor_failures -= 1;
            return Err(ReadError);
        }
        state.cursor_known = true;
        Ok(state.cursor.clone())
    }

    async fn history(
        &self,
        conversation: &ConversationId,
        after: Position,
        limit: u32,
    ) -> Result<Vec<HistoryEntry>, ReadError> {
        let state = self.ledger.state();
        let there = state.history.iter().filter(|(at, entry)| at == conversation && entry.position > after);
        Ok(there.take(limit as usize).map(|(_, entry)| entry.clone()).collect())
    }

    async fn news(&self, after: Option<Position>) -> Result<News, ReadError> {
        let state = self.ledger.state();
        let last = state.history.last().map(|(_, entry)| entry.position).unwrap_or_default();
        let after = after.unwrap_or(last);
        let mut latest: Vec<(ConversationId, Position)> = Vec::new();
        for (conversation, entry) in state.history.iter().filter(|(_, entry)| entry.position > after) {
            latest.retain(|(known, _)| known != conversation);
            latest.push((conversation.clone(), entry.position));
        }
        Ok(News { latest, after: last })
    }

    async fn known(&self, events: &[EventId]) -> Result<HashSet<EventId>, ReadError> {
        let state = self.ledger.state();
        Ok(state.stored.iter().map(Event::id).filter(|id| events.contains(id)).cloned().collect())
    }
}

/// The call of `accept` has ended, or was given up by the adapter.
struct Leave<'a>(&'a Door);

impl Drop for Leave<'_> {
    fn drop(&mut self) {
        self.0.rules().leave();
    }
}
