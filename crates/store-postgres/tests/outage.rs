//! The database goes away and comes back.

use std::time::{Duration, Instant};

use switchboard_core::{ChannelName, ChatId};
use switchboard_store::{LeaseStore as _, MessageStore as _, Store as _, StoreError};
use switchboard_store_postgres::PostgresStore;
use switchboard_testkit::{
    port::free_port,
    postgres::{PostgresServer, database, execute},
    wait::wait_for,
};

/// Connections are cut, as a restart or a failover cuts them: what was under way may fail and says
/// that it may be repeated, and the pool recovers by itself.
#[tokio::test]
async fn cut_connections_are_replaced() -> anyhow::Result<()> {
    let database = database()?;
    let store = PostgresStore::connect(database.url()).await?;
    store.migrate().await?;
    let channel = ChannelName::new("site");
    store.register_channel(&channel, "web").await?;
    for _ in 0..3 {
        let cut = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity \
                   WHERE datname = current_database() AND application_name = 'switchboard'";
        execute(database.url(), cut)?;
        wait_for("a call that gets through", Duration::from_mins(1), async || {
            match store.register_channel(&channel, "web").await {
                Ok(()) => Some(()),
                Err(error) => {
                    assert!(error.is_transient(), "{error:?}");
                    None
                }
            }
        })
        .await;
    }
    Ok(())
}

/// The server is down: every call fails within seconds, as something that passes. It comes back,
/// with all that was committed.
#[tokio::test]
#[expect(clippy::disallowed_methods, reason = "the server's time is real")]
async fn a_server_that_is_down_is_unavailable_until_it_is_back() -> anyhow::Result<()> {
    let mut server = PostgresServer::launch()?;
    let database = server.create_database()?;
    let store = PostgresStore::connect(database.url()).await?;
    store.migrate().await?;
    let channel = ChannelName::new("site");
    store.register_channel(&channel, "web").await?;
    assert_eq!(store.channel_secret(&channel, "first").await?, "first");

    server.kill()?;
    for _ in 0..3 {
        let begin = Instant::now();
        let error = store.ping().await.expect_err("nobody is there");
        assert!(matches!(error, StoreError::Unavailable { .. }), "{error:?}");
        assert!(begin.elapsed() < Duration::from_secs(20), "{:?}", begin.elapsed());
    }
    let error = store.accept(vec![]).await.expect_err("nobody is there");
    assert!(error.is_transient(), "{error:?}");
    let error = PostgresStore::connect(database.url()).await.err().expect("nobody is there");
    assert!(error.is_transient(), "{error:?}");
    let told = switchboard_core::chain(&error);
    assert!(told.contains("refused"), "what is wrong is told: {told}");

    server.start()?;
    wait_for("the store to come back", Duration::from_mins(1), async || store.ping().await.ok()).await;
    assert_eq!(store.channel_secret(&channel, "second").await?, "first");
    Ok(())
}

/// A server that takes no writes is not one to work with.
#[tokio::test]
async fn a_read_only_server_is_unavailable() -> anyhow::Result<()> {
    let database = database()?;
    let store = PostgresStore::connect(database.url()).await?;
    store.migrate().await?;
    store.close().await;
    execute(
        database.url(),
        "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET default_transaction_read_only = on', current_database()); END $$",
    )?;
    let store = PostgresStore::connect(database.url()).await?;
    assert!(store.ping().await.expect_err("it is read-only").is_transient());
    let error = store.register_channel(&ChannelName::new("site"), "web").await.expect_err("it is read-only");
    assert!(error.is_transient(), "{error:?}");
    assert!(store.find_chat(&ChatId::new("site:anna")).await?.is_none(), "reading works");
    Ok(())
}

#[tokio::test]
async fn connecting_tells_what_is_wrong() -> anyhow::Result<()> {
    let connect = async |url: &str| PostgresStore::connect(url).await.err().expect("it cannot connect");
    let nobody = format!("postgres://app:secret-word@127.0.0.1:{}/app", free_port()?);
    let error = connect(&nobody).await;
    assert!(matches!(error, StoreError::Unavailable { .. }), "{error:?}");

    let database = database()?;
    let (scheme, rest) = database.url().split_once("://").expect("a url");
    let (_, address) = rest.split_once('@').expect("a url with a user");
    let error = connect(&format!("{scheme}://postgres:secret-word@{address}")).await;
    assert!(matches!(error, StoreError::Refused { .. }), "{error:?}");
    assert!(!format!("{error:?}").contains("secret-word"));
    let error = connect("postgres://[").await;
    assert!(matches!(error, StoreError::Refused { .. }), "{error:?}");
    Ok(())
}
