//! What is done for all open streams of a channel, by one task for all of them: hearing and looking for
//! what other replicas stored, showing that the streams live, and ending them.
//!
//! Runs while a stream is open, and no longer.

use std::{sync::Arc, thread, time::Duration};

use switchboard_core::Inbox;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{note, streams::Streams};

/// How often it is looked for what another replica stored, in case that its note about it was lost. One
/// indexed query, however many streams are open.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// What is needed to begin.
pub(crate) struct Attendant {
    streams: Arc<Streams>,
    inbox: Inbox,
    stop: CancellationToken,
    tasks: TaskTracker,
}

impl Attendant {
    pub(crate) fn new(streams: Arc<Streams>, inbox: Inbox, stop: CancellationToken) -> Self {
        Self { streams, inbox, stop, tasks: TaskTracker::new() }
    }

    /// Attends from now on, if nobody does. To be called whenever a stream was opened.
    pub(crate) fn call(&self) {
        if self.streams.attend() {
            let (inbox, stop) = (self.inbox.clone(), self.stop.clone());
            let presence = Presence(self.streams.clone());
            self.tasks.spawn(async move { attend(&presence.0, &inbox, &stop).await });
        }
    }
}

/// Somebody attends. If it ends in a panic, the next stream that is opened calls another.
struct Presence(Arc<Streams>);

impl Drop for Presence {
    fn drop(&mut self) {
        if thread::panicking() {
            self.0.desert();
        }
    }
}

/// Until no stream is open, or until `stop`, at which all streams end.
async fn attend(streams: &Streams, inbox: &Inbox, stop: &CancellationToken) {
    let mut seconds = interval(LOOK_EVERY);
    seconds.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut notes = inbox.notes().listen();
    let (mut second, mut after) = (0, None);
    loop {
        tokio::select! {
            biased;
            () = stop.cancelled() => {
                streams.stop();
                // What is opened from here on ends by itself.
                return;
            }
            _ = seconds.tick() => {}
            note = notes.next() => {
                note::heed(&note, streams);
                continue;
            }
        }
        if streams.dismiss() {
            return;
        }
        streams.tick(second);
        second += 1;
        // What fails is tried again in a second, from where we were, so nothing is missed.
        if let Some(Ok(news)) = stop.run_until_cancelled(inbox.news(after)).await {
            if after.is_none() {
                // What was stored after the streams had read, and before we knew where to begin.
                streams.wake_all();
            }
            streams.news(&news.latest);
            after = Some(news.after);
        }
    }
}
