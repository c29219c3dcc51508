//! Who is let in: counts what clients hold, and refuses or closes what would be too much ([`Capacity`]).
//!
//! A connection is *waiting* while the rest of a request, or the next one, is awaited of its client. Where
//! there are too many, the one that has waited longest is closed: who is in earnest sends a request at once, and
//! whoever sends half of one, or opens connections for nothing, pays for it. So nobody who sends whole requests
//! is refused because others do not.

use std::{
    collections::{BTreeMap, HashMap},
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard},
};

use tokio::sync::Notify;

use super::{capacity::Capacity, refused::Refused};

/// The gate of one listener.
pub(super) struct Gate {
    capacity: Capacity,
    held: Mutex<Held>,
}

/// What is held at this moment.
#[derive(Default)]
struct Held {
    connections: usize,
    requests: usize,
    streams: usize,
    open_bodies: usize,
    priority_bodies: usize,
    by_address: HashMap<IpAddr, usize>,
    /// Connections that wait, by since when: for the head of a request, and for its body.
    heads: BTreeMap<u64, Arc<Notify>>,
    bodies: BTreeMap<u64, Arc<Notify>>,
    /// Never used twice; tells which of two has waited longer.
    next: u64,
}

/// What a request is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Class {
    /// Anybody may send it.
    Open,
    /// Those who send it are known before their body is read, or send none: webhooks and probes.
    Priority,
}

impl Class {
    pub(super) fn of(path: &str) -> Self {
        let priority = path.starts_with("/webhooks/") || ["/healthz", "/readyz", "/metrics"].contains(&path);
        if priority { Self::Priority } else { Self::Open }
    }
}

/// One connection that was let in.
pub(super) struct Admitted {
    gate: Arc<Gate>,
    address: Option<IpAddr>,
    state: Mutex<State>,
    evicted: Arc<Notify>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Waits for the head of a request, since then.
    Head(u64),
    /// Waits for the body of a request, since then.
    Body(u64, Class),
    /// The request is worked on, or its answer is sent.
    Working(Class),
    Streaming,
}

/// One request that was let in, until it is answered.
pub(super) struct Exchange {
    connection: Arc<Admitted>,
    /// What is counted for its client, where the connection is not the client's own.
    address: Option<IpAddr>,
}

impl Gate {
    pub(super) fn new(capacity: Capacity) -> Arc<Self> {
        Arc::new(Self { capacity, held: Mutex::default() })
    }

    /// Lets a connection in, of the client at this address, if it is known. May close another one for it.
    pub(super) fn connect(self: &Arc<Self>, address: Option<IpAddr>) -> Result<Arc<Admitted>, Refused> {
        let mut held = self.lock();
        // Those that are closed for others need a moment for it, and hold their place until then.
        let spare = (self.capacity.connections / 8).min(32);
        let crowded = held.connections + spare >= self.capacity.connections;
        if crowded || held.heads.len() + held.bodies.len() >= self.capacity.waiting {
            held.evict();
        }
        if held.connections >= self.capacity.connections {
            return Err(Refused::Connections);
        }
        held.take_share(address, self.capacity.per_address)?;
        held.connections += 1;
        let evicted = Arc::new(Notify::new());
        let state = Mutex::new(State::Head(held.wait_for_head(&evicted)));
        drop(held);
        Ok(Arc::new(Admitted { gate: self.clone(), address, state, evicted }))
    }

    fn lock(&self) -> MutexGuard<'_, Held> {
        self.held.lock().expect("nothing panics while it counts")
    }
}

impl Held {
    /// Closes the connection that has waited longest.
    fn evict(&mut self) {
        let (head, body) = (self.heads.first_key_value(), self.bodies.first_key_value());
        let head_is_older = match (head, body) {
            (Some((head, _)), Some((body, _))) => head < body,
            (head, _) => head.is_some(),
        };
        let waiting = if head_is_older { &mut self.heads } else { &mut self.bodies };
        close_first(waiting);
    }

    fn wait_for_head(&mut self, evicted: &Arc<Notify>) -> u64 {
        self.next += 1;
        self.heads.insert(self.next, evicted.clone());
        self.next
    }

    fn take_share(&mut self, address: Option<IpAddr>, most: usize) -> Result<(), Refused> {
        let Some(address) = address else { return Ok(()) };
        let share = self.by_address.entry(address).or_default();
        if *share >= most {
            return Err(Refused::Address);
        }
        *share += 1;
        Ok(())
    }

    fn give_back_share(&mut self, address: Option<IpAddr>) {
        let Some(address) = address else { return };
        if let Some(share) = self.by_address.get_mut(&address) {
            *share -= 1;
            if *share == 0 {
                self.by_address.remove(&address);
            }
        }
        // After very many clients were there at once.
        if self.by_address.capacity() > 4 * (self.by_address.len() + 1_000) {
            self.by_address.shrink_to_fit();
        }
    }

    fn body_bytes(&mut self, class: Class) -> &mut usize {
        match class {
            Class::Open => &mut self.open_bodies,
            Class::Priority => &mut self.priority_bodies,
        }
    }

    /// Ends what the connection was in.
    fn leave(&mut self, state: State) {
        match state {
            State::Head(since) => drop(self.heads.remove(&since)),
            State::Body(since, _) => drop(self.bodies.remove(&since)),
            State::Working(Class::Open) => self.requests -= 1,
            State::Working(Class::Priority) => {}
            State::Streaming => self.streams -= 1,
        }
    }

    fn work(&mut self, class: Class) -> State {
        if class == Class::Open {
            self.requests += 1;
        }
        State::Working(class)
    }
}

fn close_first(waiting: &mut BTreeMap<u64, Arc<Notify>>) -> bool {
    let first = waiting.pop_first();
    if let Some((_, evicted)) = &first {
        Refused::Waiting.note();
        evicted.notify_one();
    }
    first.is_some()
}

impl Admitted {
    /// Returns when the connection is perhaps to be closed.
    pub(super) async fn evicted(&self) {
        self.evicted.notified().await;
    }

    /// Whether that is so: what has come meanwhile may have been the rest of its request.
    pub(super) fn is_evicted(&self) -> bool {
        let held = self.gate.lock();
        match *self.state() {
            State::Head(since) => !held.heads.contains_key(&since),
            State::Body(since, Class::Open) => !held.bodies.contains_key(&since),
            State::Body(_, Class::Priority) | State::Working(_) | State::Streaming => false,
        }
    }

    /// Lets in the request whose head has come. `client`: who sent it, where that is another than who
    /// connects; `has_body`: more is to come.
    pub(super) fn begin(
        self: &Arc<Self>,
        class: Class,
        client: Option<IpAddr>,
        has_body: bool,
    ) -> Result<Exchange, Refused> {
        let (mut held, mut state) = (self.gate.lock(), self.state());
        let capacity = &self.gate.capacity;
        if class == Class::Open && held.requests >= capacity.requests {
            return Err(Refused::Requests);
        }
        held.take_share(client, capacity.per_address)?;
        held.leave(*state);
        *state = if has_body {
            held.next += 1;
            let since = held.next;
            // Whoever has shown a secret is waited for, whoever else comes.
            if class == Class::Open {
                held.bodies.insert(since, self.evicted.clone());
            }
            State::Body(since, class)
        } else {
            held.work(class)
        };
        Ok(Exchange { connection: self.clone(), address: client })
    }

    /// The body has come whole.
    pub(super) fn body_is_complete(&self) {
        let (mut held, mut state) = (self.gate.lock(), self.state());
        if let State::Body(_, class) = *state {
            held.leave(*state);
            *state = held.work(class);
        }
    }

    /// Takes these bytes of a body. May close another connection for it, whose body has been awaited longest.
    pub(super) fn take_body(&self, class: Class, bytes: usize) -> Result<(), Refused> {
        let mut held = self.gate.lock();
        let most = match class {
            Class::Open => self.gate.capacity.open_bodies,
            Class::Priority => self.gate.capacity.priority_bodies,
        };
        let taken = *held.body_bytes(class) + bytes;
        // What is closed gives its bytes back a moment later.
        if taken > most && (taken > most + most / 4 || !close_first(&mut held.bodies)) {
            return Err(Refused::Bodies);
        }
        *held.body_bytes(class) = taken;
        Ok(())
    }

    pub(super) fn give_back_body(&self, class: Class, bytes: usize) {
        *self.gate.lock().body_bytes(class) -= bytes;
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("nothing panics while it holds the state")
    }
}

impl Drop for Admitted {
    fn drop(&mut self) {
        let mut held = self.gate.lock();
        held.leave(*self.state());
        held.connections -= 1;
        held.give_back_share(self.address);
    }
}

impl Exchange {
    /// The answer is a stream of events from here on.
    pub(super) fn stream(&self) -> Result<(), Refused> {
        let (mut held, mut state) = (self.connection.gate.lock(), self.connection.state());
        if held.streams >= self.connection.gate.capacity.streams {
            return Err(Refused::Streams);
        }
        held.streams += 1;
        held.leave(*state);
        *state = State::Streaming;
        Ok(())
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        let (mut held, mut state) = (self.connection.gate.lock(), self.connection.state());
        held.leave(*state);
        *state = State::Head(held.wait_for_head(&self.connection.evicted));
        held.give_back_share(self.address);
    }
}

#[cfg(test)]
#[path = "admission_tests.rs"]
mod tests;
