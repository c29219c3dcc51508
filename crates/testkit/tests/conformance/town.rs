//! A small messenger in memory, in the manner of Telegram: updates are numbered, and whoever asks for those from a
//! number on confirms the ones before it.

use std::{
    collections::{HashMap, HashSet},
    sync::{Mutex, MutexGuard},
    time::Duration,
};

use switchboard_core::{
    MessageId,
    markup::{Rendered, Unit},
};
use switchboard_testkit::conformance::{Room, Shown, Trouble, View};
use tokio::sync::watch;

/// The account's token.
pub const TOKEN: &str = "town-token-ABCDEF";

/// The longest text, in UTF-16 code units.
pub const LIMIT: usize = 200;

/// Something that happened in the town.
#[derive(Clone, Debug)]
pub struct Update {
    pub number: u64,
    pub room: Room,
    pub author: Author,
    /// `None` is a picture.
    pub text: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Author {
    Person(u32),
    Bot,
}

/// Why the town did not do something.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("nobody answers")]
    Away,
    #[error("the answer got lost")]
    Lost,
    #[error("not now")]
    Closed,
    #[error("no")]
    No,
    #[error("wait {0:?}")]
    Wait(Duration),
    #[error("they moved away")]
    Gone,
    #[error("who are you")]
    Stranger,
}

/// The town.
pub struct Town {
    state: Mutex<State>,
    changed: watch::Sender<()>,
}

struct State {
    updates: Vec<Update>,
    /// All before it are confirmed.
    confirmed: u64,
    rooms: HashMap<Room, Vec<(Option<String>, Shown)>>,
    typing: HashSet<Room>,
    trouble: HashMap<Room, Trouble>,
    reachable: bool,
    /// The account is known no more.
    banished: bool,
    last_id: u64,
}

impl Town {
    pub fn new() -> Self {
        let state = State {
            updates: Vec::new(),
            confirmed: 1,
            rooms: HashMap::new(),
            typing: HashSet::new(),
            trouble: HashMap::new(),
            reachable: true,
            banished: false,
            last_id: 0,
        };
        Self { state: Mutex::new(state), changed: watch::Sender::new(()) }
    }

    /// Somebody writes. Returns the update's number.
    pub fn write(&self, room: Room, author: Author, text: Option<&str>) -> u64 {
        let mut state = self.state();
        let number = state.updates.len() as u64 + 1;
        state.updates.push(Update { number, room, author, text: text.map(str::to_owned) });
        drop(state);
        self.changed.send_replace(());
        number
    }

    pub fn is_confirmed(&self, number: u64) -> bool {
        number < self.state().confirmed
    }

    pub fn view(&self, room: Room) -> View {
        let state = self.state();
        let messages = state.rooms.get(&room).into_iter().flatten().map(|(_, shown)| shown.clone()).collect();
        View { messages, typing: state.typing.contains(&room) }
    }

    pub fn set_trouble(&self, room: Room, trouble: Trouble) {
        self.state().trouble.insert(room, trouble);
    }

    pub fn set_reachable(&self, reachable: bool) {
        self.state().reachable = reachable;
        self.changed.send_replace(());
    }

    /// The account is there.
    pub fn hello(&self) -> Result<(), Refusal> {
        let state = self.state();
        if !state.reachable {
            return Err(Refusal::Away);
        }
        if state.banished { Err(Refusal::Stranger) } else { Ok(()) }
    }

    /// The updates from this number on, or from the first unconfirmed one, as soon as there are any. Confirms those
    /// before.
    pub async fn updates(&self, from: u64) -> Result<Vec<Update>, Refusal> {
        let mut changes = self.changed.subscribe();
        loop {
            self.confirm(from)?;
            let updates = self.waiting();
            if !updates.is_empty() {
                return Ok(updates);
            }
            changes.changed().await.expect("the town holds the sender");
        }
    }

    /// The first of the updates that are not confirmed.
    fn waiting(&self) -> Vec<Update> {
        let state = self.state();
        state.updates.iter().filter(|update| update.number >= state.confirmed).take(5).cloned().collect()
    }

    /// Confirms the updates before this number.
    pub fn confirm(&self, from: u64) -> Result<(), Refusal> {
        self.hello()?;
        let mut state = self.state();
        state.confirmed = state.confirmed.max(from);
        Ok(())
    }

    /// The number of the update that will be next.
    pub fn next_number(&self) -> u64 {
        self.state().updates.len() as u64 + 1
    }

    /// Shows a message. The same key shows it once.
    pub fn send(&self, room: Room, key: Option<&str>, text: &Rendered) -> Result<MessageId, Refusal> {
        self.hello()?;
        let mut state = self.state();
        let trouble = state.trouble.remove(&room);
        match trouble {
            Some(Trouble::Refused) => return Err(Refusal::No),
            Some(Trouble::RateLimited(pause)) => return Err(Refusal::Wait(pause)),
            Some(Trouble::Gone) => return Err(Refusal::Gone),
            Some(Trouble::UnauthorizedOnce) => return Err(Refusal::Stranger),
            Some(Trouble::Unauthorized) => {
                state.banished = true;
                return Err(Refusal::Stranger);
            }
            Some(Trouble::Unavailable) => return Err(Refusal::Closed),
            Some(Trouble::AnswerLost) | None => {}
        }
        if Unit::Utf16.measure(text.text()) > LIMIT {
            return Err(Refusal::No);
        }
        let known =
            state.rooms.get(&room).into_iter().flatten().find(|(of, _)| of.is_some() && of.as_deref() == key);
        let id = known.and_then(|(_, shown)| shown.id.clone());
        let id = id.unwrap_or_else(|| {
            state.last_id += 1;
            let id = MessageId::new(state.last_id.to_string());
            let shown = Shown { id: Some(id.clone()), text: text.clone() };
            state.rooms.entry(room).or_default().push((key.map(str::to_owned), shown));
            id
        });
        state.typing.remove(&room);
        if trouble.is_some() { Err(Refusal::Lost) } else { Ok(id) }
    }

    /// Replaces a message, or takes it away.
    pub fn change(&self, room: Room, id: &MessageId, text: Option<&Rendered>) -> Result<(), Refusal> {
        self.hello()?;
        let mut state = self.state();
        let messages = state.rooms.entry(room).or_default();
        let at = messages.iter().position(|(_, shown)| shown.id.as_ref() == Some(id)).ok_or(Refusal::No)?;
        match text {
            Some(text) => messages[at].1.text = text.clone(),
            None => drop(messages.remove(at)),
        }
        Ok(())
    }

    pub fn type_in(&self, room: Room, on: bool) -> Result<(), Refusal> {
        self.hello()?;
        let mut state = self.state();
        if on {
            state.typing.insert(room)
        } else {
            state.typing.remove(&room)
        };
        Ok(())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }
}
