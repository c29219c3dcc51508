//! Beginning a session, heartbeats, and what the gateway refuses.

use std::time::Duration;

use serde_json::{Value, json};
use switchboard_testkit::discord::{Fault, Rates, Window};

use crate::client::{Heard, INTENTS, LIMIT, Socket, TOKEN, id, identity, start};

#[tokio::test]
async fn a_session_begins_with_all_there_is() {
    let (discord, bot, _http) = start().await;
    let (guild, alice) = (bot.guild("Shop"), bot.user("Alice"));
    let (help, forum) = (guild.text_channel("help"), guild.forum("ideas"));
    let last = alice.says("hello").in_channel(&help).send().message_id;
    let thread = help.opens_thread(&alice, "parcels");
    help.opens_thread(&alice, "old").archives();
    let (post, _) = forum.posts(&alice, "More tea", "please");

    let (mut socket, ready) = Socket::identify(&discord, INTENTS).await;
    assert_eq!(id(&ready["user"]["id"]), bot.id());
    assert_eq!(ready["guilds"], json!([{ "id": guild.id().to_string(), "unavailable": true }]));
    assert_eq!(ready["resume_gateway_url"], discord.gateway_url().replace("/gateway", "/resume"));
    let shown = socket.event("GUILD_CREATE").await;
    assert_eq!(shown["channels"].as_array().map(Vec::len), Some(2));
    let by_id = |list: &Value, wanted: u64| {
        list.as_array()
            .expect("a list")
            .iter()
            .find(|one| id(&one["id"]) == wanted)
            .cloned()
            .expect("it is there")
    };
    assert_eq!(id(&by_id(&shown["channels"], help.id())["last_message_id"]), last);
    assert_eq!(id(&by_id(&shown["channels"], forum.id())["last_message_id"]), post.id());
    assert_eq!(shown["threads"].as_array().map(Vec::len), Some(2), "the archived one is not there");
    assert_eq!(by_id(&shown["threads"], thread.id())["last_message_id"], Value::Null);
    assert_eq!(id(&by_id(&shown["threads"], post.id())["last_message_id"]), post.id());
    assert_eq!(id(&shown["members"][0]["user"]["id"]), bot.id());
    assert_eq!(bot.connections(), 1);
    assert!(bot.identifies()[0].accepted && bot.identifies()[0].intents == INTENTS);
}

#[tokio::test]
async fn what_the_gateway_refuses() {
    let (discord, bot, _http) = start().await;
    let many = json!({ "op": 1, "d": null, "more": "x".repeat(4096) }).to_string();
    let with = |token: &str, intents: u64| json!({ "op": 2, "d": identity(token, intents) }).to_string();
    let mut shard = identity(TOKEN, INTENTS);
    shard["shard"] = json!([1, 1]);
    let cases = [
        ("{".to_owned(), 4002),
        (many, 4002),
        (json!({ "op": 99, "d": null }).to_string(), 4001),
        (json!({ "op": 3, "d": null }).to_string(), 4003),
        (json!({ "op": 2, "d": {} }).to_string(), 4002),
        (with("other", INTENTS), 4004),
        (with(TOKEN, 1 << 40), 4013),
        (with(TOKEN, INTENTS | 1 << 1), 4014),
        (json!({ "op": 2, "d": shard }).to_string(), 4010),
    ];
    for (text, code) in cases {
        let mut socket = Socket::open(&discord.gateway_url()).await;
        assert_eq!(socket.payload().await["op"], 10);
        socket.say_text(text.clone()).await;
        assert_eq!(socket.closed().await, code, "{text}");
    }
    bot.reads_content(false);
    let mut socket = Socket::open(&discord.gateway_url()).await;
    socket.payload().await;
    socket.say(2, identity(TOKEN, INTENTS)).await;
    assert_eq!(socket.closed().await, 4014);
    let (mut socket, _) = Socket::identify(&discord, INTENTS & !(1 << 15)).await;
    socket.say(2, identity(TOKEN, INTENTS)).await;
    assert_eq!(socket.closed().await, 4005);
    let accepted: Vec<bool> = bot.identifies().iter().map(|identify| identify.accepted).collect();
    assert_eq!(accepted, [false, false, false, false, true]);
}

#[tokio::test]
async fn only_version_ten_is_spoken() {
    let (discord, _bot, _http) = start().await;
    let mut socket = Socket::open(&format!("{}?v=9&x=", discord.gateway_url())).await;
    assert_eq!(socket.closed().await, 4012);
    let plain = reqwest::get(discord.gateway_url().replace("ws:", "http:")).await.expect("an answer");
    assert_eq!(plain.status(), 400);
}

#[tokio::test]
async fn heartbeats_are_answered_until_the_plan_says_otherwise() {
    let (discord, bot, _http) = start().await;
    let (mut socket, _) = Socket::identify(&discord, INTENTS).await;
    socket.say(1, json!(1)).await;
    assert_eq!(socket.payload().await["op"], 11);
    bot.plan(Fault::NoAnswer).on("HEARTBEAT").next(1);
    socket.say(1, json!(1)).await;
    bot.wait_for_heartbeats(2, LIMIT).await;
    // Events still come.
    bot.user("Alice").sends("hello");
    assert_eq!(socket.messages(1).await, ["hello"]);
    socket.say(1, json!(2)).await;
    assert_eq!(socket.payload().await["op"], 11);
    let seen: Vec<_> = bot.heartbeats().iter().map(|beat| (beat.seq, beat.acknowledged)).collect();
    assert_eq!(seen, [(Some(1), true), (Some(1), false), (Some(2), true)]);
    bot.asks_for_heartbeat();
    assert_eq!(socket.payload().await["op"], 1);
}

#[tokio::test]
async fn who_sends_no_heartbeats_is_closed() {
    let (discord, _bot, _http) = start().await;
    discord.heartbeat_every(Duration::from_millis(10));
    let mut socket = Socket::open(&discord.gateway_url()).await;
    assert_eq!(socket.payload().await["d"]["heartbeat_interval"], 10);
    assert_eq!(socket.closed().await, 4009);
}

#[tokio::test]
async fn the_budget_of_identifies_ends_the_token() {
    let (discord, bot, http) = start().await;
    bot.identifies_left(1);
    let (mut first, _) = Socket::identify(&discord, INTENTS).await;
    assert_eq!(http.get("/gateway/bot").await["session_start_limit"]["remaining"], 0);
    let mut second = Socket::open(&discord.gateway_url()).await;
    second.payload().await;
    second.say(2, identity(TOKEN, INTENTS)).await;
    assert_eq!((second.closed().await, first.closed().await), (4004, 4004));
    assert_eq!(http.refused("GET /users/@me", Value::Null).await, (401, 0));
}

#[tokio::test]
async fn limits_hold_for_the_gateway_too() {
    let (discord, bot, _http) = start().await;
    let identifies = Window { count: 1, period: Duration::from_hours(1) };
    bot.limit(Some(Rates { identifies, ..Rates::usual() }));
    let (mut first, _) = Socket::identify(&discord, INTENTS).await;
    let mut second = Socket::open(&discord.gateway_url()).await;
    second.payload().await;
    second.say(2, identity(TOKEN, INTENTS)).await;
    let answer = second.payload().await;
    assert_eq!((&answer["op"], &answer["d"]), (&json!(9), &json!(false)));
    for _ in 0..121 {
        first.say(1, Value::Null).await;
    }
    let mut answers = 0;
    let end = loop {
        match first.hear().await {
            Heard::Payload(_) => answers += 1,
            end => break end,
        }
    };
    assert!(matches!(end, Heard::Closed(4008)), "{end:?}");
    assert!(answers <= 120, "{answers}");
}
