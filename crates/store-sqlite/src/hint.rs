//! There is one process, and so nobody to tell anything.

use async_trait::async_trait;
use switchboard_store::{Hint, HintStore, StoreResult};

use crate::SqliteStore;

#[async_trait]
impl HintStore for SqliteStore {
    async fn hint(&self, _from: &str, _hints: Vec<Hint>) -> StoreResult<()> {
        Ok(())
    }

    async fn listen(&self, _me: &str, _heard: &(dyn Fn(Hint) + Send + Sync)) -> StoreResult<()> {
        std::future::pending().await
    }
}
