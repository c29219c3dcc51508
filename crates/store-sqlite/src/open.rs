//! Opening the file: its connections, its settings, and the lock of the gateway that serves from it.

use std::{
    fs::{File, TryLockError},
    io,
    path::{Path, PathBuf},
    str::FromStr,
    time::Duration,
};

use sqlx::{
    Sqlite, SqlitePool, Transaction,
    pool::PoolConnection,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};
use switchboard_core::Cause;
use switchboard_store::{StoreError, StoreResult};

use crate::error::Failure;

/// How long a writer waits for another process that writes.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// How many connections read at once; lists and histories must not hold up each other.
const READERS: u32 = 4;

const OPEN: &str = "db.store.open";

/// Takes the right to write at once, rather than with the first statement that writes.
const BEGIN: &str = "BEGIN IMMEDIATE";

/// A store in one file. Cheap to share by reference; close it before the process ends.
#[derive(Debug)]
pub struct SqliteStore {
    /// One connection: SQLite has one writer at a time anyway, and waiting for it here is fair
    /// while waiting in SQLite is not.
    writer: SqlitePool,
    readers: SqlitePool,
    lock: Option<File>,
}

impl SqliteStore {
    /// Opens the file for a gateway that serves from it: a path, or `sqlite://` and a path. The
    /// file and its directory are made if they are missing.
    ///
    /// # Errors
    ///
    /// [`StoreError::Refused`] if another gateway serves from the file, or the address is not one
    /// of a file; [`StoreError::Unavailable`] if it cannot be opened.
    pub async fn open(address: &str) -> StoreResult<Self> {
        let options = options(address)?;
        make_file(options.get_filename()).await?;
        let lock = lock(options.get_filename())?;
        Self::connect(options, Some(lock)).await
    }

    /// Opens the file for a command that only works on what is there, beside the gateway that may be serving
    /// from it.
    ///
    /// # Errors
    ///
    /// As [`SqliteStore::open_shared`], and [`StoreError::Refused`] if there is no file.
    pub async fn open_existing(address: &str) -> StoreResult<Self> {
        let options = options(address)?;
        let file = options.get_filename();
        if !tokio::fs::try_exists(file).await.map_err(|error| unavailable(file, &error))? {
            return Err(refused(format!("there is no file {}", file.display()).into()));
        }
        Self::connect(options.create_if_missing(false), None).await
    }

    /// Opens the file for a command that may make it, beside the gateway that may be serving from it.
    ///
    /// # Errors
    ///
    /// As [`SqliteStore::open`], but it does not matter who serves from the file.
    pub async fn open_shared(address: &str) -> StoreResult<Self> {
        let options = options(address)?;
        make_file(options.get_filename()).await?;
        Self::connect(options, None).await
    }

    async fn connect(options: SqliteConnectOptions, lock: Option<File>) -> StoreResult<Self> {
        // A ping before each use would cost as much as a statement, and a file does not hang up.
        let pool =
            || SqlitePoolOptions::new().test_before_acquire(false).max_lifetime(None).idle_timeout(None);
        let writer = pool().max_connections(1).connect_with(options.clone()).await;
        let writer = writer.map_err(|error| Failure::from(error).during(OPEN))?;
        let readers = pool().max_connections(READERS).connect_lazy_with(options.pragma("query_only", "ON"));
        Ok(Self { writer, readers, lock })
    }

    /// A transaction that may write. Whoever has it is alone with the file.
    pub(crate) async fn begin(&self) -> sqlx::Result<Transaction<'static, Sqlite>> {
        match self.writer.begin_with(BEGIN).await {
            // Where the disk is full or fails, SQLite rolls back by itself. For sqlx the connection then is in
            // a transaction for ever, so another one has to take its place.
            Err(sqlx::Error::InvalidSavePointStatement) => {
                self.writer.acquire().await?.close().await?;
                self.writer.begin_with(BEGIN).await
            }
            begun => begun,
        }
    }

    /// A connection that reads.
    pub(crate) async fn reader(&self) -> sqlx::Result<PoolConnection<Sqlite>> {
        self.readers.acquire().await
    }

    /// A transaction that reads: all of its statements see the same state.
    pub(crate) async fn snapshot(&self) -> sqlx::Result<Transaction<'static, Sqlite>> {
        self.readers.begin().await
    }

    /// Whether this process is the one that serves from the file.
    pub(crate) fn holds_lock(&self) -> bool {
        self.lock.is_some()
    }

    /// Closes the connections, then lets the next gateway have the file.
    pub(crate) async fn close_all(&self) {
        self.readers.close().await;
        self.writer.close().await;
        if let Some(Err(error)) = self.lock.as_ref().map(File::unlock) {
            tracing::warn!(%error, "the database's lock file could not be unlocked; it will be when the process ends");
        }
    }
}

fn options(address: &str) -> StoreResult<SqliteConnectOptions> {
    let options = if address.starts_with("sqlite:") {
        SqliteConnectOptions::from_str(address).map_err(|error| refused(error.into()))?
    } else {
        SqliteConnectOptions::new().filename(address)
    };
    let name = options.get_filename().to_string_lossy();
    if name.is_empty() || name.contains(":memory:") || name.starts_with("file:") {
        return Err(refused(format!("{address:?} does not name a file").into()));
    }
    Ok(options
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(true)
        .busy_timeout(BUSY_TIMEOUT))
}

/// Makes the file and its directory if they are missing. Only its owner may read it: it holds what
/// people wrote. SQLite gives the files beside it the same rights.
async fn make_file(file: &Path) -> StoreResult<()> {
    if let Some(directory) = file.parent().filter(|directory| !directory.as_os_str().is_empty()) {
        tokio::fs::create_dir_all(directory).await.map_err(|error| unavailable(directory, &error))?;
    }
    let mut options = tokio::fs::OpenOptions::new();
    let made = options.create(true).truncate(false).write(true).mode(0o600).open(file).await;
    made.map(drop).map_err(|error| unavailable(file, &error))
}

/// Takes the lock of the gateway that serves from this file. It ends with the process, however
/// the process ends.
fn lock(file: &Path) -> StoreResult<File> {
    let mut path = file.as_os_str().to_owned();
    path.push(".lock");
    let path = PathBuf::from(path);
    let lock = File::options().create(true).truncate(false).write(true).open(&path);
    let lock = lock.map_err(|error| unavailable(&path, &error))?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(TryLockError::WouldBlock) => {
            let file = file.display();
            Err(refused(
                format!(
                    "another gateway serves from {file}; stop it first, or use Postgres, which several can share"
                )
                .into(),
            ))
        }
        Err(TryLockError::Error(error)) => Err(unavailable(&path, &error)),
    }
}

fn refused(source: Cause) -> StoreError {
    StoreError::Refused { operation: OPEN, source }
}

fn unavailable(path: &Path, error: &io::Error) -> StoreError {
    let source = format!("{}: {error}", path.display()).into();
    StoreError::Unavailable { operation: OPEN, source }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_disk_that_was_full_is_written_to_again() {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let file = directory.path().join("switchboard.db");
        let store = SqliteStore::open(file.to_str().expect("a readable path")).await.expect("it opens");
        // Fills up before the disk does.
        let pages = "CREATE TABLE note (text BLOB); PRAGMA max_page_count = 3";
        sqlx::raw_sql(pages).execute(&store.writer).await.expect("a small file");
        for _ in 0..3 {
            let mut transaction = store.begin().await.expect("it can be written to");
            let large = "INSERT INTO note (text) VALUES (zeroblob(100000))";
            let full = sqlx::raw_sql(large).execute(&mut *transaction).await.expect_err("the file is full");
            assert!(Failure::from(full).during(OPEN).is_transient());
            drop(transaction);
            let mut transaction = store.begin().await.expect("it can be written to again");
            sqlx::raw_sql("PRAGMA max_page_count = 3").execute(&mut *transaction).await.expect("full again");
            transaction.commit().await.expect("it is stored");
        }
    }
}
