//! Connecting: what every connection is set to, and the pool.

use std::{str::FromStr, time::Duration};

use sqlx::{
    Connection,
    migrate::Migrator,
    postgres::{PgConnectOptions, PgConnection, PgPoolOptions},
};
use switchboard_store::StoreResult;

use crate::{PostgresStore, error::Fault};

/// How many connections a store keeps at most, unless told otherwise. Three writers and some
/// readers work at once; more only compete for the server's processors.
pub const DEFAULT_CONNECTIONS: u32 = 10;

/// How long a call waits for a connection.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(3);

/// A connection that was idle for longer is tested before it is used: the server may have been
/// restarted since. One in constant use is not, since that would cost a round trip per call.
const TEST_AFTER_IDLE: Duration = Duration::from_secs(1);

/// How long one statement, or its waiting for one lock, may take.
const STATEMENT_TIMEOUT: &str = "10s";

const CONNECT: &str = "db.store.connect";

static MIGRATOR: Migrator = sqlx::migrate!("../../migrations/postgres");

impl PostgresStore {
    /// Connects with [`DEFAULT_CONNECTIONS`]. Fails with `Unavailable` where the database cannot
    /// be reached now, with `Refused` where it does not let us in or the url is not one.
    pub async fn connect(url: &str) -> StoreResult<Self> {
        Self::connect_with(url, DEFAULT_CONNECTIONS).await
    }

    /// Connects with at most so many connections at a time.
    #[tracing::instrument(name = "db.store.connect", level = "debug", skip_all)]
    pub async fn connect_with(url: &str, max_connections: u32) -> StoreResult<Self> {
        let fail = |error: sqlx::Error| Fault::from(error).during(CONNECT);
        let options = PgConnectOptions::from_str(url)
            .map_err(fail)?
            .application_name("switchboard")
            .options(connection_settings());
        look(&options).await?;
        let pool = PgPoolOptions::new()
            .max_connections(max_connections)
            .acquire_timeout(ACQUIRE_TIMEOUT)
            .test_before_acquire(false)
            .after_connect(|connection, _| {
                Box::pin(async move { demand_durability(connection).await.map(drop) })
            })
            .before_acquire(|connection, usage| {
                Box::pin(async move {
                    if usage.idle_for > TEST_AFTER_IDLE {
                        connection.ping().await?;
                    }
                    Ok(true)
                })
            })
            .connect_with(options.clone())
            .await
            .map_err(fail)?;
        Ok(Self { pool, options })
    }
}

/// Connects once, since a pool that cannot says only that it waited.
async fn look(options: &PgConnectOptions) -> StoreResult<()> {
    let connect = async {
        let mut connection = PgConnection::connect_with(options).await?;
        if let Some(weaker) = demand_durability(&mut connection).await? {
            tracing::warn!(
                synchronous_commit = weaker,
                "our connections set it to on: what is confirmed must survive a crash"
            );
        }
        connection.close().await
    };
    let connected = match tokio::time::timeout(ACQUIRE_TIMEOUT, connect).await {
        Ok(connected) => connected.map_err(Fault::from),
        Err(_) => Err(Fault::Unavailable("the server does not answer".into())),
    };
    connected.map_err(|fault| fault.during(CONNECT))
}

/// What is confirmed must survive a crash of the server, whatever is set there for the database or the role.
/// What was set, if it was weaker. (`remote_apply` is stronger than `on`, and stays.)
async fn demand_durability(connection: &mut PgConnection) -> sqlx::Result<Option<String>> {
    let set = sqlx::query_scalar::<_, String>("SHOW synchronous_commit").fetch_one(&mut *connection).await?;
    if ["on", "remote_apply"].contains(&&*set) {
        return Ok(None);
    }
    sqlx::raw_sql("SET synchronous_commit = on").execute(connection).await?;
    Ok(Some(set))
}

/// What the server is asked to do with every connection of ours.
fn connection_settings() -> [(&'static str, &'static str); 12] {
    [
        ("default_transaction_isolation", "read committed"),
        ("statement_timeout", STATEMENT_TIMEOUT),
        ("lock_timeout", STATEMENT_TIMEOUT),
        // A replica that vanished must not keep its locks.
        ("idle_in_transaction_session_timeout", STATEMENT_TIMEOUT),
        ("tcp_keepalives_idle", "5"),
        ("tcp_keepalives_interval", "2"),
        ("tcp_keepalives_count", "3"),
        // Compiling a statement costs more than any of ours takes.
        ("jit", "off"),
        // Planning a statement takes as long as running it, so each is planned once. A plan that is kept
        // must not depend on how the tables looked when it was made (empty, at first): ours look up a few
        // hundred rows at most by an index, which is right for tables of any size.
        ("plan_cache_mode", "force_generic_plan"),
        ("enable_seqscan", "off"),
        ("enable_hashjoin", "off"),
        ("enable_mergejoin", "off"),
    ]
}

/// Brings the tables up to date. Replicas that start together wait for each other.
pub(crate) async fn migrate(options: &PgConnectOptions) -> Result<(), Fault> {
    // A connection of its own: a migration may take longer than a statement otherwise may.
    let settings = [("statement_timeout", "0"), ("lock_timeout", "60s")];
    let pool = PgPoolOptions::new()
        .max_connections(1)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        .connect_with(options.clone().options(settings))
        .await?;
    let result = MIGRATOR.run(&pool).await;
    pool.close().await;
    Ok(result?)
}

#[cfg(test)]
mod tests {
    use switchboard_testkit::postgres;

    use super::*;

    #[tokio::test]
    async fn durability_is_demanded_where_the_database_asks_for_less() {
        let database = postgres::database().expect("a database of its own");
        for (set, expected) in
            [("off", "on"), ("local", "on"), ("on", "on"), ("remote_apply", "remote_apply")]
        {
            let alter = format!(
                "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET synchronous_commit = {set}', current_database()); END $$"
            );
            postgres::execute(database.url(), &alter).expect("it is ours");
            let store = PostgresStore::connect(database.url()).await.expect("it takes connections");
            let shown =
                sqlx::query_scalar::<_, String>("SHOW synchronous_commit").fetch_one(&store.pool).await;
            assert_eq!(shown.expect("it answers"), expected, "{set}");
            store.pool.close().await;
        }
    }
}
