//! The streams that are open on this replica, by conversation, and how they are woken.
//!
//! Holds no messages. A wake-up says "look again", and the stream reads the store; so losing one
//! costs time, never a message.

use std::{
    collections::{HashMap, VecDeque},
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicU64, Ordering},
    },
};

use switchboard_core::ConversationId;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// The most streams one visitor may have open. The ninth closes the oldest: most likely that is
/// one whose page is gone without our having noticed, and refusing the new one would lock out a
/// visitor on a bad network.
const MAX_PER_CONVERSATION: usize = 8;

/// All open streams of one channel on this replica.
#[derive(Default)]
pub(crate) struct Streams {
    conversations: Mutex<HashMap<ConversationId, Conversation>>,
    /// Never used twice: a stream that was replaced closes after its conversation may have been
    /// forgotten and begun again.
    next_number: AtomicU64,
}

/// What the streams of one conversation share. Exists as long as there is one.
struct Conversation {
    signal: watch::Sender<Signal>,
    /// Oldest first.
    open: VecDeque<(u64, CancellationToken)>,
}

/// What streams are woken with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Signal {
    /// How often typing was set; a repeat matters, since it keeps typing visible.
    pub(crate) typing_count: u64,
    /// Whether an answer is being written.
    pub(crate) typing: bool,
}

/// One open stream. Dropping it closes it.
pub(crate) struct OpenStream {
    streams: Arc<Streams>,
    conversation: ConversationId,
    number: u64,
    signal: watch::Receiver<Signal>,
    replaced: CancellationToken,
}

impl Streams {
    /// Opens a stream, closing the oldest one of the conversation if there are too many.
    pub(crate) fn open(self: &Arc<Self>, conversation: ConversationId) -> OpenStream {
        let mut conversations = self.lock();
        let shared = conversations.entry(conversation.clone()).or_insert_with(|| Conversation {
            signal: watch::Sender::new(Signal::default()),
            open: VecDeque::new(),
        });
        if shared.open.len() == MAX_PER_CONVERSATION
            && let Some((_, oldest)) = shared.open.pop_front()
        {
            oldest.cancel();
        }
        let number = self.next_number.fetch_add(1, Ordering::Relaxed);
        let replaced = CancellationToken::new();
        shared.open.push_back((number, replaced.clone()));
        let signal = shared.signal.subscribe();
        drop(conversations);
        OpenStream { streams: self.clone(), conversation, number, signal, replaced }
    }

    /// Has the conversation's streams look for more.
    pub(crate) fn wake(&self, conversation: &ConversationId) {
        if let Some(shared) = self.lock().get(conversation) {
            shared.signal.send_modify(|_| ());
        }
    }

    /// Has the conversation's streams show or hide that an answer is being written.
    pub(crate) fn typing(&self, conversation: &ConversationId, on: bool) {
        if let Some(shared) = self.lock().get(conversation) {
            shared.signal.send_modify(|signal| {
                signal.typing_count += 1;
                signal.typing = on;
            });
        }
    }

    /// How many streams are open.
    pub(crate) fn count(&self) -> usize {
        self.lock().values().map(|shared| shared.open.len()).sum()
    }

    fn close(&self, conversation: &ConversationId, number: u64) {
        let mut conversations = self.lock();
        if let Some(shared) = conversations.get_mut(conversation) {
            shared.open.retain(|(open, _)| *open != number);
            if shared.open.is_empty() {
                conversations.remove(conversation);
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<ConversationId, Conversation>> {
        self.conversations.lock().expect("nothing panics while it holds the streams")
    }
}

impl OpenStream {
    /// What was signalled last. Whatever is signalled from here on ends the next
    /// [`Self::signalled`], so look at the store after this and not before.
    pub(crate) fn signal(&mut self) -> Signal {
        *self.signal.borrow_and_update()
    }

    /// Waits for a signal that [`Self::signal`] has not returned.
    pub(crate) async fn signalled(&mut self) {
        if self.signal.changed().await.is_err() {
            // The sender lives as long as a stream of its conversation is listed, and a stream
            // that was replaced is not; that one is told by `replaced`.
            std::future::pending::<()>().await;
        }
    }

    /// Cancelled when too many newer streams were opened.
    pub(crate) fn replaced(&self) -> CancellationToken {
        self.replaced.clone()
    }
}

impl Drop for OpenStream {
    fn drop(&mut self) {
        self.streams.close(&self.conversation, self.number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_conversation_is_forgotten_with_its_last_stream() {
        let streams = Arc::new(Streams::default());
        let (here, there) = (ConversationId::new("here"), ConversationId::new("there"));
        let first = streams.open(here.clone());
        let second = streams.open(here.clone());
        let other = streams.open(there.clone());
        assert_eq!(streams.count(), 3);
        drop(first);
        assert!(streams.lock().contains_key(&here));
        drop(second);
        assert!(!streams.lock().contains_key(&here));
        drop(other);
        assert!(streams.lock().is_empty());
    }

    #[test]
    fn the_ninth_stream_replaces_the_oldest() {
        let streams = Arc::new(Streams::default());
        let open: Vec<_> =
            (0..=MAX_PER_CONVERSATION).map(|_| streams.open(ConversationId::new("c"))).collect();
        let replaced: Vec<usize> = (0..open.len()).filter(|&at| open[at].replaced().is_cancelled()).collect();
        assert_eq!(replaced, [0]);
        assert_eq!(streams.count(), MAX_PER_CONVERSATION);
        drop(open);
        assert!(streams.lock().is_empty());
    }
}
