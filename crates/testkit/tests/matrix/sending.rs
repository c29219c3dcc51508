//! What a client writes.

use std::time::Duration;

use serde_json::{Value, json};
use switchboard_testkit::matrix::Rates;

use crate::client::{Town, next, send, start, texts, timeline};

#[tokio::test]
async fn a_transaction_id_is_good_once_per_device() {
    let Town { matrix, bot, alice, room, http, .. } = &start().await;
    let since = next(&http.sync("").await);
    let first = http.send(room, "txn", "one").await;
    assert_eq!(http.send(room, "txn", "another text").await, first);
    let other = http.with_token(&bot.logs_in().access_token);
    assert_ne!(other.send(room, "txn", "two").await, first, "a device has transactions of its own");
    let group = alice.makes_room("Help");
    group.adds(bot);
    assert_ne!(http.send(&group, "txn", "three").await, first, "and so has a room");

    assert_eq!(matrix.texts_to(room.id()), ["one", "two"]);
    let sync = http.sync(&since).await;
    let events = &timeline(&sync, room)["events"];
    assert_eq!(texts(events), ["one", "two"]);
    let seen = [0, 1].map(|place| events[place]["unsigned"]["transaction_id"].as_str());
    assert_eq!(seen, [Some("txn"), None], "only the device that sent it sees under what");
}

#[tokio::test]
async fn what_cannot_be_sent_is_refused() {
    let Town { matrix, bot, alice, room, http, .. } = &start().await;
    let (invited, banned) = (alice.direct(bot), alice.makes_room("Closed"));
    alice.bans(&banned, bot);
    let text = |length: usize| json!({ "msgtype": "m.text", "body": "a".repeat(length) });
    let to = |room: &str| format!("PUT /v3/rooms/{room}/send/m.room.message/1");
    let cases = [
        (to(invited.id()), text(1), (403, "M_FORBIDDEN")),
        (to(banned.id()), text(1), (403, "M_FORBIDDEN")),
        (to("!unknown:stand-in.test"), text(1), (403, "M_FORBIDDEN")),
        (send(room, "1"), json!(["no object"]), (400, "M_BAD_JSON")),
        (send(room, "1"), text(65_536), (413, "M_TOO_LARGE")),
    ];
    for (call, body, (status, errcode)) in cases {
        assert_eq!(http.refused(&call, body).await, (status, errcode.to_owned()), "{call}");
    }
    assert_eq!(matrix.sent_count(), 0);
    http.result(&send(room, "1"), text(65_000)).await;
}

#[tokio::test]
async fn the_limit_refuses_what_exceeds_it() {
    let Town { matrix, room, http, .. } = &start().await;
    // As many at once as Synapse takes, and no other before the test is over.
    matrix.limit(Some(Rates { every: Duration::from_mins(5), ..Rates::synapse() }));
    for number in 0..10 {
        http.send(room, &number.to_string(), "within the burst").await;
    }
    let body = json!({ "msgtype": "m.text", "body": "beyond it" });
    let response = http.response(&send(room, "10"), &body).await.unwrap();
    assert_eq!(response.status(), 429);
    let after: u64 = response.headers()["retry-after"].to_str().unwrap().parse().unwrap();
    let body: Value = response.json().await.unwrap();
    let wait = Duration::from_millis(body["retry_after_ms"].as_u64().unwrap());
    assert_eq!(body["errcode"], "M_LIMIT_EXCEEDED");
    assert!(wait > Duration::from_mins(3) && wait <= Duration::from_secs(after) && after <= 300, "{wait:?}");
    http.send(room, "9", "a repetition does not count").await;
    matrix.limit(None);
    http.send(room, "10", "unlimited").await;
}

#[tokio::test]
async fn typing_and_reading_are_seen() {
    let Town { bot, alice, room, http, .. } = &start().await;
    let typing = format!("PUT /v3/rooms/{}/typing/{}", room.id(), bot.id());
    http.result(&typing, json!({ "typing": true, "timeout": 30000 })).await;
    assert!(room.shows_typing(bot) && !room.shows_typing(alice));
    http.result(&typing, json!({ "typing": false })).await;
    assert!(!room.shows_typing(bot));
    http.result(&typing, json!({ "typing": true, "timeout": 30000 })).await;
    http.send(room, "1", "done").await;
    assert!(!room.shows_typing(bot), "who has written writes no more");
    let others = format!("PUT /v3/rooms/{}/typing/{}", room.id(), alice.id());
    assert_eq!(http.refused(&others, json!({ "typing": true })).await.0, 403);

    let posted = alice.sends(room, "read this");
    let receipt = format!("POST /v3/rooms/{}/receipt/m.read/{}", room.id(), posted.event_id);
    http.result(&receipt, json!({})).await;
    assert_eq!(room.read_by(bot), Some(posted.event_id));
    let posted = alice.sends(room, "and this");
    let markers = format!("POST /v3/rooms/{}/read_markers", room.id());
    http.result(&markers, json!({ "m.read": posted.event_id, "m.fully_read": posted.event_id })).await;
    assert_eq!(room.read_by(bot), Some(posted.event_id));
}
