//! Misbehaving on request.

use serde_json::{Value, json};
use switchboard_sandbox::{Faults, Outcome, RequestFault, RequestFaultKind};

use crate::support::{Receiver, Running, until};

#[tokio::test]
async fn requests_fail_as_often_as_asked() {
    let receiver = Receiver::start().await;
    let sandbox = Running::start(&receiver).await;
    let faults = json!({"requests": [
        {"do": {"status": 503}, "times": 2, "retry_after": "7"},
        {"do": {"status": 400}, "chat_id": "bad"},
    ]});
    sandbox.posted("/control/faults", faults).await;
    let response = sandbox.message("a", "1").send().await.expect("it answers");
    assert_eq!(
        (response.status().as_u16(), &response.headers()["retry-after"]),
        (503, &"7".parse().unwrap())
    );
    let statuses = [
        sandbox.status_of("bad", "2").await,
        sandbox.status_of("a", "3").await,
        sandbox.status_of("bad", "4").await,
        sandbox.status_of("bad", "5").await,
    ];
    assert_eq!(statuses, [503, 200, 400, 400]);
    sandbox.posted("/control/faults", json!({})).await;
    sandbox.say("bad", "6").await;
    let webhooks = receiver.wait_for(4).await;
    assert_eq!(webhooks.len(), 4, "what was refused is not answered: {webhooks:#?}");
    let taken: Vec<_> = sandbox.handle.requests(0).iter().map(|request| request.taken).collect();
    assert_eq!(taken, [false, false, true, false, false, true]);
}

#[tokio::test]
async fn connections_are_closed_and_requests_hang() {
    let receiver = Receiver::start().await;
    let sandbox = Running::start(&receiver).await;
    let faults = Faults {
        requests: vec![
            RequestFault::next(1, RequestFaultKind::Close),
            RequestFault { take: true, ..RequestFault::next(1, RequestFaultKind::Close) },
            RequestFault { take: true, ..RequestFault::next(1, RequestFaultKind::Hang) },
        ],
        ..Faults::default()
    };
    sandbox.handle.set_faults(faults);
    for message in ["lost", "taken"] {
        let error = sandbox.message("c", message).send().await.expect_err("the connection is closed");
        assert!(!error.is_connect() && !error.is_timeout(), "{error:?}");
    }
    // It is never answered, not even when the bot has written.
    let webhooks = tokio::select! {
        answer = sandbox.message("c", "hung").send() => panic!("{answer:?}"),
        webhooks = receiver.wait_for(4) => webhooks,
    };
    let texts: Vec<_> = webhooks.iter().map(|webhook| webhook.text("message_text")).collect();
    assert_eq!(texts, ["taken", "You wrote: taken", "hung", "You wrote: hung"]);
    let outcomes: Vec<_> = sandbox.handle.requests(0).iter().map(|r| (r.outcome, r.taken)).collect();
    assert_eq!(outcomes, [(Outcome::Closed, false), (Outcome::Closed, true), (Outcome::Hung, true)]);
}

#[tokio::test]
async fn a_hanging_request_does_not_hold_the_stop() {
    let sandbox = Running::start_with(|_| {}).await;
    sandbox.handle.set_faults(Faults {
        requests: vec![RequestFault::always(RequestFaultKind::Hang)],
        ..Faults::default()
    });
    let handle = sandbox.handle.clone();
    let request = sandbox.message("c", "hung").send();
    let stopped = async {
        until(|| handle.status().requests == 1).await;
        sandbox.stop().await;
    };
    let (response, ()) = tokio::join!(request, stopped);
    response.expect_err("the connection is closed");
}

#[tokio::test]
async fn webhooks_come_twice_or_in_the_wrong_order() {
    let receiver = Receiver::start().await;
    let sandbox = Running::start(&receiver).await;
    sandbox.posted("/control/faults", json!({"webhooks": {"copies": 3, "reorder": true}})).await;
    sandbox.say("c", "one").await;
    let webhooks = receiver.wait_for(6).await;
    let types: Vec<_> = webhooks.iter().map(|webhook| webhook.text("message_type")).collect();
    assert_eq!(types, ["bot", "bot", "bot", "user", "user", "user"]);
    assert_eq!(webhooks[0].fields, webhooks[2].fields);
}

#[tokio::test]
async fn webhooks_can_be_left_out() {
    let receiver = Receiver::start().await;
    let sandbox = Running::start(&receiver).await;
    sandbox.posted("/control/faults", json!({"webhooks": {"skip": true, "reorder": true}})).await;
    sandbox.say("c", "one").await;
    sandbox.posted("/control/faults", json!({})).await;
    sandbox.say("c", "two").await;
    let webhooks = receiver.wait_for(2).await;
    assert_eq!(webhooks[0].said(), ("user", "two"));
    let dialogue = sandbox.get_json("/panel/api/dialogue?chat_id=c").await;
    assert_eq!(dialogue["messages"][0]["progress"], "not_sent");
}

#[tokio::test]
async fn values_come_in_every_style() {
    let receiver = Receiver::start().await;
    let sandbox = Running::start(&receiver).await;
    let mut count = 0;
    for (style, form, yes, no, bot) in [
        ("bool", false, json!(true), json!(false), "bot"),
        ("text", false, json!("true"), json!("false"), "bot"),
        ("yesno", false, json!("yes"), json!("no"), "bot"),
        ("danet", false, json!("да"), json!("нет"), "бот"),
        ("numbers", false, json!(1), json!(0), "bot"),
        ("bool", true, json!("true"), json!("false"), "bot"),
        ("danet", true, json!("да"), json!("нет"), "бот"),
    ] {
        let faults = json!({"webhooks": {"style": style, "form": form}});
        sandbox.posted("/control/faults", faults).await;
        sandbox.say("c", "/contact").await;
        count += 2;
        let webhook = receiver.wait_for(count).await.swap_remove(count - 1);
        assert_eq!(webhook.content_type.contains("form"), form);
        assert_eq!((&webhook.fields["interest"], &webhook.fields["close"]), (&yes, &no), "{style}");
        assert_eq!(webhook.text("message_type"), bot, "{style}");
        assert_eq!(webhook.fields.as_object().map(serde_json::Map::len), Some(20));
        let contacts = &webhook.fields["contacts"];
        let contacts: Value = match contacts.as_str() {
            Some(text) => serde_json::from_str(text).expect("a form has it as JSON"),
            None => contacts.clone(),
        };
        assert!(contacts["phone"].is_string(), "{contacts}");
    }
}

#[tokio::test]
async fn faults_that_make_no_sense_are_refused() {
    let sandbox = Running::start_with(|_| {}).await;
    for faults in [
        json!({"request": []}),
        json!({"requests": [{"do": "explode"}]}),
        json!({"requests": [{"do": {"status": 99}}]}),
        json!({"requests": [{"do": {"status": 600}}]}),
        json!({"webhooks": {"style": "maybe"}}),
    ] {
        let response = sandbox.post("/control/faults", &faults).send().await.expect("it answers");
        assert_eq!(response.status(), 422, "{faults}");
        let answer: Value = response.json().await.expect("it is JSON");
        assert!(answer["reason"].is_string(), "{answer}");
    }
}
