//! Sessions: what a bot hears of, numbered, and kept for a while.

use std::collections::VecDeque;
use std::sync::Arc;

use serde_json::{Value, json};
use tokio::sync::mpsc::UnboundedSender;
use tokio::time::Instant;
use tokio_tungstenite::tungstenite::Utf8Bytes;

use super::super::state::State;
use super::intents;

/// How many events are kept to be sent again.
const KEPT: usize = 10_000;

/// What a connection is told to do.
pub(super) enum Order {
    Say(Utf8Bytes),
    /// Close with this code.
    Close(u16),
    /// Close without a word.
    Drop,
    /// Hear and say nothing more, but stay.
    Freeze,
}

/// The connection of a session.
pub(super) struct Link {
    pub(super) number: u64,
    pub(super) orders: UnboundedSender<Order>,
}

/// One session.
pub(in super::super) struct Session {
    pub(super) id: String,
    pub(super) intents: u64,
    /// The number of this shard, and how many there are.
    pub(super) shard: (u64, u64),
    /// The number of the last event.
    pub(super) seq: u64,
    pub(super) kept: VecDeque<(u64, Utf8Bytes)>,
    pub(super) link: Option<Link>,
    /// When the last connection ended.
    pub(super) left_at: Instant,
}

/// Something that happened.
pub(in super::super) struct Event {
    name: &'static str,
    /// The intent that one must have to hear of it. 0 is for everyone.
    intent: u64,
    guild: Option<u64>,
    data: Arc<str>,
    /// The same for those who may not read what people write.
    withheld: Option<Arc<str>>,
}

impl Event {
    pub(in super::super) fn new(name: &'static str, intent: u64, guild: Option<u64>, data: &Value) -> Self {
        Self { name, intent, guild, data: data.to_string().into(), withheld: None }
    }

    /// Has sessions without MESSAGE_CONTENT hear this instead.
    pub(in super::super) fn withheld(mut self, data: Option<&Value>) -> Self {
        self.withheld = data.map(|data| data.to_string().into());
        self
    }
}

impl Session {
    pub(in super::super) fn reads_content(&self) -> bool {
        self.intents & intents::MESSAGE_CONTENT != 0
    }

    pub(super) fn hear(&mut self, event: &Event) {
        let (shard, shards) = self.shard;
        let concerned = event.guild.map_or(0, |guild| (guild >> 22) % shards) == shard;
        if !concerned || event.intent & self.intents != event.intent {
            return;
        }
        let withheld = event.withheld.as_ref().filter(|_| !self.reads_content());
        self.say(event.name, withheld.unwrap_or(&event.data));
    }

    /// Says it with the next number, now or when it is resumed.
    pub(super) fn say(&mut self, name: &str, data: &str) {
        let text = self.say_once(name, data);
        if self.kept.len() == KEPT {
            self.kept.pop_front();
        }
        self.kept.push_back((self.seq, text));
    }

    /// Says it with the next number, now or never. Returns what was said.
    fn say_once(&mut self, name: &str, data: &str) -> Utf8Bytes {
        self.seq += 1;
        let name = Value::from(name);
        let text = format!("{{\"t\":{name},\"s\":{},\"op\":0,\"d\":{data}}}", self.seq);
        let text = Utf8Bytes::from(text);
        self.order(Order::Say(text.clone()));
        text
    }

    pub(super) fn order(&self, order: Order) {
        if let Some(link) = &self.link {
            // A connection that has just ended needs no orders.
            let _ = link.orders.send(order);
        }
    }

    /// Sends again, over this connection, what came after `seq`, and says that it is all. Returns how many events
    /// there were. `None` if some of them are no longer known.
    pub(super) fn resume(&mut self, seq: u64, link: Link) -> Option<usize> {
        let oldest = self.kept.front().map_or(self.seq + 1, |(seq, _)| *seq);
        if seq + 1 < oldest {
            return None;
        }
        // The former connection may not have noticed yet that it is dead.
        self.order(Order::Drop);
        self.link = Some(link);
        let missed: Vec<_> = self.kept.iter().filter(|(kept, _)| *kept > seq).cloned().collect();
        for (_, text) in &missed {
            self.order(Order::Say(text.clone()));
        }
        self.say_once("RESUMED", "{\"_trace\":[]}");
        Some(missed.len())
    }
}

impl State {
    /// Has every session that is concerned hear of an event.
    pub(in super::super) fn dispatch(&mut self, event: &Event) {
        let available = |guild: u64| self.guilds.get(&guild).is_none_or(|guild| guild.available);
        if !event.guild.is_none_or(available) {
            return;
        }
        for session in &mut self.sessions {
            session.hear(event);
        }
    }

    /// A connection ends: its session, if it has one, waits to be resumed, unless the bot has ended it.
    pub(super) fn detach(&mut self, connection: u64, ended: bool) {
        let is_its = |session: &Session| session.link.as_ref().is_some_and(|link| link.number == connection);
        if ended {
            self.sessions.retain(|session| !is_its(session));
        }
        if let Some(session) = self.sessions.iter_mut().find(|session| is_its(session)) {
            session.link = None;
            session.left_at = Instant::now();
        }
    }

    /// Forgets the sessions that nobody resumed in time.
    pub(super) fn expire_sessions(&mut self, now: Instant) {
        let life = self.session_life;
        self.sessions.retain(|session| session.link.is_some() || now < session.left_at + life);
    }
}

/// Something that has no number.
pub(super) fn control(op: u8, data: &Value) -> Order {
    Order::Say(json!({ "t": null, "s": null, "op": op, "d": data }).to_string().into())
}
