//! What goes wrong when a test plans it, and the limits.

use std::time::Duration;

use serde_json::json;
use switchboard_testkit::telegram::{Bot, Fault, Limit, Rates};
use tokio::time::Instant;

use crate::client::{Http, LIMIT, start};

/// Sends, and says whether it was accepted and what came back: a status, or nothing. Waits for an answer only as long
/// as one may come.
async fn send_and_hang_up(bot: &Bot, http: &Http, chat_id: i64, hangs: bool) -> (bool, Option<u16>) {
    let (sent, called) = (bot.sent_count(), bot.calls("sendMessage").len());
    let answer = http.call("sendMessage", json!({ "chat_id": chat_id, "text": "a" }));
    let hang_up = async {
        bot.wait_for_calls("sendMessage", called + 1, LIMIT).await;
    };
    let answer = tokio::select! {
        answer = answer => answer.ok(),
        () = hang_up, if hangs => None,
    };
    (bot.sent_count() > sent, answer.map(|(status, _)| status))
}

async fn send(bot: &Bot, http: &Http, chat_id: i64) -> (bool, Option<u16>) {
    send_and_hang_up(bot, http, chat_id, false).await
}

#[tokio::test]
async fn each_fault_does_what_it_says() {
    let (_telegram, bot, http) = start().await;
    let id = bot.user("Alice").id();
    let refused = Fault::refused(400, "Bad Request: chat not found");
    let cases = [
        (Fault::TooManyRequests { retry_after: 7 }, (false, Some(429))),
        (refused, (false, Some(400))),
        (Fault::unauthorized(), (false, Some(401))),
        (Fault::internal_error(), (false, Some(500))),
        (Fault::bad_gateway(), (false, None)),
        (Fault::Garbled, (true, None)),
        (Fault::Closed, (false, None)),
        (Fault::AnswerLost, (true, None)),
        (Fault::AnswerLate(Duration::from_mins(1)), (true, None)),
        (Fault::AnswerLate(Duration::from_millis(1)), (true, Some(200))),
        (Fault::NoAnswer, (true, None)),
        (Fault::Slow(Duration::from_mins(1)), (false, None)),
        (Fault::Slow(Duration::from_millis(1)), (true, Some(200))),
    ];
    for (fault, expected) in cases {
        bot.plan(fault.clone()).next(1);
        let hangs = match fault {
            Fault::AnswerLate(time) | Fault::Slow(time) => time > LIMIT,
            Fault::NoAnswer => true,
            _ => false,
        };
        assert_eq!(send_and_hang_up(&bot, &http, id, hangs).await, expected, "{fault:?}");
        assert_eq!(send(&bot, &http, id).await, (true, Some(200)), "after {fault:?}");
    }
    bot.plan(Fault::TooManyRequests { retry_after: 7 }).next(1);
    let (_, body) = http.call("getMe", json!({})).await.expect("an answer");
    assert_eq!(body["parameters"]["retry_after"], 7);
    bot.plan(Fault::bad_gateway()).next(1);
    let page = http.request("getMe").send().await.expect("an answer");
    assert_eq!(page.status(), 502);
    assert!(page.text().await.expect("a body").starts_with("<html>"));
}

#[tokio::test]
async fn a_plan_says_where_and_when() {
    let (_telegram, bot, http) = start().await;
    let (alice, bob) = (bot.user("Alice").id(), bot.user("Bob").id());
    bot.plan(Fault::internal_error()).on("SendMessage").in_chat(alice).next(2);
    http.result("getMe", json!({})).await;
    assert_eq!(send(&bot, &http, bob).await.1, Some(200));
    let mut seen = Vec::new();
    for _ in 0..3 {
        seen.push(send(&bot, &http, alice).await.1);
    }
    assert_eq!(seen, [Some(500), Some(500), Some(200)]);

    bot.plan(Fault::internal_error()).on("sendMessage").every(3);
    let mut seen = Vec::new();
    for _ in 0..6 {
        seen.push(send(&bot, &http, bob).await.0);
    }
    assert_eq!(seen, [true, true, false, true, true, false]);

    bot.heals();
    bot.plan(Fault::unauthorized()).always();
    assert_eq!(http.refused("getMe", json!({})).await.0, 401);
    assert_eq!(http.refused("getUpdates", json!({})).await.0, 401);
    bot.heals();
    http.result("getMe", json!({})).await;
}

#[tokio::test]
async fn the_journal_knows_what_was_answered() {
    let (_telegram, bot, http) = start().await;
    let id = bot.user("Alice").id();
    bot.plan(Fault::AnswerLost).next(1);
    send(&bot, &http, id).await;
    send(&bot, &http, 1).await;
    let calls = bot.wait_for_calls("sendMessage", 2, LIMIT).await;
    let calls: Vec<_> = calls.iter().map(|call| (call.params.integer("chat_id"), call.status)).collect();
    assert_eq!(calls, [(Some(id), None), (Some(1), Some(400))]);
}

#[tokio::test]
async fn limits_refuse_what_exceeds_them() {
    let (_telegram, bot, http) = start().await;
    let (alice, group) = (bot.user("Alice").id(), bot.group("Group").id());
    let window = |count| Limit::Window { count, period: Duration::from_secs(40) };
    let private = Limit::Bucket { burst: 2, every: Duration::from_secs(20) };
    bot.limit(Some(Rates { bot: window(5), private, group: window(3) }));
    let expected =
        [(alice, None), (alice, None), (alice, Some(20)), (group, None), (group, None), (group, None)];
    let over_all = (bot.user("Bob").id(), Some(40));
    for (chat, wait) in expected.into_iter().chain([over_all]) {
        let send = http.call("sendMessage", json!({ "chat_id": chat, "text": "a" }));
        let (status, body) = send.await.expect("an answer");
        let Some(wait) = wait else {
            assert_eq!(status, 200, "{body}");
            continue;
        };
        let retry_after = body["parameters"]["retry_after"].as_u64().expect("seconds");
        // Some of the time may have gone by.
        assert!(status == 429 && (wait - 10..=wait).contains(&retry_after), "{body}");
    }
    bot.limit(None);
    http.send(alice, "unlimited").await;

    bot.limit(Some(Rates {
        private: Limit::Bucket { burst: 1, every: Duration::from_millis(300) },
        ..Rates::published()
    }));
    let begin = Instant::now();
    http.send(alice, "first").await;
    while send(&bot, &http, alice).await.1 == Some(429) {}
    assert!(begin.elapsed() >= Duration::from_millis(300), "it passes when its time has come");
}
