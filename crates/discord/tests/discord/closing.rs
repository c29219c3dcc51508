//! What ends a connection, and what ends the channel.

use std::time::Duration;

use switchboard_core::ConnectionState;
use switchboard_testkit::{discord::Fault, wait::wait_for};

use crate::support::{Channel, LIMIT};

#[tokio::test]
async fn what_a_person_must_see_to_ends_the_run() {
    for code in [4010, 4011, 4012, 4013, 4014] {
        let mut channel = Channel::start().await;
        channel.bot.closes_connections(code);
        let error = channel.ended().await.expect_err("a person must act");
        assert!(!error.reason.is_empty() && !error.remedy.is_empty(), "{code}: {error}");
        assert_eq!(channel.bot.identifies().len(), 1, "{code}");
    }
}

#[tokio::test]
async fn a_missing_intent_is_named() {
    let mut channel = Channel::new().await;
    channel.bot.reads_content(false);
    channel.begin();
    let error = channel.ended().await.expect_err("the intent is not granted");
    assert!(error.to_string().contains("MESSAGE_CONTENT"), "{error}");
}

#[tokio::test]
async fn one_refusal_of_a_good_token_ends_nothing() {
    for route in ["GET /users/@me", "GET /gateway/bot"] {
        let mut channel = Channel::new().await;
        channel.bot.plan(Fault::unauthorized()).on(route).next(1);
        channel.run().await;
        channel.bot.user("Alice").sends("hello");
        channel.holds(&["hello"]).await;
        assert_eq!(channel.bot.calls(route)[0].status, Some(401));
    }
}

#[tokio::test]
async fn a_good_token_that_the_gateway_refuses_is_tried_again() {
    let channel = Channel::start().await;
    channel.bot.plan(Fault::CloseCode(4004)).on("RESUME").next(2);
    channel.bot.closes_connections(4004);
    channel.bot.wait_for_resumes(3, LIMIT).await;
    channel.bot.user("Alice").sends("hello");
    channel.holds(&["hello"]).await;
    channel.connected().await;
    assert_eq!(channel.bot.identifies().len(), 1, "the session goes on");
}

#[tokio::test]
async fn a_session_that_alone_is_refused_is_followed_by_another() {
    let channel = Channel::start().await;
    channel.bot.plan(Fault::CloseCode(4004)).on("RESUME").always();
    channel.bot.drops_connections();
    channel.bot.wait_for_identifies(2, LIMIT).await;
    channel.connected().await;
}

#[tokio::test]
async fn a_refusal_while_history_is_fetched_ends_nothing() {
    let mut channel = Channel::start().await;
    let alice = channel.bot.user("Alice");
    alice.sends("before");
    channel.holds(&["before"]).await;
    channel.stop().await;
    channel.bot.forgets_sessions();
    alice.sends("meanwhile");
    channel.bot.plan(Fault::unauthorized()).on("GET /channels/*/messages").next(1);
    channel.run().await;
    channel.holds(&["before", "meanwhile"]).await;
    let calls = channel.bot.calls("GET /channels/*/messages");
    assert!(calls.iter().any(|call| call.status == Some(401)), "one was refused");
}

#[tokio::test]
async fn connections_that_are_closed_as_soon_as_they_are_open_are_no_connection() {
    let mut channel = Channel::new().await;
    channel.bot.plan(Fault::OpenedThenClosed(4000)).on("IDENTIFY").always();
    channel.bot.plan(Fault::OpenedThenClosed(4000)).on("RESUME").always();
    channel.begin();
    channel.interrupted("one connection after the other ends within seconds").await;
    channel.interrupted("4000").await;
    let attempts = channel.bot.resumes().len();
    channel.bot.wait_for_resumes(attempts + 5, LIMIT).await;
    assert!(
        matches!(channel.status.state(), ConnectionState::Interrupted(_)),
        "{:?}",
        channel.status.state()
    );
    channel.bot.heals();
    channel.connected().await;
}

#[tokio::test]
async fn a_close_before_hello_says_why() {
    let mut channel = Channel::new().await;
    channel.fake.turns_connections_away(Some(4008));
    channel.begin();
    channel.interrupted("close code 4008: Rate limited.").await;
    channel.fake.turns_connections_away(Some(4014));
    let error = channel.ended().await.expect_err("a person must act");
    assert!(error.reason.contains("close code 4014: Disallowed intent(s)."), "{error}");
}

#[tokio::test]
async fn the_gateway_is_told_what_connects() {
    let channel = Channel::start().await;
    let agents = channel.fake.gateway_agents();
    assert!(
        !agents.is_empty() && agents.iter().all(|it| it.starts_with("DiscordBot (switchboard, ")),
        "{agents:?}"
    );
}

#[tokio::test]
async fn a_revoked_token_ends_the_run() {
    let mut channel = Channel::start().await;
    channel.bot.revokes_token();
    let error = channel.ended().await.expect_err("the token is no longer good");
    assert!(error.reason.contains("token"), "{error}");
    channel.begin();
    assert!(channel.ended().await.is_err(), "nor is it at the next start");
}

#[tokio::test]
async fn a_gateway_that_answers_nothing_is_left() {
    let mut channel = Channel::with_patience(Duration::from_secs(1)).await;
    channel.bot.plan(Fault::NoAnswer).on("IDENTIFY").next(1);
    channel.begin();
    channel.interrupted("opens no session").await;
    channel.connected().await;
}

#[tokio::test]
async fn a_session_that_cannot_be_resumed_is_followed_by_another() {
    let channel = Channel::start().await;
    for code in [4007, 4009] {
        let sessions = channel.bot.identifies().len();
        channel.bot.closes_connections(code);
        channel.bot.wait_for_identifies(sessions + 1, LIMIT).await;
        channel.bot.wait_for_connections(1, LIMIT).await;
    }
    channel.bot.user("Alice").sends("hello");
    channel.holds(&["hello"]).await;
}

#[tokio::test]
async fn a_session_that_is_not_granted_is_asked_for_again() {
    let mut channel = Channel::new().await;
    channel.bot.plan(Fault::InvalidSession { resumable: false }).on("IDENTIFY").next(3);
    channel.begin();
    channel.interrupted("invalid").await;
    channel.connected().await;
    assert_eq!(channel.bot.identifies().len(), 4);
}

#[tokio::test]
async fn the_day_s_sessions_are_not_used_up() {
    let channel = Channel::start().await;
    channel.bot.identifies_left(0);
    channel.bot.invalidates_sessions(false);
    channel.interrupted("of 1000 sessions a day 0 are left").await;
    assert_eq!(channel.bot.identifies().len(), 1);
}

#[tokio::test]
async fn a_message_that_cannot_be_read_is_kept() {
    let channel = Channel::start().await;
    let data = serde_json::json!({ "id": "17", "channel_id": "18", "content": 5 });
    channel.bot.push_event("MESSAGE_CREATE", &data);
    channel.bot.push_event("SOMETHING_NEW", &data);
    let of_a_bot = serde_json::json!({
        "id": "19", "channel_id": "18", "content": 5, "author": { "id": "20", "bot": true },
    });
    channel.bot.push_event("MESSAGE_CREATE", &of_a_bot);
    channel.bot.user("Alice").sends("hello");
    channel.holds(&["hello"]).await;
    let unreadable = async || {
        channel.store.lock().events.iter().find_map(|event| match event {
            switchboard_core::Event::Unreadable(unreadable) => Some(unreadable.clone()),
            _ => None,
        })
    };
    let unreadable = wait_for("what cannot be read", LIMIT, unreadable).await;
    assert_eq!(channel.store.lock().events.len(), 2, "what a bot wrote is left out");
    assert_eq!((unreadable.event_id.as_str(), unreadable.raw), ("m17", data.to_string()));
}
