//! What goes wrong when it is planned to.

use std::time::Duration;

use serde_json::{Value, json};
use switchboard_testkit::matrix::{Fault, Gate};
use switchboard_testkit::port::free_port;
use switchboard_testkit::wait::wait_for;

use crate::client::{Http, LIMIT, Town, ids, next, says, send, start, texts, timeline};

const SEND: &str = "PUT /rooms/*/send/*/*";

/// Whether a send took effect, and what it was answered. `None` where no JSON came.
async fn outcome(town: &Town, txn: &str) -> (bool, Option<u16>) {
    let before = town.matrix.sent_count();
    let body = json!({ "msgtype": "m.text", "body": txn });
    let answer = town.http.call(&send(&town.room, txn), body).await;
    (town.matrix.sent_count() > before, answer.ok().map(|(status, _)| status))
}

#[tokio::test]
async fn every_fault_has_its_effect_once() {
    let town = &start().await;
    let cases = [
        (Fault::LimitExceeded(Duration::from_secs(7)), (false, Some(429))),
        (Fault::refused(403, "M_FORBIDDEN", "You cannot"), (false, Some(403))),
        (Fault::UnknownToken { soft_logout: true }, (false, Some(401))),
        (Fault::internal_error(), (false, Some(500))),
        (Fault::bad_gateway(), (false, None)),
        (Fault::Page(520), (false, None)),
        (Fault::Body("{}".to_owned()), (false, Some(200))),
        (Fault::Garbled, (true, None)),
        (Fault::Closed, (false, None)),
        (Fault::AnswerLost, (true, None)),
    ];
    for (place, (fault, expected)) in cases.into_iter().enumerate() {
        town.matrix.plan(fault.clone()).on(SEND).next(1);
        let txn = place.to_string();
        assert_eq!(outcome(town, &txn).await, expected, "{fault:?}");
        assert_eq!(outcome(town, &txn).await, (!expected.0, Some(200)), "a repetition after {fault:?}");
    }
    assert_eq!(town.matrix.sent_count(), 10, "nothing was sent twice");
    let calls = town.matrix.calls(SEND);
    let asked: Vec<_> = calls.iter().map(|call| (call.names[2].as_str(), call.status)).collect();
    assert_eq!(asked[18..], [("9", None), ("9", Some(200))], "the journal knows what was answered");
    assert_eq!(calls[0].room_id.as_deref(), Some(town.room.id()));
    assert_eq!(calls[0].user_id.as_deref(), Some(town.bot.id()));
}

#[tokio::test]
async fn a_limit_says_how_long_to_wait() {
    let Town { matrix, .. } = &start().await;
    matrix.plan(Fault::LimitExceeded(Duration::from_millis(1500))).on("POST /login").next(1);
    let response = Http::new(matrix).response("POST /v3/login", &json!({})).await.unwrap();
    assert_eq!((response.status().as_u16(), response.headers()["retry-after"].to_str().unwrap()), (429, "2"));
    let body: Value = response.json().await.unwrap();
    assert_eq!(body["retry_after_ms"], 1500);
}

#[tokio::test]
async fn a_plan_says_where_and_when() {
    let Town { matrix, alice, bot, room, http, .. } = &start().await;
    let other = alice.makes_room("Help");
    other.adds(bot);
    matrix.plan(Fault::internal_error()).on(SEND).in_room(room.id()).next(2);
    let mut seen = Vec::new();
    for (txn, room) in ["1", "2", "3", "4"].iter().zip([&other, room, room, room]) {
        seen.push(http.call(&send(room, txn), json!({ "body": "a" })).await.unwrap().0);
    }
    assert_eq!(seen, [200, 500, 500, 200]);
    matrix.plan(Fault::internal_error()).every(3);
    let mut seen = Vec::new();
    for _ in 0..6 {
        seen.push(http.call("GET /v3/account/whoami", Value::Null).await.unwrap().0);
    }
    assert_eq!(seen, [200, 200, 500, 200, 200, 500]);
    matrix.plan(Fault::internal_error()).always();
    assert_eq!(http.refused("GET /v3/account/whoami", Value::Null).await.0, 500);
    matrix.heals();
    http.get("/v3/account/whoami").await;
}

#[tokio::test]
async fn a_gate_holds_back_the_call_or_the_answer() {
    let town @ Town { matrix, .. } = &start().await;
    for (place, done_at_once) in [false, true].into_iter().enumerate() {
        let gate = Gate::new();
        let fault = if done_at_once { Fault::AnswerHeld(gate.clone()) } else { Fault::Held(gate.clone()) };
        matrix.plan(fault).on(SEND).next(1);
        let before = matrix.sent_count();
        let txn = place.to_string();
        let (held, done) = tokio::join!(outcome(town, &txn), async {
            wait_for("the call", LIMIT, async || (gate.waiting() == 1).then_some(())).await;
            let done = matrix.sent_count() > before;
            gate.open();
            done
        });
        assert_eq!((held, done), ((true, Some(200)), done_at_once));
        assert_eq!(gate.waiting(), 0);
    }
    let gate = Gate::new();
    matrix.plan(Fault::Held(gate.clone())).on(SEND).next(1);
    let call = town.http.request(&send(&town.room, "gone")).json(&json!({ "body": "a" }));
    let hung_up = call.timeout(Duration::from_millis(100)).send().await;
    assert!(hung_up.is_err());
    wait_for("the caller to be missed", LIMIT, async || (gate.waiting() == 0).then_some(())).await;
    gate.open();
    assert_eq!(matrix.sent_count(), 2, "nothing is done for a caller who has gone");
}

#[tokio::test]
async fn a_sync_can_be_repeated() {
    let town @ Town { matrix, room, http, .. } = &start().await;
    let since = next(&http.sync("").await);
    says(town, &["one"]);
    let first = http.sync(&since).await;
    says(town, &["two"]);
    matrix.plan(Fault::Repeated).on("GET /sync").next(1);
    assert_eq!(http.sync(&next(&first)).await, first);
    let second = http.sync(&next(&first)).await;
    assert_eq!(texts(&timeline(&second, room)["events"]), ["two"]);
}

#[tokio::test]
async fn events_can_be_lost_to_syncs() {
    let town @ Town { alice, room, http, .. } = &start().await;
    let since = next(&http.sync("").await);
    says(town, &["a"]);
    alice.says(room, "b").send_unheard();
    alice.says(room, "c").send_unheard();
    let cut = http.sync(&since).await;
    let told = timeline(&cut, room);
    assert_eq!((&told["limited"], told["events"].as_array().unwrap().len()), (&json!(true), 0));
    says(town, &["d"]);
    for since in [&since, &next(&cut)] {
        let sync = http.sync(since).await;
        assert_eq!(texts(&timeline(&sync, room)["events"]), ["d"]);
    }
    let before = told["prev_batch"].as_str().unwrap();
    let page = http.page(room, &format!("dir=b&from={before}&to={since}&limit=100")).await;
    assert_eq!(texts(&page["chunk"]), ["c", "b", "a"]);
    let page = http.page(room, &format!("dir=f&from={since}&to={before}&limit=100")).await;
    assert_eq!(texts(&page["chunk"]), ["a", "b", "c"]);
}

#[tokio::test]
async fn malformed_events_are_told_as_they_are() {
    let town @ Town { alice, room, http, .. } = &start().await;
    let since = next(&http.sync("").await);
    says(town, &["before"]);
    let poison = json!({ "event_id": "$poison", "content": { "body": 5 } });
    room.injects(poison.clone());
    alice.posts(room, json!({ "msgtype": 7 })).send();
    says(town, &["after"]);
    let sync = http.sync(&since).await;
    let events = &timeline(&sync, room)["events"];
    assert_eq!((&events[1], texts(events)), (&poison, vec!["before", "", "", "after"]));
    let page = http.page(room, "dir=b&limit=3").await;
    assert_eq!(page["chunk"][2], poison);
    assert_eq!(ids(&page["chunk"]).len(), 3);
}

#[tokio::test]
async fn the_server_goes_down_and_comes_back() {
    let matrix = switchboard_testkit::matrix::FakeMatrix::start_at(free_port().unwrap()).await.unwrap();
    let (bot, alice) = (matrix.bot("support", "password"), matrix.person("Alice"));
    let room = alice.direct(&bot);
    room.adds(&bot);
    let http = Http::new(&matrix).with_token(&bot.logs_in().access_token);
    let since = next(&http.sync("").await);
    let poll = format!("GET /v3/sync?timeout=30000&since={since}");
    let (poll, ()) = tokio::join!(http.call(&poll, Value::Null), async {
        matrix.wait_until_polled(LIMIT).await;
        matrix.go_down().await;
    });
    assert!(poll.is_err(), "the poll ends with its connection");
    assert!(!matrix.is_polled());
    assert!(http.call("GET /v3/sync", Value::Null).await.is_err());
    alice.sends(&room, "meanwhile");
    matrix.come_back().await.unwrap();
    let sync = http.sync(&since).await;
    assert_eq!(texts(&timeline(&sync, &room)["events"]), ["meanwhile"]);
}

#[tokio::test]
async fn what_the_server_does_not_know_is_noted() {
    let Town { matrix, http, .. } = &start().await;
    assert!(matrix.unknown_calls().is_empty());
    for path in ["/v3/publicRooms", "/unstable/org.example/new", "/v3/sync/more"] {
        let refused = http.refused(&format!("GET {path}"), Value::Null).await;
        assert_eq!(refused, (404, "M_UNRECOGNIZED".to_owned()), "{path}");
    }
    http.get("/v3/pushrules/").await;
    http.get("/v3/capabilities").await;
    assert_eq!(matrix.unknown_calls().len(), 3);
    assert_eq!(matrix.unknown_calls()[1], "GET /_matrix/client/unstable/org.example/new");
}
