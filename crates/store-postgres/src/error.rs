//! What the driver's errors mean to those who call the store.

use std::time::Duration;

use sqlx::{error::DatabaseError, migrate::MigrateError};
use switchboard_core::Cause;
use switchboard_store::{StoreError, StoreResult};

/// How long a call may take, waiting for a connection included. More than any statement may take
/// (`connect.rs`), so it ends only what waits for a server that does not answer at all.
const DEADLINE: Duration = Duration::from_secs(14);

/// What went wrong within a call; [`Fault::during`] says which.
#[derive(Debug)]
pub(crate) enum Fault {
    /// The driver failed.
    Driver(sqlx::Error),
    /// A later call may succeed.
    Unavailable(Cause),
    /// A row does not decode.
    Corrupt { table: &'static str, column: &'static str, row: String, source: Cause },
}

impl Fault {
    /// A row does not decode.
    pub(crate) fn corrupt(
        table: &'static str,
        column: &'static str,
        row: i64,
        source: impl Into<Cause>,
    ) -> Self {
        Self::Corrupt { table, column, row: row.to_string(), source: source.into() }
    }

    /// The store's error for a call that failed like this.
    pub(crate) fn during(self, operation: &'static str) -> StoreError {
        match self {
            Self::Driver(error) if is_transient(&error) => {
                StoreError::Unavailable { operation, source: error.into() }
            }
            Self::Driver(error) => StoreError::Refused { operation, source: error.into() },
            Self::Unavailable(source) => StoreError::Unavailable { operation, source },
            Self::Corrupt { table, column, row, source } => {
                StoreError::Corrupt { table, column, row, source }
            }
        }
    }

    /// Whether this unique constraint was violated.
    pub(crate) fn violates(&self, constraint: &str) -> bool {
        matches!(self, Self::Driver(error)
            if error.as_database_error().and_then(DatabaseError::constraint) == Some(constraint))
    }
}

impl From<sqlx::Error> for Fault {
    fn from(error: sqlx::Error) -> Self {
        Self::Driver(error)
    }
}

impl From<MigrateError> for Fault {
    fn from(error: MigrateError) -> Self {
        match error {
            MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) => Self::Driver(error),
            other => Self::Driver(sqlx::Error::Migrate(Box::new(other))),
        }
    }
}

/// Runs a call within the deadline, and names it where it fails.
pub(crate) async fn within<T>(
    operation: &'static str,
    call: impl Future<Output = Result<T, Fault>>,
) -> StoreResult<T> {
    match tokio::time::timeout(DEADLINE, call).await {
        Ok(result) => result.map_err(|fault| fault.during(operation)),
        Err(elapsed) => Err(StoreError::Unavailable { operation, source: elapsed.into() }),
    }
}

/// Whether it is about the database's condition rather than about what was asked.
fn is_transient(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(_)
        // A handshake that a server in trouble did not finish.
        | sqlx::Error::Tls(_)
        | sqlx::Error::PoolTimedOut
        | sqlx::Error::PoolClosed
        | sqlx::Error::WorkerCrashed
        | sqlx::Error::BeginFailed
        // The server ended the connection in the middle of a message.
        | sqlx::Error::Protocol(_) => true,
        sqlx::Error::Database(error) => error.code().is_some_and(|code| is_transient_code(&code)),
        _ => false,
    }
}

/// <https://www.postgresql.org/docs/current/errcodes-appendix.html>
fn is_transient_code(code: &str) -> bool {
    // Connection, transaction rollback (deadlock), resources, operator (shutdown, a statement's
    // timeout), system.
    let classes = ["08", "40", "53", "57", "58"];
    // A read-only server (a standby after a failover), a lock's timeout.
    classes.iter().any(|class| code.starts_with(class)) || ["25006", "55P03"].contains(&code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_database_s_condition_is_transient_and_a_violation_is_not() {
        for code in ["08006", "40001", "40P01", "53300", "55P03", "57014", "57P01", "57P03", "25006"] {
            assert!(is_transient_code(code), "{code}");
        }
        for code in ["22021", "23505", "28P01", "3D000", "42P01", "54000"] {
            assert!(!is_transient_code(code), "{code}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_server_that_does_not_answer_is_unavailable() {
        let silence = within("db.schema.ping", std::future::pending::<Result<(), Fault>>());
        assert!(silence.await.unwrap_err().is_transient());
    }

    #[test]
    fn an_error_names_the_call() {
        let error = Fault::from(sqlx::Error::PoolTimedOut).during("db.message.accept");
        assert!(error.is_transient());
        assert!(Fault::from(sqlx::Error::Tls("cut".into())).during("db.message.accept").is_transient());
        assert_eq!(error.to_string(), "db.message.accept: the database is unavailable");
    }
}
