//! `getUpdates`: offsets, long polls, conflicts, throttling.

use std::time::Duration;

use serde_json::{Value, json};
use switchboard_testkit::wait::wait_for;
use tokio::time::Instant;

use crate::client::{LIMIT, start};

const CONFLICT: &str =
    "Conflict: terminated by other getUpdates request; make sure that only one bot instance is running";

#[tokio::test]
async fn only_a_later_offset_confirms() {
    let (_telegram, bot, http) = start().await;
    let alice = bot.user("Alice");
    let ids: Vec<i64> = (0..3).filter_map(|number| alice.sends(&number.to_string()).update_id).collect();

    assert_eq!(http.poll(json!({})).await, ids);
    assert_eq!(http.poll(json!({ "offset": 0, "limit": 2 })).await, ids[..2], "nothing was confirmed");
    assert_eq!(http.poll(json!({ "offset": ids[1] })).await, ids[1..]);
    assert_eq!(http.poll(json!({ "offset": 0 })).await, ids[1..], "what is confirmed is gone");
    assert_eq!(
        http.poll(json!({ "offset": ids[1] - 500_000 })).await,
        ids[1..],
        "an unknown offset is the head"
    );
    assert_eq!(
        http.poll(json!({ "offset": ids[1] + 500_000 })).await,
        ids[1..],
        "an unknown offset is the head"
    );
    assert_eq!(http.poll(json!({ "offset": -1 })).await, ids[2..], "a negative one keeps the last");
    assert_eq!(bot.unconfirmed(), ids[2..]);
    assert!(http.poll(json!({ "offset": ids[2] + 1 })).await.is_empty());
    bot.wait_until_confirmed(LIMIT).await;
}

#[tokio::test]
async fn an_update_is_told_as_it_happened() {
    let (_telegram, bot, http) = start().await;
    let alice = bot.user_with(json!({ "first_name": "Alice", "last_name": "Adams", "username": "alice" }));
    let posted = alice.sends(&format!("/help 🙂 @{}, please", bot.username()));
    let updates = http.result("getUpdates", json!({})).await;
    let message = &updates[0]["message"];
    assert_eq!(message["message_id"], posted.message_id);
    assert_eq!(message["from"]["last_name"], "Adams");
    assert_eq!(message["from"]["is_bot"], false);
    assert_eq!(
        message["chat"],
        json!({
            "id": alice.id(), "type": "private", "first_name": "Alice", "last_name": "Adams", "username": "alice",
        })
    );
    let length = bot.username().len() + 1;
    assert_eq!(
        message["entities"],
        json!([
            { "type": "bot_command", "offset": 0, "length": 5 }, { "type": "mention", "offset": 9, "length": length },
        ])
    );
}

#[tokio::test]
async fn raw_updates_pass_unless_they_are_not_wanted() {
    let (_telegram, bot, http) = start().await;
    let broken = bot.push_update(json!({ "message": "no object" })).expect("it is queued");
    assert_eq!(bot.push_update(json!({ "message_reaction": {} })), None, "not among the defaults");
    assert_eq!(bot.push_update(json!({ "update_id": 1 })), Some(broken + 1), "ids are given by the server");
    let updates = http.result("getUpdates", json!({ "allowed_updates": ["message_reaction"] })).await;
    assert_eq!(
        updates[0],
        json!({ "update_id": broken, "message": "no object" }),
        "the choice is for new ones"
    );

    assert_eq!(bot.push_update(json!({ "message": {} })), None);
    http.poll(json!({})).await;
    assert_eq!(bot.push_update(json!({ "message_reaction": {} })), Some(broken + 2), "the choice is kept");
    http.poll(json!({ "allowed_updates": [] })).await;
    assert_eq!(bot.push_update(json!({ "message": {} })), Some(broken + 3), "an empty one is the default");
}

#[tokio::test]
async fn after_a_week_ids_start_anywhere() {
    let (_telegram, bot, http) = start().await;
    let alice = bot.user("Alice");
    let before = alice.sends("before").update_id.expect("an id");
    bot.idle_for_a_week();
    let after = alice.sends("after").update_id.expect("an id");
    assert!((after - before).abs() > 200_000);
    assert_eq!(http.poll(json!({ "offset": before + 1 })).await, [after], "the old offset means the head");
}

#[tokio::test]
async fn a_long_poll_ends_with_the_first_update() {
    let (_telegram, bot, http) = start().await;
    let alice = bot.user("Alice");
    let polling = http.poll(json!({ "timeout": 50 }));
    let sending = async {
        bot.wait_until_polled(LIMIT).await;
        alice.sends("Hello").update_id.expect("an id")
    };
    let (found, sent) = tokio::join!(polling, sending);
    assert_eq!(found, [sent]);
    assert!(!bot.is_polled());
}

#[tokio::test]
async fn the_older_of_two_polls_that_wait_is_terminated() {
    let (_telegram, bot, http) = start().await;
    let older = http.refused("getUpdates", json!({ "timeout": 50 }));
    let newer = async {
        bot.wait_until_polled(LIMIT).await;
        http.poll(json!({ "timeout": 50 })).await
    };
    let (refused, found) = tokio::join!(
        async {
            let refused = older.await;
            bot.user("Alice").sends("Hello");
            refused
        },
        newer
    );
    assert_eq!(refused, (409, CONFLICT.to_owned()));
    assert_eq!(found.len(), 1, "the newer one goes on");

    let both = tokio::join!(http.poll(json!({ "timeout": 50 })), http.poll(json!({ "timeout": 50 })));
    assert_eq!(both, (found.clone(), found), "while updates wait there is no conflict");
}

#[tokio::test]
async fn a_poller_that_has_gone_is_forgotten() {
    let (_telegram, bot, http) = start().await;
    tokio::select! {
        ids = http.poll(json!({ "timeout": 50 })) => panic!("nothing was sent, but {ids:?} came"),
        () = bot.wait_until_polled(LIMIT) => {}
    }
    wait_for("the poll to end", LIMIT, async || (!bot.is_polled()).then_some(())).await;
}

#[tokio::test]
async fn who_repeats_a_poll_too_soon_is_slowed_down() {
    let (_telegram, bot, http) = start().await;
    bot.throttled(true);
    let alice = bot.user("Alice");
    let ids: Vec<i64> = (0..3).filter_map(|number| alice.sends(&number.to_string()).update_id).collect();
    assert_eq!(http.poll(json!({ "offset": 0 })).await, ids);
    let mut repeated = Vec::new();
    for _ in 0..5 {
        repeated.push(http.poll(json!({ "offset": 0 })).await);
    }
    assert!(repeated.contains(&ids[..1].to_vec()), "soon after another there is one only: {repeated:?}");
    let next = json!({ "offset": ids[2] + 1 });
    // From before the first: on a machine that takes three seconds between the two, the second need not wait.
    let begin = Instant::now();
    assert_eq!(http.poll(next.clone()).await, Vec::<i64>::new(), "a new offset is answered at once");
    http.poll(next).await;
    assert!(begin.elapsed() > Duration::from_millis(2500), "the same offset waits three seconds");
}

#[tokio::test]
async fn a_server_that_comes_back_has_forgotten_nothing() {
    let (telegram, bot, http) = start().await;
    let id = bot.user("Alice").sends("Hello").update_id.expect("an id");
    telegram.go_down().await;
    assert!(http.call("getMe", Value::Null).await.is_err());
    telegram.come_back().await.expect("the port is free");
    assert_eq!(http.poll(json!({})).await, [id]);
}
