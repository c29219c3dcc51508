//! What can go wrong in a store.

use switchboard_core::Cause;

/// Shorthand for a store's results.
pub type StoreResult<T> = Result<T, StoreError>;

/// Why a store's call failed. Nothing of it is committed, except where a connection broke during
/// the commit itself: then it may be, and repeating the call is safe.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database cannot be reached or cannot work now. Repeating the call later may succeed.
    #[error("{operation}: the database is unavailable")]
    Unavailable {
        /// What was tried: `db.<aggregate>.<verb>`.
        operation: &'static str,
        /// Why.
        #[source]
        source: Cause,
    },
    /// The database refuses it, and would again.
    #[error("{operation}: the database refused")]
    Refused {
        /// What was tried: `db.<aggregate>.<verb>`.
        operation: &'static str,
        /// Why.
        #[source]
        source: Cause,
    },
    /// A row does not decode.
    #[error("table {table}, column {column}, row {row}: not understood")]
    Corrupt {
        /// The table.
        table: &'static str,
        /// The column.
        column: &'static str,
        /// The row's key.
        row: String,
        /// Why.
        #[source]
        source: Cause,
    },
}

impl StoreError {
    /// Whether repeating the call later may succeed.
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Unavailable { .. })
    }
}
