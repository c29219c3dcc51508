//! Tasks that must not die: if one does, the process ends, because a gateway that lives on
//! without it would look healthy and do nothing.

use std::{panic::AssertUnwindSafe, sync::Arc};

use futures_util::FutureExt as _;
use tokio::sync::watch;
use tokio_util::task::TaskTracker;

/// A task of the engine died unasked. The process must end with a non-zero code.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the task {task:?} died")]
pub struct TaskDied {
    /// Which one.
    pub task: &'static str,
}

/// Spawns tasks and notices when one dies. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Supervisor {
    tracker: TaskTracker,
    died: Arc<watch::Sender<Option<TaskDied>>>,
}

impl Supervisor {
    pub(crate) fn new() -> Self {
        Self { tracker: TaskTracker::new(), died: Arc::new(watch::Sender::new(None)) }
    }

    /// Runs `task` to its end. A panic in it is remembered and reported by [`Self::died`].
    pub(crate) fn spawn(&self, name: &'static str, task: impl Future<Output = ()> + Send + 'static) {
        let died = self.died.clone();
        self.tracker.spawn(async move {
            if AssertUnwindSafe(task).catch_unwind().await.is_err() {
                tracing::error!(task = name, "a task died");
                died.send_replace(Some(TaskDied { task: name }));
            }
        });
    }

    /// Waits until a task died.
    pub(crate) async fn died(&self) -> TaskDied {
        let mut changes = self.died.subscribe();
        let died = changes.wait_for(Option::is_some).await.expect("the sender is in self");
        died.clone().expect("just waited for it")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_panic_is_reported() {
        let supervisor = Supervisor::new();
        supervisor.spawn("fine", async {});
        supervisor.spawn("broken", async { panic!("on purpose") });
        assert_eq!(supervisor.died().await, TaskDied { task: "broken" });
    }
}
