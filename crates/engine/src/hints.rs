//! What this replica and the others tell each other in passing: that there is work for a channel's
//! owner, and the adapters' notes.
//!
//! Nothing depends on it: the scan over the table finds the work, within a second or so.

use std::{
    collections::HashMap,
    mem,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use switchboard_core::{ChannelName, chain};
use switchboard_store::{About, Hint, Store};
use tokio::sync::Notify;

use crate::channel::Attached;

/// How long to wait at least from one batch to the next. The first hint goes at once.
const BETWEEN: Duration = Duration::from_millis(20);
/// How many may wait; what is over that is found by those who search.
const MAX_WAITING: usize = 256;
/// How long to wait before listening again, when it failed.
const LISTEN_AGAIN: Duration = Duration::from_secs(1);

/// What waits to be told.
#[derive(Default)]
pub(crate) struct Hints {
    waiting: Mutex<Vec<Hint>>,
    some: Notify,
}

impl Hints {
    /// Tells the other replicas, soon.
    pub(crate) fn give(&self, channel: &ChannelName, about: About) {
        let hint = Hint { channel: channel.clone(), about };
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        // Its latest place is what counts: Postgres also passes on only one of those that are alike.
        waiting.retain(|other| *other != hint);
        if waiting.len() < MAX_WAITING {
            waiting.push(hint);
        }
        drop(waiting);
        self.some.notify_one();
    }

    fn take(&self) -> Vec<Hint> {
        mem::take(&mut self.waiting.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Tells what waits, for ever.
pub(crate) async fn tell(hints: Arc<Hints>, store: Arc<dyn Store>, me: String) {
    loop {
        hints.some.notified().await;
        let waiting = hints.take();
        if waiting.is_empty() {
            continue;
        }
        if let Err(error) = store.hint(&me, waiting).await {
            tracing::debug!(error = %chain(&error), "the other replicas could not be told");
        }
        tokio::time::sleep(BETWEEN).await;
    }
}

/// Passes on what the other replicas tell, for ever.
pub(crate) async fn hear(channels: HashMap<ChannelName, Attached>, store: Arc<dyn Store>, me: String) {
    let heard = |Hint { channel, about }| {
        let Some(attached) = channels.get(&channel) else { return };
        match about {
            About::Work => attached.channel.look(),
            About::Note(note) => attached.channel.notes.hear(note),
        }
    };
    loop {
        if let Err(error) = store.listen(&me, &heard).await {
            tracing::debug!(error = %chain(&error), "the other replicas cannot be heard");
        }
        tokio::time::sleep(LISTEN_AGAIN).await;
    }
}
