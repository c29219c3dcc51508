//! A write transaction, and what is done to the file as a whole.

use std::ops::{Deref, DerefMut};

use sqlx::{Sqlite, SqliteConnection, Transaction};

use crate::{SqliteStore, error::Failure};

/// The migrations, built into the program.
static MIGRATOR: sqlx::migrate::Migrator = sqlx::migrate!("../../migrations/sqlite");

/// A write transaction, and the time by the database's clock at which it began. Dropped, it
/// changed nothing.
pub(crate) struct Write {
    transaction: Transaction<'static, Sqlite>,
    /// Microseconds since 1970.
    pub(crate) now: i64,
}

impl Write {
    /// Waits for its turn.
    pub(crate) async fn begin(store: &SqliteStore) -> Result<Self, Failure> {
        let mut transaction = store.begin().await?;
        let now =
            sqlx::query_scalar!(r#"SELECT CAST(unixepoch('subsec') * 1000000 AS INTEGER) AS "now!: i64""#)
                .fetch_one(&mut *transaction)
                .await?;
        Ok(Self { transaction, now })
    }

    pub(crate) async fn commit(self) -> Result<(), Failure> {
        Ok(self.transaction.commit().await?)
    }
}

impl Deref for Write {
    type Target = SqliteConnection;

    fn deref(&self) -> &Self::Target {
        &self.transaction
    }
}

impl DerefMut for Write {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.transaction
    }
}

/// Brings the tables up to this version. All of it is one transaction, so that a second process
/// which migrates at the same time waits, and then finds nothing left to do.
pub(crate) async fn migrate(store: &SqliteStore) -> Result<(), Failure> {
    let mut transaction = store.begin().await?;
    MIGRATOR.run_direct(None, &mut *transaction, false).await?;
    Ok(transaction.commit().await?)
}

/// Takes the right to write, and gives it back.
pub(crate) async fn ping(store: &SqliteStore) -> Result<(), Failure> {
    Ok(store.begin().await?.rollback().await?)
}
