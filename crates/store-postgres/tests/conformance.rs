//! The tests that every store passes, over Postgres.

use std::sync::Arc;

use switchboard_store::{Store as _, conformance::FreshStore};
use switchboard_store_postgres::PostgresStore;

async fn fresh() -> FreshStore {
    let database = switchboard_testkit::postgres::database().expect("a database of its own");
    let store = PostgresStore::connect(database.url()).await.expect("the database takes connections");
    store.migrate().await.expect("the tables can be made");
    FreshStore { store: Arc::new(store), guard: Box::new(database) }
}

switchboard_store::store_conformance!(fresh);
