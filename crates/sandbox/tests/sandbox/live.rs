//! What the panel shows while things happen.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::{net::TcpSocket, time::timeout};

use crate::support::{Receiver, Running, until};

/// The chats that are listed for this query.
async fn chats(sandbox: &Running, query: &str) -> Vec<String> {
    let list = sandbox.get_json(&format!("/panel/api/dialogues?{query}")).await;
    let listed = list["dialogues"].as_array().expect("a list");
    listed.iter().map(|it| it["chat_id"].as_str().expect("a text").to_owned()).collect()
}

#[tokio::test]
async fn dialogues_are_listed_by_phase_and_found_by_what_is_in_them() {
    let receiver = Receiver::start().await;
    let sandbox = Running::start(&receiver).await;
    for (chat, message) in
        [("one", "hello"), ("two", "/operator"), ("three", "/close"), ("four", "Привет, ann@example.org")]
    {
        sandbox.say(chat, message).await;
    }
    until(|| sandbox.handle.status().waiting == 0).await;
    assert_eq!(chats(&sandbox, "").await, ["four", "three", "two", "one"]);
    assert_eq!(chats(&sandbox, "phase=ai").await, ["four", "one"]);
    assert_eq!(chats(&sandbox, "phase=operator").await, ["two"]);
    assert_eq!(chats(&sandbox, "phase=closed").await, ["three"]);
    assert_eq!(chats(&sandbox, "find=TWO").await, ["two"]);
    assert_eq!(chats(&sandbox, "find=привет").await, ["four"]);
    assert_eq!(chats(&sandbox, "find=ANN@&phase=ai").await, ["four"]);
    assert_eq!(chats(&sandbox, "find=ann&phase=closed").await, [""; 0]);
    let counts = sandbox.get_json("/panel/api/dialogues?find=two").await["counts"].clone();
    let expected = json!({"all": 4, "ai": 2, "operator": 1, "closed": 1, "unread": 4, "failing": 0});
    assert_eq!(counts, expected, "of all, whatever is looked for");
    assert_eq!(sandbox.get("/panel/api/dialogues?phase=asleep").await.status(), 400);

    // Only a message brings a dialogue to the top.
    sandbox.posted("/panel/api/read", json!({"chat_id": "one"})).await;
    sandbox.posted("/panel/api/flag", json!({"chat_id": "one", "flag": "interest", "value": true})).await;
    assert_eq!(chats(&sandbox, "").await[0], "four");
    sandbox.posted("/panel/api/answer", json!({"chat_id": "one", "text": "hi"})).await;
    assert_eq!(chats(&sandbox, "").await[0], "one");
}

#[tokio::test]
async fn what_the_user_wrote_is_unread_until_it_is_read() {
    let receiver = Receiver::start().await;
    let sandbox = Running::start(&receiver).await;
    let unread = async || sandbox.get_json("/panel/api/dialogues").await["dialogues"][0]["unread"].clone();
    sandbox.say("c", "one").await;
    sandbox.say("c", "two").await;
    receiver.wait_for(4).await;
    assert_eq!(unread().await, 2, "the bot's answers do not count");
    sandbox.get_json("/panel/api/dialogue?chat_id=c").await;
    assert_eq!(unread().await, 2, "asking alone changes nothing");
    sandbox.posted("/panel/api/read", json!({"chat_id": "c"})).await;
    assert_eq!(unread().await, 0);
}

#[tokio::test]
async fn only_what_changed_is_asked_for() {
    let receiver = Receiver::start().await;
    let sandbox = Running::start_with(|config| {
        config.webhook_url = Some(receiver.url.clone());
        config.limits.messages = 3;
    })
    .await;
    sandbox.say("c", "one").await;
    until(|| sandbox.handle.status().waiting == 0).await;
    let before = sandbox.get_json("/panel/api/dialogue?chat_id=c").await;
    assert_eq!(
        (before["messages"].as_array().map(Vec::len), &before["oldest"]),
        (Some(2), &before["messages"][0]["id"])
    );
    let path = format!("/panel/api/dialogue?chat_id=c&after={}", before["version"]);
    assert_eq!(sandbox.get_json(&path).await["messages"], json!([]));
    sandbox.say("c", "two").await;
    until(|| sandbox.handle.status().waiting == 0).await;
    let after = sandbox.get_json(&path).await;
    let texts: Vec<_> = after["messages"].as_array().expect("a list").iter().map(|it| &it["text"]).collect();
    assert_eq!(texts, ["two", "You wrote: two"]);
    assert_eq!(after["oldest"], before["messages"][1]["id"], "the first one is forgotten");
}

#[tokio::test]
async fn a_message_shows_how_far_its_webhook_is() {
    // Nobody listens there, and nobody else can get the port meanwhile.
    let silent = TcpSocket::new_v4().expect("a socket");
    silent.bind(([127, 0, 0, 1], 0).into()).expect("a free port");
    let gone = silent.local_addr().expect("it is bound");
    let sandbox = Running::start_with(|_| {}).await;
    let progress =
        async || sandbox.get_json("/panel/api/dialogue?chat_id=c").await["messages"][0]["progress"].clone();
    let list = async || sandbox.get_json("/panel/api/dialogues").await;
    sandbox.say("c", "one").await;
    assert_eq!(progress().await, "waiting");
    assert_eq!(list().await["gateway"], json!({"address": null, "paused": false}));

    let url = format!("http://{gone}/webhooks/ai/main/very-secret");
    sandbox.posted("/control/webhook", json!({"url": url})).await;
    until(|| sandbox.handle.status().repeated > 0).await;
    let state = progress().await["repeated"].clone();
    assert!(state["attempts"].as_u64() > Some(0) && state["status"] == Value::Null, "{state}");
    let shown = list().await;
    assert_eq!((&shown["counts"]["failing"], &shown["waiting"]), (&json!(1), &json!(2)));
    assert_eq!(shown["gateway"]["address"], format!("http://{gone}"));
    assert!(!shown.to_string().contains("secret"), "{shown}");

    let receiver = Receiver::start().await;
    receiver.answer_next(&[503]);
    let repeated = sandbox.handle.status().repeated;
    sandbox.handle.set_webhook_url(receiver.url.clone());
    receiver.wait_for(2).await;
    until(|| sandbox.handle.status().waiting == 0).await;
    assert!(sandbox.handle.status().repeated > repeated);
    assert_eq!(progress().await, "delivered");
    assert_eq!(list().await["counts"]["failing"], 0);
}

#[tokio::test]
async fn the_panel_is_told_of_every_change() {
    let receiver = Receiver::start().await;
    let sandbox = Running::start(&receiver).await;
    let mut stream = sandbox.get("/panel/api/changes").await;
    assert_eq!(stream.headers()["content-type"], "text/event-stream");
    let mut next = async || -> Option<u64> {
        let chunk =
            timeout(Duration::from_secs(20), stream.chunk()).await.expect("it comes in time").ok()??;
        let text = String::from_utf8(chunk.to_vec()).expect("it is text");
        let data = text.lines().find_map(|line| line.strip_prefix("data: ")).expect("it has data");
        Some(data.parse().expect("a version"))
    };
    let first = next().await.expect("at once");
    sandbox.say("c", "hello").await;
    let mut last = first;
    receiver.wait_for(2).await;
    until(|| sandbox.handle.status().waiting == 0).await;
    let version = sandbox.get_json("/panel/api/dialogues").await["version"].as_u64().expect("a version");
    while last < version {
        let newer = next().await.expect("it goes on");
        assert!(newer > last, "{newer} after {last}");
        last = newer;
    }
    sandbox.handle.pause(true);
    assert!(next().await > Some(last), "whether webhooks are held back is shown too");
    // An open panel does not hold the stop: it would stay open for ever otherwise.
    sandbox.stop().await;
    assert_eq!(next().await, None);
}

#[tokio::test]
async fn the_first_visitor_is_shown_the_way() {
    let sandbox = Running::start_with(|config| {
        config.chat_url = Some("https://example.com/chat/site".parse().expect("a url"));
    })
    .await;
    let shown = async || sandbox.get_json("/panel/api/dialogues").await["chat_url"].clone();
    assert_eq!(shown().await, "https://example.com/chat/site");
    sandbox.handle.set_chat_url("http://127.0.0.1:1/chat/demo".parse().expect("a url"));
    assert_eq!(shown().await, "http://127.0.0.1:1/chat/demo");
}
