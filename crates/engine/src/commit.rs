//! Group commit: what arrives while a transaction is under way shares the next one.
//!
//! Where somebody waits for it, the first item is written at once, and whatever came in the meantime
//! goes together. Where nobody does ([`GroupCommit::start_unhurried`]), a moment is waited for more.

use std::time::Duration;

use switchboard_core::chain;
use switchboard_store::{StoreError, StoreResult};
use tokio::sync::{mpsc, oneshot};

use crate::{Unavailable, supervise::Supervisor};

/// The most items that share a transaction: more would keep the first ones waiting.
const MAX_BATCH: usize = 256;
/// How many items may wait. When it is full, callers wait to hand theirs in.
const MAX_WAITING: usize = 4096;

/// How long is waited for more where nobody is in a hurry: long enough for company at a few hundred
/// items a second, short enough for nobody to notice.
const COMPANY: Duration = Duration::from_millis(3);
/// So many are company enough.
const ENOUGH: usize = 8;

/// Why an item was not written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum CommitError {
    /// The store cannot be written to now.
    Unavailable,
    /// The store refuses this very item, and would again; why.
    Refused(String),
}

impl From<CommitError> for Unavailable {
    /// A refusal is ours to mend (the item was built by us), not the caller's: it is told to come
    /// again, and the log says why.
    fn from(_: CommitError) -> Self {
        Self
    }
}

/// Hands items to one writer task. Cheap to clone.
pub(crate) struct GroupCommit<I, O> {
    items: mpsc::Sender<Item<I, O>>,
}

impl<I, O> Clone for GroupCommit<I, O> {
    fn clone(&self) -> Self {
        Self { items: self.items.clone() }
    }
}

struct Item<I, O> {
    input: I,
    outcome: oneshot::Sender<Result<O, CommitError>>,
}

impl<I, O> GroupCommit<I, O>
where
    I: Clone + Send + Sync + 'static,
    O: Send + 'static,
{
    /// Starts the writer; it ends when the last handle is gone.
    pub(crate) fn start<W, F>(name: &'static str, supervisor: &Supervisor, write: W) -> Self
    where
        W: Fn(Vec<I>) -> F + Send + Sync + 'static,
        F: Future<Output = StoreResult<Vec<O>>> + Send + 'static,
    {
        Self::start_with(name, supervisor, Duration::ZERO, write)
    }

    /// The same for what no user waits for: fewer transactions leave more room for those of the others.
    pub(crate) fn start_unhurried<W, F>(name: &'static str, supervisor: &Supervisor, write: W) -> Self
    where
        W: Fn(Vec<I>) -> F + Send + Sync + 'static,
        F: Future<Output = StoreResult<Vec<O>>> + Send + 'static,
    {
        Self::start_with(name, supervisor, COMPANY, write)
    }

    fn start_with<W, F>(name: &'static str, supervisor: &Supervisor, patience: Duration, write: W) -> Self
    where
        W: Fn(Vec<I>) -> F + Send + Sync + 'static,
        F: Future<Output = StoreResult<Vec<O>>> + Send + 'static,
    {
        let (items, waiting) = mpsc::channel(MAX_WAITING);
        supervisor.spawn(name, run(waiting, patience, write));
        Self { items }
    }

    /// Returns after the commit that the item was part of.
    pub(crate) async fn submit(&self, input: I) -> Result<O, CommitError> {
        let (outcome, result) = oneshot::channel();
        // The writer is gone only while the process ends.
        self.items.send(Item { input, outcome }).await.map_err(|_| CommitError::Unavailable)?;
        result.await.unwrap_or(Err(CommitError::Unavailable))
    }
}

async fn run<I, O, W, F>(mut waiting: mpsc::Receiver<Item<I, O>>, patience: Duration, write: W)
where
    I: Clone,
    W: Fn(Vec<I>) -> F,
    F: Future<Output = StoreResult<Vec<O>>>,
{
    let mut batch = Vec::new();
    while waiting.recv_many(&mut batch, MAX_BATCH).await > 0 {
        if !patience.is_zero() && batch.len() < ENOUGH {
            tokio::time::sleep(patience).await;
            while batch.len() < MAX_BATCH
                && let Ok(item) = waiting.try_recv()
            {
                batch.push(item);
            }
        }
        let (inputs, callers): (Vec<_>, Vec<_>) =
            batch.drain(..).map(|Item { input, outcome }| (input, outcome)).unzip();
        // The copy is for the rare case that the batch is refused and must be written singly.
        match write(inputs.clone()).await {
            Ok(outcomes) => {
                debug_assert_eq!(outcomes.len(), callers.len());
                for (caller, outcome) in callers.into_iter().zip(outcomes) {
                    // A caller that went away does not need to know.
                    let _ = caller.send(Ok(outcome));
                }
            }
            Err(error) if error.is_transient() => {
                fail(callers, &error);
                // What waited meanwhile would wait as long again, each batch after the other.
                while let Ok(item) = waiting.try_recv() {
                    let _ = item.outcome.send(Err(CommitError::Unavailable));
                }
            }
            Err(error) if inputs.len() == 1 => fail(callers, &error),
            Err(_) => write_singly(inputs, callers, &write).await,
        }
    }
}

/// One item that the store refuses must not take its neighbours with it.
async fn write_singly<I, O, W, F>(
    inputs: Vec<I>,
    callers: Vec<oneshot::Sender<Result<O, CommitError>>>,
    write: &W,
) where
    W: Fn(Vec<I>) -> F,
    F: Future<Output = StoreResult<Vec<O>>>,
{
    for (input, caller) in inputs.into_iter().zip(callers) {
        match write(vec![input]).await {
            Ok(outcomes) => {
                let _ = caller.send(outcomes.into_iter().next().ok_or(CommitError::Unavailable));
            }
            Err(error) => fail(vec![caller], &error),
        }
    }
}

fn fail<O>(callers: Vec<oneshot::Sender<Result<O, CommitError>>>, error: &StoreError) {
    tracing::warn!(error = %chain(error), items = callers.len(), "the store did not take it");
    let error =
        if error.is_transient() { CommitError::Unavailable } else { CommitError::Refused(chain(error)) };
    for caller in callers {
        let _ = caller.send(Err(error.clone()));
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use tokio::sync::Semaphore;

    use super::*;

    fn refused() -> StoreError {
        StoreError::Refused { operation: "db.test.write", source: "no".into() }
    }

    #[tokio::test]
    async fn what_arrives_during_a_write_shares_the_next_one() {
        let supervisor = Supervisor::new();
        let gate = Arc::new(Semaphore::new(0));
        let batches = Arc::new(Mutex::new(Vec::new()));
        let commit = GroupCommit::start("test", &supervisor, {
            let (gate, batches) = (gate.clone(), batches.clone());
            move |batch: Vec<u32>| {
                let (gate, batches) = (gate.clone(), batches.clone());
                async move {
                    batches.lock().unwrap().push(batch.clone());
                    gate.acquire().await.unwrap().forget();
                    Ok(batch.iter().map(|item| item * 10).collect())
                }
            }
        });

        let first = commit.submit(1);
        tokio::pin!(first);
        assert!(futures_util::poll!(&mut first).is_pending());
        tokio::task::yield_now().await;
        let rest = futures_util::future::join_all((2..=4).map(|item| commit.submit(item)));
        tokio::pin!(rest);
        assert!(futures_util::poll!(&mut rest).is_pending());
        gate.add_permits(2);
        assert_eq!(first.await.unwrap(), 10);
        let rest: Vec<u32> = rest.await.into_iter().map(Result::unwrap).collect();
        assert_eq!(rest, [20, 30, 40]);
        assert_eq!(*batches.lock().unwrap(), [vec![1], vec![2, 3, 4]]);
    }

    #[tokio::test(start_paused = true)]
    async fn what_nobody_waits_for_waits_for_company() {
        let supervisor = Supervisor::new();
        let batches = Arc::new(Mutex::new(Vec::new()));
        let commit = GroupCommit::start_unhurried("test", &supervisor, {
            let batches = batches.clone();
            move |batch: Vec<u32>| {
                batches.lock().unwrap().push(batch.clone());
                async move { Ok(batch) }
            }
        });
        let late = async {
            tokio::time::sleep(COMPANY / 2).await;
            commit.submit(2).await
        };
        let begin = tokio::time::Instant::now();
        assert_eq!(tokio::join!(commit.submit(1), late), (Ok(1), Ok(2)));
        assert_eq!(*batches.lock().unwrap(), [vec![1, 2]]);
        assert_eq!(begin.elapsed(), COMPANY);
    }

    #[tokio::test]
    async fn a_refused_item_does_not_take_its_neighbours_with_it() {
        let supervisor = Supervisor::new();
        let commit = GroupCommit::start("test", &supervisor, |batch: Vec<u32>| async move {
            if batch.contains(&2) { Err(refused()) } else { Ok(batch) }
        });
        let results = futures_util::future::join_all((1..=3).map(|item| commit.submit(item))).await;
        let refused = CommitError::Refused(chain(&refused()));
        assert_eq!(results, [Ok(1), Err(refused), Ok(3)]);
    }
}
