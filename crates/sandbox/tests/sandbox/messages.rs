//! A message in, its webhooks out.

use std::{collections::HashSet, time::Duration};

use serde_json::{Value, json};
use switchboard_sandbox::{Outcome, Progress};
use tokio::{net::TcpSocket, time::Instant};
use uuid::Uuid;

use crate::support::{Receiver, Running, TOKEN, Webhook, until};

const FIELDS: [&str; 20] = [
    "external_chat_id",
    "message_text",
    "message_type",
    "message_id",
    "thread_id",
    "task_id",
    "channel_id",
    "company_id",
    "manager_id",
    "title",
    "contacts",
    "get_contact",
    "interest",
    "success",
    "is_bot",
    "operator",
    "close",
    "panel_url",
    "share_url",
    "wh_type",
];

#[tokio::test]
async fn a_message_comes_back_and_is_answered() {
    let receiver = Receiver::start().await;
    let sandbox = Running::start(&receiver).await;
    sandbox.say("site:a%2Fb 1", "Hello <b>").await;
    let webhooks = receiver.wait_for(2).await;
    assert_eq!(webhooks[0].said(), ("user", "Hello <b>"));
    assert_eq!(webhooks[1].said(), ("bot", "You wrote: Hello <b>"));
    for webhook in &webhooks {
        let names: HashSet<&str> =
            webhook.fields.as_object().expect("an object").keys().map(String::as_str).collect();
        assert_eq!(names, HashSet::from(FIELDS));
        assert_eq!((webhook.text("external_chat_id"), webhook.text("task_id")), ("site:a%2Fb 1", "t"));
        Uuid::parse_str(webhook.text("message_id")).expect("it is a uuid");
        for flag in ["get_contact", "interest", "success", "is_bot", "operator", "close"] {
            assert_eq!(webhook.fields[flag], Value::Bool(false), "{flag}");
        }
        for id in ["thread_id", "channel_id", "company_id", "manager_id"] {
            assert!(webhook.text(id).chars().all(|c| c.is_ascii_digit()), "{id}");
        }
        let base = sandbox.handle.base_url();
        assert_eq!(webhook.text("panel_url"), format!("{base}panel#site%3Aa%252Fb%201"));
        assert_eq!(webhook.text("share_url"), format!("{base}share#site%3Aa%252Fb%201"));
    }
    assert_ne!(webhooks[0].text("message_id"), webhooks[1].text("message_id"));
    assert_eq!(webhooks[0].text("thread_id"), webhooks[1].text("thread_id"));
}

#[tokio::test]
async fn each_chat_is_answered_in_order() {
    let receiver = Receiver::start().await;
    let sandbox = Running::start(&receiver).await;
    for number in 0..20 {
        for chat in ["a", "b", "c"] {
            sandbox.say(chat, &number.to_string()).await;
        }
    }
    let webhooks = receiver.wait_for(120).await;
    for chat in ["a", "b", "c"] {
        let texts: Vec<&str> = webhooks
            .iter()
            .filter(|webhook| webhook.text("external_chat_id") == chat)
            .map(|webhook| webhook.text("message_text"))
            .collect();
        let expected: Vec<String> =
            (0..20).flat_map(|number| [number.to_string(), format!("You wrote: {number}")]).collect();
        assert_eq!(texts, expected, "{chat}");
    }
    until(|| sandbox.handle.status().waiting == 0).await;
    let status = sandbox.handle.status();
    assert_eq!((status.requests, status.taken, status.delivered, status.dialogues), (60, 60, 120, 3));
}

#[tokio::test]
async fn the_token_and_the_body_are_checked() {
    let receiver = Receiver::start().await;
    let sandbox = Running::start_with(|config| config.tasks = vec!["known".to_owned()]).await;
    let path = "/api/1.1/wf/send_message_external";
    let good = json!({"task_id": "known", "chat_id": "c", "message": "m"});
    for request in [
        sandbox.post(path, &good),
        sandbox.post(path, &good).bearer_auth("wrong"),
        sandbox.post(path, &good).basic_auth(TOKEN, None::<&str>),
    ] {
        assert_eq!(request.send().await.expect("it answers").status(), 401);
    }
    for bad in [
        json!({"task_id": "known", "chat_id": "c"}),
        json!({"task_id": "known", "chat_id": 7, "message": "m"}),
        json!({"task_id": "known", "chat_id": "c", "message": null}),
        json!({"task_id": "known", "chat_id": "c", "message": " "}),
        json!({"task_id": "unknown", "chat_id": "c", "message": "m"}),
        json!([]),
    ] {
        let response = sandbox.post(path, &bad).bearer_auth(TOKEN).send().await.expect("it answers");
        assert_eq!(response.status(), 400, "{bad}");
        let answer: Value = response.json().await.expect("it is JSON");
        assert!(answer["reason"].is_string(), "{answer}");
    }
    let form = sandbox.post_text(path, &good).bearer_auth(TOKEN);
    assert_eq!(form.send().await.expect("it answers").status(), 400);
    let taken = sandbox.post(path, &good).bearer_auth(TOKEN).send().await.expect("it answers");
    assert_eq!(taken.status(), 200);
    assert!(receiver.received().is_empty());
    let outcomes: Vec<_> = sandbox.handle.requests(0).into_iter().map(|request| request.outcome).collect();
    let (refused, bad) = (Outcome::Answered(401), Outcome::Answered(400));
    let expected: Vec<_> =
        [vec![refused; 3], vec![bad; 7], vec![Outcome::Answered(200)]].into_iter().flatten().collect();
    assert_eq!(outcomes, expected);
}

#[tokio::test]
async fn the_bot_takes_its_time() {
    let receiver = Receiver::start().await;
    let sandbox = Running::start(&receiver).await;
    sandbox.posted("/control/delay", json!({"milliseconds": 150})).await;
    let start = Instant::now();
    sandbox.say("c", "one").await;
    sandbox.say("c", "two").await;
    let webhooks = receiver.wait_for(4).await;
    assert!(start.elapsed() >= Duration::from_millis(150));
    let texts: Vec<_> = webhooks.iter().map(|webhook| webhook.text("message_text")).collect();
    assert_eq!(texts, ["one", "You wrote: one", "two", "You wrote: two"]);
}

#[tokio::test]
async fn webhooks_are_repeated_until_they_are_answered() {
    // Holds the port while nobody listens there, so that nobody else gets it.
    let port = TcpSocket::new_v4().expect("a socket");
    port.set_reuseaddr(true).expect("an option that there is");
    port.bind(([127, 0, 0, 1], 0).into()).expect("a free port");
    let address = port.local_addr().expect("it is bound");
    let receiver = Receiver::start_at(address).await;
    let sandbox = Running::start(&receiver).await;
    receiver.answer_next(&[503, 500, 429]);
    sandbox.say("c", "one").await;
    let webhooks = receiver.wait_for(2).await;
    assert_eq!(webhooks[0].said(), ("user", "one"));
    assert_eq!(webhooks[1].said(), ("bot", "You wrote: one"));
    assert_eq!(sandbox.handle.status().repeated, 3);

    // The receiver goes away, and comes back at the same address.
    drop(receiver);
    sandbox.say("c", "two").await;
    sandbox.say("c", "three").await;
    until(|| sandbox.handle.status().repeated > 3).await;
    let receiver = Receiver::start_at(address).await;
    let webhooks = receiver.wait_for(4).await;
    let texts: Vec<_> = webhooks.iter().map(|webhook| webhook.text("message_text")).collect();
    assert_eq!(texts, ["two", "You wrote: two", "three", "You wrote: three"]);
}

#[tokio::test]
async fn a_refused_webhook_does_not_hold_the_next_one() {
    let receiver = Receiver::start().await;
    let sandbox = Running::start(&receiver).await;
    receiver.answer_next(&[404]);
    sandbox.say("c", "one").await;
    let webhooks = receiver.wait_for(1).await;
    assert_eq!(webhooks[0].said(), ("bot", "You wrote: one"));
    until(|| sandbox.handle.status().waiting == 0).await;
    assert_eq!(sandbox.handle.status().refused, 1);
    let dialogue = sandbox.get_json("/panel/api/dialogue?chat_id=c").await;
    let progress: Vec<Progress> = dialogue["messages"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|message| serde_json::from_value(message["progress"].clone()).expect("it is one"))
        .collect();
    assert_eq!(progress, [Progress::Refused(404), Progress::Delivered]);
}

async fn answer_to(sandbox: &Running, receiver: &Receiver, message: &str) -> Webhook {
    let before = receiver.received().len();
    sandbox.say("c", message).await;
    receiver.wait_for(before + 2).await.swap_remove(before + 1)
}

#[tokio::test]
async fn commands_change_the_dialogue() {
    let receiver = Receiver::start().await;
    let sandbox = Running::start(&receiver).await;
    let contact = answer_to(&sandbox, &receiver, "/contact").await;
    assert_eq!((&contact.fields["get_contact"], &contact.fields["interest"]), (&json!(true), &json!(true)));
    assert!(contact.fields["contacts"]["phone"].is_string());
    assert!(answer_to(&sandbox, &receiver, "/markdown").await.text("message_text").contains("```rust"));
    assert!(answer_to(&sandbox, &receiver, "/long").await.text("message_text").len() >= 10_000);

    let handed_over = answer_to(&sandbox, &receiver, "/operator").await;
    assert_eq!(handed_over.fields["operator"], json!(true));
    // The bot is silent: only the user's own message comes, then the bot when it is called.
    let before = receiver.received().len();
    sandbox.say("c", "is anybody there?").await;
    receiver.wait_for(before + 1).await;
    let back = answer_to(&sandbox, &receiver, "/bot").await;
    let webhooks = receiver.received();
    assert_eq!(webhooks[before].said(), ("user", "is anybody there?"));
    assert_eq!(webhooks[before].fields["operator"], json!(true));
    assert_eq!(webhooks[before + 1].said(), ("user", "/bot"));
    assert_eq!(back.text("message_type"), "bot");
    assert_eq!(back.fields["operator"], json!(false));
}

#[tokio::test]
async fn after_its_close_a_dialogue_has_a_new_thread() {
    let receiver = Receiver::start().await;
    let sandbox = Running::start(&receiver).await;
    let closed = answer_to(&sandbox, &receiver, "/close").await;
    assert_eq!((&closed.fields["close"], &closed.fields["success"]), (&json!(true), &json!(true)));
    let opened = answer_to(&sandbox, &receiver, "again").await;
    assert_ne!(opened.text("thread_id"), closed.text("thread_id"));
    assert_eq!(opened.fields["close"], json!(false));
    assert_eq!(opened.text("external_chat_id"), closed.text("external_chat_id"));
}

#[tokio::test]
async fn memory_is_bounded() {
    let receiver = Receiver::start().await;
    let sandbox = Running::start_with(|config| {
        config.echo = false;
        config.limits.requests = 3;
        config.limits.messages = 4;
        config.limits.dialogues = 2;
        config.limits.waiting = 6;
    })
    .await;
    // There is no address for webhooks yet, so all of them wait.
    for number in 0..6 {
        sandbox.say("a", &number.to_string()).await;
    }
    assert_eq!(sandbox.status_of("a", "too many").await, 503);
    let numbers: Vec<_> = sandbox.handle.requests(0).iter().map(|request| request.number).collect();
    assert_eq!(numbers, [5, 6, 7]);
    let dialogue = sandbox.get_json("/panel/api/dialogue?chat_id=a").await;
    assert_eq!(dialogue["messages"].as_array().map(Vec::len), Some(4));

    sandbox.handle.set_webhook_url(receiver.url.clone());
    until(|| sandbox.handle.status().waiting == 0).await;
    assert_eq!(receiver.received().len(), 6);
    for chat in ["b", "c"] {
        sandbox.say(chat, "hello").await;
        until(|| sandbox.handle.status().waiting == 0).await;
    }
    assert_eq!(sandbox.handle.status().dialogues, 2);
    assert_eq!(sandbox.get("/panel/api/dialogue?chat_id=a").await.status(), 404);
}
