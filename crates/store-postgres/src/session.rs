//! A connection in use: for one statement, or for one transaction.

use std::ops::{Deref, DerefMut};

use sqlx::{PgConnection, Postgres, pool::PoolConnection};

use crate::{PostgresStore, error::Fault};

/// A connection that goes back to the pool only if all went well ([`done`](Session::done),
/// [`commit`](Session::commit)). Otherwise (an error, a caller that went away, a deadline) nobody
/// knows what state it is in, or whether there is still a server at its end: it is closed, which
/// also rolls its transaction back.
pub(crate) struct Session {
    connection: PoolConnection<Postgres>,
    well: bool,
}

impl PostgresStore {
    /// A connection for one statement.
    pub(crate) async fn session(&self) -> Result<Session, Fault> {
        Ok(Session { connection: self.pool.acquire().await?, well: false })
    }

    /// A connection with a transaction open.
    pub(crate) async fn begin(&self) -> Result<Session, Fault> {
        let mut session = self.session().await?;
        sqlx::raw_sql("BEGIN").execute(&mut *session).await?;
        Ok(session)
    }
}

impl Session {
    /// Gives the connection back.
    pub(crate) fn done(mut self) {
        self.well = true;
    }

    /// Commits, and gives the connection back.
    pub(crate) async fn commit(mut self) -> Result<(), Fault> {
        sqlx::raw_sql("COMMIT").execute(&mut *self).await?;
        self.well = true;
        Ok(())
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        if !self.well {
            self.connection.close_on_drop();
        }
    }
}

impl Deref for Session {
    type Target = PgConnection;

    fn deref(&self) -> &PgConnection {
        &self.connection
    }
}

impl DerefMut for Session {
    fn deref_mut(&mut self) -> &mut PgConnection {
        &mut self.connection
    }
}
