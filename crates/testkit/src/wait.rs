//! Waiting for a condition instead of sleeping.

use std::time::Duration;

/// Asks `condition` again and again until it answers `Some`, and returns that.
///
/// `what` completes the sentence "waited in vain for …", with which it panics once `limit` is over.
pub async fn wait_for<T>(what: &str, limit: Duration, mut condition: impl AsyncFnMut() -> Option<T>) -> T {
    const PAUSE: Duration = Duration::from_millis(10);
    let asking = async {
        loop {
            if let Some(value) = condition().await {
                return value;
            }
            tokio::time::sleep(PAUSE).await;
        }
    };
    let answered = tokio::time::timeout(limit, asking).await;
    answered.unwrap_or_else(|_| panic!("waited {limit:?} in vain for {what}"))
}
