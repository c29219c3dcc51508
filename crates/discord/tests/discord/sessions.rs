//! What a session survives, so that another one need not be begun.

use std::time::Duration;

use serde_json::json;
use switchboard_testkit::discord::{Fault, Heartbeat};
use tokio::net::TcpListener;

use crate::support::{Channel, LIMIT};

/// The number that the last three heartbeats told, if it is the same and at least this: nothing more is read.
fn stuck(heartbeats: &[Heartbeat], at_least: u64) -> Option<u64> {
    let [.., first, second, last] = heartbeats else { return None };
    last.seq.filter(|seq| first.seq == last.seq && second.seq == last.seq && *seq >= at_least)
}

#[tokio::test]
async fn a_store_that_is_away_costs_no_session() {
    let mut channel = Channel::with_patience(Duration::from_secs(1)).await;
    channel.fake.heartbeat_every(Duration::from_millis(500));
    channel.run().await;
    let sessions = channel.bot.identifies().len();
    let alice = channel.bot.user("Alice");
    channel.store.lock().away = true;
    let texts: Vec<_> = (0..1_300).map(|number| number.to_string()).collect();
    for text in &texts {
        alice.sends(text);
    }
    let full = async || stuck(&channel.bot.heartbeats(), 1_000);
    switchboard_testkit::wait::wait_for("a full queue", LIMIT, full).await;
    // A slow machine may read for longer than an answer to a heartbeat may take, and resume before the queue is full.
    let resumes = channel.bot.resumes().len();
    channel.bot.drops_connections();
    channel.bot.wait_for_resumes(resumes + 1, LIMIT).await;
    // Longer than a gateway may take to open a session.
    let heartbeats = channel.bot.heartbeats().len();
    channel.bot.wait_for_heartbeats(heartbeats + 6, LIMIT).await;
    assert_eq!(channel.bot.resumes().len(), resumes + 1, "the connection is not at fault");
    channel.store.lock().away = false;
    channel.holds(&texts.iter().map(String::as_str).collect::<Vec<_>>()).await;
    assert_eq!(channel.bot.identifies().len(), sessions);
}

#[tokio::test]
async fn one_answer_that_does_not_come_after_an_outage_costs_no_session() {
    // For the answer that does not come. Any other must come in this time.
    let mut channel = Channel::with_patience(Duration::from_secs(3)).await;
    channel.run().await;
    channel.bot.plan(Fault::NoAnswer).on("RESUME").next(1);
    channel.fake.go_down().await;
    channel.interrupted("gateway").await;
    let address = channel.fake.url();
    let deaf = TcpListener::bind(address.strip_prefix("http://").unwrap()).await.unwrap();
    for _ in 0..5 {
        drop(deaf.accept().await.unwrap());
    }
    drop(deaf);
    channel.fake.come_back().await.unwrap();
    channel.connected().await;
    assert_eq!((channel.bot.resumes().len(), channel.bot.identifies().len()), (2, 1));
}

#[tokio::test]
async fn a_heartbeat_that_is_asked_for_does_not_stand_for_the_usual_one() {
    let mut channel = Channel::new().await;
    // All that happens between two of the usual ones must be over before the second.
    channel.fake.heartbeat_every(Duration::from_secs(2));
    channel.run().await;
    let heartbeats = channel.bot.wait_for_heartbeats(1, LIMIT).await.len();
    channel.bot.plan(Fault::NoAnswer).on("HEARTBEAT").next(1);
    channel.bot.asks_for_heartbeat();
    let heartbeats = channel.bot.wait_for_heartbeats(heartbeats + 3, LIMIT).await;
    assert!(!heartbeats[1].acknowledged && heartbeats[2].acknowledged);
    assert_eq!(channel.bot.resumes().len(), 0);
}

#[tokio::test]
async fn where_the_session_stands_is_stored_also_while_nobody_writes() {
    let channel = Channel::start().await;
    for _ in 0..1_000 {
        channel.bot.push_event("CHANNEL_UPDATE", &json!({ "id": "17" }));
    }
    channel.stands("a late number", |cursor| cursor["session"]["seq"].as_u64() > Some(800)).await;
}

#[tokio::test]
async fn a_guild_that_cannot_say_anything_has_not_said_what_is_new() {
    let mut channel = Channel::new().await;
    let guild = channel.bot.guild("Shop");
    guild.goes_out();
    channel.run().await;
    channel.bot.push_event("GUILD_CREATE", &json!({ "id": guild.id().to_string(), "unavailable": true }));
    channel.bot.user("Alice").sends("hello");
    channel.holds(&["hello"]).await;
    channel.stands("an awaited guild", |cursor| cursor["awaited"] == json!([guild.id()])).await;
}

#[tokio::test]
async fn connections_that_end_soon_are_followed_ever_more_slowly() {
    let channel = Channel::start().await;
    for number in 1..=8 {
        channel.bot.closes_connections(4000);
        channel.bot.wait_for_resumes(number, LIMIT).await;
        channel.bot.wait_for_connections(1, LIMIT).await;
    }
    let resumes = channel.bot.resumes();
    let between = resumes[7].at - resumes[4].at;
    assert!(between >= Duration::from_millis(3 * 50), "the longest pauses, thrice: {between:?}");
    for number in 2..=5 {
        channel.bot.invalidates_sessions(false);
        channel.bot.wait_for_identifies(number, LIMIT).await;
        channel.bot.wait_for_connections(1, LIMIT).await;
    }
    let identifies = channel.bot.identifies();
    let between = identifies[4].at - identifies[1].at;
    assert!(between >= Duration::from_millis(3 * 50), "and so are sessions: {between:?}");
}
