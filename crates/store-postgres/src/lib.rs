//! The store for production: PostgreSQL 15 or newer, shared by any number of replicas.
//!
//! Written for batches: a call of [`MessageStore::accept`](switchboard_store::MessageStore::accept),
//! [`reply`](switchboard_store::MessageStore::reply) or
//! [`settle`](switchboard_store::QueueStore::settle) is one transaction with the same handful of
//! statements whatever the batch's size, since each statement takes arrays.
//!
//! # Locks
//!
//! Transactions run in READ COMMITTED and wait for rows in one order, so that no two of them can
//! wait for each other:
//!
//! 1. `channel`, by name: the fence, shared by all that name the token, exclusive for a new owner;
//! 2. `seen`, by key: two replicas that take in the same event;
//! 3. `chat`, by route; under it its threads, and what the AI's messages leave in `seen`;
//! 4. `lane`, by id; under it its deliveries.
//!
//! A connection that failed, or whose caller went away, is closed and never used again
//! (`session.rs`). The tables are in `migrations/postgres`; after a change of a query or a table,
//! `cargo xtask generate` renews `.sqlx`, from which the crate is built without a database.

mod accept;
mod admin;
mod begin;
mod chat;
mod chat_detail;
mod connect;
mod convert;
mod deliveries;
mod enqueue;
mod error;
mod fence;
mod hint;
mod incident;
mod lease;
mod message;
mod notice;
mod payload;
mod queue;
mod reply;
mod seen;
mod session;
mod settle;
mod thread;
mod thread_rows;
mod webhook;

use async_trait::async_trait;
use sqlx::{PgPool, postgres::PgConnectOptions};
use switchboard_store::{Store, StoreResult};

pub use connect::DEFAULT_CONNECTIONS;

use crate::error::{Fault, within};

/// The store. Its calls share a pool of connections.
pub struct PostgresStore {
    pool: PgPool,
    /// For connections outside of the pool.
    options: PgConnectOptions,
}

#[async_trait]
impl Store for PostgresStore {
    #[tracing::instrument(name = "db.schema.migrate", level = "debug", skip_all)]
    async fn migrate(&self) -> StoreResult<()> {
        connect::migrate(&self.options).await.map_err(|fault| fault.during("db.schema.migrate"))
    }

    #[tracing::instrument(name = "db.schema.ping", level = "debug", skip_all)]
    async fn ping(&self) -> StoreResult<()> {
        within("db.schema.ping", async {
            let mut session = self.session().await?;
            let read_only = sqlx::query_scalar!(
                r#"SELECT current_setting('transaction_read_only') = 'on' AS "read_only!""#
            )
            .fetch_one(&mut *session)
            .await?;
            session.done();
            // A standby, or a server whose disk is full and whose operator said so.
            if read_only { Err(Fault::Unavailable("the database is read-only".into())) } else { Ok(()) }
        })
        .await
    }

    fn single_process(&self) -> bool {
        false
    }

    async fn close(&self) {
        self.pool.close().await;
    }
}
