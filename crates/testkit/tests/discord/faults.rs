//! What goes wrong with calls when a test plans it.

use std::time::Duration;

use serde_json::{Value, json};
use switchboard_testkit::discord::{Bot, Fault, Scope};

use crate::client::{Http, LIMIT, start, to};

const SEND: &str = "POST /channels/*/messages";

/// Sends, and says whether it was accepted and what came back: a status, or nothing. Waits for an answer only as long
/// as one may come.
async fn send_and_hang_up(bot: &Bot, http: &Http, channel: u64, hangs: bool) -> (bool, Option<u16>) {
    let (sent, called) = (bot.sent_count(), bot.calls(SEND).len());
    let call = to(channel);
    let answer = http.call(&call, json!({ "content": "a" }));
    let hang_up = async {
        bot.wait_for_calls(SEND, called + 1, LIMIT).await;
    };
    let answer = tokio::select! {
        answer = answer => answer.ok(),
        () = hang_up, if hangs => None,
    };
    (bot.sent_count() > sent, answer.map(|(status, _)| status))
}

async fn send(bot: &Bot, http: &Http, channel: u64) -> (bool, Option<u16>) {
    send_and_hang_up(bot, http, channel, false).await
}

#[tokio::test]
async fn each_fault_does_what_it_says() {
    let (_discord, bot, http) = start().await;
    let channel = bot.user("Alice").direct().id();
    let cases = [
        (Fault::too_many_requests(0.5), (false, Some(429))),
        (Fault::refused(403, 50007, "Cannot send messages to this user"), (false, Some(403))),
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
        assert_eq!(send_and_hang_up(&bot, &http, channel, hangs).await, expected, "{fault:?}");
        assert_eq!(send(&bot, &http, channel).await, (true, Some(200)), "after {fault:?}");
    }
    bot.plan(Fault::bad_gateway()).next(1);
    let page = http.response("GET /users/@me", &Value::Null).await.expect("an answer");
    assert_eq!(page.status(), 502);
    assert!(page.text().await.expect("a body").starts_with("<html>"));
}

#[tokio::test]
async fn a_message_whose_answer_was_lost_is_found_by_its_nonce() {
    let (_discord, bot, http) = start().await;
    let channel = bot.user("Alice").direct().id();
    let body = json!({ "content": "a", "nonce": "key", "enforce_nonce": true });
    bot.plan(Fault::AnswerLost).on(SEND).next(1);
    assert!(http.call(&to(channel), body.clone()).await.is_err());
    http.result(&to(channel), body).await;
    assert_eq!((bot.sent_count(), bot.calls(SEND).len()), (1, 2));
}

#[tokio::test]
async fn a_plan_says_where_and_when() {
    let (_discord, bot, http) = start().await;
    let (alice, bob) = (bot.user("Alice").direct().id(), bot.user("Bob").direct().id());
    bot.plan(Fault::internal_error()).on(SEND).in_channel(alice).next(2);
    http.get("/users/@me").await;
    assert_eq!(send(&bot, &http, bob).await.1, Some(200));
    let mut seen = Vec::new();
    for _ in 0..3 {
        seen.push(send(&bot, &http, alice).await.1);
    }
    assert_eq!(seen, [Some(500), Some(500), Some(200)]);

    bot.plan(Fault::internal_error()).on(SEND).every(3);
    let mut seen = Vec::new();
    for _ in 0..6 {
        seen.push(send(&bot, &http, bob).await.0);
    }
    assert_eq!(seen, [true, true, false, true, true, false]);

    bot.heals();
    bot.plan(Fault::unauthorized()).always();
    assert_eq!(http.refused("GET /users/@me", Value::Null).await, (401, 0));
    bot.heals();
    http.get("/users/@me").await;
}

#[tokio::test]
async fn the_journal_knows_what_was_answered() {
    let (_discord, bot, http) = start().await;
    let channel = bot.user("Alice").direct().id();
    bot.plan(Fault::AnswerLost).next(1);
    send(&bot, &http, channel).await;
    send(&bot, &http, 1).await;
    let calls = bot.wait_for_calls(SEND, 2, LIMIT).await;
    let seen: Vec<_> = calls.iter().map(|call| (call.channel_id, call.status)).collect();
    assert_eq!(seen, [(Some(channel), None), (Some(1), Some(404))]);
    assert_eq!(calls[0].body["content"], "a");
    http.get(&format!("/channels/{channel}/messages?limit=3")).await;
    assert_eq!(bot.calls("GET /channels/*/messages")[0].query["limit"], "3");
    assert_eq!(bot.all_calls().len(), 3);
}

#[tokio::test]
async fn a_planned_limit_says_whose_it_is() {
    let (discord, bot, http) = start().await;
    for (scope, name) in [(Scope::User, "user"), (Scope::Global, "global"), (Scope::Shared, "shared")] {
        bot.plan(Fault::TooManyRequests { retry_after: 1.25, scope }).next(1);
        let answer = http.response("GET /users/@me", &Value::Null).await.expect("an answer");
        let header =
            |name: &str| answer.headers().get(name).map(|value| value.to_str().expect("text").to_owned());
        assert_eq!((answer.status().as_u16(), header("x-ratelimit-scope").as_deref()), (429, Some(name)));
        assert_eq!(header("retry-after").as_deref(), Some("2"));
        assert_eq!(header("x-ratelimit-reset-after").as_deref(), Some("1.250"));
        assert_eq!(header("x-ratelimit-global").is_some(), scope == Scope::Global);
        let body: Value = answer.json().await.expect("JSON");
        assert_eq!((&body["retry_after"], &body["global"]), (&json!(1.25), &json!(scope == Scope::Global)));
    }
    assert_eq!(discord.invalid_requests(), 2, "a shared limit does not count");
}

#[test]
#[should_panic(expected = "there is no route")]
fn a_plan_for_a_route_that_does_not_exist_is_a_mistake() {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let (_discord, bot, _http) = runtime.block_on(start());
    bot.plan(Fault::Closed).on("GET /channels/{id}").next(1);
}

#[test]
#[should_panic(expected = "cannot happen on HEARTBEAT")]
fn a_plan_that_cannot_happen_is_a_mistake() {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let (_discord, bot, _http) = runtime.block_on(start());
    bot.plan(Fault::Garbled).on("HEARTBEAT").next(1);
}
