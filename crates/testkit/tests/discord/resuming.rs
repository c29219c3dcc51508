//! Connections that end, and sessions that go on.

use std::time::Duration;

use serde_json::{Value, json};
use switchboard_testkit::discord::FakeDiscord;

use crate::client::{Heard, INTENTS, LIMIT, Socket, TOKEN, start};

/// The events of a resumed session up to RESUMED: names and numbers.
async fn replayed(socket: &mut Socket) -> Vec<(String, u64)> {
    let mut events = Vec::new();
    loop {
        let payload = socket.payload().await;
        let name = payload["t"].as_str().expect("an event").to_owned();
        if name == "RESUMED" {
            return events;
        }
        events.push((name, payload["s"].as_u64().expect("a number")));
    }
}

#[tokio::test]
async fn what_was_missed_is_told_again_in_order() {
    let (discord, bot, _http) = start().await;
    let alice = bot.user("Alice");
    let (mut socket, ready) = Socket::identify(&discord, INTENTS).await;
    alice.sends("one");
    assert_eq!(socket.messages(1).await, ["one"]);
    bot.drops_connections();
    socket.gone().await;
    bot.wait_for_connections(0, LIMIT).await;
    alice.sends("two");
    alice.says("lost").send_unheard();
    alice.sends("three");

    let mut socket = Socket::resume(&ready, 2).await;
    assert_eq!(socket.messages(2).await, ["two", "three"]);
    assert_eq!(socket.event("RESUMED").await["_trace"], json!([]));
    alice.sends("four");
    let live = socket.payload().await;
    assert_eq!((&live["d"]["content"], &live["s"]), (&json!("four"), &json!(6)));
    let resume = bot.resumes().remove(0);
    assert_eq!((resume.seq, resume.replayed, resume.at_resume_url), (2, Some(2), true));

    // From further back than what was confirmed, and while the other connection still stands.
    let mut again = Socket::resume(&ready, 1).await;
    let numbers: Vec<u64> = replayed(&mut again).await.into_iter().map(|(_, seq)| seq).collect();
    assert_eq!(numbers, [2, 3, 4, 6], "without the number of RESUMED");
    socket.gone().await;
    assert_eq!(bot.connections(), 1);
}

#[tokio::test]
async fn how_a_connection_ends_decides_whether_its_session_does() {
    let (discord, bot, _http) = start().await;
    for (code, kept) in [(1000, false), (1001, false), (4000, true), (1006, true)] {
        let (socket, ready) = Socket::identify(&discord, INTENTS).await;
        // 1006 cannot be said: it stands for a connection that just ends.
        if code == 1006 {
            drop(socket);
        } else {
            socket.close(code).await;
        }
        bot.wait_for_connections(0, LIMIT).await;
        let mut socket = Socket::resume(&ready, 1).await;
        let answer = socket.payload().await;
        let expected = if kept { (json!(0), json!("RESUMED")) } else { (json!(9), Value::Null) };
        assert_eq!((answer["op"].clone(), answer["t"].clone()), expected, "after {code}");
        bot.forgets_sessions();
    }
    for (code, kept) in [(4000, true), (4008, true), (4009, false)] {
        let (mut socket, ready) = Socket::identify(&discord, INTENTS).await;
        bot.closes_connections(code);
        assert_eq!(socket.closed().await, code);
        let mut socket = Socket::resume(&ready, 1).await;
        assert_eq!(socket.payload().await["op"], if kept { 0 } else { 9 }, "after {code}");
        bot.forgets_sessions();
    }
}

#[tokio::test]
async fn a_session_that_is_not_known_cannot_go_on() {
    let (discord, bot, _http) = start().await;
    let unknown = json!({ "session_id": "none", "resume_gateway_url": discord.gateway_url() });
    let mut socket = Socket::resume(&unknown, 1).await;
    let answer = socket.payload().await;
    assert_eq!((&answer["op"], &answer["d"]), (&json!(9), &json!(false)));

    bot.keeps_sessions_for(Duration::ZERO);
    let (socket, ready) = Socket::identify(&discord, INTENTS).await;
    drop(socket);
    bot.wait_for_connections(0, LIMIT).await;
    assert_eq!(Socket::resume(&ready, 1).await.payload().await["op"], 9);

    let (_socket, ready) = Socket::identify(&discord, INTENTS).await;
    assert_eq!(Socket::resume(&ready, 99).await.closed().await, 4007);
    let mut socket = Socket::open(&discord.gateway_url()).await;
    socket.payload().await;
    socket.say(6, json!({ "token": "other", "session_id": "none", "seq": 1 })).await;
    assert_eq!(socket.closed().await, 4004);
    let outcomes: Vec<_> = bot.resumes().into_iter().map(|resume| resume.replayed).collect();
    assert_eq!(outcomes, [None, None, None]);
    assert_eq!(bot.wait_for_resumes(3, LIMIT).await[0].session_id, "none");
    assert!(!bot.resumes()[0].at_resume_url);
}

#[tokio::test]
async fn the_gateway_says_that_it_is_time_to_go() {
    let (discord, bot, _http) = start().await;
    let (mut socket, ready) = Socket::identify(&discord, INTENTS).await;
    bot.asks_to_reconnect();
    assert_eq!(socket.payload().await["op"], 7);
    for resumable in [true, false] {
        bot.invalidates_sessions(resumable);
        let answer = socket.payload().await;
        assert_eq!((&answer["op"], &answer["d"]), (&json!(9), &json!(resumable)));
    }
    bot.user("Alice").sends("nobody hears this");
    assert_eq!(Socket::resume(&ready, 1).await.payload().await["op"], 9);
    drop(socket);
    bot.revokes_token();
    assert_eq!(Socket::resume(&ready, 1).await.closed().await, 4004);
}

#[tokio::test]
async fn a_zombie_stays_open_and_says_nothing() {
    let (discord, bot, _http) = start().await;
    let alice = bot.user("Alice");
    let (mut zombie, ready) = Socket::identify(&discord, INTENTS).await;
    bot.freezes_connections();
    assert_eq!(bot.connections(), 0);
    zombie.say(1, json!(1)).await;
    alice.sends("meanwhile");
    let mut socket = Socket::resume(&ready, 1).await;
    assert_eq!(socket.messages(1).await, ["meanwhile"]);
    socket.event("RESUMED").await;
    socket.say(1, json!(3)).await;
    assert_eq!(socket.payload().await["op"], 11);
    assert_eq!(bot.heartbeats().len(), 1, "the zombie's was never read");
    discord.go_down().await;
    zombie.gone().await;
}

#[tokio::test]
async fn a_session_survives_that_the_server_goes_down() {
    let port = switchboard_testkit::port::free_port().expect("a port");
    let discord = FakeDiscord::start_at(port).await.expect("the server starts");
    let bot = discord.bot(TOKEN);
    let (mut socket, ready) = Socket::identify(&discord, INTENTS).await;
    discord.go_down().await;
    let end = socket.hear().await;
    assert!(matches!(end, Heard::Gone), "{end:?}");
    bot.user("Alice").sends("meanwhile");
    discord.come_back().await.expect("the port is free");
    let mut socket = Socket::resume(&ready, 1).await;
    assert_eq!(replayed(&mut socket).await, [("MESSAGE_CREATE".to_owned(), 2)]);
    assert_eq!(bot.identifies().len(), 1);
}

#[tokio::test]
async fn an_event_may_be_anything() {
    let (discord, bot, _http) = start().await;
    let (mut socket, _) = Socket::identify(&discord, 0).await;
    bot.push_event("MESSAGE_CREATE", &json!({ "id": "no number" }));
    assert_eq!(socket.event("MESSAGE_CREATE").await, json!({ "id": "no number" }));
}
