//! The suite that every store passes.

use std::sync::Arc;

use switchboard_store::{Store, conformance::FreshStore};
use switchboard_store_sqlite::SqliteStore;

async fn fresh() -> FreshStore {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let file = directory.path().join("switchboard.db");
    let store = SqliteStore::open(file.to_str().expect("a readable path")).await.expect("the file opens");
    store.migrate().await.expect("the tables are made");
    FreshStore { store: Arc::new(store), guard: Box::new(directory) }
}

switchboard_store::store_conformance!(fresh);
