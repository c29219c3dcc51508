//! What is captured or noted of a dialogue, and how the gateway learns of it.

use serde_json::{Value, json};

use crate::support::{Receiver, Running, until};

#[tokio::test]
async fn a_contact_is_captured_from_what_the_user_writes() {
    let receiver = Receiver::start().await;
    let sandbox = Running::start(&receiver).await;
    sandbox.say("c", "hello").await;
    sandbox.say("c", "call +998 90 123-45-67").await;
    sandbox.say("c", "or write to ann@example.org").await;
    let webhooks = receiver.wait_for(6).await;
    let flags: Vec<_> = webhooks.iter().map(|it| it.fields["get_contact"].clone()).collect();
    assert_eq!(flags, [false, false, true, true, true, true].map(Value::Bool));
    assert_eq!(webhooks[0].fields["contacts"], "");
    assert_eq!(webhooks[2].fields["contacts"]["phone"], "+998 90 123-45-67");
    assert_eq!(webhooks[2].fields["contacts"].get("email"), None);
    let both = &webhooks[4].fields["contacts"];
    assert_eq!((&both["phone"], &both["email"]), (&json!("+998 90 123-45-67"), &json!("ann@example.org")));
    assert_eq!(webhooks[4].fields["interest"], false, "a contact alone says nothing else");

    let dialogue = sandbox.get_json("/panel/api/dialogue?chat_id=c").await;
    assert_eq!(dialogue["email"], "ann@example.org");
    let captured: Vec<_> =
        dialogue["messages"].as_array().expect("a list").iter().map(|it| it["contact"].clone()).collect();
    assert_eq!(captured, [false, false, true, false, true, false].map(Value::Bool));
    assert_eq!(sandbox.get_json("/panel/api/dialogues").await["dialogues"][0]["contact"], true);
}

#[tokio::test]
async fn a_contact_belongs_to_the_thread_in_which_it_was_left() {
    let receiver = Receiver::start().await;
    let sandbox = Running::start(&receiver).await;
    for message in ["ann@example.org", "/close", "again"] {
        sandbox.say("c", message).await;
    }
    let again = receiver.wait_for(6).await.swap_remove(4);
    assert_eq!((again.said(), &again.fields["get_contact"]), (("user", "again"), &json!(false)));
    assert_eq!(again.fields["contacts"]["email"], "ann@example.org", "who the user is stays known");
}

#[tokio::test]
async fn flags_set_by_hand_are_sent_without_a_message() {
    let receiver = Receiver::start().await;
    let sandbox = Running::start(&receiver).await;
    sandbox.say("c", "hello").await;
    let said = receiver.wait_for(2).await.swap_remove(1);
    for (flag, style, yes, no) in [
        ("interest", "bool", json!(true), json!(false)),
        ("success", "danet", json!("да"), json!("нет")),
        ("is_bot", "numbers", json!(1), json!(0)),
    ] {
        sandbox.posted("/control/faults", json!({"webhooks": {"style": style}})).await;
        for (value, expected) in [(true, yes), (true, Value::Null), (false, no)] {
            let before = receiver.received().len();
            let body = json!({"chat_id": "c", "flag": flag, "value": value});
            sandbox.posted("/panel/api/flag", body).await;
            until(|| sandbox.handle.status().waiting == 0).await;
            let sent = receiver.received().split_off(before);
            if expected.is_null() {
                assert_eq!(sent.len(), 0, "{flag} was so already");
                continue;
            }
            assert_eq!((sent.len(), &sent[0].fields[flag]), (1, &expected), "{flag}");
            for empty in ["message_text", "message_type", "message_id"] {
                assert_eq!(sent[0].text(empty), "", "{flag}: {empty}");
            }
            assert_eq!(sent[0].text("wh_type"), "dialogue");
            assert_eq!(sent[0].text("thread_id"), said.text("thread_id"));
            assert_eq!(sent[0].fields.as_object().map(serde_json::Map::len), Some(20));
        }
    }
    let dialogue = sandbox.get_json("/panel/api/dialogue?chat_id=c").await;
    assert_eq!(dialogue["messages"][2]["author"], Value::Null);
    assert_eq!(dialogue["messages"][2]["text"], "Marked as interested");
    assert_eq!(dialogue["messages"][2]["progress"], "delivered");
}

#[tokio::test]
async fn a_contact_can_be_noted_and_removed_by_hand() {
    let receiver = Receiver::start().await;
    let sandbox = Running::start(&receiver).await;
    sandbox.say("c", "hello").await;
    receiver.wait_for(2).await;
    let noted = json!({"chat_id": "c", "title": " Ann B ", "phone": " +1 555 0100 "});
    sandbox.posted("/panel/api/contact", noted.clone()).await;
    sandbox.posted("/panel/api/contact", noted).await;
    sandbox.posted("/panel/api/contact", json!({"chat_id": "c"})).await;
    until(|| sandbox.handle.status().waiting == 0).await;
    let webhooks = receiver.received().split_off(2);
    let sent: Vec<_> = webhooks
        .iter()
        .map(|it| (it.text("title"), &it.fields["get_contact"], &it.fields["contacts"]))
        .collect();
    let contacts = json!({"phone": "+1 555 0100", "username": "Ann B"});
    assert_eq!(sent, [("Ann B", &json!(true), &contacts), ("Ann B", &json!(false), &json!(""))]);
}
