//! The control API, where it is not about faults.

use serde_json::json;

use crate::support::{Receiver, Running, until};

#[tokio::test]
async fn webhooks_wait_for_their_address() {
    let receiver = Receiver::start().await;
    let sandbox = Running::start_with(|_| {}).await;
    sandbox.say("c", "one").await;
    assert_eq!(sandbox.get_json("/control/status").await["waiting"], 2);
    sandbox.posted("/control/webhook", json!({"url": receiver.url})).await;
    assert_eq!(receiver.wait_for(2).await[1].said(), ("bot", "You wrote: one"));
    let bad = sandbox.post("/control/webhook", &json!({"url": "file:///etc/passwd"}));
    assert_eq!(bad.send().await.expect("it answers").status(), 422);
}

#[tokio::test]
async fn webhooks_can_be_held_back() {
    let receiver = Receiver::start().await;
    let sandbox = Running::start(&receiver).await;
    sandbox.posted("/control/pause", json!({"paused": true})).await;
    sandbox.say("c", "one").await;
    sandbox.say("d", "two").await;
    assert_eq!(sandbox.handle.status().waiting, 4);
    assert!(receiver.received().is_empty());
    sandbox.posted("/control/pause", json!({"paused": false})).await;
    assert_eq!(receiver.wait_for(4).await.len(), 4);
}

#[tokio::test]
async fn any_message_can_be_added() {
    let receiver = Receiver::start().await;
    let sandbox = Running::start(&receiver).await;
    let answer = sandbox.posted("/control/answer", json!({"chat_id": "c", "text": "unasked"})).await;
    let plain = receiver.wait_for(1).await.remove(0);
    assert_eq!(plain.said(), ("bot", "unasked"));
    assert_eq!(answer["message_id"], plain.text("message_id"));

    let overrides = json!({
        "chat_id": "c", "author": "operator", "text": "by hand",
        "fields": {"task_id": "another", "operator": "да", "message_id": 7, "surprise": [1]},
        "omit": ["title", "contacts"],
    });
    sandbox.posted("/control/answer", overrides).await;
    let edited = receiver.wait_for(2).await.remove(1);
    assert_eq!(edited.said(), ("operator", "by hand"));
    assert_eq!(edited.text("task_id"), "another");
    assert_eq!(edited.text("operator"), "да");
    assert_eq!((&edited.fields["message_id"], &edited.fields["surprise"]), (&json!(7), &json!([1])));
    assert_eq!(edited.fields.as_object().map(serde_json::Map::len), Some(19));
    assert_eq!(edited.text("thread_id"), plain.text("thread_id"));
}

#[tokio::test]
async fn received_requests_can_be_read_in_part() {
    let receiver = Receiver::start().await;
    let sandbox = Running::start(&receiver).await;
    for (chat, message) in [("a b", "1"), ("c", "2"), ("a b", "3")] {
        sandbox.say(chat, message).await;
    }
    let messages = async |path: &str| -> Vec<String> {
        let answer = sandbox.get_json(path).await;
        let requests = answer["requests"].as_array().expect("a list").clone();
        requests.iter().map(|request| request["message"].as_str().expect("a text").to_owned()).collect()
    };
    assert_eq!(messages("/control/requests").await, ["1", "2", "3"]);
    assert_eq!(messages("/control/requests?after=1").await, ["2", "3"]);
    assert_eq!(messages("/control/requests?after=9").await, [""; 0]);
    assert_eq!(messages("/control/requests?chat_id=a%20b").await, ["1", "3"]);
    let first = sandbox.get_json("/control/requests").await["requests"][0].clone();
    assert_eq!(first["outcome"], json!({"answered": 200}));
    assert_eq!((&first["chat_id"], &first["task_id"]), (&json!("a b"), &json!("t")));
    until(|| sandbox.handle.status().waiting == 0).await;
}
