//! The streams that are open on this replica, by conversation, and how they are woken.
//!
//! Holds no messages. A wake-up says "look again", and the stream reads the store; so losing one
//! costs time, never a message. A stream that has nothing to do costs its entry here and no
//! timer: whatever is done every so often is done by the channel's `attendant` for all of them.

use std::{
    collections::HashMap,
    mem,
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use switchboard_core::{ConversationId, Position};
use tokio::sync::Notify;

/// The most streams one visitor may have open. The sixth closes the oldest: most likely that is
/// one whose page is gone without our having noticed, and refusing the new one would lock out a
/// visitor on a bad network. Over HTTP/1.1 a browser has six connections to a host for all of its
/// pages; with a stream on each of them, none would be left to send a message over.
const MAX_PER_CONVERSATION: usize = 5;

/// How often a stream shows that it lives, in seconds. Less than the 30 s after which some
/// networks forget a silent connection. The page takes three of them without a byte for a broken
/// connection.
const BEAT_EVERY: u64 = 25;

/// After how many seconds a stream looks again that could not read the store.
const LOOK_AGAIN_EVERY: u64 = 4;

/// How many pages are asked to come back in a second after the gateway stopped.
const COME_BACK_PER_SECOND: u32 = 1_000;

/// After how long the first of them are asked to come back: a gateway that stops still accepts
/// connections for two seconds.
const COME_BACK: Duration = Duration::from_secs(3);

/// All open streams of one channel on this replica.
#[derive(Default)]
pub(crate) struct Streams(Mutex<Open>);

#[derive(Default)]
struct Open {
    /// Each conversation's streams, oldest first. None is empty.
    conversations: HashMap<ConversationId, Vec<Arc<Listener>>>,
    count: u32,
    /// Never used twice.
    next_number: u64,
    /// An attendant is there, or about to be.
    attended: bool,
    /// No stream stays open any more.
    stopping: bool,
}

/// What stands for a stream here.
struct Listener {
    /// Spreads over time what is done every so often.
    number: u64,
    signalled: Notify,
    pending: Mutex<Signal>,
}

/// What a stream is to do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Signal {
    /// Read the store, there may be more.
    pub(crate) look: bool,
    /// Show that an answer is being written, or no longer. A repeat matters, since it keeps it
    /// visible.
    pub(crate) typing: Option<bool>,
    /// Show that the stream lives.
    pub(crate) beat: bool,
    /// Say this and end.
    pub(crate) end: Option<End>,
    /// How far the stream has read; not for the stream.
    seen: Position,
    /// The store could not be read; not for the stream.
    behind: bool,
}

/// Why a stream ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// The visitor opened too many newer ones.
    Replaced,
    /// The gateway stops; the page is to come back after this.
    Stopping(Duration),
}

/// One open stream. Dropping it closes it.
pub(crate) struct OpenStream {
    streams: Arc<Streams>,
    conversation: ConversationId,
    listener: Arc<Listener>,
}

impl Streams {
    /// Opens a stream, closing the oldest one of the conversation if there are too many.
    pub(crate) fn open(self: &Arc<Self>, conversation: ConversationId) -> OpenStream {
        let mut open = self.lock();
        let listener = Arc::new(Listener {
            number: open.next_number,
            signalled: Notify::new(),
            pending: Mutex::default(),
        });
        open.next_number += 1;
        open.count += 1;
        if open.stopping {
            listener.signal(|it| it.end = Some(End::Stopping(COME_BACK)));
        }
        let listeners =
            open.conversations.entry(conversation.clone()).or_insert_with(|| Vec::with_capacity(1));
        listeners.push(listener.clone());
        if let Some(too_many) = listeners.len().checked_sub(MAX_PER_CONVERSATION) {
            for oldest in &listeners[..too_many] {
                oldest.signal(|it| it.end = Some(End::Replaced));
            }
        }
        drop(open);
        OpenStream { streams: self.clone(), conversation, listener }
    }

    /// Has the conversation's streams look for more.
    pub(crate) fn wake(&self, conversation: &ConversationId) {
        self.signal(conversation, |it| it.look = true);
    }

    /// Has the conversation's streams show or hide that an answer is being written.
    pub(crate) fn typing(&self, conversation: &ConversationId, on: bool) {
        self.signal(conversation, |it| it.typing = Some(on));
    }

    /// Has those streams look for more that have not read up to these positions.
    pub(crate) fn news(&self, latest: &[(ConversationId, Position)]) {
        let open = self.lock();
        for (conversation, position) in latest {
            for listener in open.conversations.get(conversation).into_iter().flatten() {
                listener.signal_if(|it| it.seen < *position, |it| it.look = true);
            }
        }
    }

    /// Has every stream look for more.
    pub(crate) fn wake_all(&self) {
        self.each(|listener| listener.signal(|it| it.look = true));
    }

    /// Has the streams do what is due in this second: each its beat every so often, and those
    /// look again that could not read.
    pub(crate) fn tick(&self, second: u64) {
        self.each(|listener| {
            let turn = second + listener.number;
            if turn.is_multiple_of(BEAT_EVERY) {
                listener.signal(|it| it.beat = true);
            }
            if turn.is_multiple_of(LOOK_AGAIN_EVERY) {
                listener.signal_if(|it| it.behind, |it| it.look = true);
            }
        });
    }

    /// Ends all streams, and those that are still opened. Their pages are asked to come back one
    /// after the other.
    pub(crate) fn stop(&self) {
        let mut open = self.lock();
        open.stopping = true;
        for (turn, listener) in (0..).zip(open.conversations.values().flatten()) {
            let retry = COME_BACK + Duration::from_secs(1) * turn / COME_BACK_PER_SECOND;
            listener.signal(|it| it.end = Some(End::Stopping(retry)));
        }
    }

    /// Whether the caller is to attend to the streams from now on: somebody must, and nobody does.
    pub(crate) fn attend(&self) -> bool {
        let mut open = self.lock();
        let wanted = !open.attended && !open.conversations.is_empty();
        open.attended |= wanted;
        wanted
    }

    /// Whether nobody needs to attend any more: no stream is open. Whoever attends ends then.
    pub(crate) fn dismiss(&self) -> bool {
        let mut open = self.lock();
        open.attended = !open.conversations.is_empty();
        !open.attended
    }

    /// Nobody attends any more, whatever is open.
    pub(crate) fn desert(&self) {
        self.lock().attended = false;
    }

    /// How many streams are open.
    pub(crate) fn count(&self) -> usize {
        self.lock().count as usize
    }

    fn signal(&self, conversation: &ConversationId, set: impl Fn(&mut Signal)) {
        for listener in self.lock().conversations.get(conversation).into_iter().flatten() {
            listener.signal(&set);
        }
    }

    fn each(&self, act: impl FnMut(&Arc<Listener>)) {
        self.lock().conversations.values().flatten().for_each(act);
    }

    fn close(&self, conversation: &ConversationId, number: u64) {
        let mut open = self.lock();
        open.count -= 1;
        if let Some(listeners) = open.conversations.get_mut(conversation) {
            listeners.retain(|listener| listener.number != number);
            if listeners.is_empty() {
                open.conversations.remove(conversation);
            }
        }
        // After very many pages were open at once.
        if open.conversations.capacity() > 4 * (open.conversations.len() + 1_000) {
            open.conversations.shrink_to_fit();
        }
    }

    fn lock(&self) -> MutexGuard<'_, Open> {
        self.0.lock().expect("nothing panics while it holds the streams")
    }
}

impl Listener {
    fn signal(&self, set: impl FnOnce(&mut Signal)) {
        self.signal_if(|_| true, set);
    }

    fn signal_if(&self, wanted: impl FnOnce(&Signal) -> bool, set: impl FnOnce(&mut Signal)) {
        let mut pending = self.lock();
        if wanted(&pending) {
            set(&mut pending);
            // Kept until the stream waits, if it does not wait now.
            self.signalled.notify_one();
        }
    }

    fn lock(&self) -> MutexGuard<'_, Signal> {
        self.pending.lock().expect("nothing panics while it holds a signal")
    }
}

impl OpenStream {
    /// What was signalled since the last time. Whatever is signalled from here on ends the next
    /// [`Self::signalled`], so look at the store after this and not before.
    pub(crate) fn take(&self) -> Signal {
        let mut pending = self.listener.lock();
        let kept = Signal { seen: pending.seen, behind: pending.behind, ..Signal::default() };
        mem::replace(&mut pending, kept)
    }

    /// Waits for a signal that [`Self::take`] has not returned. May end without one.
    pub(crate) async fn signalled(&self) {
        self.listener.signalled.notified().await;
    }

    /// Everything up to here was read.
    pub(crate) fn has_seen(&self, position: Position) {
        let mut pending = self.listener.lock();
        pending.seen = position;
        pending.behind = false;
    }

    /// The store could not be read: have this stream look again soon.
    pub(crate) fn is_behind(&self) {
        self.listener.lock().behind = true;
    }

    /// How far apart this stream and others are to do what all do: between 0 and 1.
    pub(crate) fn share(&self) -> f64 {
        // The golden ratio spreads numbers that follow each other as evenly as can be.
        #[expect(clippy::cast_precision_loss, reason = "a number of streams")]
        let turn = self.listener.number as f64 * 0.618_033_988_749_894_9;
        turn.fract()
    }
}

impl Drop for OpenStream {
    fn drop(&mut self) {
        self.streams.close(&self.conversation, self.listener.number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn conversation(id: &str) -> ConversationId {
        ConversationId::new(id)
    }

    #[test]
    fn a_conversation_is_forgotten_with_its_last_stream() {
        let streams = Arc::new(Streams::default());
        let (here, there) = (conversation("here"), conversation("there"));
        let first = streams.open(here.clone());
        let second = streams.open(here.clone());
        let other = streams.open(there.clone());
        assert_eq!(streams.count(), 3);
        drop(first);
        assert!(streams.lock().conversations.contains_key(&here));
        drop(second);
        assert!(!streams.lock().conversations.contains_key(&here));
        drop(other);
        assert!(streams.lock().conversations.is_empty());
        assert_eq!(streams.count(), 0);
    }

    #[test]
    fn the_sixth_stream_replaces_the_oldest() {
        let streams = Arc::new(Streams::default());
        let open: Vec<_> = (0..=MAX_PER_CONVERSATION).map(|_| streams.open(conversation("c"))).collect();
        let ended: Vec<_> = open.iter().map(|stream| stream.take().end).collect();
        assert_eq!(ended[0], Some(End::Replaced));
        assert_eq!(ended[1..], [None; MAX_PER_CONVERSATION]);
        drop(open);
        assert!(streams.lock().conversations.is_empty());
    }

    #[test]
    fn only_who_has_not_read_it_looks_for_news() {
        let streams = Arc::new(Streams::default());
        let (read, unread, other) = (
            streams.open(conversation("c")),
            streams.open(conversation("c")),
            streams.open(conversation("d")),
        );
        read.has_seen(Position(7));
        unread.has_seen(Position(6));
        streams.news(&[(conversation("c"), Position(7)), (conversation("e"), Position(8))]);
        assert_eq!([&read, &unread, &other].map(|stream| stream.take().look), [false, true, false]);
    }

    #[test]
    fn each_second_a_part_of_the_streams_beats() {
        let streams = Arc::new(Streams::default());
        let open: Vec<_> = (0..1_000).map(|it| streams.open(conversation(&it.to_string()))).collect();
        for second in 0..2 * BEAT_EVERY {
            streams.tick(second);
            assert_eq!(open.iter().filter(|stream| stream.take().beat).count(), 1_000 / 25);
        }
    }

    #[test]
    fn pages_are_asked_to_come_back_one_after_the_other() {
        let streams = Arc::new(Streams::default());
        let open: Vec<_> = (0..10_000).map(|it| streams.open(conversation(&it.to_string()))).collect();
        streams.stop();
        let late = streams.open(conversation("late"));
        let mut seconds = [0_usize; 13];
        for stream in &open {
            let Some(End::Stopping(retry)) = stream.take().end else { panic!("a stream stays open") };
            seconds[usize::try_from(retry.as_secs()).unwrap()] += 1;
        }
        assert_eq!(seconds[3..], [1_000; 10]);
        assert!(matches!(late.take().end, Some(End::Stopping(_))));
    }

    #[test]
    fn one_attends_while_streams_are_open() {
        let streams = Arc::new(Streams::default());
        assert!(!streams.attend(), "there is nothing to attend to");
        let stream = streams.open(conversation("c"));
        assert_eq!([streams.attend(), streams.attend()], [true, false]);
        assert!(!streams.dismiss());
        drop(stream);
        assert!(streams.dismiss());
        let _another = streams.open(conversation("c"));
        assert!(streams.attend());
    }
}
