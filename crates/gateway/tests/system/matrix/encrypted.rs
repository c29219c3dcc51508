//! Encrypted conversations through the whole gateway.

use switchboard_testkit::{synapse::homeserver, wait::wait_for};

use super::{Bot, Desk, Person, recovery_key};
use crate::support::{Database, PATIENCE, System};

#[tokio::test]
async fn an_encrypted_conversation_outlasts_restarts_of_the_gateway() {
    let homeserver = homeserver().expect("Synapse runs");
    let bot = Bot::new(&homeserver).await;
    let mut system = System::start(Database::Sqlite, &bot.channel("limits = \"off\"")).await;
    bot.hide_secrets(&mut system);
    let desk = Desk::encrypted(&homeserver, &bot).await;
    desk.asks("before").await;
    let key = recovery_key(&system).await;
    system.has_secret(&key);

    // One is written while nobody listens, and one is answered while nobody can send.
    system.stop_gateway().await;
    desk.writes("meanwhile").await;
    system.start_gateway().await;
    assert_eq!(desk.wait_for_answers(2).await[1], "You wrote: meanwhile");
    system.sandbox.pause(true);
    desk.writes("answered later").await;
    system.wait_for_requests(3).await;
    let settled = async || system.deliveries().await.iter().all(|it| it["state"] == "sent").then_some(());
    wait_for("the question to be settled", PATIENCE, settled).await;
    system.kill_gateway().await;
    system.sandbox.pause(false);
    system.start_gateway().await;
    desk.wait_for_answers(3).await;
    desk.asks("after").await;
    assert_eq!(desk.answers().await[2], "You wrote: answered later");

    assert_eq!(recovery_key(&system).await, key, "it stays the same");
    let Person::Careful(peer) = &desk.person else { unreachable!("it is encrypted") };
    let readable = peer.account().messages(&desk.room).await.expect("the room's history");
    assert!(readable.is_empty(), "the homeserver can read {readable:?}");
}
