//! Limits, the ban of those who do not listen, and faults on the gateway.

use std::time::Duration;

use reqwest::Response;
use serde_json::{Value, json};
use switchboard_testkit::discord::{Fault, Rates, Window};

use crate::client::{INTENTS, LIMIT, Socket, TOKEN, identity, start, to};

fn number(answer: &Response, header: &str) -> f64 {
    let value = answer.headers().get(header).unwrap_or_else(|| panic!("no {header}"));
    value.to_str().expect("text").parse().expect("a number")
}

#[tokio::test]
async fn every_answer_says_how_its_bucket_stands() {
    let (_discord, bot, http) = start().await;
    let channel = bot.user("Alice").direct().id();
    let body = json!({ "content": "a" });
    let answer = http.response(&to(channel), &body).await.expect("an answer");
    assert!(number(&answer, "x-ratelimit-remaining") > 0.0);
    assert!(answer.headers().contains_key("x-ratelimit-bucket"));
    assert!(number(&answer, "x-ratelimit-reset") > 1_700_000_000.0);

    let hour = |count| Window { count, period: Duration::from_hours(1) };
    bot.limit(Some(Rates { global: hour(4), messages: hour(2), ..Rates::usual() }));
    for left in ["1", "0"] {
        let answer = http.response(&to(channel), &body).await.expect("an answer");
        assert_eq!(
            (answer.status().as_u16(), &answer.headers()["x-ratelimit-remaining"]),
            (200, &left.parse().unwrap())
        );
        assert_eq!(answer.headers()["x-ratelimit-limit"], "2");
    }
    let answer = http.response(&to(channel), &body).await.expect("an answer");
    assert_eq!(
        (answer.status().as_u16(), &answer.headers()["x-ratelimit-scope"]),
        (429, &"user".parse().unwrap())
    );
    let wait = answer.json::<Value>().await.expect("JSON")["retry_after"].as_f64().expect("seconds");
    assert!(wait > 3000.0 && wait <= 3600.0, "{wait}");

    // Another channel has a bucket of its own; what was refused did not count.
    let bob = bot.user("Bob").direct().id();
    for _ in 0..2 {
        http.send(bob, "a").await;
    }
    let (status, body) = http.call("GET /users/@me", Value::Null).await.expect("an answer");
    assert_eq!((status, &body["global"]), (429, &json!(true)));
    http.get("/gateway/bot").await;
    bot.limit(None);
    http.send(channel, "unlimited").await;
}

#[tokio::test]
async fn a_window_ends() {
    let (_discord, bot, http) = start().await;
    let channel = bot.user("Alice").direct().id();
    let short = Window { count: 1, period: Duration::from_millis(50) };
    bot.limit(Some(Rates { messages: short, ..Rates::usual() }));
    http.send(channel, "one").await;
    switchboard_testkit::wait::wait_for("the window to end", LIMIT, async || {
        let (status, _) = http.call(&to(channel), json!({ "content": "two" })).await.expect("an answer");
        (status == 200).then_some(())
    })
    .await;
    assert_eq!(bot.texts_to(channel), ["one", "two"]);
}

#[tokio::test]
async fn too_many_invalid_requests_end_in_a_ban() {
    let (discord, bot, http) = start().await;
    discord.bans_after(3);
    bot.plan(Fault::unauthorized()).next(1);
    http.refused("GET /users/@me", Value::Null).await;
    assert_eq!(http.refused("GET /channels/1", Value::Null).await, (404, 10003));
    let alice = bot.user("Alice");
    alice.blocks();
    for count in [2, 3] {
        http.refused(&to(alice.direct().id()), json!({ "content": "a" })).await;
        assert_eq!(discord.invalid_requests(), count);
    }
    let calls = bot.all_calls().len();
    let page = http.response("GET /users/@me", &Value::Null).await.expect("an answer");
    assert_eq!((page.status().as_u16(), page.headers().get("x-ratelimit-limit")), (429, None));
    assert!(number(&page, "retry-after") > 500.0);
    assert!(page.text().await.expect("a body").contains("1015"));
    assert_eq!((bot.all_calls().len(), discord.invalid_requests()), (calls, 3));
}

#[tokio::test]
async fn faults_happen_on_the_gateway() {
    let (discord, bot, _http) = start().await;
    let open = async || {
        let mut socket = Socket::open(&discord.gateway_url()).await;
        socket.payload().await;
        socket.say(2, identity(TOKEN, INTENTS)).await;
        socket
    };
    bot.plan(Fault::CloseCode(4014)).on("IDENTIFY").next(1);
    assert_eq!(open().await.closed().await, 4014);
    bot.plan(Fault::InvalidSession { resumable: false }).on("IDENTIFY").next(1);
    assert_eq!(open().await.payload().await["op"], 9);
    bot.plan(Fault::Closed).on("IDENTIFY").next(1);
    open().await.gone().await;
    bot.plan(Fault::AnswerLost).on("IDENTIFY").next(1);
    open().await.gone().await;
    bot.plan(Fault::Slow(Duration::from_millis(1))).on("IDENTIFY").next(1);
    open().await.event("READY").await;
    bot.plan(Fault::NoAnswer).on("IDENTIFY").next(1);
    let mut ignored = open().await;
    ignored.say(1, Value::Null).await;
    assert_eq!(ignored.payload().await["op"], 11);
    let accepted: Vec<bool> = bot.identifies().iter().map(|identify| identify.accepted).collect();
    assert_eq!(accepted, [false, false, false, true, true, false]);

    let (mut socket, ready) = Socket::identify(&discord, INTENTS).await;
    bot.plan(Fault::InvalidSession { resumable: true }).on("RESUME").next(1);
    let answer = Socket::resume(&ready, 1).await.payload().await;
    assert_eq!((&answer["op"], &answer["d"]), (&json!(9), &json!(true)));
    bot.plan(Fault::Closed).on("HEARTBEAT").next(1);
    socket.say(1, json!(1)).await;
    socket.gone().await;
    Socket::resume(&ready, 1).await.event("RESUMED").await;
}
