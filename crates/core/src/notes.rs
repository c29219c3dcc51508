//! What the adapters of one channel tell each other in passing, from replica to replica.

use std::{fmt, sync::Arc};

use tokio::sync::broadcast;

/// How many notes wait for a listener that is slow; the oldest are dropped.
const MAX_WAITING: usize = 1024;

/// The notes of one channel: short texts that its adapters on all replicas hear. Cheap to clone.
///
/// For what is worth knowing at once and never worth keeping: that there may be more to show, that
/// an answer is being written. A note may be lost (the database was away, a listener was slow, it
/// is longer than some kilobytes), and whoever depends on it also looks by itself every so often.
/// It comes in the order of its sender's, some milliseconds after it was told.
#[derive(Clone)]
pub struct Notes {
    tell: Arc<dyn Fn(String) + Send + Sync>,
    heard: broadcast::Sender<String>,
}

impl Notes {
    /// Notes that go out by this. Made by the engine.
    pub fn new(tell: impl Fn(String) + Send + Sync + 'static) -> Self {
        Self { tell: Arc::new(tell), heard: broadcast::Sender::new(MAX_WAITING) }
    }

    /// Tells the channel's adapters on all other replicas; not those on this one.
    pub fn tell(&self, note: impl Into<String>) {
        (self.tell)(note.into());
    }

    /// Hears what other replicas tell from now on.
    pub fn listen(&self) -> Listening {
        Listening(self.heard.subscribe())
    }

    /// Hands on what another replica told. For the engine.
    pub fn hear(&self, note: String) {
        // Nobody may be listening.
        let _ = self.heard.send(note);
    }
}

impl Default for Notes {
    /// There is no other replica.
    fn default() -> Self {
        Self::new(|_| {})
    }
}

impl fmt::Debug for Notes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Notes").finish_non_exhaustive()
    }
}

/// Hears the notes of a channel.
#[derive(Debug)]
pub struct Listening(broadcast::Receiver<String>);

impl Listening {
    /// The next note. Waits for ever where none comes.
    pub async fn next(&mut self) -> String {
        loop {
            match self.0.recv().await {
                Ok(note) => return note,
                // We were slow; what is left goes on.
                Err(broadcast::error::RecvError::Lagged(_)) => {}
                Err(broadcast::error::RecvError::Closed) => std::future::pending().await,
            }
        }
    }
}
