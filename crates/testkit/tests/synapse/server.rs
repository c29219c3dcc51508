//! Its life.

use std::env;
use std::net::TcpStream;
use std::time::Duration;

use anyhow::{Context, Result};
use switchboard_testkit::child::{DeathSignal, command};
use switchboard_testkit::process::Process;
use switchboard_testkit::synapse::{Limits, NewRoom, SynapseServer, homeserver};
use switchboard_testkit::wait::wait_for;

const LIMIT: Duration = Duration::from_mins(2);

#[tokio::test]
async fn a_server_comes_back_with_its_users_rooms_and_address() -> Result<()> {
    let mut server = SynapseServer::launch(Limits::Raised)?;
    let alice = server.homeserver().register("alice").await?;
    let room = alice.create_room(&NewRoom::group("Parcels")).await?;
    alice.say(&room, "before the stop").await?;

    server.stop()?;
    assert!(alice.say(&room, "while it is down").await.is_err(), "a stopped server takes no messages");
    server.start()?;
    alice.say(&room, "before the kill").await?;
    server.kill()?;
    server.start()?;

    let said: Vec<String> =
        alice.messages(&room).await?.iter().map(|message| message.body().to_owned()).collect();
    assert_eq!(said, ["before the stop", "before the kill"]);
    Ok(())
}

#[tokio::test]
async fn every_test_has_users_of_its_own() -> Result<()> {
    let homeserver = homeserver()?;
    let (one, other) = (homeserver.register("alice").await?, homeserver.register("alice").await?);
    assert_ne!(one.user_id, other.user_id);
    assert!(one.user_id.starts_with("@alice-") && one.user_id.ends_with(":localhost"), "{}", one.user_id);
    Ok(())
}

#[tokio::test]
async fn a_login_is_a_new_device_of_the_same_user() -> Result<()> {
    let homeserver = homeserver()?;
    let first = homeserver.register("alice").await?;
    let second = homeserver.login(&first.user_id, &first.password).await?;
    assert_eq!(second.user_id, first.user_id);
    assert_ne!(second.device_id, first.device_id);
    assert!(homeserver.login(&first.user_id, "wrong").await.is_err(), "a wrong password is refused");
    Ok(())
}

#[tokio::test]
async fn a_server_whose_owner_is_killed_ends() -> Result<()> {
    let mut owner = command(env::current_exe()?, DeathSignal::Kill);
    owner.args(["--exact", "--ignored", "--nocapture", "server::own_a_server_until_killed"]);
    let owner = Process::spawn(owner)?;
    let line = owner.wait_for_line("server: ", LIMIT).await;
    let (_, address) = line.split_once("http://").context("the server's address")?;
    assert!(TcpStream::connect(address).is_ok());

    owner.kill().await;
    wait_for("the server to end", LIMIT, async || TcpStream::connect(address).is_err().then_some(())).await;
    Ok(())
}

/// What the test above kills.
#[tokio::test]
#[ignore = "runs until it is killed"]
async fn own_a_server_until_killed() -> Result<()> {
    let server = SynapseServer::launch(Limits::Raised)?;
    println!("server: {}", server.homeserver().base_url());
    std::future::pending().await
}
