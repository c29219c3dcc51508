//! The launched `PostgreSQL`, with real servers.

use std::env;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result};
use switchboard_testkit::child::{DeathSignal, command};
use switchboard_testkit::postgres::{PostgresServer, database, execute};
use switchboard_testkit::process::Process;
use switchboard_testkit::wait::wait_for;

const LIMIT: Duration = Duration::from_mins(2);

#[test]
fn a_server_that_was_stopped_comes_back_with_its_data_and_address() -> Result<()> {
    let mut server = PostgresServer::launch()?;
    let database = server.create_database()?;
    execute(database.url(), "CREATE TABLE kept (number int); INSERT INTO kept VALUES (1)")?;

    server.stop()?;
    assert!(execute(database.url(), "SELECT 1").is_err(), "a stopped server takes no connections");
    server.start()?;
    assert_eq!(execute(database.url(), "SELECT number FROM kept")?, "1");
    Ok(())
}

#[test]
fn a_server_that_was_killed_recovers_what_was_committed() -> Result<()> {
    let mut server = PostgresServer::launch()?;
    let database = server.create_database()?;
    execute(database.url(), "CREATE TABLE kept (number int); INSERT INTO kept VALUES (1)")?;

    server.kill()?;
    server.start()?;
    assert_eq!(execute(database.url(), "SELECT number FROM kept")?, "1");
    Ok(())
}

#[test]
fn a_dropped_server_leaves_nothing() -> Result<()> {
    let server = PostgresServer::launch()?;
    let data = PathBuf::from(execute(&server.url(), "SHOW data_directory")?);
    let url = server.url();
    assert!(data.exists());

    drop(server);
    assert!(!data.exists(), "the data are removed");
    assert!(execute(&url, "SELECT 1").is_err(), "the server is stopped");
    Ok(())
}

#[tokio::test]
async fn each_test_has_a_database_of_its_own_that_goes_with_it() -> Result<()> {
    let (one, other) = (database()?, database()?);
    execute(one.url(), "CREATE TABLE mine (number int)")?;
    assert!(execute(other.url(), "SELECT * FROM mine").is_err(), "another database does not see the table");

    let url = one.url().to_owned();
    drop(one);
    let dropped = async || execute(&url, "SELECT 1").is_err().then_some(());
    wait_for("the database to be dropped", LIMIT, dropped).await;
    Ok(())
}

#[test]
fn what_was_committed_is_on_the_disk() -> Result<()> {
    let database = database()?;
    for setting in ["fsync", "full_page_writes", "synchronous_commit"] {
        assert_eq!(execute(database.url(), &format!("SHOW {setting}"))?, "on", "{setting}");
    }
    Ok(())
}

#[tokio::test]
async fn a_server_whose_owner_is_killed_leaves_nothing() -> Result<()> {
    let mut owner = command(env::current_exe()?, DeathSignal::Kill);
    owner.args(["--exact", "--ignored", "--nocapture", "own_a_server_until_killed"]);
    let owner = Process::spawn(owner)?;
    let line = owner.wait_for_line("server: ", LIMIT).await;
    let mut words = line.split_whitespace().skip_while(|word| *word != "server:").skip(1);
    let (url, data) = (words.next().context("a url")?, words.next().context("a directory")?);
    assert!(Path::new(data).exists());

    owner.kill().await;
    let stopped = async || execute(url, "SELECT 1").is_err().then_some(());
    wait_for("the server to end", LIMIT, stopped).await;
    wait_for("its data to go", LIMIT, async || (!Path::new(data).exists()).then_some(())).await;
    Ok(())
}

/// What the test above kills.
#[tokio::test]
#[ignore = "runs until it is killed"]
async fn own_a_server_until_killed() -> Result<()> {
    let server = PostgresServer::launch()?;
    println!("server: {} {}", server.url(), execute(&server.url(), "SHOW data_directory")?);
    std::future::pending().await
}
