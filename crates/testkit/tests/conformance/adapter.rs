//! An adapter for the town, which does everything right unless it is told to commit one sin.

use std::{
    io,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use switchboard_core::{
    AcceptError, Action, Addressed, Capabilities, ConnectionState, ConversationId, Cursor, Event, EventId,
    Finding, Idempotency, Inbox, IncomingMessage, Messenger, Place, Rates, Receipt, RunError, Scope,
    SendError, SendText, Support, TextSupport, TypingSupport, UserId,
    markup::{Rendered, TextFormat, Unit},
};
use switchboard_testkit::conformance::Room;
use tokio_util::sync::CancellationToken;

use crate::{
    sins::Sin,
    town::{Author, LIMIT, Refusal, TOKEN, Town, Update},
};

/// How long it waits before it tries to connect again.
const PAUSE: Duration = Duration::from_secs(1);

/// For ids that say nothing of what they name.
static FRESH: AtomicU64 = AtomicU64::new(0);

pub struct Postman {
    pub town: Arc<Town>,
    pub sin: Sin,
    pub running: AtomicBool,
    pub last_room: Mutex<Option<Room>>,
}

impl Postman {
    pub fn new(town: Arc<Town>, sin: Sin) -> Self {
        Self { town, sin, running: AtomicBool::new(false), last_room: Mutex::new(None) }
    }

    /// Receives until something ends it, which is only ever a sin.
    async fn receive(&self, inbox: &Inbox) -> Result<(), RunError> {
        let mut next = self.first(inbox).await;
        inbox.status().set(ConnectionState::Connecting);
        loop {
            let updates = match self.town.hello() {
                Ok(()) => {
                    inbox.status().set(ConnectionState::Connected);
                    self.town.updates(next).await
                }
                Err(away) => Err(away),
            };
            match updates {
                Ok(updates) => {
                    let after = updates.last().map_or(next, |update| update.number + 1);
                    self.hand_over(inbox, &updates, after).await?;
                    next = after;
                }
                Err(_) if self.sin == Sin::EndsWhenInterrupted => return Ok(()),
                Err(refusal) => {
                    if self.sin != Sin::HidesInterruptions {
                        inbox.status().set(ConnectionState::Interrupted(refusal.to_string()));
                    }
                    tokio::time::sleep(PAUSE).await;
                    if self.sin == Sin::SkipsWhatItMissed {
                        next = self.town.next_number();
                    }
                }
            }
            inbox.status().progress();
            if self.sin == Sin::EndsAlone {
                return Ok(());
            }
        }
    }

    /// The first update that is not stored.
    async fn first(&self, inbox: &Inbox) -> u64 {
        if self.sin == Sin::ForgetsItsCursor {
            return 0;
        }
        loop {
            match inbox.cursor().await {
                Ok(None) => return 0,
                Ok(Some(cursor)) => return cursor.as_str().parse().unwrap(),
                Err(_) if self.sin == Sin::TakesTroubleForNoCursor => return 0,
                Err(_) => tokio::time::sleep(PAUSE).await,
            }
        }
    }

    async fn hand_over(&self, inbox: &Inbox, updates: &[Update], after: u64) -> Result<(), RunError> {
        if self.sin == Sin::ConfirmsBeforeTheCommit {
            self.town.confirm(after).ok();
        }
        let mut events: Vec<Event> = updates.iter().filter_map(|update| self.event(update)).collect();
        if self.sin == Sin::LosesOrder {
            events.reverse();
        }
        let cursor = Cursor::new(after.to_string());
        loop {
            let accept = inbox.accept(events.clone(), Some(cursor.clone()));
            let accepted = if self.sin == Sin::ConfirmsBesideTheCommit {
                let (accepted, _) = tokio::join!(accept, async { self.town.confirm(after) });
                accepted
            } else {
                accept.await
            };
            match accepted {
                Ok(_) => return Ok(()),
                Err(_) if self.sin == Sin::LosesWhatIsRefused => return Ok(()),
                Err(AcceptError::Unavailable { retry_after }) if self.sin == Sin::ComesAgainTooSoon => {
                    tokio::time::sleep(retry_after / 4).await;
                }
                Err(AcceptError::Unavailable { retry_after }) => tokio::time::sleep(retry_after).await,
                Err(AcceptError::NotOwner) if self.sin == Sin::GoesOnWithoutOwnership => return Ok(()),
                Err(AcceptError::NotOwner) if self.sin == Sin::CallsAnotherOwnerAnError => {
                    return Err(RunError { reason: "not mine".to_owned(), remedy: "none".to_owned() });
                }
                Err(AcceptError::NotOwner) => std::future::pending().await,
            }
        }
    }

    fn event(&self, update: &Update) -> Option<Event> {
        let person = match update.author {
            Author::Person(person) => person,
            Author::Bot if self.sin == Sin::TakesItsOwnMessages => 99,
            Author::Bot => return None,
        };
        *self.last_room.lock().unwrap() = Some(update.room);
        let text = match &update.text {
            Some(text) if self.sin == Sin::TidiesTexts => {
                text.split_whitespace().collect::<Vec<_>>().join(" ")
            }
            Some(text) => text.clone(),
            None if self.sin == Sin::HandsOverNothing => String::new(),
            None => "[a picture]".to_owned(),
        };
        let id = match self.sin {
            Sin::ForgetsIds => 1_000 + FRESH.fetch_add(1, Ordering::Relaxed),
            _ => update.number,
        };
        let place = match update.room {
            Room::Group(_) if self.sin != Sin::TakesGroupsForDirect => Place::Group,
            _ => Place::Direct,
        };
        Some(Event::Message(IncomingMessage {
            event_id: EventId::new(id.to_string()),
            conversation: conversation(update.room),
            place,
            addressed: Addressed::ToBot,
            user: UserId::new(person.to_string()),
            user_name: None,
            native_id: None,
            text,
            sent_at: None,
            answer: None,
        }))
    }

    fn show(&self, send: &SendText) -> Result<Receipt, Refusal> {
        let mut room = room(&send.conversation);
        let mut text = send.text.clone();
        let key = match self.sin {
            Sin::IgnoresKeys => None,
            _ => Some(send.key.as_str()),
        };
        match self.sin {
            Sin::AnswersWhoWroteLast => room = self.last_room.lock().unwrap().unwrap_or(room),
            Sin::SendsTwice => drop(self.town.send(room, None, &text)),
            // One of the parts that are neither the first nor the last of a long text.
            Sin::DropsAPart if text.text().contains("Paragraph 2") => return Ok(Receipt::default()),
            Sin::DropsTheLastCharacter => {
                let Rendered::Plain { text } = &mut text else { unreachable!("the town shows plain text") };
                if Unit::Utf16.measure(text) == LIMIT {
                    text.pop();
                }
            }
            _ => {}
        }
        let mut answer = self.town.send(room, key, &text);
        match (&answer, self.sin) {
            (Err(Refusal::Closed), Sin::TriesAgainItself) | (Err(Refusal::Wait(_)), Sin::WaitsItself) => {
                answer = self.town.send(room, key, &text);
            }
            (Err(Refusal::Lost), Sin::TriesAgainAfterALostAnswer) => {
                self.town.send(room, None, &text)?;
                return Err(Refusal::Lost);
            }
            _ => {}
        }
        let id = answer?;
        Ok(Receipt { messages: if self.sin == Sin::NamesNothing { Vec::new() } else { vec![id] } })
    }

    fn error(&self, refusal: &Refusal) -> SendError {
        let reason = refusal.to_string();
        let told =
            if self.sin == Sin::TellsItsToken { format!("POST /{TOKEN}/send: {reason}") } else { reason };
        let cause = || Box::new(io::Error::other(told.clone()));
        match refusal {
            Refusal::Lost if self.sin == Sin::TakesALostAnswerForUnavailable => {
                SendError::Unavailable(cause())
            }
            Refusal::Lost => SendError::Interrupted(cause()),
            Refusal::Away | Refusal::Closed => SendError::Unavailable(cause()),
            Refusal::Wait(retry_after) => {
                SendError::RateLimited { retry_after: *retry_after, scope: Scope::Channel }
            }
            Refusal::Gone if self.sin == Sin::TakesEverythingForRefused => {
                SendError::Rejected { reason: told }
            }
            Refusal::Gone => SendError::Gone { reason: told },
            // Whoever is let in a moment later is no stranger.
            Refusal::Stranger if self.sin != Sin::BelievesOneRefusal && self.town.hello().is_ok() => {
                SendError::Unavailable(cause())
            }
            Refusal::Stranger => SendError::Unauthorized { reason: told },
            Refusal::No => SendError::Rejected { reason: told },
        }
    }
}

#[async_trait]
impl Messenger for Postman {
    fn capabilities(&self, _: &ConversationId) -> Capabilities {
        let limit = if self.sin == Sin::PromisesTooMuch { LIMIT + 1 } else { LIMIT };
        Capabilities {
            text: TextSupport { format: TextFormat::Plain, limit, unit: Unit::Utf16 },
            typing: Some(TypingSupport { refresh: Duration::from_secs(4), hide: true }),
            edit: Support::Yes,
            delete: Support::Yes,
            react: Support::No,
            attachment: None,
            idempotency: Idempotency::Forever,
            rates: Rates::default(),
            rated_as: None,
        }
    }

    async fn probe(&self) -> Vec<Finding> {
        if self.sin == Sin::ProbesAloud {
            self.town.send(Room::Direct(0), None, &Rendered::Plain { text: "test".to_owned() }).ok();
        }
        vec![match self.town.hello() {
            Ok(()) => Finding::ok("the town answers"),
            Err(refusal) => Finding::error(refusal.to_string(), "look for the town"),
        }]
    }

    async fn run(&self, inbox: Inbox, stop: CancellationToken) -> Result<(), RunError> {
        self.running.store(true, Ordering::Relaxed);
        if self.sin == Sin::LogsItsToken {
            tracing::trace!(url = format!("/{TOKEN}/updates"), "asking for updates");
        }
        let received = if self.sin == Sin::IgnoresStop {
            self.receive(&inbox).await
        } else {
            stop.run_until_cancelled(self.receive(&inbox)).await.unwrap_or(Ok(()))
        };
        self.running.store(false, Ordering::Relaxed);
        inbox.status().set(ConnectionState::Stopped);
        received
    }

    async fn execute(&self, action: &Action) -> Result<Receipt, SendError> {
        if self.sin == Sin::NeedsItsRun && !self.running.load(Ordering::Relaxed) {
            return Err(self.error(&Refusal::Away));
        }
        let room = room(action.conversation());
        let done = match action {
            Action::SendText(send) => self.show(send),
            Action::Typing(_) if self.sin == Sin::TypesNothing => Ok(Receipt::default()),
            Action::Typing(typing) => self.town.type_in(room, typing.on).map(|()| Receipt::default()),
            Action::Edit(_) if self.sin == Sin::EditsNothing => Ok(Receipt::default()),
            Action::Edit(edit) => {
                self.town.change(room, &edit.message, Some(&edit.text)).map(|()| Receipt::default())
            }
            Action::Delete(delete) => {
                self.town.change(room, &delete.message, None).map(|()| Receipt::default())
            }
            Action::React(_) | Action::SendAttachment(_) if self.sin == Sin::PassesOffAsDone => {
                Ok(Receipt::default())
            }
            Action::React(_) | Action::SendAttachment(_) => Err(Refusal::No),
        };
        done.map_err(|refusal| self.error(&refusal))
    }
}

fn conversation(room: Room) -> ConversationId {
    ConversationId::new(match room {
        Room::Direct(person) => format!("d{person}"),
        Room::Group(group) => format!("g{group}"),
    })
}

fn room(conversation: &ConversationId) -> Room {
    let (kind, number) = conversation.as_str().split_at(1);
    let number = number.parse().unwrap();
    if kind == "d" { Room::Direct(number) } else { Room::Group(number) }
}
