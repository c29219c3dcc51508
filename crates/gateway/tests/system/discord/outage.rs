//! Connections that are dead, and a Discord that is away: what is written meanwhile comes in, in order, once, and is
//! answered where it was written.

use std::time::Duration;

use switchboard_testkit::discord::{Bot, Fault};

use super::{Desk, RECOVERY, TOKEN, channel, desks, stand_in};
use crate::support::{Database, PATIENCE, System};

/// How many messages each person writes at a time.
const MESSAGES: usize = 3;

fn writes(desks: &[Desk], when: &str) {
    for number in 0..MESSAGES {
        for desk in desks {
            desk.writes(&format!("{when} {number}"));
        }
    }
}

/// Waits until everybody has the answers to all that they wrote, and sees that there are no others.
async fn answered(bot: &Bot, desks: &[Desk], times: &[&str], limit: Duration) {
    let expected: Vec<String> = times
        .iter()
        .flat_map(|when| (0..MESSAGES).map(move |number| format!("You wrote: {when} {number}")))
        .collect();
    bot.wait_for_sent(desks.len() * expected.len(), limit).await;
    for desk in desks {
        assert_eq!(bot.texts_to(desk.place.id()), expected, "in {}", desk.chat_id());
    }
    assert_eq!(bot.sent_count(), desks.len() * expected.len());
}

#[tokio::test]
async fn a_connection_that_is_dead_without_saying_so_loses_nothing() {
    let discord = stand_in().await;
    discord.heartbeat_every(Duration::from_millis(500));
    let bot = discord.bot(TOKEN);
    let desks = desks(&bot);
    let system = System::start(Database::Sqlite, &channel(&discord, "bot", TOKEN)).await;
    bot.wait_for_connections(1, PATIENCE).await;
    writes(&desks, "before");
    answered(&bot, &desks, &["before"], PATIENCE).await;

    // Nothing comes of it any more.
    bot.freezes_connections();
    writes(&desks, "to the dead");
    answered(&bot, &desks, &["before", "to the dead"], PATIENCE).await;

    // Events come, but heartbeats are not answered.
    let resumes = bot.resumes().len();
    bot.plan(Fault::NoAnswer).on("HEARTBEAT").next(1);
    bot.wait_for_resumes(resumes + 1, PATIENCE).await;
    writes(&desks, "after");
    answered(&bot, &desks, &["before", "to the dead", "after"], PATIENCE).await;
    assert_eq!(bot.identifies().len(), 1, "a session costs one of a thousand a day");
    drop(system);
}

#[tokio::test]
async fn what_is_written_in_ten_seconds_of_outage_is_answered() {
    outage(Duration::from_secs(10), true).await;
}

#[tokio::test]
async fn what_is_written_in_an_outage_that_ends_the_session_is_answered() {
    outage(Duration::from_secs(1), false).await;
}

/// Neither the gateway nor the API can be reached for this long.
async fn outage(length: Duration, session_lasts: bool) {
    let discord = stand_in().await;
    let bot = discord.bot(TOKEN);
    let desks = desks(&bot);
    let system = System::start(Database::Sqlite, &channel(&discord, "bot", TOKEN)).await;
    bot.wait_for_connections(1, PATIENCE).await;
    writes(&desks, "before");
    answered(&bot, &desks, &["before"], PATIENCE).await;

    // What is answered during the outage cannot be sent before its end.
    system.sandbox.set_delay(Duration::from_millis(500));
    writes(&desks, "at its beginning");
    system.wait_for_requests(2 * MESSAGES * desks.len()).await;
    discord.go_down().await;
    writes(&desks, "during");
    system.wait_until_in_trouble("bot").await;
    // An outage is a length of time, so this is no waiting for a condition.
    tokio::time::sleep(length).await;
    writes(&desks, "at its end");
    if !session_lasts {
        bot.forgets_sessions();
    }
    discord.come_back().await.expect("the port is free");
    answered(&bot, &desks, &["before", "at its beginning", "during", "at its end"], RECOVERY).await;
    system.wait_until_ready().await;
    let sessions = if session_lasts { 1 } else { 2 };
    assert_eq!(bot.identifies().iter().filter(|identify| identify.accepted).count(), sessions);
}
