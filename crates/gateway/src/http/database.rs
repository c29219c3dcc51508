//! What the database says when anybody asks: whether it answers, and how long its queues are.
//!
//! Anybody may ask, as often as they like; the database is asked once a second at most, by one at a time, and
//! whoever asks meanwhile shares the answer. How an outage begins, lasts and ends is logged here.

use std::{sync::Arc, time::Duration};

use switchboard_core::chain;
use switchboard_store::{QueueCounts, Store, StoreError};
use tokio::{
    sync::Mutex,
    time::{Instant, timeout},
};

/// How long the database may take to answer.
const PING_TIMEOUT: Duration = Duration::from_secs(2);
/// How long it may take to count. Prometheus waits for 10 s altogether.
const COUNT_TIMEOUT: Duration = Duration::from_secs(5);
/// For how long an answer counts. A ping takes the one writer of SQLite, and counting is more.
const FRESH: Duration = Duration::from_secs(1);
/// How often an outage that lasts is logged.
const TELL_AGAIN: Duration = Duration::from_mins(1);

/// The database, for those who ask how it is.
pub(super) struct Database {
    store: Arc<dyn Store>,
    answers: Mutex<Answers>,
    queues: Mutex<Option<Counted>>,
}

/// What the last ping found.
#[derive(Default)]
struct Answers {
    ping: Option<(Instant, bool)>,
    outage: Option<Outage>,
}

/// The database does not answer.
struct Outage {
    began: Instant,
    told: Instant,
}

/// How long the queues were; `None` where they could not be counted.
struct Counted {
    at: Instant,
    queues: Option<Arc<[QueueCounts]>>,
}

impl Database {
    pub(super) fn new(store: Arc<dyn Store>) -> Self {
        Self { store, answers: Mutex::default(), queues: Mutex::default() }
    }

    pub(super) fn store(&self) -> &dyn Store {
        &*self.store
    }

    /// Whether it answers, and is not read-only.
    pub(super) async fn answers(&self) -> bool {
        let mut answers = self.answers.lock().await;
        if let Some((at, answered)) = answers.ping
            && at.elapsed() < FRESH
        {
            return answered;
        }
        let failure = failure(timeout(PING_TIMEOUT, self.store.ping()).await, PING_TIMEOUT);
        answers.ping = Some((Instant::now(), failure.is_none()));
        answers.note(failure.as_deref());
        failure.is_none()
    }

    /// How long the queues are; `None` where that is not known, since the database does not answer, or not in time.
    pub(super) async fn queues(&self) -> Option<Arc<[QueueCounts]>> {
        if !self.answers().await {
            return None;
        }
        let mut counted = self.queues.lock().await;
        if let Some(known) = counted.as_ref().filter(|it| it.at.elapsed() < FRESH) {
            return known.queues.clone();
        }
        let result = timeout(COUNT_TIMEOUT, self.store.queue_counts()).await;
        let queues = match result {
            Ok(Ok(queues)) => Some(queues.into()),
            other => {
                // Once, until it has succeeded again.
                if counted.as_ref().is_none_or(|it| it.queues.is_some()) {
                    let reason = failure(other, COUNT_TIMEOUT);
                    tracing::warn!(reason, "the queues could not be counted");
                }
                None
            }
        };
        *counted = Some(Counted { at: Instant::now(), queues: queues.clone() });
        queues
    }
}

/// Why there is no answer, if there is none.
fn failure<T, Late>(answer: Result<Result<T, StoreError>, Late>, limit: Duration) -> Option<String> {
    match answer {
        Ok(Ok(_)) => None,
        Ok(Err(error)) => Some(chain(&error)),
        Err(_) => Some(format!("no answer within {} s", limit.as_secs())),
    }
}

impl Answers {
    /// Logs how an outage begins, lasts and ends.
    fn note(&mut self, failure: Option<&str>) {
        let now = Instant::now();
        match (failure, &mut self.outage) {
            (None, Some(outage)) => {
                let seconds = outage.began.elapsed().as_secs();
                tracing::info!(seconds, "the database answers again");
                self.outage = None;
            }
            (Some(reason), None) => {
                tracing::warn!(reason, "the database does not answer");
                self.outage = Some(Outage { began: now, told: now });
            }
            (Some(reason), Some(outage)) if outage.told.elapsed() >= TELL_AGAIN => {
                let seconds = outage.began.elapsed().as_secs();
                tracing::warn!(reason, seconds, "the database still does not answer");
                outage.told = now;
            }
            (None, None) | (Some(_), Some(_)) => {}
        }
    }
}
