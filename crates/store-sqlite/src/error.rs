//! What went wrong, in the words of the [`Store`](switchboard_store::Store) trait.

use switchboard_core::Cause;
use switchboard_store::{StoreError, StoreResult};
use tracing::Instrument as _;

/// Why a unit of work failed; which one it was is known only to its caller.
#[derive(Debug)]
pub(crate) enum Failure {
    /// SQLite, or the way to it.
    Sql(sqlx::Error),
    /// The tables could not be brought up to date.
    Migrate(sqlx::migrate::MigrateError),
    /// What is to be stored cannot be.
    Refused(Cause),
    /// A row does not decode.
    Corrupt(StoreError),
}

impl From<sqlx::Error> for Failure {
    fn from(error: sqlx::Error) -> Self {
        Self::Sql(error)
    }
}

impl From<sqlx::migrate::MigrateError> for Failure {
    fn from(error: sqlx::migrate::MigrateError) -> Self {
        Self::Migrate(error)
    }
}

impl Failure {
    /// The error of this operation.
    pub(crate) fn during(self, operation: &'static str) -> StoreError {
        use sqlx::migrate::MigrateError;
        match self {
            Self::Sql(error) | Self::Migrate(MigrateError::Execute(error)) if is_transient(&error) => {
                StoreError::Unavailable { operation, source: error.into() }
            }
            Self::Sql(error) => StoreError::Refused { operation, source: error.into() },
            Self::Migrate(error) => StoreError::Refused { operation, source: error.into() },
            Self::Refused(source) => StoreError::Refused { operation, source },
            Self::Corrupt(error) => error,
        }
    }
}

/// Runs a unit of work under its name, `db.<aggregate>.<verb>`: in its span and in its error.
pub(crate) async fn named<T>(
    operation: &'static str,
    work: impl Future<Output = Result<T, Failure>> + Send,
) -> StoreResult<T> {
    let span = tracing::debug_span!("db", operation);
    work.instrument(span).await.map_err(|failure| failure.during(operation))
}

/// Refuses a text that has U+0000. SQLite would take it, but Postgres cannot, and what a store
/// takes must not depend on which one it is.
pub(crate) fn refuse_nul(text: &str) -> Result<(), Failure> {
    if text.contains('\0') {
        return Err(Failure::Refused("the text has U+0000".into()));
    }
    Ok(())
}

/// Whether the same call may succeed later: the file is busy, the disk is full or fails, the
/// connection's thread is gone.
fn is_transient(error: &sqlx::Error) -> bool {
    /// BUSY, LOCKED, NOMEM, READONLY, INTERRUPT, IOERR, FULL, CANTOPEN, PROTOCOL; of an extended
    /// code, the lowest byte is the one that it extends.
    const TRANSIENT: [i32; 9] = [5, 6, 7, 8, 9, 10, 13, 14, 15];
    match error {
        sqlx::Error::Database(error) => {
            let code = error.code().and_then(|code| code.parse::<i32>().ok());
            code.is_some_and(|code| TRANSIENT.contains(&(code & 0xff)))
        }
        sqlx::Error::Io(_)
        | sqlx::Error::PoolTimedOut
        | sqlx::Error::PoolClosed
        | sqlx::Error::WorkerCrashed => true,
        _ => false,
    }
}
