//! The store in one SQLite file: the default, without any set-up.
//!
//! One connection writes, a few read. Every write is a transaction that begins with
//! `BEGIN IMMEDIATE`, so that it waits for its turn and then never fails for want of a lock; since
//! nobody else writes meanwhile, whatever Postgres needs row locks for holds by itself. The file is
//! in WAL mode with `synchronous = FULL`: what was committed survives a power cut.
//!
//! A statement that is sent to SQLite crosses a thread, which costs more than most of the
//! statements themselves: the functions here are written for few statements per message.
//!
//! Only one gateway serves from a file ([`SqliteStore::open`] takes a lock beside it); commands
//! of other processes work on it at the same time ([`SqliteStore::open_shared`]).

mod accept;
mod admin;
mod chat;
mod clock;
mod convert;
mod deliveries;
mod error;
mod fence;
mod hint;
mod history;
mod incident;
mod lane;
mod lease;
mod message;
mod notice;
mod open;
mod queue;
mod reply;
mod settle;
mod thread;
mod write;

use async_trait::async_trait;
use switchboard_store::{Store, StoreResult};

pub use open::SqliteStore;

#[async_trait]
impl Store for SqliteStore {
    async fn migrate(&self) -> StoreResult<()> {
        error::named("db.schema.migrate", write::migrate(self)).await
    }

    async fn ping(&self) -> StoreResult<()> {
        error::named("db.schema.ping", write::ping(self)).await
    }

    fn single_process(&self) -> bool {
        self.holds_lock()
    }

    async fn close(&self) {
        self.close_all().await;
    }
}
